//! Two services on one PostgreSQL database: one leads, and whatever happens to it, nothing is told twice and nothing is
//! lost.

use std::time::Duration;

use auto_operator::demo::Fault;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::postgres::{self, Database};
use crate::support::account::all_is_told;
use crate::support::channels::{ALERT, RESOLVED, told};
use crate::support::pair::{Pair, TAKEN_OVER};
use crate::support::server::{own_server, starts_again, stops};
use crate::support::{Home, SOON, Service, now};

/// A leader that ends in order gives up its lease: nobody waits for that to run out, which takes 10 s.
const AT_ONCE: Duration = Duration::from_secs(8);

/// A home of two services, where all is well.
fn home() -> (Home, Database) {
    let database = postgres::shared().database();
    let mut home = Home::well();
    home.shares(&database);
    (home, database)
}

/// Nothing is on its way any more.
async fn all_is_written(service: &Service, home: &Home) {
    timeout(SOON, all_is_told(service, &home.world)).await.expect("something waits to be told");
}

/// Nothing was told twice, and the ledger says what the channels have got.
async fn account(service: &Service, home: &Home, incidents: usize) {
    let account = timeout(SOON, all_is_told(service, &home.world)).await.expect("something waits to be told");
    account.nothing_is_lost();
    account.nothing_is_repeated();
    assert_eq!(account.each_incident_is_told_and_ended_once(), incidents);
}

/// What both of two services have to show alike; each has actors of its own.
fn shown(report: &Value) -> Value {
    let keys =
        ["timestamp", "health", "metrics", "stuck_jobs_count", "overall_ok", "issues", "incidents", "stuck_jobs"];
    keys.iter().map(|key| ((*key).to_owned(), report[*key].clone())).collect()
}

#[actix_rt::test]
async fn exactly_one_leads_and_both_show_the_same_report() {
    let (home, _database) = home();
    home.world.jobs_get_stuck(3, now());
    let pair = Pair::start(&home).await;
    told(&home.world, &[ALERT]).await;
    pair.is_followed().await;
    let same = async {
        let mut often = tokio::time::interval(Duration::from_millis(100));
        loop {
            often.tick().await;
            let (one, other) = (shown(&pair.leader.report().await), shown(&pair.follower.report().await));
            if one == other && one["stuck_jobs_count"] == 3 {
                return one;
            }
        }
    };
    let report = timeout(SOON, same).await.expect("they show the same");
    assert_eq!(report["issues"], json!(["⚠️ 3 job(s) stuck >30 minutes"]));
    for service in [&pair.leader, &pair.follower] {
        assert_eq!(service.get("/ops-report").await.status, 503);
        assert_eq!(service.get("/readyz").await.status, 200);
        assert_eq!(service.get("/healthz").await.status, 200);
    }
    home.world.all_is_well_again(20, now());
    told(&home.world, &[ALERT, RESOLVED]).await;
    assert_eq!(pair.follower.ticks(), 0, "{}", pair.follower.log.all().join("\n"));
    account(&pair.follower, &home, 1).await;
}

#[actix_rt::test]
async fn when_the_leader_is_killed_the_other_one_looks_and_tells() {
    let (home, _database) = home();
    home.world.jobs_get_stuck(3, now());
    let mut pair = Pair::start(&home).await;
    told(&home.world, &[ALERT]).await;
    all_is_written(&pair.leader, &home).await;
    let ticks = pair.follower.ticks();
    pair.leader.kill().await;
    home.world.openai.goes_down();
    assert!(pair.follower.ticks_on(ticks, TAKEN_OVER).await, "{}", pair.follower.log.all().join("\n"));
    told(&home.world, &[ALERT, ALERT]).await;

    // The next one stands by in its turn.
    pair.leader = pair.follower;
    pair.follower = home.serve().await;
    pair.is_followed().await;
    home.world.all_is_well_again(20, now());
    pair.leader.full_cycle().await;
    pair.leader.full_cycle().await;
    account(&pair.leader, &home, 2).await;
}

#[actix_rt::test]
async fn when_the_leader_ends_in_order_the_other_one_leads_at_once() {
    let (home, _database) = home();
    home.world.jobs_get_stuck(3, now());
    let mut pair = Pair::start(&home).await;
    told(&home.world, &[ALERT]).await;
    for signal in ["TERM", "INT"] {
        let ticks = pair.follower.ticks();
        let (status, log) = pair.leader.signal(signal).await;
        assert_eq!(status.code(), Some(0), "{log}");
        let taken = pair.follower.ticks_on(ticks, AT_ONCE).await;
        assert!(taken, "{signal}: {}", pair.follower.log.all().join("\n"));
        pair = Pair { leader: pair.follower, follower: home.serve().await };
    }
    home.world.all_is_well_again(20, now());
    told(&home.world, &[ALERT, RESOLVED]).await;
    account(&pair.leader, &home, 1).await;
}

#[actix_rt::test]
async fn a_leader_that_was_paused_and_wakes_up_writes_and_sends_nothing() {
    let (home, _database) = home();
    home.world.jobs_get_stuck(3, now());
    let mut pair = Pair::start(&home).await;
    told(&home.world, &[ALERT]).await;
    pair.is_followed().await;
    all_is_written(&pair.leader, &home).await;
    pair.leader.freeze().await;
    home.world.openai.goes_down();
    pair.is_taken_over(TAKEN_OVER).await;
    told(&home.world, &[ALERT, ALERT]).await;

    let said = pair.follower.log.count();
    pair.follower.thaw().await;
    pair.is_followed().await;
    home.world.all_is_well_again(20, now());
    pair.leader.full_cycle().await;
    pair.leader.full_cycle().await;
    account(&pair.leader, &home, 2).await;
    let since: Vec<String> = pair.follower.log.all().into_iter().skip(said as usize).collect();
    assert!(!since.iter().any(|line| line.contains(": delivered ")), "{}", since.join("\n"));
    assert!(!since.iter().any(|line| line.contains(" incident=")), "{}", since.join("\n"));
}

#[actix_rt::test]
async fn a_leader_that_is_paused_in_a_transaction_is_in_nobodys_way() {
    let (home, database) = home();
    let mut pair = Pair::start(&home).await;
    pair.is_followed().await;
    // It waits for a lock in the middle of writing, is paused, and gets the lock.
    let lock = database.holds("LOCK TABLE incidents");
    home.world.jobs_get_stuck(3, now());
    let waits = "SELECT 1 / COUNT(*) FROM pg_locks JOIN pg_class ON pg_class.oid = relation
                 WHERE relname = 'incidents' AND NOT granted";
    let mut often = tokio::time::interval(Duration::from_millis(20));
    let waiting = async {
        while !database.says(waits) {
            often.tick().await;
        }
    };
    timeout(SOON, waiting).await.expect("it writes");
    pair.leader.freeze().await;
    drop(lock);
    pair.is_taken_over(TAKEN_OVER).await;
    told(&home.world, &[ALERT]).await;
    pair.follower.thaw().await;
    pair.is_followed().await;
    home.world.all_is_well_again(20, now());
    told(&home.world, &[ALERT, RESOLVED]).await;
    account(&pair.leader, &home, 1).await;
}

#[actix_rt::test]
async fn while_the_database_is_away_only_the_last_leader_tells() {
    let server = own_server().await;
    let database = server.database();
    let mut home = Home::well();
    home.shares(&database);
    let pair = Pair::start(&home).await;
    pair.is_followed().await;
    stops(server).await;
    told(&home.world, &[ALERT]).await;
    // Long enough for a lease to run out.
    home.world.openai.set_fault(Some(Fault::status(503)));
    told(&home.world, &[ALERT, ALERT]).await;
    for _ in 0..4 {
        pair.leader.full_cycle().await;
    }
    assert_eq!(pair.follower.get("/readyz").await.status, 503);
    told(&home.world, &[ALERT, ALERT]).await;
    starts_again(server).await;
    told(&home.world, &[ALERT, ALERT, RESOLVED]).await;
    home.world.openai.set_fault(None);
    told(&home.world, &[ALERT, ALERT, RESOLVED, RESOLVED]).await;
    account(&pair.leader, &home, 2).await;
    pair.is_followed().await;
    assert_eq!(pair.follower.ticks(), 0, "{}", pair.follower.log.all().join("\n"));
}
