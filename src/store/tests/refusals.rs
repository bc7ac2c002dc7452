//! What a channel refuses for good: who is told it all the same, and who is not.

use super::*;
use crate::domain::bulletin::{Bulletin, Line, News};
use crate::domain::notice::Told;

/// What says such things of incidents.
fn bulletin(news: &[(&str, News)]) -> Bulletin {
    let line = |&(incident, news): &(&str, News)| Line {
        incident: incident.into(),
        news,
        sign: "⚠️".into(),
        text: format!("{incident} is wrong"),
        detail: String::new(),
        since: at(0),
        at: at(1),
        told: None,
        acknowledged_by: None,
        unstable: false,
    };
    Bulletin { lines: news.iter().map(line).collect(), ..Bulletin::quoting(NoticeKind::Alert, "", "", at(1)) }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_for_good_is_told_by_what_waits_behind_it() {
    for (store, _ground) in each().await {
        open_stuck(&store, &[alert("n1", "email", "i1")]).await;
        assert_eq!(claimed(&store, "email", 0).await, Some("n1".into()));
        // While it is being sent, the incident is over: whoever was not told of it is not to hear that alone.
        store.post(vec![Notice { created: at(1), ..notice("n2", "email", NoticeKind::Resolved, &[]) }]).await.unwrap();
        store.failed("n1", at(2), "forbidden (403)", None).await.unwrap();
        assert!(!store.told().await.unwrap().is_empty(), "it will be told");
        assert_eq!(parts(&store, "email", 2).await, Some(("n1+n2".into(), 2)));
        store.failed("n2", at(3), "forbidden (403)", None).await.unwrap();
        assert_eq!(store.told().await.unwrap(), Told::new(), "nobody was told");
        assert_eq!(store.next_due("email", at(10)).await.unwrap(), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_have_arrived_before_it_was_refused_is_no_part_of_another() {
    for (store, _ground) in each().await {
        open_stuck(&store, &[alert("n1", "email", "i1")]).await;
        // Whoever sent it was killed.
        for second in [0, 60] {
            assert_eq!(claimed(&store, "email", second).await, Some("n1".into()));
        }
        store.post(vec![Notice { created: at(61), ..notice("n2", "email", NoticeKind::Resolved, &[]) }]).await.unwrap();
        store.failed("n1", at(62), "forbidden (403)", None).await.unwrap();
        assert_eq!(parts(&store, "email", 62).await, Some(("n2".into(), 1)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_all_clear_that_was_refused_for_good_is_told_with_the_next_notice() {
    for (store, _ground) in each().await {
        open_stuck(&store, &[alert("n1", "email", "i1")]).await;
        assert_eq!(claimed(&store, "email", 0).await, Some("n1".into()));
        store.delivered("n1", at(1), "250").await.unwrap();
        let over = notice("over", "email", NoticeKind::Resolved, &[("i1", Step::Resolved)]);
        let another =
            Notice { content: Some(bulletin(&[]).to_json()), ..notice("another", "email", NoticeKind::Alert, &[]) };
        for (id, what, second) in [("over", over, 10), ("another", another, 20)] {
            store.post(vec![at_second(second, what)]).await.unwrap();
            assert!(parts(&store, "email", second).await.is_some());
            store.failed(id, at(second + 1), "forbidden (403)", None).await.unwrap();
        }
        store.post(vec![at_second(30, notice("elsewhere", "telegram", NoticeKind::Alert, &[]))]).await.unwrap();
        assert_eq!(parts(&store, "email", 30).await, None, "it is tried with what there is to tell there");
        store.post(vec![at_second(40, notice("next", "email", NoticeKind::Alert, &[]))]).await.unwrap();
        let (told, attempts) = parts(&store, "email", 40).await.unwrap();
        assert_eq!((told.as_str(), attempts), ("another+next", 3), "with what it was merged into");
        store.delivered("next", at(41), "250").await.unwrap();
        store.post(vec![at_second(50, notice("last", "email", NoticeKind::Alert, &[]))]).await.unwrap();
        assert_eq!(parts(&store, "email", 50).await, Some(("last".into(), 1)), "once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_for_good_and_is_no_all_clear_of_what_was_told_stays_refused() {
    for (store, _ground) in each().await {
        open_stuck(&store, &[alert("n1", "email", "i1")]).await;
        assert_eq!(claimed(&store, "email", 0).await, Some("n1".into()));
        store.failed("n1", at(1), "forbidden (403)", None).await.unwrap();
        let over = notice("over", "email", NoticeKind::Resolved, &[("i1", Step::Resolved)]);
        store.post(vec![at_second(10, over)]).await.unwrap();
        assert_eq!(parts(&store, "email", 10).await, Some(("over".into(), 1)));
        store.failed("over", at(11), "forbidden (403)", None).await.unwrap();
        store.post(vec![at_second(20, notice("next", "email", NoticeKind::Alert, &[]))]).await.unwrap();
        assert_eq!(parts(&store, "email", 20).await, Some(("next".into(), 1)), "nobody was told that it began");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_what_was_refused_only_the_ends_of_what_was_told_are_told_later() {
    for (store, _ground) in each().await {
        let openai = incident("i2", IssueId::OpenaiOffline, Phase::Open);
        open_stuck(&store, &[alert("n1", "email", "i1")]).await;
        store.commit(&[(openai, Change::Opened)], &[]).await.unwrap();
        assert_eq!(claimed(&store, "email", 0).await, Some("n1".into()));
        store.delivered("n1", at(1), "250").await.unwrap();
        // One message tells that i1 is over, and that i2 began; nobody takes it. Then i2 is over, too.
        let both = notice("both", "email", NoticeKind::Alert, &[("i1", Step::Resolved), ("i2", Step::Opened)]);
        let content = bulletin(&[("i1", News::Resolved), ("i2", News::Opened)]).to_json();
        store.post(vec![at_second(10, Notice { content: Some(content), ..both })]).await.unwrap();
        assert_eq!(claimed(&store, "email", 10).await, Some("both".into()));
        store.failed("both", at(11), "unauthorized (401)", None).await.unwrap();

        store.post(vec![at_second(20, notice("next", "email", NoticeKind::Alert, &[]))]).await.unwrap();
        let (said, heard) = std::sync::mpsc::channel();
        let merge = move |earlier: Vec<Notice>, newest: Notice| {
            said.send(earlier).unwrap();
            newest
        };
        store.claim("email", at(20), at(80), "test", merge).await.unwrap().unwrap();
        let [both] = heard.recv().unwrap().try_into().expect("one");
        let said = Bulletin::parse(both.content.as_deref().unwrap()).unwrap();
        let said: Vec<_> = said.lines.iter().map(|line| (line.incident.as_str(), line.news)).collect();
        assert_eq!((both.kind, said), (NoticeKind::Resolved, vec![("i1", News::Resolved)]));
        assert!(!store.told().await.unwrap().contains_key("i2"), "nobody hears that it began");
        let links = "SELECT incident_id || ' ' || step AS it FROM notice_incidents WHERE notice_id = 'next'";
        assert_eq!(texts(&store, links).await, ["i1 resolved"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_all_clear_is_told_after_a_day_in_which_the_channel_could_not_be_reached() {
    for (store, _ground) in each().await {
        open_stuck(&store, &[alert("n1", "email", "i1")]).await;
        assert_eq!(claimed(&store, "email", 0).await, Some("n1".into()));
        store.delivered("n1", at(1), "250").await.unwrap();
        let over = notice("over", "email", NoticeKind::Resolved, &[("i1", Step::Resolved)]);
        store.post(vec![at_second(10, over)]).await.unwrap();
        for attempt in 1..40 {
            let second = attempt * 10;
            assert_eq!(claimed(&store, "email", second).await, Some("over".into()));
            let next = (attempt < 39).then(|| at(second + 10));
            store.failed("over", at(second + 1), "timeout", next).await.unwrap();
        }
        store.post(vec![at_second(400, notice("next", "email", NoticeKind::Alert, &[]))]).await.unwrap();
        let due = store.claim("email", at(400), at(460), "test", joined).await.unwrap().unwrap();
        assert_eq!(
            (due.notice.body.as_str(), due.attempts, due.ends.as_slice()),
            ("over+next", 40, ["i1".into()].as_slice())
        );
        assert_eq!(due.refusals, 0, "what is new waits for its second try no longer than others");
        store.failed("next", at(401), "421", Some(at(405))).await.unwrap();
        let due = store.claim("email", at(405), at(460), "test", joined).await.unwrap().unwrap();
        assert_eq!((due.attempts, due.refusals, due.ends.len()), (41, 1, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_all_clear_that_is_refused_for_good_time_and_again_waits_until_something_else_is_taken() {
    for (store, _ground) in each().await {
        open_stuck(&store, &[alert("n1", "email", "i1")]).await;
        assert_eq!(claimed(&store, "email", 0).await, Some("n1".into()));
        store.delivered("n1", at(1), "250").await.unwrap();
        let over = notice("n2", "email", NoticeKind::Resolved, &[("i1", Step::Resolved)]);
        store.post(vec![at_second(10, over)]).await.unwrap();
        let mut together = vec![];
        for number in 2..12 {
            let (id, second) = (format!("n{number}"), number * 10);
            together.push(parts(&store, "email", second).await.unwrap().0);
            store.failed(&id, at(second + 1), "message is too ugly (400)", None).await.unwrap();
            let next = notice(&format!("n{}", number + 1), "email", NoticeKind::Resolved, &[]);
            store.post(vec![at_second(second + 2, next)]).await.unwrap();
        }
        assert_eq!(together[1], "n2+n3");
        assert_eq!(together[7..], ["n8+n9", "n10", "n11"], "eight times");

        // Somebody has given the channel a new key.
        assert_eq!(parts(&store, "email", 200).await, Some(("n12".into(), 1)));
        store.delivered("n12", at(201), "250").await.unwrap();
        store.post(vec![at_second(210, notice("n13", "email", NoticeKind::Resolved, &[]))]).await.unwrap();
        assert_eq!(parts(&store, "email", 210).await, Some(("n9+n13".into(), 9)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_for_good_waits_for_nothing_with_which_it_cannot_be_merged() {
    for (store, _ground) in each().await {
        let posted = |id| alert(id, "email", "i1");
        open_stuck(&store, &[posted("n1")]).await;
        assert_eq!(claimed(&store, "email", 0).await, Some("n1".into()));
        store.post(vec![posted("n2"), posted("n3")]).await.unwrap();
        // It may have arrived.
        change(&store, "UPDATE notices SET attempts = 1 WHERE id = 'n2'").await.unwrap();
        store.failed("n1", at(1), "forbidden (403)", None).await.unwrap();
        let failed = "SELECT id AS it FROM notices WHERE state = 'failed'";
        assert_eq!(texts(&store, failed).await, ["n1"], "alone it would be refused again at once, and again");
    }
}
