//! What can be done while the database fails.

use super::*;
use crate::domain::issue::CHANNELS;
use crate::domain::silence::Silence;

#[tokio::test(flavor = "multi_thread")]
async fn while_the_database_answers_it_is_all_there_is() {
    for (store, _ground) in each().await {
        let ledger = Ledger::new(store.clone());
        let posted = [alert("n1", "email", "i1"), alert("n2", "telegram", "i1")];
        assert!(ledger.decides(cycle(0, opens(&[("i1", IssueId::StuckJobs)], &posted))).await.is_none());
        assert_eq!(ledger.claims("email", 0).await, Some("n1".into()));
        ledger.delivered("n1", at(1), "250 ok").await.unwrap();
        ledger.fails("telegram", 1, "n2", Some(50)).await;
        assert_eq!(ledger.next_due("telegram", at(10_000)).await.unwrap(), Some(at(50)));
        ledger.remember("notion", "entry", "page-1").await.unwrap();
        assert_eq!(ledger.recall("notion", "entry").await.unwrap(), Some("page-1".into()));
        assert!(ledger.fault().await.is_none() && ledger.recover().await);
        assert_eq!(texts(&store, "SELECT state AS it FROM notices ORDER BY seq").await, ["delivered", "pending"]);
        assert_eq!(store.recall("notion", "entry").await.unwrap(), Some("page-1".into()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cycle_knows_what_was_known_and_why_it_is_settled_in_memory() {
    for mut frail in Frail::each().await {
        let ledger = frail.ledger.clone();
        let silence = Silence {
            id: "s1".into(),
            issue: None,
            created: at(0),
            until: at(9_999),
            by: "ada".into(),
            reason: String::new(),
        };
        frail.store.silence(&silence).await.unwrap();
        ledger.decides(cycle(0, resolves("i0", IssueId::NotionOffline, &[]))).await;
        let posted = [alert("n1", "email", "i1"), alert("n2", "telegram", "i1"), alert("n3", "notion", "i1")];
        ledger.decides(cycle(1, opens(&[("i1", IssueId::StuckJobs)], &posted))).await;
        ledger.delivers("email", 1, "n1").await;
        ledger.fails("telegram", 2, "n2", None).await;
        ledger.post(vec![alert("n4", "email", "i1")]).await.unwrap();
        ledger.claims("notion", 2).await;
        ledger.remember("notion", "memory", "page-1").await.unwrap();
        let before = ledger.knows().await;
        assert!(before.from_memory.is_none());
        ledger.delivers("email", 3, "n4").await;
        let deliveries = ledger.deliveries(&CHANNELS).await.unwrap();
        assert_ne!(deliveries, before.deliveries);

        frail.fails().await;
        let known = ledger.knows().await;
        assert!(known.from_memory.is_some_and(|error| is_a_fault(&error)));
        assert_eq!(known.incidents, before.incidents);
        assert_eq!(known.told, before.told);
        assert_eq!(known.past, before.past);
        assert_eq!(known.silences, [silence]);
        assert_eq!(known.deliveries, deliveries, "as it was last shown, also if no cycle has seen it");
        assert_eq!(ledger.deliveries(&CHANNELS).await.unwrap(), deliveries);
        assert_eq!(known.last_cycle, Some(at(1)));
        assert!(ledger.fault().await.is_some());
        assert_eq!(ledger.recall("notion", "memory").await.unwrap(), Some("page-1".into()));
        assert_eq!(ledger.recall("notion", "never asked for").await.unwrap(), None);
        assert_eq!(ledger.claims("notion", 61).await, None, "it is being sent");
        assert_eq!(ledger.claims("notion", 62).await, Some("n3".into()), "its sender died");
    }
}

fn is_a_fault(error: &StoreError) -> bool {
    matches!(error, StoreError::Locked | StoreError::Unreachable(_) | StoreError::Timeout | StoreError::Failed(_))
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_go_out_from_memory_in_order_and_to_those_who_wait() {
    for mut frail in Frail::of_each_sort().await {
        let ledger = frail.ledger.clone();
        ledger.decides(opens(&[("i1", IssueId::StuckJobs)], &[alert("n1", "telegram", "i1")])).await;
        ledger.fails("telegram", 1, "n1", Some(30)).await;
        frail.fails().await;
        let posted = [alert("m1", "email", "i2"), all_clear("m2", "telegram", "i1")];
        assert!(ledger.decides(opens(&[("i2", IssueId::LowCompletion)], &posted)).await.is_some());
        assert_eq!(ledger.claims("email", 2).await, Some("m1".into()));
        assert_eq!(ledger.claims("telegram", 29).await, None, "no all-clear overtakes its alert");
        let due = ledger.claim("telegram", at(30), at(90), "test", joined).await.unwrap().unwrap();
        assert_eq!((due.notice.body.as_str(), due.attempts), ("n1+m2", 2));
        assert_eq!(due.waiting_since, at(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_finds_out_first_that_the_database_fails_all_go_on_in_memory() {
    for mut frail in Frail::of_each_sort().await {
        let ledger = frail.ledger.clone();
        ledger.decides(opens(&[("i1", IssueId::StuckJobs)], &[alert("n1", "email", "i1")])).await;
        frail.fails().await;
        assert_eq!(ledger.claims("email", 0).await, Some("n1".into()), "it was only posted, not yet claimed");
        ledger.remember("email", "key", "value").await.unwrap();
        ledger.post(vec![notice("l1", "telegram", NoticeKind::Lifecycle, &[])]).await.unwrap();
        assert_eq!(ledger.claims("telegram", 0).await, Some("l1".into()));
        assert_eq!(ledger.knows().await.incidents.len(), 1);
        assert_eq!(ledger.prune(at(0)).await.unwrap(), 0);
        ledger.checkpoint().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_leader_may_have_changed_is_not_gone_on_with() {
    for mut frail in Frail::of_each_sort().await {
        let lead = async |who| frail.store.lead(who, Duration::ZERO).await.unwrap().unwrap().epoch;
        let first = frail.ledger.under(lead("one").await);
        first.decides(opens(&[("i1", IssueId::StuckJobs)], &[alert("n1", "email", "i1")])).await;
        lead("two").await;
        let second = frail.ledger.under(lead("one").await);
        let refused = first.settle(|_| Decision::default()).await.unwrap_err();
        assert!(matches!(refused, StoreError::NotLeading), "{refused}");
        assert!(first.fault().await.is_none(), "that is no failure of the database");
        frail.fails().await;
        assert_eq!(second.claims("email", 0).await, None);
        assert_eq!(second.knows().await.incidents, []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_closed_is_closed() {
    let (store, _directory) = in_file().await;
    let ledger = Ledger::new(store);
    ledger.close().await.unwrap();
    let refused = ledger.settle(|_| Decision::default()).await.unwrap_err();
    assert!(matches!(refused, StoreError::Closed), "{refused}");
}
