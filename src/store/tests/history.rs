//! What was, page by page.

use super::*;
use crate::domain::history::What;

async fn history(store: &Store, count: i64) {
    let stepped: Vec<_> = (0..count)
        .map(|number| {
            let issue = if number % 3 == 0 { IssueId::StuckJobs } else { IssueId::OpenaiOffline };
            // Two at a time were seen in the same moment.
            let since = at(number / 2);
            let phase = if number == count - 1 { Phase::Open } else { Phase::Resolved };
            (Incident { since, ..incident(&format!("i{number:03}"), issue, phase) }, Change::Resolved)
        })
        .collect();
    store.commit(&stepped, &[]).await.unwrap();
}

/// The ids on all pages of that size.
async fn all_pages(store: &Store, filter: IncidentFilter, size: u32) -> Vec<Vec<String>> {
    let (mut pages, mut cursor) = (vec![], None);
    loop {
        let page = store.incidents_page(filter, cursor.as_deref(), size).await.unwrap();
        pages.push(page.items.into_iter().map(|incident| incident.id).collect());
        cursor = page.next;
        if cursor.is_none() {
            return pages;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn incidents_come_newest_first_and_page_by_page() {
    for (store, _ground) in each().await {
        assert_eq!(all_pages(&store, IncidentFilter::default(), 5).await, [Vec::<String>::new()]);
        history(&store, 12).await;
        let suspected = incident("suspected", IssueId::LowCompletion, Phase::Suspected);
        store.commit(&[(suspected, Change::None)], &[]).await.unwrap();

        let pages = all_pages(&store, IncidentFilter::default(), 5).await;
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [5, 5, 2]);
        let expected: Vec<_> = (0..12).rev().map(|number| format!("i{number:03}")).collect();
        assert_eq!(pages.concat(), expected);
        assert_eq!(all_pages(&store, IncidentFilter::default(), 12).await.len(), 1, "no empty page at the end");

        let stuck = IncidentFilter { open: None, issue: Some(IssueId::StuckJobs) };
        assert_eq!(all_pages(&store, stuck, 3).await, [vec!["i009", "i006", "i003"], vec!["i000"]]);
        let open = IncidentFilter { open: Some(true), issue: None };
        assert_eq!(all_pages(&store, open, 3).await, [["i011"]]);
        let over = IncidentFilter { open: Some(false), issue: None };
        assert_eq!(all_pages(&store, over, 12).await.concat(), expected[1..]);
        let over = IncidentFilter { open: Some(false), ..stuck };
        assert_eq!(all_pages(&store, over, 12).await, [["i009", "i006", "i003", "i000"]]);
        let both = |issue| IncidentFilter { open: Some(true), issue: Some(issue) };
        assert_eq!(all_pages(&store, both(IssueId::OpenaiOffline), 3).await, [["i011"]]);
        assert_eq!(all_pages(&store, both(IssueId::StuckJobs), 3).await, [Vec::<String>::new()]);
        let over = IncidentFilter { open: Some(false), issue: None };
        assert_eq!(all_pages(&store, over, 20).await.concat(), expected[1..]);
        let over = IncidentFilter { open: Some(false), issue: Some(IssueId::OpenaiOffline) };
        assert_eq!(all_pages(&store, over, 3).await[0], ["i010", "i008", "i007"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_neither_empty_nor_endless_and_a_wrong_cursor_is_called_so() {
    for (store, _ground) in each().await {
        history(&store, 250).await;
        let all = IncidentFilter::default();
        assert_eq!(store.incidents_page(all, None, u32::MAX).await.unwrap().items.len(), 200);
        assert_eq!(store.incidents_page(all, None, 0).await.unwrap().items.len(), 1);
        for wrong in ["", "i011", "%"] {
            let error = store.incidents_page(all, Some(wrong), 5).await.unwrap_err();
            assert!(matches!(error, StoreError::WrongCursor), "{error}");
            let error = store.deliveries_page(None, Some(wrong), 5).await.unwrap_err();
            assert!(matches!(error, StoreError::WrongCursor), "{error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_does_not_hide_the_rest() {
    for (store, _ground) in each().await {
        history(&store, 5).await;
        store
            .post((0..3).map(|number| notice(&format!("n{number}"), "email", NoticeKind::Alert, &[])).collect())
            .await
            .unwrap();
        for statement in [
            "UPDATE incidents SET streak = -1 WHERE id = 'i003'",
            "UPDATE incidents SET issue = 'actor_tired' WHERE id = 'i001'",
            "UPDATE notices SET attempts = -1 WHERE id = 'n1'",
        ] {
            change(&store, statement).await.unwrap();
        }
        let pages = all_pages(&store, IncidentFilter::default(), 2).await;
        assert_eq!(pages, [vec!["i004"], vec!["i002"], vec!["i000"]]);
        let page = store.deliveries_page(None, None, 2).await.unwrap();
        assert_eq!(page.items.len(), 1);
        let rest = store.deliveries_page(None, page.next.as_deref(), 2).await.unwrap();
        assert_eq!((rest.items[0].id.as_str(), rest.next), ("n0", None));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_tell_what_became_of_each_notice() {
    for (store, _ground) in each().await {
        let both = notice("n3", "email", NoticeKind::Resolved, &[("i1", Step::Reminded), ("i1", Step::Resolved)]);
        open_stuck(&store, &[alert("n1", "email", "i1"), alert("n2", "telegram", "i1"), both]).await;
        claimed(&store, "email", 0).await;
        store.delivered("n3", at(1), "250 ok").await.unwrap();
        claimed(&store, "telegram", 0).await;
        store.failed("n2", at(2), "403", None).await.unwrap();
        let pending = Notice { created: at(5), ..notice("n4", "telegram", NoticeKind::Lifecycle, &[]) };
        store.post(vec![pending]).await.unwrap();

        let page = store.deliveries_page(None, None, 10).await.unwrap();
        let [newest, delivered, undelivered, merged] = page.items.try_into().unwrap();
        assert_eq!(page.next, None);
        let expected = DeliveryRecord {
            id: "n4".into(),
            channel: "telegram".into(),
            kind: "lifecycle".into(),
            state: NoticeState::Pending,
            subject: "🚨 EchoPilot Auto-Operator Alert".into(),
            body: "ISSUES DETECTED:\n  • ⚠️ 137 job(s) stuck >30 minutes".into(),
            attempts: 0,
            created: at(5),
            next_try: Some(at(5)),
            delivered_at: None,
            answer: None,
            last_error: None,
            merged_into: None,
            incidents: vec![],
            tries: vec![],
        };
        assert_eq!(newest, expected);
        assert_eq!((delivered.state, delivered.answer.as_deref()), (NoticeState::Delivered, Some("250 ok")));
        assert_eq!((delivered.delivered_at, delivered.next_try, delivered.tries.len()), (Some(at(1)), None, 1));
        let steps: Vec<_> = delivered.incidents.iter().map(|(id, step)| (id.as_str(), step.as_str())).collect();
        assert_eq!(
            steps,
            [("i1", "opened"), ("i1", "reminded"), ("i1", "resolved")],
            "its own and what was merged into it"
        );
        assert_eq!((undelivered.state, undelivered.last_error.as_deref()), (NoticeState::Undelivered, Some("403")));
        assert_eq!((merged.state, merged.merged_into.as_deref()), (NoticeState::Merged, Some("n3")));
        assert_eq!(merged.incidents, [("i1".into(), "opened".into())]);

        let (mut ids, mut cursor) = (vec![], None);
        loop {
            let page = store.deliveries_page(Some("email"), cursor.as_deref(), 1).await.unwrap();
            ids.extend(page.items.into_iter().map(|record| (record.id, record.tries.len())));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(ids, [("n3".to_owned(), 1), ("n1".to_owned(), 0)]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_tells_its_story() {
    for (store, _ground) in each().await {
        let entry = |second, what, incident: &str, by: Option<&str>| Recorded {
            incident_id: incident.into(),
            at: at(second),
            what,
            text: format!("after {second} s"),
            by: by.map(Into::into),
        };
        let opened = [entry(0, What::Opened, "i1", None), entry(0, What::Opened, "of nobody", None)];
        let stuck = (incident("i1", IssueId::StuckJobs, Phase::Open), Change::Opened);
        let other = (incident("i2", IssueId::OpenaiOffline, Phase::Open), Change::Opened);
        let notices = vec![alert("n1", "email", "i1"), alert("n2", "email", "i2"), alert("n3", "telegram", "i1")];
        let decision =
            Decision { stepped: vec![stuck.clone(), other], entries: opened.into(), notices, ..Decision::default() };
        store.settle(|_| decision).await.unwrap();
        let more = [entry(5, What::Acknowledged, "i1", Some("ada")), entry(6, What::Recovering, "i2", None)];
        store.settle(move |_| Decision { entries: more.into(), ..Decision::default() }).await.unwrap();
        change(&store, "INSERT INTO incident_changes (incident_id, at, what, text) VALUES ('i1', 9, 'digested', '')")
            .await
            .unwrap();

        let story = store.incident("i1").await.unwrap().unwrap();
        assert_eq!(story.incident, stuck.0);
        let expected = [entry(0, What::Opened, "i1", None), entry(5, What::Acknowledged, "i1", Some("ada"))];
        assert_eq!(story.changes, expected);
        let notices: Vec<_> = story.notices.iter().map(|record| (record.id.as_str(), record.incidents.len())).collect();
        assert_eq!(notices, [("n1", 1), ("n3", 1)]);
        assert_eq!(store.incident("i3").await.unwrap(), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_long_story_the_end_is_told() {
    for (store, _ground) in each().await {
        let entries = (0..600).map(|number| Recorded {
            incident_id: "i1".into(),
            at: at(number),
            what: What::Returned,
            text: String::new(),
            by: None,
        });
        let decision = Decision {
            stepped: vec![(incident("i1", IssueId::StuckJobs, Phase::Open), Change::Opened)],
            entries: entries.collect(),
            notices: (0..250).map(|number| alert(&format!("n{number:03}"), "email", "i1")).collect(),
            ..Decision::default()
        };
        store.settle(|_| decision).await.unwrap();
        let story = store.incident("i1").await.unwrap().unwrap();
        let ends = (story.changes.first().unwrap().at, story.changes.last().unwrap().at);
        assert_eq!((story.changes.len(), ends), (500, (at(100), at(599))));
        let ends = (story.notices.first().unwrap().id.as_str(), story.notices.last().unwrap().id.as_str());
        assert_eq!((story.notices.len(), ends), (200, ("n050", "n249")));
    }
}
