//! Many incidents, many stuck jobs, names of any length: everybody gets an answer, and none is longer for it.

use auto_operator::demo::notion::JobRow;
use auto_operator::domain::incident::{Change, Held, Incident, Phase};
use auto_operator::domain::issue::IssueId;
use auto_operator::store::{Decision, Location, Store};
use chrono::TimeDelta;

use crate::support::service::bearer;
use crate::support::{Home, OPS_TOKEN, now};

/// How many incidents are over.
const PAST: i64 = 10_000;

/// How many jobs are stuck.
const STUCK: i64 = 1_000;

/// What an answer may hold at most, in bytes.
const LONGEST: usize = 1_000_000;

/// An incident that lasted half an hour, in the last hundred days.
fn past(number: i64) -> Incident {
    let since = now() - TimeDelta::minutes((PAST - number) * 14 + 60);
    Incident {
        id: format!("past-{number:05}"),
        issue: [IssueId::OpenaiOffline, IssueId::StuckJobs][usize::from(number % 2 == 0)],
        text: "<script>alert(1)</script> \u{202e}desrever 🦀".into(),
        detail: "é".repeat(500),
        magnitude: None,
        since,
        phase: Phase::Resolved,
        streak: 0,
        held: Held::No,
        unstable: false,
        told: None,
        acknowledged: None,
        resolved_at: Some(since + TimeDelta::minutes(30)),
    }
}

async fn with_a_long_past(home: &Home) {
    let store = Store::open(&Location::File(home.file("watch.db")), tokio::runtime::Handle::current()).await.unwrap();
    for first in (0..PAST).step_by(1_000) {
        let stepped = (first..first + 1_000).map(|number| (past(number), Change::Opened)).collect();
        store.settle(|_| Decision { stepped, ..Decision::default() }).await.unwrap();
    }
    store.close().await.unwrap();
}

#[actix_rt::test]
async fn ten_thousand_incidents_and_a_thousand_stuck_jobs_make_no_answer_long() {
    let home = Home::on_demand();
    with_a_long_past(&home).await;
    let job = |number: i64| JobRow {
        name: ["<script>".into(), "\u{202e}🦀".repeat(5_000), format!("job {number}")][(number % 3) as usize].clone(),
        status: Some("Processing".into()),
        qa: None,
        created: now() - TimeDelta::hours(30),
        last_edited: now() - TimeDelta::hours(8),
    };
    home.world.notion.add_jobs(home.world.job_log, (0..STUCK).map(job));
    let service = home.serve().await;
    let report = service.cycle().await;
    assert_eq!(report["stuck_jobs_count"], STUCK);

    let authorization = bearer(OPS_TOKEN);
    for path in
        ["/", "/ops-report", "/feed.xml", "/metrics", "/badge.svg", "/api/incidents?limit=200", "/incidents/past-00007"]
    {
        let answer = service.ask("GET", path, &[("authorization", &authorization)]).await;
        assert_eq!(answer.status.is_success(), path != "/ops-report", "{path}: {}", answer.status);
        assert!(answer.body.len() < LONGEST, "{path} has {} bytes", answer.body.len());
        let text = String::from_utf8(answer.body).unwrap();
        let is_markup = ["/", "/feed.xml", "/incidents/past-00007"].contains(&path);
        assert!(!is_markup || !text.contains("<script>alert"), "{path}");
    }

    let (mut ids, mut cursor) = (vec![], String::new());
    loop {
        let page = service.get_all(&format!("/api/incidents?limit=200{cursor}")).await;
        ids.extend(
            page["incidents"].as_array().unwrap().iter().map(|incident| incident["id"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let past = ids.iter().filter(|id| id.starts_with("past-")).count();
    assert_eq!((past, ids.len()), (PAST as usize, PAST as usize + 1), "each once, and the one that is open");
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), PAST as usize + 1);
}
