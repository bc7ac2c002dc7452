//! The host sleeps, or we were down: it is said when nobody looked, and what was seen first thereafter is not believed at
//! once.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::join;
use serde_json::{Value, json};
use sqlx::Connection;
use tokio::time::sleep;

use crate::support::channels::{ALERT, RESOLVED, subjects, telegrams, texts, told};
use crate::support::disk::locked;
use crate::support::plot::calm;
use crate::support::service::bearer;
use crate::support::{Home, OPS_TOKEN, SOON, issues, now};

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
    service.freeze().await;
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
    let [(since, until)] = gaps(&report)[..] else { panic!("one gap is expected: {report:#}") };
    // It is told to the second.
    let second = Duration::from_secs(1);
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
    service.full_cycle().await;
    service.freeze().await;
    world.jobs_get_stuck(5, now());
    sleep(SLEEP).await;
    service.thaw().await;
    telegrams(world, 1).await;
    world.all_is_well_again(20, now());
    assert_eq!(subjects(&telegrams(world, 2).await), [ALERT, RESOLVED]);
}

#[actix_rt::test]
async fn a_sleep_in_the_middle_of_writing_is_no_outage_of_the_database() {
    let mut home = home();
    home.set("CHECK_INTERVAL", "24h");
    let world = &home.world;
    let service = home.serve().await;
    service.cycle().await;
    // A cycle is to be written and waits for somebody else's lock, when all comes to a standstill.
    let lock = locked(&home.file("watch.db")).await;
    world.jobs_get_stuck(5, now());
    let queries = world.notion.requests();
    let asked = queries.count();
    let token = bearer(OPS_TOKEN);
    let headers = [("authorization", token.as_str())];
    let order = service.ask("GET", "/ops-report?refresh=1", &headers);
    let asleep = async {
        assert!(queries.wait_for_count(asked + 3, SOON).await);
        assert!(world.notion.wait_until_idle(SOON).await);
        sleep(Duration::from_millis(500)).await;
        service.freeze().await;
        // For longer than anything that has to do with the database may take.
        sleep(Duration::from_secs(12)).await;
        lock.close().await.expect("it is given back");
        service.thaw().await;
    };
    // Nobody waits as long as that for the cycle: that there is no answer is all right.
    join(order, asleep).await;
    let report = service.cycle().await;
    assert_eq!(issues(&report), ["⚠️ 5 job(s) stuck >30 minutes"]);
    telegrams(world, 1).await;
    world.all_is_well_again(20, now());
    calm(&service).await;
    told(world, &[ALERT, RESOLVED]).await;
    let messages = telegrams(world, 2).await;
    let false_alarm = messages.iter().find(|message| message.text.contains("Database"));
    assert!(false_alarm.is_none(), "{}\n{}", texts(&messages).join("\n"), service.log.all().join("\n"));
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
    let [(since, until)] = gaps(&report)[..] else { panic!("one gap is expected: {report:#}") };
    assert!(since <= killed && until > killed && until <= started + Duration::from_secs(20), "{since} {until}");
}
