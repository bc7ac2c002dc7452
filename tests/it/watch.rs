//! The main job: the program looks, judges, tells, and gives the all-clear.

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
