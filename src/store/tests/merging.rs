//! What waits for one channel goes out as one, and loses neither its order nor its incidents.

use std::collections::HashMap;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_becomes_one_in_the_place_of_the_newest() {
    for (store, _ground) in each().await {
        let openai = incident("i2", IssueId::OpenaiOffline, Phase::Open);
        open_stuck(&store, &[alert("n1", "email", "i1")]).await;
        let second = at_second(10, Notice { thread: Some("n0".into()), ..alert("n2", "email", "i2") });
        store.commit(&[(openai, Change::Opened)], &[second, alert("elsewhere", "telegram", "i2")]).await.unwrap();
        let third = notice("n3", "email", NoticeKind::Resolved, &[("i1", Step::Resolved), ("i2", Step::Reminded)]);
        store.post(vec![at_second(20, Notice { thread: Some("n1".into()), ..third })]).await.unwrap();

        let merge = |earlier: Vec<Notice>, newest: Notice| {
            assert_eq!(earlier.iter().map(|notice| notice.id.as_str()).collect::<Vec<_>>(), ["n1", "n2"]);
            assert_eq!((newest.id.as_str(), newest.kind), ("n3", NoticeKind::Resolved));
            let content = Some("all".into());
            Notice { kind: NoticeKind::Alert, subject: "s".into(), body: "b".into(), content, ..newest }
        };
        let due = store.claim("email", at(30), at(90), "me", merge).await.unwrap().unwrap();
        let one = Notice {
            kind: NoticeKind::Alert,
            subject: "s".into(),
            body: "b".into(),
            content: Some("all".into()),
            thread: Some("n0".into()),
            ..at_second(20, notice("n3", "email", NoticeKind::Alert, &[]))
        };
        assert_eq!(
            due,
            Due {
                notice: one.clone(),
                attempts: 1,
                refusals: 0,
                ends: vec![],
                tried_since: None,
                waiting_since: at(0)
            }
        );
        assert_eq!(claimed(&store, "email", 31).await, None);

        let states = "SELECT id || ' ' || state || ' ' || COALESCE(merged_into, '-') AS it FROM notices
                      WHERE channel = 'email' ORDER BY seq";
        assert_eq!(texts(&store, states).await, ["n1 merged n3", "n2 merged n3", "n3 pending -"]);
        let links = "SELECT incident_id || ' ' || step AS it FROM notice_incidents WHERE notice_id = 'n3' ORDER BY 1";
        assert_eq!(texts(&store, links).await, ["i1 opened", "i1 resolved", "i2 opened", "i2 reminded"]);
        let told = store.told().await.unwrap();
        assert_eq!(told["i1"], HashMap::from([("email".into(), "n3".into())]));

        // What it was made of is not lost when it is tried again.
        store.failed("n3", at(31), "421", Some(at(100))).await.unwrap();
        let again = store.claim("email", at(100), at(160), "me", joined).await.unwrap().unwrap();
        assert_eq!(
            again,
            Due {
                notice: one,
                attempts: 2,
                refusals: 1,
                ends: vec![],
                tried_since: Some(at(31)),
                waiting_since: at(0)
            }
        );
        store.delivered("n3", at(101), "250").await.unwrap();
        assert_eq!(store.told().await.unwrap()["i2"]["email"], "n3");
        assert_eq!(store.next_due("email", at(10_000)).await.unwrap(), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_merged_is_merged_again_with_all_that_it_holds() {
    for (store, _ground) in each().await {
        open_stuck(&store, &[alert("n1", "email", "i1"), alert("n2", "email", "i1")]).await;
        assert_eq!(parts(&store, "email", 0).await, Some(("n1+n2".into(), 1)));
        store.failed("n2", at(1), "421 busy", Some(at(50))).await.unwrap();
        store.post(vec![at_second(40, alert("n3", "email", "i1"))]).await.unwrap();
        assert_eq!(parts(&store, "email", 49).await, None, "the first waits, and so do those behind it");
        let due = store.claim("email", at(50), at(110), "me", joined).await.unwrap().unwrap();
        assert_eq!((due.notice.body.as_str(), due.attempts, due.waiting_since), ("n2+n3", 2, at(0)));
        let into = texts(&store, "SELECT merged_into AS it FROM notices WHERE state = 'merged' ORDER BY seq").await;
        assert_eq!(into, ["n3", "n3"]);
        let email = &store.deliveries(&["email"]).await.unwrap()[0];
        assert_eq!((email.pending, email.waiting_since), (1, Some(at(0))));
        assert_eq!(email.last_error.as_deref(), Some("421 busy"), "of a part of it");

        // Who was given up for dead was heard after all.
        store.delivered("n1", at(60), "250 late").await.unwrap();
        let states = "SELECT id || ' ' || state || ' ' || COALESCE(merged_into, '-') AS it FROM notices ORDER BY seq";
        assert_eq!(texts(&store, states).await, ["n1 delivered -", "n2 merged n3", "n3 pending -"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_have_arrived_is_sent_again_as_it_was() {
    for (store, _ground) in each().await {
        open_stuck(&store, &[alert("n1", "email", "i1")]).await;
        assert_eq!(parts(&store, "email", 0).await, Some(("n1".into(), 1)));
        store.post(vec![alert("n2", "email", "i1"), alert("n3", "email", "i1")]).await.unwrap();
        assert_eq!(parts(&store, "email", 60).await, Some(("n1".into(), 2)), "who had claimed it is gone");
        store.failed("n1", at(61), "421", Some(at(70))).await.unwrap();
        assert_eq!(parts(&store, "email", 70).await, Some(("n1".into(), 3)), "the first time it may have arrived");
        store.delivered("n1", at(71), "250").await.unwrap();
        assert_eq!(parts(&store, "email", 72).await, Some(("n2+n3".into(), 1)));
        store.failed("n3", at(73), "421", Some(at(80))).await.unwrap();
        store.post(vec![alert("n4", "email", "i1")]).await.unwrap();
        assert_eq!(parts(&store, "email", 80).await, Some(("n3+n4".into(), 2)), "it is known that it did not");
        store.post(vec![alert("n5", "email", "i1")]).await.unwrap();
        let due = store.claim("email", at(140), at(200), "test", joined).await.unwrap().unwrap();
        assert_eq!((due.notice.body.as_str(), due.attempts, due.refusals), ("n3+n4", 3, 1), "and now it is not");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_what_was_tried_one_by_one_and_then_merged_the_answers_of_one_are_none_for_the_other() {
    for (store, _ground) in each().await {
        let later = Notice { not_before: Some(at(100)), ..alert("n1", "email", "i1") };
        open_stuck(&store, &[later, alert("n2", "email", "i1")]).await;
        for (second, id) in [(10, "n2"), (100, "n1")] {
            assert_eq!(parts(&store, "email", second).await, Some((id.into(), 1)));
            store.failed(id, at(second + 1), "421", Some(at(200))).await.unwrap();
        }
        assert_eq!(parts(&store, "email", 200).await.map(|(together, _)| together).as_deref(), Some("n1+n2"));
        store.post(vec![alert("n3", "email", "i1")]).await.unwrap();
        let due = store.claim("email", at(260), at(320), "test", joined).await.unwrap().unwrap();
        assert_eq!(due.notice.body, "n1+n2", "it may have arrived when nobody said what came of it");
        assert_eq!((due.attempts, due.refusals), (4, 2));
        store.failed("n2", at(261), "421", Some(at(300))).await.unwrap();
        let due = store.claim("email", at(300), at(360), "test", joined).await.unwrap().unwrap();
        assert_eq!((due.notice.body.as_str(), due.attempts, due.refusals), ("n1+n2", 5, 3), "once it may have arrived");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn states_are_sent_as_they_are_and_in_their_turn() {
    for (store, _ground) in each().await {
        let status = at_second(2, notice("s1", "notion", NoticeKind::Status, &[]));
        open_stuck(&store, &[alert("n1", "notion", "i1"), status, alert("n2", "notion", "i1")]).await;
        assert_eq!(parts(&store, "notion", 5).await, Some(("n1+n2".into(), 1)));
        store.delivered("n2", at(6), "").await.unwrap();
        let after = notice("n3", "notion", NoticeKind::Lifecycle, &[]);
        store.post(vec![after]).await.unwrap();
        assert_eq!(parts(&store, "notion", 6).await, Some(("s1".into(), 1)));
        assert_eq!(parts(&store, "notion", 7).await, None);
        store.delivered("s1", at(8), "").await.unwrap();
        assert_eq!(parts(&store, "notion", 8).await, Some(("n3".into(), 1)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_for_later_holds_up_nobody_until_then() {
    for (store, _ground) in each().await {
        let later = |id, second| {
            let all_clear = notice(id, "email", NoticeKind::Resolved, &[("i1", Step::Resolved)]);
            Notice { not_before: Some(at(second)), ..all_clear }
        };
        open_stuck(&store, &[later("n1", 1_000), later("n2", 1_000)]).await;
        assert_eq!(parts(&store, "email", 999).await, None);
        assert_eq!(store.next_due("email", at(10_000)).await.unwrap(), Some(at(1_000)));

        store.post(vec![at_second(10, alert("n3", "email", "i1"))]).await.unwrap();
        assert_eq!(store.next_due("email", at(10_000)).await.unwrap(), Some(at(10)));
        assert_eq!(parts(&store, "email", 10).await, Some(("n3".into(), 1)));
        store.failed("n3", at(11), "421", Some(at(1_010))).await.unwrap();
        assert_eq!(
            store.next_due("email", at(10_000)).await.unwrap(),
            Some(at(1_000)),
            "then they are first in the line"
        );
        assert_eq!(parts(&store, "email", 1_000).await, Some(("n1+n2".into(), 1)));
        store.delivered("n2", at(1_001), "").await.unwrap();
        assert_eq!(parts(&store, "email", 1_010).await, Some(("n3".into(), 2)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_line_is_taken_piece_by_piece() {
    for (store, _ground) in each().await {
        let notices: Vec<_> = (0..250).map(|number| alert(&format!("n{number}"), "email", "i1")).collect();
        open_stuck(&store, &notices).await;
        let mut sizes = vec![];
        while let Some((ids, _)) = parts(&store, "email", 0).await {
            let ids: Vec<_> = ids.split('+').collect();
            store.delivered(ids.last().unwrap(), at(0), "").await.unwrap();
            sizes.push(ids.len());
        }
        assert_eq!(sizes, [100, 100, 50]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_that_cannot_be_read_is_given_up_and_in_nobodys_way() {
    for (store, _ground) in each().await {
        open_stuck(&store, &[alert("n1", "email", "i1"), alert("n2", "email", "i1"), alert("n3", "email", "i1")]).await;
        for statement in [
            "UPDATE notices SET attempts = -1 WHERE id = 'n1'",
            "UPDATE notices SET created = 9223372036854775807 WHERE id = 'n2'",
        ] {
            change(&store, statement).await.unwrap();
        }
        assert!(store.next_due("email", at(10_000)).await.unwrap().unwrap() < at(0), "at once");
        assert_eq!(parts(&store, "email", 5).await, Some(("n3".into(), 1)));
        let given_up = "SELECT id || ': ' || last_error AS it FROM notices WHERE state = 'failed' ORDER BY seq";
        let given_up = texts(&store, given_up).await;
        assert_eq!(given_up.len(), 2);
        assert!(given_up[0].contains("-1 in attempts is no count"), "{given_up:?}");
        assert!(given_up[1].contains("in created is no moment"), "{given_up:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_claim_while_cycles_are_settled_lose_nothing_and_do_not_lock_each_other_out() {
    for (one, ground) in shareable().await {
        let two = ground.open().await;
        open_stuck(&one, &[]).await;
        let posting = {
            let store = one.clone();
            tokio::spawn(async move {
                for number in 0..60 {
                    let stuck = (incident("i1", IssueId::StuckJobs, Phase::Open), Change::None);
                    let status = notice(&format!("s{number}"), "email", NoticeKind::Status, &[]);
                    store.commit(&[stuck], &[alert(&format!("n{number}"), "email", "i1"), status]).await.unwrap();
                }
            })
        };
        let sending = [one.clone(), two].map(|store| {
            tokio::spawn(async move {
                let mut sent = vec![];
                while sent.last().is_none_or(|last| last != "n59") && !is_over(&store).await {
                    let Some((ids, _)) = parts(&store, "email", 0).await else { continue };
                    let ids: Vec<String> = ids.split('+').map(Into::into).collect();
                    store.delivered(ids.last().unwrap(), at(1), "").await.unwrap();
                    sent.extend(ids.into_iter().filter(|id| id.starts_with('n')));
                }
                sent
            })
        });
        posting.await.unwrap();
        let mut sent = vec![];
        for sending in sending {
            sent.extend(sending.await.unwrap());
        }
        sent.sort();
        let mut all: Vec<_> = (0..60).map(|number| format!("n{number}")).collect();
        all.sort();
        assert_eq!(sent, all);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_claims_and_who_settles_a_cycle_do_not_wait_for_each_other_for_ever() {
    let (one, ground) = on_server().await;
    let two = ground.open().await;
    let status = |id| notice(id, "notion", NoticeKind::Status, &[]);
    open_stuck(&one, &[alert("n1", "notion", "i1"), status("s1"), alert("n2", "notion", "i1")]).await;
    let (pause, paused) = pause();
    let settling = tokio::spawn(async move {
        let notices = vec![status("s2")];
        let step = |_| {
            pause.wait();
            Decision { notices, ..Decision::default() }
        };
        one.settle(step).await.map(drop)
    });
    paused.entered.await.unwrap();
    let claiming = tokio::spawn(async move { parts(&two, "notion", 0).await });
    let watching = ground.open().await;
    waiting_for_locks(&watching, 1).await;
    paused.go_on.send(()).unwrap();
    settling.await.unwrap().unwrap();
    assert_eq!(claiming.await.unwrap(), Some(("n1+n2".into(), 1)));
}

/// Whether the last one has arrived.
async fn is_over(store: &Store) -> bool {
    number(store, "SELECT COUNT(*) AS it FROM notices WHERE id = 'n59' AND state = 'delivered'").await > 0
}
