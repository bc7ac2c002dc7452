//! The main job: the program looks, judges, tells, and gives the all-clear.

use std::time::Duration;

use auto_operator::demo::Fault;
use serde_json::json;

use crate::support::service::bearer;
use crate::support::{Home, OPS_TOKEN, SOON, now};

#[actix_rt::test]
async fn the_sample_of_the_guide_gives_the_report_and_the_alert_of_the_guide() {
    let home = Home::new();
    home.world.has_the_sample_jobs(now());
    let service = home.serve().await;
    let telegram = home.world.telegram.messages().wait_for(|_| true, SOON).await.expect("an alert");
    let mail = home.world.smtp.mails().wait_for(|_| true, SOON).await.expect("a mail");
    let answer = service.ask("GET", "/ops-report", &[("authorization", &bearer(OPS_TOKEN))]).await;
    let report = answer.json();

    assert_eq!(answer.status, 503);
    assert_eq!(report["health"], json!({"openai": true, "notion": true}));
    assert_eq!(
        report["metrics"],
        json!({"total_24h": 68, "done_24h": 4, "low_qa_count": 3, "avg_qa_24h": 82.3,
               "warnings": ["Low completion rate: 5.9%"]})
    );
    assert_eq!(report["stuck_jobs_count"], 50);
    assert_eq!(report["overall_ok"], false);
    assert_eq!(report["issues"], json!(["⚠️ 50 job(s) stuck >30 minutes", "⚠️ Low completion rate: 5.9%"]));

    let body = telegram.text.split_once("\n\n").expect("a subject and a body").1;
    let (timestamp, rest) = body.split_once('\n').expect("a first line");
    assert!(timestamp.starts_with("Timestamp: 20") && timestamp.ends_with('Z'), "{timestamp}");
    assert_eq!(
        rest,
        "\nISSUES DETECTED:\n  • ⚠️ 50 job(s) stuck >30 minutes\n  • ⚠️ Low completion rate: 5.9%\n\
         \nMetrics:\n  • Total jobs (24h): 68\n  • Done jobs: 4\n  • Avg QA: 82.3%\n  • Stuck jobs: 50"
    );
    assert!(telegram.text.starts_with("🚨 EchoPilot Auto-Operator Alert\n\n"));
    assert_eq!(mail.subject, "🚨 EchoPilot Auto-Operator Alert");
    assert_eq!(mail.body.trim_end().replace("\r\n", "\n"), body);
}

#[actix_rt::test]
async fn a_tick_that_falls_into_a_running_cycle_is_skipped_and_said() {
    let mut home = Home::new();
    home.without("NOTION");
    home.set("REQUEST_TIMEOUT", "4s");
    home.world.openai.set_fault(Some(Fault::Delay(Duration::from_millis(1_600))));
    let service = home.serve().await;
    service.line(": this tick is skipped").await;
    for cycle in 1..=2 {
        service.line(&format!("cycle={cycle} took ")).await;
    }
    // Each cycle asks once, and the next one begins after its end.
    let asked = home.world.openai.requests().all();
    let apart = asked.windows(2).map(|pair| (pair[1].at - pair[0].at).num_milliseconds());
    assert!(apart.clone().all(|apart| apart >= 1_600), "{:?}", apart.collect::<Vec<_>>());
}

#[actix_rt::test]
async fn each_cycle_has_one_line_in_the_log_with_its_figures() {
    let home = Home::new();
    home.world.has_the_sample_jobs(now());
    let service = home.serve().await;
    service.full_cycle().await;
    let (_, log) = service.signal("TERM").await;
    let lines: Vec<&str> = log.lines().filter(|line| line.contains(" ms: ") && line.contains("cycle=")).collect();
    assert!(lines.len() >= 2, "{log}");
    for (number, line) in lines.iter().enumerate() {
        let number = number + 1;
        assert!(line.contains(&format!("INFO [AutoOperator] cycle={number} took ")), "{line}");
        assert!(line.ends_with("jobs=68 done=4 avg_qa=82.3 stuck=50"), "{line}");
        for part in ["health=ok (", "metrics=failing (", "stuck_jobs=failing (", "⚠️ Low completion rate: 5.9%"] {
            assert!(line.contains(part), "{line}");
        }
    }
}
