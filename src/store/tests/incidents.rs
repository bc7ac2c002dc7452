//! Incidents there and back, and what a commit does and does not leave behind.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn every_field_of_an_incident_comes_back() {
    for (store, _ground) in each().await {
        let mut first = incident("b", IssueId::StuckJobs, Phase::Recovering);
        first.held = Held::By(IssueId::OpenaiOffline);
        first.told = Some(Telling { at: at(5), text: "told".into(), magnitude: Some(50) });
        first.acknowledged = Some(Acknowledgement { by: "ada".into(), at: at(6) });
        first.magnitude = Some(70);
        first.unstable = true;
        let mut second = incident("a", IssueId::LowCompletion, Phase::Suspected);
        second.held = Held::Released(IssueId::OpenaiOffline);
        second.since = at(1);
        let third = Incident { since: at(2), ..incident("0", IssueId::OpenaiOffline, Phase::Open) };
        let stepped = [&third, &second, &first].map(|incident| (incident.clone(), Change::None));
        store.commit(&stepped, &[]).await.unwrap();
        assert_eq!(store.unresolved().await.unwrap(), [first, second, third], "the oldest first");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_issue_finds_its_way_back() {
    for (store, _ground) in each().await {
        let stepped = IssueId::ALL.map(|issue| (incident(&issue.to_string(), issue, Phase::Open), Change::Opened));
        store.commit(&stepped, &[]).await.unwrap();
        let mut back: Vec<_> = store.unresolved().await.unwrap().into_iter().map(|incident| incident.issue).collect();
        let mut all = IssueId::ALL;
        back.sort();
        all.sort();
        assert_eq!(back, all);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_over_or_forgotten_is_no_longer_unresolved_and_makes_room_for_the_next() {
    for (store, _ground) in each().await {
        let suspected = incident("s", IssueId::LowCompletion, Phase::Suspected);
        open_stuck(&store, &[]).await;
        store.commit(&[(suspected.clone(), Change::None)], &[]).await.unwrap();
        assert_eq!(store.unresolved().await.unwrap().len(), 2);

        // The next ones come first, so that only the order of the store makes room for them.
        let next = incident("i2", IssueId::StuckJobs, Phase::Open);
        let again = incident("s2", IssueId::LowCompletion, Phase::Suspected);
        let resolved = incident("i1", IssueId::StuckJobs, Phase::Resolved);
        let stepped = [
            (next.clone(), Change::Opened),
            (again.clone(), Change::None),
            (resolved, Change::Resolved),
            (suspected, Change::Forgotten),
        ];
        store.commit(&stepped, &[]).await.unwrap();
        assert_eq!(store.unresolved().await.unwrap(), [next, again]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_fails_leaves_nothing() {
    for (store, _ground) in each().await {
        let stuck = (incident("i1", IssueId::StuckJobs, Phase::Open), Change::Opened);
        let of_nobody = alert("n2", "email", "no such incident");
        let twice = (incident("i2", IssueId::StuckJobs, Phase::Open), Change::Opened);
        for (stepped, notices) in [
            (vec![stuck.clone()], vec![alert("n1", "email", "i1"), of_nobody]),
            (vec![stuck.clone(), twice], vec![alert("n1", "email", "i1")]),
        ] {
            let error = store.commit(&stepped, &notices).await.unwrap_err();
            assert!(matches!(error, StoreError::Failed(_)), "{error}");
            assert_eq!(store.unresolved().await.unwrap(), []);
            assert_eq!(store.next_due("email", at(10_000)).await.unwrap(), None);
        }
        open_stuck(&store, &[alert("n1", "email", "i1")]).await;
        assert_eq!(store.unresolved().await.unwrap().len(), 1, "and the writer is free again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_is_repeated_changes_nothing_more() {
    for (store, _ground) in each().await {
        let notices = [alert("n1", "email", "i1")];
        open_stuck(&store, &notices).await;
        assert_eq!(claimed(&store, "email", 0).await, Some("n1".into()));
        store.delivered("n1", at(1), "250 ok").await.unwrap();
        open_stuck(&store, &notices).await;
        assert_eq!(store.next_due("email", at(10_000)).await.unwrap(), None, "it stays delivered");
        assert_eq!(store.unresolved().await.unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_newer_version_has_left_behind_does_not_keep_us_from_starting() {
    for (store, _ground) in each().await {
        let stepped = [IssueId::StuckJobs, IssueId::LowCompletion, IssueId::NotionOffline]
            .map(|issue| (incident(&issue.to_string(), issue, Phase::Open), Change::Opened));
        store.commit(&stepped, &[]).await.unwrap();
        for statement in [
            "UPDATE incidents SET issue = 'actor_tired' WHERE issue = 'stuck_jobs'",
            "UPDATE incidents SET held = 'by', held_cause = 'actor_tired' WHERE issue = 'low_completion'",
        ] {
            change(&store, statement).await.unwrap();
        }
        let known: Vec<_> =
            store.unresolved().await.unwrap().into_iter().map(|incident| (incident.issue, incident.held)).collect();
        assert_eq!(known, [(IssueId::LowCompletion, Held::No), (IssueId::NotionOffline, Held::No)]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_makes_no_sense_is_an_error_that_names_it() {
    for (column, value, words) in [
        ("since", "9223372036854775807", "9223372036854775807 in since is no moment"),
        ("streak", "-1", "-1 in streak is no count"),
        ("told_at", "'noon'", "told_at"),
    ] {
        let (store, _directory) = in_file().await;
        open_stuck(&store, &[]).await;
        let change = sqlx::AssertSqlSafe(format!("UPDATE incidents SET {column} = {value}"));
        sqlx::query(change).execute(sqlite_of(&store).0).await.unwrap();
        let error = store.unresolved().await.unwrap_err();
        assert!(matches!(&error, StoreError::Nonsense(text) if text.contains(words)), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_only_one_of_the_databases_could_hold_is_told_all_the_same() {
    for (store, _ground) in each().await {
        let stuck = Incident { detail: "a\0b".into(), ..incident("i1", IssueId::StuckJobs, Phase::Open) };
        store
            .commit(&[(stuck, Change::Opened)], &[Notice { body: "\0".into(), ..alert("n1", "email", "i1") }])
            .await
            .unwrap();
        assert_eq!(store.unresolved().await.unwrap()[0].detail, "a\u{FFFD}b");
        assert_eq!(store.claim("email", at(0), at(60), "me", joined).await.unwrap().unwrap().notice.body, "\u{FFFD}");
    }
}
