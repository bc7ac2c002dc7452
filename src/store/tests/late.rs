//! A database that cannot be had when the process starts.

use sqlx::Connection;

use super::*;

/// Waits until the store says that it can write.
async fn answers(store: &Store) {
    let answering = async {
        while store.ping().await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), answering).await.expect("the database comes back");
}

fn impatience() -> Limits {
    Limits { busy: Duration::from_millis(20), acquire: Duration::from_millis(500), operation: LIMITS.operation }
}

async fn patient(location: &Location) -> Result<Store, StoreError> {
    Store::open_patiently_within(location, Handle::current(), impatience()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_is_found_when_it_is_back() {
    let server: &'static postgres::Server = Box::leak(Box::new(postgres::Server::start()));
    let database = server.database();
    let location = Location::Postgres(Secret::new(database.url()));
    server.stop();
    let error = Store::open_within(&location, Handle::current(), impatience()).await.unwrap_err();
    assert!(matches!(error, StoreError::Unreachable(_)), "{error}");

    let store = patient(&location).await.unwrap();
    let one_of_many = store.clone();
    for refused in [store.ping().await, store.commit(&[], &[]).await, one_of_many.checkpoint().await] {
        assert!(matches!(refused, Err(StoreError::Unreachable(_))), "{refused:?}");
    }
    server.start_again();
    answers(&store).await;
    open_stuck(&store, &[alert("n1", "email", "i1")]).await;
    assert_eq!(claimed(&one_of_many, "email", 0).await, Some("n1".into()), "clones are one store");
    store.close().await.unwrap();
    assert!(matches!(one_of_many.ping().await, Err(StoreError::Closed)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_another_process_has_locked_is_found_when_it_no_longer_has() {
    let (store, directory) = in_file().await;
    store.close().await.unwrap();
    let path = directory.path().join("test.db");
    let mut other = raw(&path).await;
    let held = other.begin_with("BEGIN EXCLUSIVE").await.unwrap();
    let store = patient(&Location::File(path)).await.unwrap();
    let refused = store.unresolved().await.unwrap_err();
    assert!(matches!(refused, StoreError::Locked), "{refused}");
    held.rollback().await.unwrap();
    answers(&store).await;
    open_stuck(&store, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_has_to_look_after_is_an_error_at_once_or_from_when_it_shows() {
    let directory = tempfile::tempdir().unwrap();
    let missing = Location::File(directory.path().join("missing/test.db"));
    assert!(matches!(patient(&missing).await, Err(StoreError::NoDirectory { .. })));

    let server: &'static postgres::Server = Box::leak(Box::new(postgres::Server::start()));
    let database = server.database();
    assert!(database.says("CREATE TABLE theirs (what TEXT)"));
    let location = Location::Postgres(Secret::new(database.url()));
    assert!(matches!(patient(&location).await, Err(StoreError::Unusable { .. })));
    server.stop();
    let store = patient(&location).await.unwrap();
    server.start_again();
    let showing = async {
        while !matches!(store.ping().await, Err(StoreError::Unusable { .. })) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), showing).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_closed_is_not_opened_any_more() {
    let server: &'static postgres::Server = Box::leak(Box::new(postgres::Server::start()));
    let database = server.database();
    server.stop();
    let store = patient(&Location::Postgres(Secret::new(database.url()))).await.unwrap();
    store.close().await.unwrap();
    server.start_again();
    assert!(matches!(store.ping().await, Err(StoreError::Closed)));
}
