//! Notices on their way: claimed, delivered, failed, in order.

use super::*;
use crate::domain::delivery::DeliveryState;
use crate::domain::notice::Told;

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_comes_out_as_it_was_posted() {
    for (store, _ground) in each().await {
        let posted = Notice { thread: Some("n0".into()), created: at(3), ..alert("n1", "email", "i1") };
        open_stuck(&store, std::slice::from_ref(&posted)).await;
        let due = store.claim("email", at(3), at(63), "me", joined).await.unwrap().unwrap();
        assert_eq!(
            due,
            Due {
                notice: Notice { incidents: vec![], ..posted },
                attempts: 1,
                refusals: 0,
                ends: vec![],
                tried_since: None,
                waiting_since: at(3)
            }
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_claim_at_a_time_until_it_runs_out() {
    for (store, _ground) in each().await {
        open_stuck(&store, &[alert("n1", "email", "i1")]).await;
        assert_eq!(store.next_due("email", at(10_000)).await.unwrap(), Some(at(0)));
        let first = store.claim("email", at(1), at(61), "one", joined).await.unwrap().unwrap();
        assert_eq!(first.attempts, 1);
        for by in ["one", "two"] {
            assert_eq!(store.claim("email", at(60), at(120), by, joined).await.unwrap(), None, "{by}");
        }
        assert_eq!(store.next_due("email", at(10_000)).await.unwrap(), Some(at(61)));
        let second = store.claim("email", at(61), at(121), "two", joined).await.unwrap().unwrap();
        assert_eq!((second.notice.id.as_str(), second.attempts), ("n1", 2), "the first has died over it");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_claim_at_once_do_not_get_the_same() {
    for (store, _ground) in each().await {
        open_stuck(&store, &[alert("n1", "email", "i1"), alert("n2", "email", "i1")]).await;
        let claims = (0..8).map(|_| claimed(&store, "email", 0));
        let got: Vec<_> = futures_util::future::join_all(claims).await.into_iter().flatten().collect();
        assert_eq!(got, ["n2"], "both in one");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_notice_overtakes_another_of_its_channel_and_no_channel_waits_for_another() {
    for (store, _ground) in each().await {
        open_stuck(&store, &[alert("n1", "email", "i1"), alert("n1t", "telegram", "i1")]).await;
        assert_eq!(claimed(&store, "email", 0).await, Some("n1".into()));
        // The clock was set back between the two, and again.
        let later = Notice { created: at(-500), ..alert("a-later", "email", "i1") };
        store.post(vec![later]).await.unwrap();
        assert_eq!(claimed(&store, "email", 1).await, None, "the first is being sent");
        store.failed("n1", at(2), "421 try later", Some(at(100))).await.unwrap();
        assert_eq!(claimed(&store, "email", 99).await, None, "the first is not due");
        assert_eq!(store.next_due("email", at(10_000)).await.unwrap(), Some(at(100)));
        assert_eq!(claimed(&store, "telegram", 3).await, Some("n1t".into()));

        let again = store.claim("email", at(100), at(160), "me", joined).await.unwrap().unwrap();
        assert_eq!((again.notice.body.as_str(), again.attempts), ("n1+a-later", 2));
        store.failed("a-later", at(103), "550 no such user", None).await.unwrap();
        assert_eq!(claimed(&store, "email", 9_999).await, None);
        assert_eq!(store.next_due("email", at(10_000)).await.unwrap(), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_delivered_stays_delivered_and_what_failed_may_still_arrive() {
    for (store, _ground) in each().await {
        open_stuck(&store, &[alert("n1", "email", "i1"), alert("n2", "telegram", "i1")]).await;
        store.delivered("n1", at(1), "first").await.unwrap();
        store.failed("n1", at(2), "too late", Some(at(3))).await.unwrap();
        store.delivered("n1", at(4), "second").await.unwrap();
        store.failed("n2", at(1), "a timeout", None).await.unwrap();
        store.delivered("n2", at(2), "after all").await.unwrap();
        store.delivered("no such notice", at(2), "").await.unwrap();
        let statement = "SELECT id || ' ' || state || ' ' || receipt AS it, delivered_at FROM notices ORDER BY seq";
        let kept: Vec<_> = rows(&store, statement)
            .await
            .iter()
            .map(|row| (row.text("it").unwrap(), row.moment("delivered_at").unwrap()))
            .collect();
        assert_eq!(kept, [("n1 delivered first".into(), at(1)), ("n2 delivered after all".into(), at(2))]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn told_are_those_to_whom_the_opening_goes_out_and_can_still_arrive() {
    for (store, _ground) in each().await {
        let reminder = notice("n9", "telegram", NoticeKind::Reminder, &[("i1", Step::Reminded)]);
        open_stuck(&store, &[alert("n1", "email", "i1"), alert("n2", "notion", "i1"), reminder]).await;
        let told = |pairs: &[(&str, &str)]| {
            let channels = pairs.iter().map(|(channel, id)| ((*channel).to_owned(), (*id).to_owned())).collect();
            Told::from([("i1".to_owned(), channels)])
        };
        assert_eq!(store.told().await.unwrap(), told(&[("email", "n1"), ("notion", "n2")]));

        store.failed("n1", at(1), "550", None).await.unwrap();
        store.failed("n2", at(1), "502", Some(at(2))).await.unwrap();
        assert_eq!(store.told().await.unwrap(), told(&[("notion", "n2")]));

        store.delivered("n2", at(2), "page").await.unwrap();
        store.commit(&[], &[alert("n3", "notion", "i1"), alert("n4", "email", "i1")]).await.unwrap();
        assert_eq!(store.told().await.unwrap(), told(&[("notion", "n2"), ("email", "n4")]), "who told it first");

        let resolved = incident("i1", IssueId::StuckJobs, Phase::Resolved);
        store.commit(&[(resolved, Change::Resolved)], &[]).await.unwrap();
        assert_eq!(store.told().await.unwrap(), Told::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_newest_state_waits_and_it_waits_as_long_as_the_last_one_would_have() {
    for (store, _ground) in each().await {
        let status = |id, second| Notice { created: at(second), ..notice(id, "notion", NoticeKind::Status, &[]) };
        store.commit(&[], &[status("s1", 0), alert_without_incident("a1"), status("s2", 1)]).await.unwrap();
        assert_eq!(claimed(&store, "notion", 1).await, Some("a1".into()), "an alert is not replaced");
        store.delivered("a1", at(1), "").await.unwrap();

        assert_eq!(claimed(&store, "notion", 2).await, Some("s2".into()));
        store.commit(&[], &[status("s3", 3)]).await.unwrap();
        store.failed("s2", at(4), "429", Some(at(1_000))).await.unwrap();
        assert_eq!(
            store.next_due("notion", at(10_000)).await.unwrap(),
            Some(at(1_000)),
            "what is being sent is not replaced"
        );

        store.commit(&[], &[status("s4", 5)]).await.unwrap();
        assert_eq!(claimed(&store, "notion", 999).await, None, "patience was asked for");
        let due = store.claim("notion", at(1_000), at(1_060), "me", joined).await.unwrap().unwrap();
        assert_eq!((due.notice.id.as_str(), due.attempts), ("s4", 2));
        store.delivered("s4", at(1_001), "").await.unwrap();
        assert_eq!(store.next_due("notion", at(10_000)).await.unwrap(), None);
    }
}

fn alert_without_incident(id: &str) -> Notice {
    notice(id, "notion", NoticeKind::Alert, &[])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_board_that_takes_nothing_is_not_well_because_something_new_is_to_be_shown() {
    for (store, _ground) in each().await {
        let status = |id, second| Notice { created: at(second), ..notice(id, "notion", NoticeKind::Status, &[]) };
        store.commit(&[], &[status("untried", 0)]).await.unwrap();
        store.commit(&[], &[status("s1", 10)]).await.unwrap();
        assert_eq!(claimed(&store, "notion", 11).await, Some("s1".into()));
        store.failed("s1", at(12), "timeout", Some(at(20))).await.unwrap();
        for (id, second) in [("s2", 13), ("s3", 14)] {
            store.commit(&[], &[status(id, second)]).await.unwrap();
            let known = store.deliveries(&["notion"]).await.unwrap().remove(0);
            assert_eq!((known.state, known.last_error.as_deref()), (DeliveryState::Retrying, Some("timeout")), "{id}");
            assert_eq!((known.pending, known.waiting_since), (1, Some(at(10))), "since when it takes nothing");
        }
        assert_eq!(claimed(&store, "notion", 20).await, Some("s3".into()));
        store.delivered("s3", at(21), "").await.unwrap();
        store.commit(&[], &[status("s4", 22)]).await.unwrap();
        let known = store.deliveries(&["notion"]).await.unwrap().remove(0);
        assert_eq!((known.state, known.waiting_since), (DeliveryState::Ok, Some(at(22))));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_whose_sender_died_is_replaced() {
    for (store, _ground) in each().await {
        let status = |id, second| Notice { created: at(second), ..notice(id, "notion", NoticeKind::Status, &[]) };
        store.commit(&[], &[status("s1", 0)]).await.unwrap();
        assert_eq!(claimed(&store, "notion", 0).await, Some("s1".into()));
        store.commit(&[], &[status("s2", 60)]).await.unwrap();
        assert_eq!(claimed(&store, "notion", 60).await, Some("s2".into()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_of_a_newer_version_does_not_hold_up_the_channel() {
    for (store, _ground) in each().await {
        open_stuck(&store, &[alert("n1", "email", "i1")]).await;
        change(&store, "UPDATE notices SET kind = 'digest'").await.unwrap();
        let due = store.claim("email", at(0), at(60), "me", joined).await.unwrap().unwrap();
        assert_eq!(due.notice.kind, NoticeKind::Alert);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_channels_say_is_kept_within_bounds() {
    for (store, _ground) in each().await {
        open_stuck(&store, &[alert("n1", "email", "i1")]).await;
        store.failed("n1", at(1), &"é".repeat(10_000), Some(at(2))).await.unwrap();
        let errors = texts(&store, "SELECT last_error AS it FROM notices").await;
        assert_eq!(errors[0].chars().count(), 501);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_remembers_what_it_said_last_and_nothing_of_the_others() {
    for (store, _ground) in each().await {
        store.remember("notion", "entry", "page-1").await.unwrap();
        store.remember("notion", "entry", "page-2").await.unwrap();
        assert_eq!(store.recall("notion", "entry").await.unwrap(), Some("page-2".into()));
        assert_eq!(store.recall("notion", "other").await.unwrap(), None);
        assert_eq!(store.recall("email", "entry").await.unwrap(), None);
    }
}
