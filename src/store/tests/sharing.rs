//! Several at once: runtimes, callers that go away, stores on one file, locks that are not given back.

use futures_util::FutureExt;
use futures_util::future::{join_all, try_join_all};
use sqlx::Connection;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_does_not_cut_its_commit_in_half() {
    for (store, _ground) in each().await {
        let stuck = (incident("i1", IssueId::StuckJobs, Phase::Open), Change::Opened);
        let notices: Vec<_> = (0..50).map(|number| alert(&format!("n{number}"), "email", "i1")).collect();
        assert!(store.commit(&[stuck], &notices).now_or_never().is_none(), "dropped after the first step");
        let whole = async {
            while store.unresolved().await.unwrap().is_empty() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), whole).await.unwrap();
        assert_eq!(number(&store, "SELECT COUNT(*) AS it FROM notices").await, 50);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_cycles_at_once_the_second_knows_what_the_first_one_told() {
    for (store, _ground) in each().await {
        open_stuck(&store, &[alert("n1", "email", "i1")]).await;
        let all_clear = |id: &'static str| {
            store.settle(move |known| {
                let over =
                    |incident: &Incident| notice(id, "email", NoticeKind::Resolved, &[(&incident.id, Step::Resolved)]);
                let notices = known.incidents.iter().map(over).collect();
                let resolved = |incident| Incident { phase: Phase::Resolved, resolved_at: Some(at(1)), ..incident };
                let stepped =
                    known.incidents.into_iter().map(|incident| (resolved(incident), Change::Resolved)).collect();
                Decision { stepped, notices, ..Decision::default() }
            })
        };
        let decisions = try_join_all([all_clear("n2"), all_clear("n3")]).await.unwrap();
        assert_eq!(decisions.iter().map(|decision| decision.notices.len()).sum::<usize>(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_on_another_runtime_is_served_and_may_end() {
    for (store, _ground) in each().await {
        for number in 0..3 {
            let store = store.clone();
            let elsewhere = std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                runtime.block_on(async {
                    store.remember("email", "number", &format!("{number}")).await.unwrap();
                    store.ping().await.unwrap();
                });
            });
            tokio::task::spawn_blocking(|| elsewhere.join().unwrap()).await.unwrap();
        }
        assert_eq!(store.recall("email", "number").await.unwrap(), Some("2".into()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_memory_stays_while_nobody_looks_and_belongs_to_one_store() {
    let store = Ground::Memory.open().await;
    let other = Store::open(&Location::Memory, Handle::current()).await.unwrap();
    join_all((0..20).map(|number| {
        let store = store.clone();
        async move { store.remember("email", &format!("{number}"), "here").await.unwrap() }
    }))
    .await;
    let recalled = try_join_all((0..20).map(|number| {
        let store = store.clone();
        async move { store.recall("email", &format!("{number}")).await }
    }));
    assert_eq!(recalled.await.unwrap(), vec![Some("here".to_owned()); 20]);
    assert_eq!(other.recall("email", "1").await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_that_open_a_new_file_at_once_all_find_it_ready() {
    for _ in 0..5 {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("test.db");
        let opening = (0..6).map(|_| {
            let path = path.clone();
            tokio::spawn(async move { open(&path).await })
        });
        for store in join_all(opening).await {
            store.unwrap().unwrap().ping().await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_that_open_a_new_database_at_once_all_find_it_ready() {
    for _ in 0..3 {
        let location = Ground::Server(postgres::shared().database());
        let location = &location.location();
        let opening = (0..6).map(|_| Store::open(location, Handle::current()));
        for store in join_all(opening).await {
            store.unwrap().ping().await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_stores_on_one_database_write_at_once_and_both_get_through() {
    for (one, ground) in shareable().await {
        let two = ground.open().await;
        open_stuck(&one, &[]).await;
        let writing = [("one", one.clone()), ("two", two)].into_iter().map(|(name, store)| {
            tokio::spawn(async move {
                for number in 0..40 {
                    let stuck = (incident("i1", IssueId::StuckJobs, Phase::Open), Change::None);
                    store.commit(&[stuck], &[alert(&format!("{name} {number}"), name, "i1")]).await.unwrap();
                    let due = store.claim(name, at(0), at(60), name, joined).await.unwrap().unwrap();
                    assert_eq!(due.notice.id, format!("{name} {number}"));
                    store.delivered(&due.notice.id, at(1), "").await.unwrap();
                }
            })
        });
        for written in join_all(writing).await {
            written.unwrap();
        }
        assert_eq!(number(&one, "SELECT COUNT(*) AS it FROM notices WHERE state = 'delivered'").await, 80);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_is_held_too_long_is_called_so_reading_goes_on_and_the_store_heals() {
    let (store, directory) = in_file().await;
    open_stuck(&store, &[]).await;
    let impatient = impatient(&directory.path().join("test.db")).await;
    let mut other = raw(&directory.path().join("test.db")).await;
    let held = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let posted = [alert("n1", "email", "i1")];
    let error = impatient.commit(&[], &posted).await.unwrap_err();
    assert!(matches!(error, StoreError::Locked), "{error}");
    assert_eq!(impatient.unresolved().await.unwrap().len(), 1);
    assert!(impatient.ping().await.is_err(), "a database that cannot be written is not ready");
    held.rollback().await.unwrap();
    impatient.commit(&[], &posted).await.unwrap();
    assert_eq!(claimed(&impatient, "email", 0).await, Some("n1".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_that_takes_too_long_ends_and_leaves_nothing_half_done() {
    let (store, directory) = in_file().await;
    let path = directory.path().join("test.db");
    let hasty = Store { limits: Limits { operation: Duration::from_millis(50), ..LIMITS }, ..store.clone() };
    let mut other = raw(&path).await;
    let held = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let stuck = (incident("i1", IssueId::StuckJobs, Phase::Open), Change::Opened);
    let error = hasty.commit(std::slice::from_ref(&stuck), &[]).await.unwrap_err();
    assert!(matches!(error, StoreError::Timeout), "{error}");
    held.rollback().await.unwrap();

    // The one writer is still waiting for the lock on behalf of nobody; it gives up the transaction that it then gets.
    store.remember("email", "key", "value").await.unwrap();
    assert_eq!(store.unresolved().await.unwrap(), []);
    store.commit(&[stuck], &[]).await.unwrap();
    assert_eq!(store.unresolved().await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_connection_waits_within_bounds() {
    let (store, directory) = in_file().await;
    store.close().await.unwrap();
    let impatient = impatient(&directory.path().join("test.db")).await;
    let kept = sqlite_of(&impatient).0.acquire().await.unwrap();
    let error = impatient.remember("email", "key", "value").await.unwrap_err();
    assert!(matches!(error, StoreError::Unreachable(_)), "{error}");
    drop(kept);
    impatient.remember("email", "key", "value").await.unwrap();
}
