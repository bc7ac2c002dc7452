//! Couriers that are under way while the database fails or comes back.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_claimed_in_the_database_is_delivered_in_memory_and_sent_by_nobody_else() {
    for mut frail in Frail::each().await {
        let ledger = frail.ledger.clone();
        let posted = [alert("n1", "email", "i1"), alert("n2", "telegram", "i1")];
        ledger.decides(opens(&[("i1", IssueId::StuckJobs)], &posted)).await;
        assert_eq!(ledger.claims("email", 0).await, Some("n1".into()));
        assert_eq!(ledger.claims("telegram", 0).await, Some("n2".into()));
        frail.fails().await;
        ledger.delivered("n1", at(1), "250 ok").await.unwrap();
        assert_eq!(ledger.claims("email", 999).await, None, "not from memory");
        ledger.failed("n2", at(1), "429", Some(at(40))).await.unwrap();
        assert_eq!(ledger.next_due("telegram", at(10_000)).await.unwrap(), Some(at(40)));

        frail.is_back().await;
        assert_eq!(frail.notices().await, ["n1 delivered 1", "n2 pending 1"]);
        assert_eq!(ledger.claims("email", 999).await, None);
        assert_eq!(ledger.claims("telegram", 40).await, Some("n2".into()));
        let said = "SELECT notice_id || ' ' || outcome || ' ' || answer AS it FROM deliveries ORDER BY notice_id";
        assert_eq!(texts(&frail.store, said).await, ["n1 delivered 250 ok", "n2 later 429"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_claimed_in_memory_is_delivered_in_the_database() {
    for mut frail in Frail::each().await {
        let ledger = frail.ledger.clone();
        frail.fails().await;
        let posted = [alert("m1", "email", "i1"), alert("m2", "telegram", "i1")];
        ledger.decides(opens(&[("i1", IssueId::StuckJobs)], &posted)).await;
        assert_eq!(ledger.claims("email", 0).await, Some("m1".into()));
        assert_eq!(ledger.claims("telegram", 0).await, Some("m2".into()));

        frail.is_back().await;
        assert_eq!(ledger.claims("email", 59).await, None, "it is being sent");
        ledger.delivered("m1", at(1), "250 ok").await.unwrap();
        ledger.failed("m2", at(1), "429", Some(at(40))).await.unwrap();
        assert_eq!(frail.notices().await, ["m1 delivered 1", "m2 pending 1"]);
        assert_eq!(ledger.claims("telegram", 40).await, Some("m2".into()));
        assert_eq!(frail.store.told().await.unwrap()["i1"].len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_have_arrived_is_sent_again_unchanged_wherever_it_was_sent_first() {
    for mut frail in Frail::of_each_sort().await {
        let ledger = frail.ledger.clone();
        let sent_again = async |id: &str, at_second| {
            let due = ledger.claim("email", at(at_second), at(at_second + 60), "test", joined).await.unwrap().unwrap();
            assert_eq!((due.notice, due.attempts), (Notice { incidents: vec![], ..alert(id, "email", "i1") }, 2));
            ledger.delivered(id, at(at_second), "250 ok").await.unwrap();
        };
        open_stuck(&frail.store, &[]).await;
        ledger.decides(Decision { notices: vec![alert("n1", "email", "i1")], ..Decision::default() }).await;
        assert_eq!(ledger.claims("email", 0).await, Some("n1".into()));
        frail.fails().await;
        ledger.decides(Decision { notices: vec![alert("m1", "email", "i1")], ..Decision::default() }).await;
        sent_again("n1", 60).await;
        assert_eq!(ledger.claims("email", 61).await, Some("m1".into()));

        frail.is_back().await;
        ledger.decides(Decision { notices: vec![alert("n2", "email", "i1")], ..Decision::default() }).await;
        sent_again("m1", 121).await;
        assert_eq!(frail.notices().await, ["m1 delivered 2", "n1 delivered 2", "n2 pending 0"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_one_is_sending_when_the_database_is_back_is_left_to_him() {
    for mut frail in Frail::of_each_sort().await {
        let ledger = frail.ledger.clone();
        ledger.post(vec![notice("l1", "email", NoticeKind::Lifecycle, &[])]).await.unwrap();
        frail.fails().await;
        ledger.decides(opens(&[("i1", IssueId::StuckJobs)], &[])).await;
        frail.heals().await;
        let other = frail.ground.open().await;
        assert_eq!(claimed(&other, "email", 0).await, Some("l1".into()));
        recovered(&ledger).await;
        assert_eq!(ledger.claims("email", 59).await, None, "it is being sent");
        other.delivered("l1", at(59), "250 ok").await.unwrap();
        assert_eq!(frail.notices().await, ["l1 delivered 1"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_known_in_memory_is_delivered_when_the_database_is_back() {
    for mut frail in Frail::of_each_sort().await {
        // Posted and claimed by whoever led before us.
        open_stuck(&frail.store, &[alert("n1", "email", "i1")]).await;
        assert_eq!(claimed(&frail.store, "email", 0).await, Some("n1".into()));
        frail.fails().await;
        frail.ledger.delivered("n1", at(1), "250 ok").await.unwrap();
        frail.is_back().await;
        assert_eq!(frail.notices().await, ["n1 delivered 1"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_courier_that_never_stops_sends_each_notice_once_while_the_database_comes_and_goes() {
    for mut frail in Frail::of_each_sort().await {
        let ledger = frail.ledger.clone();
        let courier = ledger.clone();
        let carrying = tokio::spawn(async move {
            let mut sent: Vec<String> = vec![];
            while sent.last().is_none_or(|last| last != "n29") {
                let now = at(i64::try_from(sent.len()).unwrap());
                match courier.claim("email", now, now + TimeDelta::seconds(60), "courier", joined).await.unwrap() {
                    Some(due) => {
                        // Merged, it tells all that it was merged from.
                        let told = if due.notice.body.contains('+') { due.notice.body } else { due.notice.id.clone() };
                        courier.delivered(&due.notice.id, now, "ok").await.unwrap();
                        sent.extend(told.split('+').map(str::to_owned));
                    }
                    None => tokio::time::sleep(Duration::from_millis(5)).await,
                }
            }
            sent
        });
        open_stuck(&frail.store, &[]).await;
        for number in 0..30 {
            if number % 10 == 4 {
                frail.fails().await;
            }
            let reminder = notice(&format!("n{number}"), "email", NoticeKind::Reminder, &[("i1", Step::Reminded)]);
            ledger.decides(cycle(number, Decision { notices: vec![reminder], ..Decision::default() })).await;
            if number % 10 == 8 {
                frail.is_back().await;
            }
        }
        let sent = tokio::time::timeout(Duration::from_secs(60), carrying).await.unwrap().unwrap();
        let expected: Vec<_> = (0..30).map(|number| format!("n{number}")).collect();
        assert_eq!(sent, expected, "each one once, and in order");
        recovered(&ledger).await;
        assert_eq!(number(&frail.store, "SELECT COUNT(*) AS it FROM notices").await, 30);
        assert_eq!(number(&frail.store, "SELECT COUNT(*) AS it FROM notices WHERE state = 'pending'").await, 0);
        assert_eq!(number(&frail.store, "SELECT COUNT(*) AS it FROM samples").await, 30);
    }
}
