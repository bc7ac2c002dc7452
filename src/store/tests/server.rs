//! PostgreSQL as it is in the world: refused, restarted, stuck, newer than we are, with and without TLS.

use super::*;
use crate::store::database::Transaction;

fn location(url: String) -> Location {
    Location::Postgres(Secret::new(url))
}

async fn refusal(url: String) -> StoreError {
    Store::open(&location(url), Handle::current()).await.map(|_| ()).unwrap_err()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_a_newer_version_is_refused_and_left_as_it_is() {
    let (store, ground) = on_server().await;
    change(
        &store,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'from the future', TRUE, '\\x00', 1)",
    )
    .await
    .unwrap();
    let before = number(&store, "SELECT COUNT(*) AS it FROM _sqlx_migrations").await;
    let error = Store::open(&ground.location(), Handle::current()).await.unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 9999, .. }), "{error}");
    assert_eq!(Store::look(&ground.location(), &Handle::current()).await.unwrap_err().to_string(), error.to_string());
    assert!(error.to_string().starts_with("the database behind DATABASE_URL belongs to a newer version"), "{error}");
    assert_eq!(number(&store, "SELECT COUNT(*) AS it FROM _sqlx_migrations").await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_another_program_is_refused_unless_we_have_a_schema_of_our_own_there() {
    let database = postgres::shared().database();
    assert!(database.says("CREATE TABLE theirs (what TEXT); CREATE SCHEMA ours"));
    let error = refusal(database.url()).await;
    assert!(error.to_string().contains("the tables of another program"), "{error}");
    let ours = location(format!("{}&options[search_path]=ours", database.url()));
    Store::open(&ours, Handle::current()).await.unwrap().ping().await.unwrap();
    assert!(database.says("SELECT 1 FROM ours.incidents"));
    assert!(!database.says("SELECT 1 FROM public.incidents"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_whether_it_is_there_writes_nothing() {
    let database = postgres::shared().database();
    let (place, runtime) = (location(database.url()), Handle::current());
    assert!(!Store::is_there(&place, &runtime).await.unwrap());
    assert!(!database.says("SELECT 1 FROM _sqlx_migrations"));
    Store::open(&place, runtime.clone()).await.unwrap();
    assert!(Store::is_there(&place, &runtime).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_has_to_look_after_is_said_without_the_url() {
    let database = postgres::shared().database();
    assert!(database.says("CREATE ROLE nobody LOGIN; REVOKE ALL ON SCHEMA public FROM PUBLIC"));
    for (url, words) in [
        (database.url().replace("postgres:///", "postgres:///no_"), "the server has no database of that name"),
        (database.url().replace("user=watch", "user=stranger"), "refuses the user or the password"),
        (database.url().replace("user=watch", "user=nobody"), "no schema to keep tables in"),
        (database.tcp("hunter2", "sslmode=verify-full"), "see sslmode"),
    ] {
        let error = refusal(url).await;
        assert!(matches!(error, StoreError::Unusable { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(words) && !text.contains("hunter2") && !text.contains("://"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_encrypted_where_that_is_asked_for_and_not_where_it_is_not() {
    let database = postgres::shared().database();
    let encrypted = "SELECT ssl::text AS it FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    for (options, expected) in [("sslmode=require", "true"), ("sslmode=disable", "false"), ("", "true")] {
        let store = Store::open(&location(database.tcp("any", options)), Handle::current()).await.unwrap();
        assert_eq!(texts(&store, encrypted).await, [expected], "{options}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_heals_when_its_server_was_away() {
    let server: &'static postgres::Server = Box::leak(Box::new(postgres::Server::start()));
    let database = server.database();
    let store = Store::open(&location(database.url()), Handle::current()).await.unwrap();
    let posted = [alert("n1", "email", "i1")];
    let stuck = [(incident("i1", IssueId::StuckJobs, Phase::Open), Change::Opened)];
    futures_util::future::join_all((0..8).map(|_| store.ping())).await;
    server.stop();
    for _ in 0..3 {
        let error = store.commit(&stuck, &posted).await.unwrap_err();
        assert!(matches!(error, StoreError::Unreachable(_)), "{error}");
        assert!(store.ping().await.is_err());
    }
    server.start_again();
    store.commit(&stuck, &posted).await.unwrap();
    assert_eq!(claimed(&store, "email", 0).await, Some("n1".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_cut_off_is_replaced() {
    let (store, _ground) = on_server().await;
    futures_util::future::join_all((0..8).map(|_| store.ping())).await;
    let others = "SELECT pg_terminate_backend(pid)::text AS it FROM pg_stat_activity
                  WHERE datname = current_database() AND pid <> pg_backend_pid()";
    assert!(!texts(&store, others).await.is_empty(), "there were several");
    for _ in 0..10 {
        store.remember("email", "key", "value").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_is_held_too_long_is_called_so_and_a_wait_has_its_end() {
    let (store, ground) = on_server().await;
    open_stuck(&store, &[]).await;
    let busy = Duration::from_millis(50);
    let impatient = Store::open_within(&ground.location(), Handle::current(), Limits { busy, ..LIMITS }).await.unwrap();
    let hasty = Store { limits: Limits { operation: busy, ..LIMITS }, ..store.clone() };
    let Transaction::Postgres(mut holder) = store.database.begin().await.unwrap() else { unreachable!() };
    sqlx::query("LOCK TABLE notices").execute(&mut *holder).await.unwrap();
    let posted = [alert("n1", "email", "i1")];
    let error = impatient.commit(&[], &posted).await.unwrap_err();
    assert!(matches!(error, StoreError::Locked), "{error}");
    let error = hasty.commit(&[], &posted).await.unwrap_err();
    assert!(matches!(error, StoreError::Timeout), "{error}");
    holder.rollback().await.unwrap();
    impatient.commit(&[], &posted).await.unwrap();
    assert_eq!(claimed(&impatient, "email", 0).await, Some("n1".into()));
}
