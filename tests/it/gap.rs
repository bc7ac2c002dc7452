//! The host sleeps, or we were down: it is said when nobody looked, and what was seen first thereafter is not believed at
//! once.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::support::channels::{ALERT, RESOLVED, subjects, telegrams};
use crate::support::{Home, Service, now};

/// More than two intervals and a deadline, of a second each.
const SLEEP: Duration = Duration::from_secs(5);

fn home() -> Home {
    let mut home = Home::well();
    home.set("CHECK_INTERVAL", "1s");
    home.set("CHECK_TIMEOUT", "1s");
    home.set("REQUEST_TIMEOUT", "500ms");
    home.unset(&["NOTION_STATUS_DB_ID"]);
    home
}

/// The host falls asleep between two cycles, when nothing is being written or sent.
async fn falls_asleep(service: &Service) {
    service.full_cycle().await;
    assert_eq!(service.get("/readyz").await.status, 200);
    sleep(Duration::from_millis(200)).await;
    service.freeze().await;
}

/// The gaps in a report, oldest first.
fn gaps(report: &Value) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
    let gaps = report["gaps"].as_array().unwrap_or_else(|| panic!("no gaps in {report:#}")).iter();
    let moment = |value: &Value| value.as_str().and_then(|text| text.parse().ok()).expect("a moment");
    let mut gaps: Vec<_> = gaps.map(|gap| (moment(&gap["from"]), moment(&gap["to"]))).collect();
    gaps.sort();
    gaps
}

#[actix_rt::test]
async fn after_a_sleep_it_is_said_when_nobody_looked_and_no_burst_follows() {
    let home = home();
    let world = &home.world;
    let service = home.serve().await;
    service.full_cycle().await;
    assert_eq!(gaps(&service.report().await), []);
    falls_asleep(&service).await;
    let asleep = now();
    // The pipeline slept as well: at first all looks stuck.
    world.jobs_get_stuck(5, now());
    sleep(SLEEP).await;
    let (ticks, awake) = (service.ticks(), now());
    service.thaw().await;
    assert!(service.ticks_on(ticks, SLEEP * 5).await);
    world.all_is_well_again(20, now());
    let elapsed = now() - awake;
    let burst = service.ticks() - ticks;
    assert!(burst as i64 <= elapsed.num_seconds() + 2, "{burst} cycles in {elapsed}");
    for _ in 0..3 {
        service.full_cycle().await;
    }
    let report = service.report().await;
    // It is told to the second. On a busy machine there may be others.
    let second = Duration::from_secs(1);
    let of_sleep = gaps(&report).into_iter().find(|(since, until)| *since <= asleep && *until >= awake - second);
    let (since, until) = of_sleep.unwrap_or_else(|| panic!("no gap from {asleep} to {awake}: {report:#}"));
    assert!(since <= asleep && asleep - since < chrono::TimeDelta::seconds(4), "{since} {asleep}");
    assert!(until >= awake - second && until <= now(), "{until} {awake}");
    assert_eq!((&report["overall_ok"], &report["incidents"]), (&json!(true), &json!([])), "{report:#}");

    // What comes next shows that nothing came in between.
    world.openai.goes_down();
    let messages = telegrams(world, 1).await;
    assert!(messages[0].text.contains("OpenAI integration offline"), "{}", messages[0].text);
}

#[actix_rt::test]
async fn what_is_still_stuck_after_a_sleep_is_told_once() {
    let home = home();
    let world = &home.world;
    let service = home.serve().await;
    falls_asleep(&service).await;
    world.jobs_get_stuck(5, now());
    sleep(SLEEP).await;
    service.thaw().await;
    telegrams(world, 1).await;
    world.all_is_well_again(20, now());
    assert_eq!(subjects(&telegrams(world, 2).await), [ALERT, RESOLVED]);
}

#[actix_rt::test]
async fn the_time_between_a_kill_and_the_next_start_is_a_gap_too() {
    let home = home();
    let service = home.serve().await;
    service.full_cycle().await;
    service.kill().await;
    let killed = now();
    sleep(SLEEP).await;
    let service = home.serve().await;
    let started = now();
    service.full_cycle().await;
    let report = service.report().await;
    let of_kill = gaps(&report).into_iter().find(|(since, until)| *since <= killed && *until > killed);
    let (since, until) = of_kill.unwrap_or_else(|| panic!("no gap at {killed}: {report:#}"));
    assert!(until <= started + Duration::from_secs(20), "{since} {until}");
}
