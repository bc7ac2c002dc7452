//! A storm of harm over a service that opens and resolves incidents: at the end everybody was told everything, once.
//!
//! `STORM_SEED=… STORM_KILLS=… cargo test --test it storm` repeats one, or makes it longer.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::read_to_string;
use std::time::{Duration, Instant};

use auto_operator::domain::issue::ACTORS;
use auto_operator::supervision::{Chaos, Limits};
use fastrand::Rng;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use tokio::time::{interval, timeout};

use crate::support::inside::{in_own_process, quick};
use crate::support::{Home, Inside, SOON, now};

const KILLS: u64 = 1_000;

/// Harm befalls so many actors at a time at most; each of these hands has actors of its own.
const HANDS: usize = 4;

/// What memory may have grown by, in KiB. The world outside is in the same process and remembers its last thousands of
/// requests, which is nearly all of it: where it is made to remember 20, the rest is 2,300 KiB.
const MEMORY_MARGIN: u64 = 32 * 1024;

#[test]
#[allow(clippy::print_stdout)]
fn after_a_thousand_random_kills_every_incident_was_told_and_resolved_exactly_once() {
    // Memory and threads are those of a process.
    let name = "storm::after_a_thousand_random_kills_every_incident_was_told_and_resolved_exactly_once";
    let (code, said) = in_own_process(name, &BTreeMap::new(), storm());
    assert_eq!(code, Some(0), "{said}");
    said.lines().filter(|line| line.starts_with("storm: ")).for_each(|line| println!("{line}"));
}

fn of_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().expect("a number"))
}

#[allow(clippy::print_stdout)]
async fn storm() {
    let seed = of_environment("STORM_SEED").unwrap_or_else(|| fastrand::u64(..));
    let kills = of_environment("STORM_KILLS").unwrap_or(KILLS);
    println!("storm: STORM_SEED={seed} STORM_KILLS={kills}");
    let mut home = Home::well();
    home.set("RESOLVE_AFTER", "1");
    let patience = Duration::from_millis(100);
    let limits = Limits { tick: Duration::from_millis(10), block_after: patience, stuck_after: patience, ..quick() };
    let service = Inside::start(&home, limits).await;
    let store = SqlitePool::connect_with(SqliteConnectOptions::new().filename(home.file("watch.db")).read_only(true));
    let store = store.await.expect("the store can be read");
    let mut rng = Rng::with_seed(seed);

    // Whatever is made once and kept is made in a first, small storm.
    rage(&home, &service, &mut rng, kills / 10).await;
    calm(&home, &service, &store).await;
    let (memory, threads) = process();
    let begun = Instant::now();
    let incidents = rage(&home, &service, &mut rng, kills).await;
    let took = begun.elapsed();
    calm(&home, &service, &store).await;

    let (told, opened) = compare(&home, &store).await;
    println!(
        "storm: {kills} kills in {took:.1?}, {incidents} changes outside, {opened} incidents, {told} messages a channel"
    );
    assert!(opened >= 10, "a storm in which too little happened to show anything: {opened} incidents");
    assert_eq!(service.watch.supervisor.abandoned_threads(), 0);
    // The last threads are on their way out.
    let gone = until(|| process().1 <= threads + 2).await;
    let (memory_after, threads_after) = process();
    println!("storm: memory {memory} → {memory_after} KiB, threads {threads} → {threads_after}");
    assert!(gone, "threads: {threads} → {threads_after}");
    assert!(memory_after <= memory + MEMORY_MARGIN, "memory: {memory} → {memory_after} KiB");
    store.close().await;
    service.stop().await;
}

/// Kills so many actors, while things happen outside; how many things.
async fn rage(home: &Home, service: &Inside, rng: &mut Rng, kills: u64) -> u64 {
    let changes = Cell::new(0);
    let hands = (0..HANDS).map(|hand| {
        let mut rng = rng.fork();
        async move {
            for _ in 0..kills / HANDS as u64 {
                let actor = ACTORS[hand + HANDS * rng.usize(..ACTORS.len() / HANDS)];
                let way = Chaos::ALL[rng.usize(..Chaos::ALL.len())];
                let mut news = service.news();
                service.watch.supervisor.harm(actor, way).expect("there is such an actor");
                news.replaced(actor).await;
                if rng.u8(..4) == 0 {
                    // Without a breath no cycle would ever come to its end, and nothing would happen.
                    let mut reports = service.watch.overview.clone();
                    reports.mark_unchanged();
                    timeout(SOON, reports.changed()).await.expect("a report comes").expect("it is published");
                }
            }
        }
    });
    let killing = futures_util::future::join_all(hands);
    service
        .throughout(async {
            tokio::select! {
                _ = killing => {}
                () = plot(home, &changes) => {}
            }
        })
        .await;
    changes.get()
}

/// Things go wrong and well again, each once somebody was told of the one before.
async fn plot(home: &Home, changes: &Cell<u64>) {
    let world = &home.world;
    let messages = world.telegram.messages();
    for change in 0.. {
        let heard = messages.count();
        match change % 20 {
            // Seldom: while it is down, a cycle asks twice and takes its time.
            18 => world.openai.goes_down(),
            19 => world.openai.comes_back(),
            even if even % 2 == 0 => world.jobs_get_stuck(3, now()),
            _ => world.all_is_well_again(20, now()),
        }
        changes.set(changes.get() + 1);
        assert!(messages.wait_for_count(heard + 1, SOON).await, "nobody is told");
    }
}

/// Makes all well and waits until nothing is open and nothing waits to be sent.
async fn calm(home: &Home, service: &Inside, store: &SqlitePool) {
    home.world.all_is_well_again(20, now());
    service
        .throughout(async {
            let mut often = interval(Duration::from_millis(50));
            let settled = async {
                loop {
                    often.tick().await;
                    let report = service.report().await;
                    let running = |row: &serde_json::Value| row["state"] == "running";
                    let rows = report["supervision"].as_array().expect("a list");
                    let waiting: i64 =
                        sqlx::query_scalar("SELECT COUNT(*) FROM notices WHERE state = 'pending' AND kind <> 'status'")
                            .fetch_one(store)
                            .await
                            .expect("the store can be read");
                    if report["overall_ok"] == true
                        && report["incidents"].as_array().is_some_and(Vec::is_empty)
                        && rows.iter().all(running)
                        && waiting == 0
                    {
                        return;
                    }
                }
            };
            timeout(SOON, settled).await.expect("it does not come to rest");
        })
        .await;
}

/// What the store says was told, and what has arrived: the same, in the same order. How many messages on each channel, of
/// how many incidents.
async fn compare(home: &Home, store: &SqlitePool) -> (usize, usize) {
    let told = async |channel: &str| -> Vec<(String, String, String)> {
        let rows = sqlx::query_as(
            "SELECT id, subject, body FROM notices WHERE channel = $1 AND state = 'delivered' ORDER BY seq",
        );
        rows.bind(channel).fetch_all(store).await.expect("the store can be read")
    };
    let messages = home.world.telegram.messages().all();
    let telegram: Vec<_> =
        told("telegram").await.into_iter().map(|(_, subject, body)| format!("{subject}\n\n{body}")).collect();
    let heard: Vec<_> = messages.iter().map(|message| message.text.trim_end().to_owned()).collect();
    assert_eq!(heard, telegram.iter().map(|text| text.trim_end().to_owned()).collect::<Vec<_>>());
    let mails = home.world.smtp.mails().all();
    let read: Vec<_> = mails.iter().filter_map(|mail| mail.header("Message-ID")).collect();
    let email = told("email").await;
    let sent: Vec<_> = email.iter().map(|(id, ..)| format!("<{id}@example.org>")).collect();
    assert_eq!(read, sent);

    let incidents: Vec<(String, String, Option<String>)> = sqlx::query_as(
        "SELECT issue || ' ' || id || ' ' || phase, held,
             (SELECT group_concat(told, ', ') FROM
                 (SELECT channel || ' ' || step AS told FROM notice_incidents JOIN notices ON notices.id = notice_id
                  WHERE incident_id = incidents.id AND step <> 'reminded' AND state = 'delivered'
                  ORDER BY channel, seq, step))
         FROM incidents",
    )
    .fetch_all(store)
    .await
    .expect("the store can be read");
    for (incident, held, told) in &incidents {
        assert!(incident.ends_with(" resolved"), "{incident}");
        let once = "email opened, email resolved, telegram opened, telegram resolved";
        // What went with its cause was none of anybody's business.
        let went_unsaid = told.is_none() && held != "no";
        assert!(went_unsaid || told.as_deref() == Some(once), "{incident}: {told:?}");
    }
    (messages.len(), incidents.len())
}

/// Memory in KiB that is not swapped out, and threads.
fn process() -> (u64, u64) {
    let status = read_to_string("/proc/self/status").expect("we run");
    let figure = |name: &str| -> u64 {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("there is such a line");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    };
    (figure("VmRSS:"), figure("Threads:"))
}

/// Whether it comes to hold, soon.
async fn until(mut holds: impl FnMut() -> bool) -> bool {
    let mut often = interval(Duration::from_millis(20));
    let waiting = async {
        while !holds() {
            often.tick().await;
        }
    };
    timeout(SOON, waiting).await.is_ok()
}
