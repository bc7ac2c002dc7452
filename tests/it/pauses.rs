//! Two services on one PostgreSQL database, whose leader is paused and woken or killed again and again, or whose database
//! is restarted under them, in the middle of whatever they are doing, while incidents open and resolve and channels fail.
//!
//! `PAUSES_SEED=… PAUSES=… RESTARTS_SEED=… RESTARTS=… cargo test --test it pauses` repeats such a run, or makes it longer.

use std::time::Duration;

use fastrand::Rng;
use futures_util::future::join_all;
use tokio::time::{sleep, timeout};

use crate::postgres::{self, Server};
use crate::support::account::{TOLD, all_is_told};
use crate::support::pair::{Pair, TAKEN_OVER};
use crate::support::plot::{Plot, calm, hinder};
use crate::support::server::{own_server, starts_again, stops};
use crate::support::{Home, SOON, Service, of_environment};

/// How often a leader is paused, all hands together: each pause takes some seconds.
const PAUSES: u64 = 12;

/// So many pairs are paused side by side, each in a world of its own.
const PAUSING_HANDS: u64 = 4;

/// How often a database is restarted, all hands together.
const RESTARTS: u64 = 8;

/// So many pairs, each on a server of its own, have it restarted under them side by side.
const RESTARTING_HANDS: u64 = 2;

/// How long a moment is waited for that may not come.
const PATIENCE: Duration = Duration::from_secs(5);

/// The longest pause after which a leader may still lead: its lease lasts 10 s.
const LEASE: Duration = Duration::from_millis(9_500);

#[actix_rt::test]
async fn however_often_leaders_are_paused_and_woken_or_killed_nothing_is_lost_and_little_repeated() {
    let pauses = share("PAUSES", PAUSES, PAUSING_HANDS);
    join_all(hands("PAUSES_SEED", PAUSING_HANDS).map(|rng| is_paused_again_and_again(rng, pauses))).await;
}

#[actix_rt::test]
async fn a_database_that_is_restarted_under_them_loses_nothing() {
    let restarts = share("RESTARTS", RESTARTS, RESTARTING_HANDS);
    join_all(hands("RESTARTS_SEED", RESTARTING_HANDS).map(|rng| is_restarted_under_them(rng, restarts))).await;
}

/// A generator for each of `count` hands, from a seed that is shown when the test fails.
fn hands(seed: &str, count: u64) -> impl Iterator<Item = Rng> {
    let number = of_environment(seed).unwrap_or_else(|| fastrand::u64(..));
    println!("{seed}={number}");
    let mut rng = Rng::with_seed(number);
    (0..count).map(move |_| rng.fork())
}

/// How often each of `hands` does what is done so often, all together.
fn share(name: &str, usual: u64, hands: u64) -> u64 {
    let all = of_environment(name).unwrap_or(usual);
    println!("{name}={all}");
    all.div_ceil(hands)
}

/// A pair whose leader is paused so often, at some moment, for shorter or longer than its lease lasts, or for ever.
async fn is_paused_again_and_again(mut rng: Rng, pauses: u64) {
    let database = postgres::shared().database();
    let mut home = Home::well();
    home.shares(&database);
    home.set("RESOLVE_AFTER", "1");
    let mut plot = Plot::of(&home.world);
    let mut pair = Pair::start(&home).await;
    for _ in 0..pauses {
        plot.turns(&mut rng);
        hinder(&home.world, &mut rng);
        some_moment(&home, &pair.leader, &mut rng).await;
        pair.leader.freeze().await;
        plot.turns(&mut rng);
        match rng.u8(..5) {
            0 => {
                pair.is_taken_over(TAKEN_OVER).await;
                pair.follower.thaw().await;
            }
            1 => {
                pair.is_taken_over(TAKEN_OVER).await;
                let next = home.serve().await;
                std::mem::replace(&mut pair.follower, next).kill().await;
            }
            _ => {
                // Mostly a hiccup, sometimes nearly as long as the lease.
                let longest = if rng.u8(..3) == 0 { LEASE } else { LEASE / 10 };
                sleep(longest.mul_f64(rng.f64())).await;
                pair.leader.thaw().await;
                whoever_leads(&mut pair).await;
            }
        }
        pair.is_followed().await;
    }
    plot.ends();
    recovered(&pair.leader, &home, pauses).await;
}

/// A pair on a server of its own, which is restarted so often, at some moment.
async fn is_restarted_under_them(mut rng: Rng, restarts: u64) {
    let server: &Server = own_server().await;
    let database = server.database();
    let mut home = Home::well();
    home.shares(&database);
    home.set("RESOLVE_AFTER", "1");
    let mut plot = Plot::of(&home.world);
    let pair = Pair::start(&home).await;
    for _ in 0..restarts {
        plot.turns(&mut rng);
        hinder(&home.world, &mut rng);
        some_moment(&home, &pair.leader, &mut rng).await;
        stops(server).await;
        starts_again(server).await;
        pair.leader.full_cycle().await;
    }
    plot.ends();
    recovered(&pair.leader, &home, restarts).await;
    pair.is_followed().await;
}

/// In a cycle, while it sends, if there is anything to send, or in between.
async fn some_moment(home: &Home, leader: &Service, rng: &mut Rng) {
    let (looks, sends) = (home.world.openai.requests(), home.world.telegram.requests());
    match rng.u8(..3) {
        0 => assert!(looks.wait_for_count(looks.count() + 1, SOON).await),
        1 => _ = sends.wait_for_count(sends.count() + 1, PATIENCE).await,
        _ => assert!(leader.ticks_on(leader.ticks(), SOON).await),
    }
    sleep(Duration::from_millis(rng.u64(..300))).await;
}

/// The one that ticks next is the leader: if a lease ran out a moment ago, it is the other one.
async fn whoever_leads(pair: &mut Pair) {
    let (one, other) = (pair.leader.ticks(), pair.follower.ticks());
    let leads = tokio::select! {
        _ = pair.leader.ticks_on(one, SOON) => true,
        _ = pair.follower.ticks_on(other, SOON) => false,
    };
    if !leads {
        std::mem::swap(&mut pair.leader, &mut pair.follower);
    }
}

/// Once all is well and told: nothing was lost, and at most one message came again at each of so many `blows`.
async fn recovered(service: &Service, home: &Home, blows: u64) {
    calm(service).await;
    let account = timeout(SOON * 4, all_is_told(service, &home.world)).await;
    let account = account.unwrap_or_else(|_| panic!("{}", service.log.all().join("\n")));
    account.nothing_is_lost();
    account.each_repeat_can_be_recognised();
    let incidents = account.each_incident_is_told_and_ended_once();
    let repeats = TOLD.map(|channel| account.repeats(channel) as u64);
    println!("{incidents} incidents told, {} notices, repeats: {repeats:?}", account.records.len());
    assert!(repeats.iter().all(|repeats| *repeats <= blows), "{:#?}", account.arrivals);
}
