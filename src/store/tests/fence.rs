//! A leader that another one has followed writes nothing any more, whenever it wakes.

use super::*;
use crate::store::database::Transaction;

const LONG: Duration = Duration::from_secs(3_600);

/// What a leader writes, each thing once, and what came of it.
async fn everything(leader: &Store) -> Vec<(&'static str, Result<(), StoreError>)> {
    let stuck = (incident("i2", IssueId::OpenaiOffline, Phase::Open), Change::Opened);
    vec![
        ("settle", leader.commit(&[stuck], &[alert("n2", "telegram", "i1")]).await),
        ("post", leader.post(vec![alert("n3", "telegram", "i1")]).await),
        ("claim", leader.claim("email", at(0), at(60), "me", joined).await.map(drop)),
        ("failed", leader.failed("n1", at(1), "421", Some(at(2))).await),
        ("hasten", leader.hasten("n1", at(1)).await),
        ("remember", leader.remember("email", "memory", "page-7").await),
        ("prune", leader.prune(at(0)).await.map(drop)),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn who_no_longer_leads_writes_nothing() {
    for (one, ground) in shareable().await {
        let two = ground.open().await;
        open_stuck(&one, &[alert("n1", "email", "i1")]).await;
        let first = one.lead("one", LONG).await.unwrap().unwrap();
        let former = one.under(first.epoch);
        former.ping().await.unwrap();
        one.release(&first).await.unwrap();
        let second = two.lead("two", LONG).await.unwrap().unwrap();

        let before = texts(&one, WHATEVER).await;
        for (what, came) in everything(&former).await {
            assert!(matches!(came, Err(StoreError::NotLeading)), "{what}: {came:?}");
        }
        assert_eq!(texts(&one, WHATEVER).await, before);
        assert_eq!(former.known().await.unwrap().incidents.len(), 1, "it may look");
        // What was being sent when it was paused has arrived all the same.
        former.delivered("n1", at(1), "250").await.unwrap();
        assert_eq!(texts(&one, "SELECT state AS it FROM notices").await, ["delivered"]);

        for leading in [two.under(second.epoch), one.clone()] {
            for (what, came) in everything(&leading).await {
                assert!(came.is_ok(), "{what}: {came:?}");
            }
        }
    }
}

/// What there is, as far as it could have been written by one who should not have.
const WHATEVER: &str = "SELECT id || state || attempts || COALESCE(last_error, '') AS it FROM notices
                        UNION ALL SELECT id || phase FROM incidents
                        UNION ALL SELECT notice_id || outcome FROM deliveries
                        UNION ALL SELECT channel || value FROM channel_state";

#[tokio::test(flavor = "multi_thread")]
async fn what_a_former_leader_has_claimed_is_free_at_once_for_the_next_one_and_what_others_have_is_not() {
    for (store, _ground) in each().await {
        open_stuck(&store, &[alert("n1", "email", "i1"), alert("n2", "telegram", "i1")]).await;
        change(&store, "UPDATE lease SET epoch = 1").await.unwrap();
        let (first, second) = (store.under(1), store.under(2));
        assert_eq!(claimed(&first, "email", 0).await, Some("n1".into()));
        assert_eq!(claimed(&store, "telegram", 0).await, Some("n2".into()), "by one who does not lead");
        change(&store, "UPDATE lease SET epoch = 2").await.unwrap();

        assert_eq!(claimed(&store, "email", 1).await, None, "for one who does not lead it is claimed");
        assert_eq!(store.next_due("email", at(10_000)).await.unwrap(), Some(at(60)));
        assert_eq!(second.next_due("email", at(10_000)).await.unwrap(), Some(at(0)));
        assert_eq!(claimed(&second, "email", 1).await, Some("n1".into()));
        assert_eq!(claimed(&second, "email", 2).await, None, "its own");
        assert_eq!(claimed(&second, "telegram", 2).await, None);
        assert_eq!(second.next_due("telegram", at(10_000)).await.unwrap(), Some(at(60)));
        assert_eq!(claimed(&second, "telegram", 60).await, Some("n2".into()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_over_waits_for_the_cycle_that_is_being_written_and_a_renewal_does_not() {
    let (one, ground) = on_server().await;
    let two = ground.open().await;
    let first = one.lead("one", Duration::ZERO).await.unwrap().unwrap();
    let (pause, paused) = pause();
    let leader = one.under(first.epoch);
    let settling = tokio::spawn(async move {
        let stepped = vec![(incident("i1", IssueId::StuckJobs, Phase::Open), Change::Opened)];
        let step = |_| {
            pause.wait();
            Decision { stepped, ..Decision::default() }
        };
        leader.settle(step).await
    });
    paused.entered.await.unwrap();
    assert!(one.renew(&first, Duration::ZERO).await.unwrap());
    let taking_over = tokio::spawn(async move { two.lead("two", LONG).await });
    waiting_for_locks(&one, 1).await;
    paused.go_on.send(()).unwrap();
    settling.await.unwrap().unwrap();
    assert_eq!(taking_over.await.unwrap().unwrap().unwrap().epoch, 2);
    assert_eq!(one.unresolved().await.unwrap().len(), 1, "the next one knows of it");
    let late = one.under(first.epoch).commit(&[], &[]).await;
    assert!(matches!(late, Err(StoreError::NotLeading)), "{late:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_begins_to_write_while_another_takes_over_does_not() {
    let (one, _ground) = on_server().await;
    let first = one.lead("one", LONG).await.unwrap().unwrap();
    let Transaction::Postgres(mut other) = one.database.begin().await.unwrap() else { unreachable!() };
    for statement in [
        "SELECT epoch FROM lease FOR UPDATE",
        "UPDATE lease SET epoch = epoch + 1, holder = 'two' WHERE name = 'leader'",
    ] {
        sqlx::query(statement).execute(&mut *other).await.unwrap();
    }
    let leader = one.under(first.epoch);
    let settling = tokio::spawn(async move {
        let stuck = (incident("i1", IssueId::StuckJobs, Phase::Open), Change::Opened);
        leader.commit(&[stuck], &[]).await
    });
    waiting_for_locks(&one, 1).await;
    other.commit().await.unwrap();
    let late = settling.await.unwrap();
    assert!(matches!(late, Err(StoreError::NotLeading)), "{late:?}");
    assert_eq!(one.unresolved().await.unwrap(), []);
}
