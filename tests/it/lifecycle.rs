//! The service comes and goes: who is told of it, what is held back meanwhile, and when nobody looked.

use chrono::{DateTime, Timelike, Utc};
use serde_json::{Value, json};

use crate::postgres;
use crate::support::channels::{ALERT, mails, subjects, telegrams, texts};
use crate::support::{Home, now};

const STARTED: &str = "▶️ EchoPilot Auto-Operator Started";
const STOPPED: &str = "⏹️ EchoPilot Auto-Operator Stopped";

/// A window of maintenance, every day, that `now` falls into and that does not end soon.
fn window_around(now: DateTime<Utc>) -> String {
    let hour = |hours: u32| (now.hour() + hours) % 24;
    format!("daily {:02}:00-{:02}:00 UTC", hour(23), hour(2))
}

#[actix_rt::test]
async fn a_start_and_a_stop_are_told_to_those_who_want_to_know() {
    let mut home = Home::well();
    home.set("LIFECYCLE_NOTICES", "true");
    let service = home.serve().await;
    telegrams(&home.world, 1).await;
    mails(&home.world, 1).await;
    service.cycle().await;
    let (status, log) = service.signal("TERM").await;
    assert!(status.success(), "{log}");
    let told = telegrams(&home.world, 2).await;
    assert_eq!(subjects(&told), [STARTED, STOPPED], "{log}");
    let version = concat!("version ", env!("CARGO_PKG_VERSION"), ", ");
    assert!(texts(&told).iter().all(|text| text.contains(version)), "{:?}", texts(&told));
    let mails = mails(&home.world, 2).await;
    assert_eq!([&mails[0].subject, &mails[1].subject], [STARTED, STOPPED]);
    assert_eq!(home.run(&["check"]).await.code, Some(0));
    telegrams(&home.world, 2).await;
}

#[actix_rt::test]
async fn a_stop_is_told_although_another_channel_hangs() {
    use auto_operator::demo::Fault;
    let mut home = Home::well();
    home.set("LIFECYCLE_NOTICES", "true");
    home.world.telegram.set_fault(Some(Fault::Hang));
    home.set("REQUEST_TIMEOUT", "20s");
    home.set("CHECK_TIMEOUT", "40s");
    let service = home.serve().await;
    mails(&home.world, 1).await;
    let (status, log) = service.signal("TERM").await;
    assert!(status.success(), "{log}");
    assert_eq!(mails(&home.world, 2).await[1].subject, STOPPED, "{log}");
}

#[actix_rt::test]
async fn in_maintenance_nothing_is_told_and_all_of_it_is_shown() {
    let mut home = Home::well();
    home.set("LIFECYCLE_NOTICES", "true");
    home.set("MAINTENANCE", &window_around(now()));
    home.world.jobs_get_stuck(3, now());
    let service = home.serve().await;
    let report = service.cycles(2).await;
    assert_eq!(report["incidents"][0]["issue"], "stuck_jobs", "{report:#}");
    service.signal("TERM").await;
    telegrams(&home.world, 0).await;
    mails(&home.world, 0).await;

    home.unset(&["MAINTENANCE", "LIFECYCLE_NOTICES"]);
    let service = home.serve().await;
    service.cycle().await;
    assert_eq!(subjects(&telegrams(&home.world, 1).await), [ALERT], "what is still there afterwards is told then");
}

#[actix_rt::test]
async fn a_start_and_a_stop_in_a_maintenance_are_told_when_it_ends() {
    let database = postgres::shared().database();
    let mut home = Home::well();
    home.set("DATABASE_URL", &database.url());
    home.set("LIFECYCLE_NOTICES", "true");
    home.set("MAINTENANCE", &window_around(now()));
    let service = home.serve().await;
    service.cycle().await;
    let (_, log) = service.signal("TERM").await;
    telegrams(&home.world, 0).await;

    // As if it were over.
    assert!(database.says("UPDATE notices SET next_try = created + 1"), "{log}");
    home.unset(&["MAINTENANCE", "LIFECYCLE_NOTICES"]);
    let _service = home.serve().await;
    let told = telegrams(&home.world, 1).await;
    assert_eq!(subjects(&told), [STOPPED], "{log}");
    let text = &told[0].text;
    assert!(text.contains("Started: version") && text.contains("Stopped: version"), "{text}");
}

#[actix_rt::test]
async fn when_nobody_looked_is_in_the_report_and_no_stale_alert_follows() {
    let database = postgres::shared().database();
    let mut home = Home::well();
    home.set("DATABASE_URL", &database.url());
    home.set("CHECK_INTERVAL", "10m");
    let service = home.serve().await;
    assert_eq!(service.cycle().await["gaps"], json!([]), "before the first cycle there was nobody to look");
    service.signal("TERM").await;

    // As if that had been an hour ago: the host slept, and so did the jobs.
    assert!(database.says("UPDATE samples SET at = at - 3600000"));
    home.world.jobs_get_stuck(3, now());
    let service = home.serve().await;
    service.line(" nobody looked from ").await;
    let report = service.report().await;
    let gaps = report["gaps"].as_array().unwrap().clone();
    assert_eq!((gaps.len(), &gaps[0]["to"]), (1, &report["timestamp"]), "{report:#}");
    assert!(hours(&gaps[0]) >= 1.0, "{gaps:?}");
    assert_eq!(
        (&report["stuck_jobs_count"], &report["incidents"]),
        (&json!(3), &json!([])),
        "seen, and not believed yet"
    );
    telegrams(&home.world, 0).await;
    let report = service.cycle().await;
    assert_eq!((&report["gaps"], &report["incidents"][0]["issue"]), (&json!(gaps), &json!("stuck_jobs")));
    telegrams(&home.world, 1).await;
    service.signal("TERM").await;

    let service = home.serve().await;
    assert_eq!(service.cycle().await["gaps"], json!(gaps), "the next process knows of it too");
}

fn hours(gap: &Value) -> f64 {
    let moment = |end: &str| DateTime::parse_from_rfc3339(gap[end].as_str().unwrap()).unwrap();
    (moment("to") - moment("from")).num_seconds() as f64 / 3_600.0
}
