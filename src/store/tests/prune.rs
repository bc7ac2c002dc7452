//! What goes with time, and what never does.

use super::*;
use crate::store::prune::{BATCH, INCIDENTS};

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_old_and_done_with_goes() {
    for (store, _ground) in each().await {
        let over = |id: &str, second| {
            let resolved_at = Some(at(second));
            (Incident { resolved_at, ..incident(id, IssueId::OpenaiOffline, Phase::Resolved) }, Change::Resolved)
        };
        let stepped = [
            (incident("open", IssueId::StuckJobs, Phase::Open), Change::Opened),
            over("old", 0),
            over("old, all-clear pending", 0),
            over("new", 100),
        ];
        let all_clear = |id, about| notice(id, "email", NoticeKind::Resolved, &[(about, Step::Resolved)]);
        let notices = [
            alert("told of what is open", "telegram", "open"),
            alert("failed", "telegram", "old"),
            alert("old", "telegram", "old"),
            Notice { created: at(100), ..alert("new", "telegram", "old") },
            all_clear("pending", "old, all-clear pending"),
        ];
        store.commit(&stepped, &notices).await.unwrap();
        for delivered in ["told of what is open", "old", "new"] {
            store.delivered(delivered, at(1), "").await.unwrap();
        }
        store.failed("failed", at(1), "550", None).await.unwrap();

        assert_eq!(store.prune(at(100)).await.unwrap(), 3);
        let incidents = texts(&store, "SELECT id AS it FROM incidents ORDER BY id").await;
        assert_eq!(incidents, ["new", "old, all-clear pending", "open"]);
        let notices = texts(&store, "SELECT id AS it FROM notices ORDER BY seq").await;
        assert_eq!(notices, ["told of what is open", "new", "pending"]);
        assert_eq!(
            texts(&store, "SELECT notice_id AS it FROM notice_incidents ORDER BY 1").await,
            ["pending", "told of what is open"]
        );
        assert!(store.told().await.unwrap().contains_key("open"));
        assert_eq!(store.prune(at(100)).await.unwrap(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_go_in_several_batches() {
    for (store, _ground) in each().await {
        let many = BATCH * 2 + 1;
        let stepped: Vec<_> = (0..many)
            .map(|number| (incident(&number.to_string(), IssueId::StuckJobs, Phase::Resolved), Change::Resolved))
            .collect();
        store.commit(&stepped, &[]).await.unwrap();
        assert_eq!(store.delete_batch(INCIDENTS, at(1)).await.unwrap(), BATCH);
        assert_eq!(store.prune(at(1)).await.unwrap(), many - BATCH);
    }
}
