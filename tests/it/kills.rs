//! kill -9, again and again, in the middle of whatever the service is doing, while incidents open and resolve and
//! channels fail: at the end everybody was told everything, and what came twice came twice because of a kill.
//!
//! `KILLS_SEED=… KILLS=… cargo test --test it kills` repeats such a run, or makes it longer.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use fastrand::Rng;
use futures_util::future::join_all;
use tokio::time::{sleep, timeout};

use crate::support::account::{self, Account, TOLD, all_is_told};
use crate::support::plot::{Plot, calm, hinder};
use crate::support::{Home, SOON, Service, now, of_environment};

const KILLS: u64 = 200;

/// So many services are killed side by side, each in a world of its own.
const HANDS: u64 = 8;

/// How long a moment is waited for after the first cycle, which may not come in this life; then the kill comes all the same.
const PATIENCE: Duration = Duration::from_millis(400);

/// How long everything may take to be well after the last kill: the longest wait of a channel that has failed, and some.
const RECOVERY: Duration = Duration::from_secs(120);

/// What the service is doing when the kill comes, a little later.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// It opens its database, migrates it, becomes the leader.
    Starts,
    /// Its web and its actors are there.
    Listens,
    /// A cycle looks.
    Looks,
    /// An incident and its notices were just written.
    Decides,
    /// A cycle is over: channels are told.
    Concludes,
    /// A channel is being asked.
    Sends,
    /// A channel has the message and has said so, or will.
    Arrives,
    /// It has written down that something was delivered.
    Delivers,
    /// It has written down that something was not taken.
    Fails,
}

/// As often as each is drawn.
const MOMENTS: [Moment; 12] = [
    Moment::Starts,
    Moment::Listens,
    Moment::Looks,
    Moment::Decides,
    Moment::Concludes,
    Moment::Concludes,
    Moment::Sends,
    Moment::Sends,
    Moment::Arrives,
    Moment::Arrives,
    Moment::Delivers,
    Moment::Fails,
];

impl Moment {
    /// Waits for it, as long as there is hope.
    async fn comes(self, home: &Home, service: &Service) {
        let world = &home.world;
        let (messages, mails) = (world.telegram.messages(), world.smtp.mails());
        let (message, mail) = (messages.count() + 1, mails.count() + 1);
        let (looks, sends) = (world.notion.requests(), world.telegram.requests());
        let (look, send) = (looks.count() + 1, sends.count() + 1);
        let line = async |part: &'static str| drop(service.log.wait_for(move |line| line.contains(part), SOON).await);
        let come = async {
            match self {
                Self::Starts => {}
                Self::Listens => line("listening on ").await,
                Self::Looks => _ = looks.wait_for_count(look, SOON).await,
                Self::Decides => line(" incident=").await,
                Self::Concludes => line(" took ").await,
                Self::Sends => _ = sends.wait_for_count(send, SOON).await,
                Self::Arrives => tokio::select! {
                    _ = messages.wait_for_count(message, SOON) => {}
                    _ = mails.wait_for_count(mail, SOON) => {}
                },
                Self::Delivers => line(": delivered ").await,
                Self::Fails => line(" was not delivered ").await,
            }
        };
        let hope = async {
            line(" took ").await;
            sleep(PATIENCE).await;
        };
        tokio::select! {
            () = come => {}
            () = hope => {}
        }
    }
}

/// A life of the service.
struct Life {
    /// When it was over.
    ended: DateTime<Utc>,
    /// What it said it had delivered: by that time it was written down.
    delivered: BTreeSet<String>,
}

/// What all the hands together have seen.
#[derive(Default)]
struct Tally {
    incidents: usize,
    notices: usize,
    merged: usize,
    repeats: usize,
}

#[actix_rt::test]
async fn after_two_hundred_kills_everybody_was_told_everything_and_twice_only_where_a_kill_came_in_between() {
    let seed = of_environment("KILLS_SEED").unwrap_or_else(|| fastrand::u64(..));
    let kills = of_environment("KILLS").unwrap_or(KILLS);
    // Shown when the test fails.
    println!("KILLS_SEED={seed} KILLS={kills}");
    let begun = now();
    let mut rng = Rng::with_seed(seed);
    let hands: Vec<Rng> = (0..HANDS).map(|_| rng.fork()).collect();
    let tallies = join_all(hands.into_iter().map(|rng| hand(rng, kills / HANDS))).await;
    let sum = |figure: fn(&Tally) -> usize| tallies.iter().map(figure).sum::<usize>();
    let (incidents, notices) = (sum(|tally| tally.incidents), sum(|tally| tally.notices));
    let (merged, repeats) = (sum(|tally| tally.merged), sum(|tally| tally.repeats));
    let took = (now() - begun).num_seconds();
    println!("{incidents} incidents told, {notices} notices, {merged} of them merged, {repeats} repeats, {took} s");
    assert!(incidents as u64 >= kills / 10, "too little has happened to show anything: {incidents} incidents");
}

/// Kills one service so many times, lets it recover, and compares.
async fn hand(mut rng: Rng, kills: u64) -> Tally {
    let mut home = Home::new();
    home.set("RESOLVE_AFTER", "1");
    let mut plot = Plot::of(&home.world);
    let mut lives = vec![];
    for _ in 0..kills {
        let moment = MOMENTS[rng.usize(..MOMENTS.len())];
        let later = Duration::from_millis(rng.u64(..120));
        plot.turns(&mut rng);
        hinder(&home.world, &mut rng);
        let service = Service::spawn(home.command(&["serve"]));
        moment.comes(&home, &service).await;
        sleep(later).await;
        let log = service.kill().await;
        lives.push(Life { ended: now(), delivered: delivered(&log) });
    }
    plot.ends();
    let account = recover(&mut home).await;
    account.nothing_is_lost();
    account.each_repeat_can_be_recognised();
    let incidents = account.each_incident_is_told_and_ended_once();
    for channel in TOLD {
        let repeats = account.repeats(channel);
        assert!(repeats as u64 <= kills, "{repeats} repeats on {channel} after {kills} kills");
    }
    nothing_comes_after_its_delivery_was_written_down(&account, &lives);
    let merged = account.records.iter().filter(|record| record.state == "merged").count();
    let repeats = TOLD.iter().map(|channel| account.repeats(channel)).sum();
    Tally { incidents, notices: account.records.len(), merged, repeats }
}

/// The ids of what a life said it had delivered.
fn delivered(log: &str) -> BTreeSet<String> {
    let said = log.lines().filter_map(|line| line.split_once(": delivered ")?.1.split(' ').nth(1));
    said.map(|id| id.trim_end_matches(':').to_owned()).collect()
}

/// A repeat is of what was not yet written down when the kill came, and of nothing else.
fn nothing_comes_after_its_delivery_was_written_down(account: &Account, lives: &[Life]) {
    for (place, arrival) in account.arrivals.iter().enumerate() {
        // The channel may have noted the first one after it had answered, and somebody was killed in between.
        let is_first = !account.arrivals.iter().take(place).any(|before| before.id == arrival.id);
        if is_first {
            continue;
        }
        let known = lives.iter().find(|life| life.ended < arrival.at && life.delivered.contains(&arrival.id));
        assert!(known.is_none(), "it was known to be delivered: {arrival:?}");
    }
}

/// Lets the service live until nothing is open and nothing waits to be told, and ends it in order.
async fn recover(home: &mut Home) -> Account {
    // Looks are asked for: by itself it would soon have used up what it may ask of Notion in a minute.
    home.set("CHECK_INTERVAL", "24h");
    let service = home.serve().await;
    calm(&service).await;
    let account = timeout(RECOVERY, all_is_told(&service, &home.world)).await;
    let Ok(account) = account else {
        let records = service.history("deliveries").await;
        let waits: Vec<_> = records.iter().filter(|record| record["state"] == "pending").collect();
        panic!("{waits:#?}\n{}", service.log.all().join("\n"));
    };
    let (status, log) = service.signal("TERM").await;
    assert_eq!(status.code(), Some(0), "{log}");
    account::is_sound(&home.file("watch.db")).await;
    account
}
