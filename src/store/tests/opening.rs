//! Files of all sorts, good and bad, and what is said of the bad ones.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use sqlx::Connection;

use super::*;

/// The sentence with which `path` is refused.
async fn refusal(path: &Path) -> String {
    open(path).await.unwrap_err().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_told_twice_after_a_restart_and_nothing_is_lost() {
    for (store, ground) in shareable().await {
        open_stuck(&store, &[alert("n1", "email", "i1"), alert("n2", "telegram", "i1")]).await;
        store.remember("notion", "entry", "page-1").await.unwrap();
        assert_eq!(claimed(&store, "email", 0).await, Some("n1".into()));
        store.delivered("n1", at(1), "250 ok").await.unwrap();
        assert_eq!(claimed(&store, "telegram", 0).await, Some("n2".into()));
        let (incidents, told) = (store.unresolved().await.unwrap(), store.told().await.unwrap());
        store.close().await.unwrap();

        let store = ground.open().await;
        assert_eq!(store.unresolved().await.unwrap(), incidents);
        assert_eq!(store.told().await.unwrap(), told);
        assert_eq!(store.recall("notion", "entry").await.unwrap(), Some("page-1".into()));
        assert_eq!(claimed(&store, "email", 9_999).await, None, "delivered");
        assert_eq!(claimed(&store, "telegram", 59).await, None, "perhaps still being sent");
        assert_eq!(claimed(&store, "telegram", 60).await, Some("n2".into()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_taken_into_the_file_when_the_store_is_closed() {
    let (store, directory) = in_file().await;
    open_stuck(&store, &[]).await;
    let log = directory.path().join("test.db-wal");
    assert!(log.exists());
    store.close().await.unwrap();
    assert!(!log.exists());
    for refused in [store.ping().await, store.commit(&[], &[alert_of_nothing()]).await] {
        assert!(matches!(refused, Err(StoreError::Closed)), "{refused:?}");
    }
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_taken_into_the_file_now_and_then_while_somebody_writes() {
    let (store, directory) = in_file().await;
    open_stuck(&store, &[]).await;
    let size = || fs::metadata(directory.path().join("test.db")).unwrap().len();
    let before = size();
    let transaction = sqlite_of(&store).0.begin_with("BEGIN IMMEDIATE").await.unwrap();
    store.checkpoint().await.unwrap();
    assert!(size() > before, "{before} bytes as before");
    transaction.rollback().await.unwrap();
    let memory = Store::open(&Location::Memory, Handle::current()).await.unwrap();
    memory.checkpoint().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_at_an_older_schema_leaves_it_as_it_is() {
    for (store, ground) in shareable().await {
        let look = async || Store::look(&ground.location(), &Handle::current()).await.unwrap();
        assert_eq!(look().await, Found::UpToDate);
        for statement in [
            "ALTER TABLE samples DROP COLUMN openai_ms",
            "ALTER TABLE samples DROP COLUMN notion_ms",
            "DELETE FROM _sqlx_migrations WHERE version = 3",
        ] {
            change(&store, statement).await.unwrap();
        }
        assert_eq!(look().await, Found::Older);
        assert_eq!(number(&store, "SELECT COUNT(*) AS it FROM _sqlx_migrations").await, 2);
        Store::open(&ground.location(), Handle::current()).await.unwrap();
        assert_eq!(look().await, Found::UpToDate);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_at_a_file_writes_nothing_to_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("test.db");
    let look = async || Store::look(&Location::File(path.clone()), &Handle::current()).await.unwrap();
    assert_eq!(look().await, Found::Nothing);
    assert!(!path.exists());
    open(&path).await.unwrap().close().await.unwrap();
    let (before, touched) = (fs::read(&path).unwrap(), fs::metadata(&path).unwrap().modified().unwrap());
    assert_eq!(look().await, Found::UpToDate);
    assert_eq!((fs::read(&path).unwrap(), fs::metadata(&path).unwrap().modified().unwrap()), (before, touched));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is left beside it");
}

fn alert_of_nothing() -> Notice {
    notice("n1", "email", NoticeKind::Alert, &[])
}

#[tokio::test(flavor = "multi_thread")]
async fn every_write_is_synced_and_keys_are_held() {
    let (store, _directory) = in_file().await;
    let pragma = |statement: &'static str| {
        let writer = sqlite_of(&store).0.clone();
        async move { sqlx::query_scalar::<_, i64>(statement).fetch_one(&writer).await.unwrap() }
    };
    assert_eq!(pragma("PRAGMA synchronous").await, 2, "FULL");
    assert_eq!(pragma("PRAGMA foreign_keys").await, 1);
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(sqlite_of(&store).0).await.unwrap();
    assert_eq!(mode, "wal");
    let error = StoreError::from(sqlx::query("DELETE FROM incidents").execute(sqlite_of(&store).1).await.unwrap_err());
    assert!(error.to_string().contains("cannot be written to"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_database_is_refused_and_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notes.txt");
    let text = "not a database, but dear to somebody\n".repeat(100);
    fs::write(&path, &text).unwrap();
    assert!(refusal(&path).await.ends_with("notes.txt cannot be used: the file is not an SQLite database"));
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_a_newer_version_is_refused_and_left_as_it_is() {
    let (store, directory) = in_file().await;
    let path = directory.path().join("test.db");
    store.close().await.unwrap();
    let mut other = raw(&path).await;
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'from the future', TRUE, x'00', 1)",
    )
    .execute(&mut other)
    .await
    .unwrap();
    other.close().await.unwrap();

    let before = fs::read(&path).unwrap();
    let error = open(&path).await.unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 9999, .. }), "{error}");
    assert!(error.to_string().contains("newer version of this program"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_another_program_is_refused_and_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let theirs = directory.path().join("theirs.db");
    let mut other = raw(&theirs).await;
    sqlx::query("CREATE TABLE incidents (what TEXT)").execute(&mut other).await.unwrap();
    other.close().await.unwrap();
    let before = fs::read(&theirs).unwrap();
    assert!(refusal(&theirs).await.contains("the tables of another program"));
    assert_eq!(fs::read(&theirs).unwrap(), before);

    let (store, directory) = in_file().await;
    store.close().await.unwrap();
    let changed = directory.path().join("test.db");
    let mut other = raw(&changed).await;
    sqlx::query("UPDATE _sqlx_migrations SET checksum = x'00'").execute(&mut other).await.unwrap();
    other.close().await.unwrap();
    assert!(refusal(&changed).await.contains("its schema 1 is not that of this program"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_is_missing_or_in_the_place_of_the_file_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing");
    let error = open(&missing.join("test.db")).await.unwrap_err();
    assert!(matches!(&error, StoreError::NoDirectory { directory } if *directory == missing.display().to_string()));
    assert!(refusal(directory.path()).await.ends_with("cannot be used: it is a directory"));
    assert!(!missing.exists());
}

/// Everybody may write to it, or nobody, who then still may read it.
fn set_writable(what: &Path, writable: bool) {
    fs::set_permissions(what, fs::Permissions::from_mode(if writable { 0o777 } else { 0o555 })).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_may_not_be_written_is_refused_and_taken_once_it_may() {
    let (store, directory) = in_file().await;
    store.close().await.unwrap();
    let path = directory.path().join("test.db");
    set_writable(&path, false);
    assert!(refusal(&path).await.ends_with("cannot be used: it is marked as read-only"));
    set_writable(&path, true);
    open(&path).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_may_not_be_written_to_is_refused() {
    let (store, directory) = in_file().await;
    store.close().await.unwrap();
    set_writable(directory.path(), false);
    if fs::write(directory.path().join("proof"), "").is_ok() {
        return; // Root may write everywhere.
    }
    assert!(refusal(&directory.path().join("test.db")).await.contains("cannot be written to"));
    assert!(refusal(&directory.path().join("new.db")).await.contains("the file cannot be opened"));
    set_writable(directory.path(), true);
    open(&directory.path().join("test.db")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_is_an_error_and_no_panic() {
    let (store, directory) = in_file().await;
    store.close().await.unwrap();
    let path = directory.path().join("test.db");
    let mut bytes = fs::read(&path).unwrap();
    bytes[100..].fill(0xAA);
    fs::write(&path, bytes).unwrap();
    assert!(refusal(&path).await.contains("the file is damaged"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_looks_like_a_url_or_a_memory_is_a_file() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["file:x?mode=memory", ":memory:", "sp ace %20 ü.db"] {
        open(&directory.path().join(name)).await.unwrap().close().await.unwrap();
        assert!(directory.path().join(name).is_file(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_called_so_and_heals_with_the_space() {
    let (store, _directory) = in_file().await;
    // It may have no more pages than it has; the limit is that of the connection, and ends with it.
    sqlx::query("PRAGMA max_page_count = 1").execute(sqlite_of(&store).0).await.unwrap();
    let large = Notice { body: "x".repeat(100_000), ..alert("n1", "email", "i1") };
    let stuck = (incident("i1", IssueId::StuckJobs, Phase::Open), Change::Opened);
    let error = store.commit(std::slice::from_ref(&stuck), std::slice::from_ref(&large)).await.unwrap_err();
    assert!(matches!(error, StoreError::Full), "{error}");
    assert_eq!(store.unresolved().await.unwrap(), []);
    store.commit(&[stuck], &[large]).await.unwrap();
    assert_eq!(claimed(&store, "email", 0).await, Some("n1".into()));
}
