//! What goes with time, and what never does.

use super::*;
use crate::domain::history::What;
use crate::domain::silence::Silence;
use crate::store::prune::{BATCH, SWEEPS, Sweep};

/// So many days after the beginning of the test's time.
fn day(days: i64) -> DateTime<Utc> {
    at(days * 86_400)
}

fn over(id: &str, issue: IssueId, resolved_at: DateTime<Utc>) -> (Incident, Change) {
    (Incident { resolved_at: Some(resolved_at), ..incident(id, issue, Phase::Resolved) }, Change::Resolved)
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_old_and_done_with_goes() {
    for (store, _ground) in each().await {
        let stepped = [
            (incident("open", IssueId::StuckJobs, Phase::Open), Change::Opened),
            over("old", IssueId::OpenaiOffline, day(0)),
            over("old, all-clear pending", IssueId::OpenaiOffline, day(0)),
            over("new", IssueId::OpenaiOffline, day(100)),
        ];
        let all_clear = |id, about| notice(id, "email", NoticeKind::Resolved, &[(about, Step::Resolved)]);
        let notices = [
            alert("told of what is open", "telegram", "open"),
            alert("failed", "telegram", "old"),
            alert("old", "telegram", "old"),
            Notice { created: day(400), ..alert("new", "telegram", "old") },
            all_clear("pending", "old, all-clear pending"),
        ];
        let happened = |id: &str| Recorded {
            incident_id: id.into(),
            at: at(0),
            what: What::Opened,
            text: "opened".into(),
            by: None,
        };
        let (stepped, notices) = (stepped.to_vec(), notices.to_vec());
        let entries = vec![happened("old"), happened("open")];
        store.settle(|_| Decision { stepped, notices, entries, ..Decision::default() }).await.unwrap();
        for delivered in ["told of what is open", "old", "new"] {
            store.delivered(delivered, at(1), "").await.unwrap();
        }
        store.failed("failed", at(1), "550", None).await.unwrap();

        assert_eq!(store.prune(day(29)).await.unwrap(), 0, "notices are kept for a month");
        assert_eq!(store.prune(day(364)).await.unwrap(), 2, "incidents for a year");
        assert_eq!(store.prune(day(401)).await.unwrap(), 1);
        let incidents = texts(&store, "SELECT id AS it FROM incidents ORDER BY id").await;
        assert_eq!(incidents, ["new", "old, all-clear pending", "open"]);
        let notices = texts(&store, "SELECT id AS it FROM notices ORDER BY seq").await;
        assert_eq!(notices, ["told of what is open", "new", "pending"]);
        assert_eq!(
            texts(&store, "SELECT notice_id AS it FROM notice_incidents ORDER BY 1").await,
            ["pending", "told of what is open"]
        );
        assert_eq!(
            texts(&store, "SELECT notice_id AS it FROM deliveries ORDER BY 1").await,
            ["new", "told of what is open"]
        );
        assert_eq!(texts(&store, "SELECT incident_id AS it FROM incident_changes").await, ["open"]);
        assert!(store.told().await.unwrap().contains_key("open"));
        assert_eq!(store.prune(day(401)).await.unwrap(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_silences_and_gaps_go_and_the_newest_report_stays() {
    for (store, _ground) in each().await {
        for days in [0, 3, 1] {
            let report = Some(StoredReport { at: day(days), body: format!("{days}") });
            let gap = Some(Gap { since: day(days), until: at(1 + days * 86_400) });
            store.settle(move |_| Decision { report, gap, ..Decision::default() }).await.unwrap();
            let silence = Silence {
                id: format!("{days}"),
                issue: None,
                created: at(0),
                until: day(days),
                by: "ada".into(),
                reason: String::new(),
            };
            store.silence(&silence).await.unwrap();
        }
        let reports = async || texts(&store, "SELECT body AS it FROM reports ORDER BY at").await;
        store.prune(at(3 * 86_400 + 1)).await.unwrap();
        assert_eq!(reports().await, ["1", "3"]);
        store.prune(at(31 * 86_400 + 1)).await.unwrap();
        assert_eq!(reports().await, ["3"]);
        assert_eq!(store.newest_report(day(3)).await.unwrap().map(|report| report.body), Some("3".into()));
        assert_eq!(texts(&store, "SELECT id AS it FROM silences").await, ["3"]);
        assert_eq!(store.gaps(at(0)).await.unwrap().len(), 3);
        store.prune(at(401 * 86_400 + 2)).await.unwrap();
        let kept: Vec<_> = store.gaps(at(0)).await.unwrap().into_iter().map(|gap| gap.since).collect();
        assert_eq!(kept, [day(3)]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_go_in_several_batches_and_what_hangs_on_them_goes_before() {
    for (store, _ground) in each().await {
        let many = BATCH * 2 + 1;
        let stepped: Vec<_> = (0..many).map(|number| over(&number.to_string(), IssueId::StuckJobs, at(0))).collect();
        let entries = stepped
            .iter()
            .flat_map(|(incident, _)| [incident.id.clone(), incident.id.clone(), incident.id.clone()])
            .map(|incident_id| Recorded { incident_id, at: at(0), what: What::Opened, text: String::new(), by: None })
            .collect();
        store.settle(|_| Decision { stepped, entries, ..Decision::default() }).await.unwrap();
        let Sweep { dependents: Some(changes), rows: incidents, .. } = SWEEPS[1] else { panic!("not the incidents") };
        assert_eq!(store.delete_batch(changes, at(1), BATCH).await.unwrap().0, BATCH);
        assert_eq!(store.delete_batch(incidents, at(1), BATCH).await.unwrap().0, BATCH);
        assert_eq!(store.prune(day(366)).await.unwrap(), many - BATCH);
        assert_eq!(number(&store, "SELECT COUNT(*) AS it FROM incident_changes").await, 0);
    }
}
