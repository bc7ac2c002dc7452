//! What a long history costs: a year with 100,000 incidents, beside the same with 500.
//!
//! ```text
//! past      fills a database with what the retention leaves of such a year
//! service   the program over it, as a process of its own; asked over HTTP
//! disk      how long the disk takes for a sync, whoever asks it for one
//! ```
//! Prints how large the file is; how long what is asked often takes over the long history and over the short one, in
//! alternating rounds, first of the service and then of the store; and for how long a writer waits at most while all of
//! the long one is pruned. It judges nothing: times are the machine's, ratios say something on another.
//!
//! Measured once, 2 cores of an AMD EPYC: 134 MiB beside 5.2 MiB; every ratio between 0.9 and 1.3; all of it, 164,723 rows
//! and what hangs on them, pruned in 6 s, and a writer waited for 14 ms at most, for 116 ms while a sync of the same disk
//! took others up to 611 ms.
//!
//! `cargo bench --bench history`; among the tests it only checks that it works, with a shorter history.

#![allow(missing_docs, unreachable_pub, clippy::print_stdout, clippy::unwrap_used)]

mod disk;
mod past;
mod service;

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use auto_operator::store::{Decision, IncidentFilter, Location, Store};
use chrono::{TimeDelta, Utc};
use tokio::runtime::Handle;

use disk::Disk;
use service::Service;

const SHORT: u32 = 500;
const LONG: u32 = 100_000;
const PAGE: u32 = 50;

fn main() -> ExitCode {
    let said = |word: &str| std::env::args().any(|argument| argument == word);
    if said(service::ARGUMENT) {
        return auto_operator::cli::run();
    }
    // Cargo says `--bench` when it measures; among the tests, a short history is enough.
    let (incidents, rounds) = if said("--bench") && !said("--test") { (LONG, 201) } else { (SHORT * 2, 3) };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(compare(incidents, rounds));
    ExitCode::SUCCESS
}

async fn compare(incidents: u32, rounds: usize) {
    let directory = tempfile::tempdir().unwrap();
    let files = [directory.path().join("long.db"), directory.path().join("short.db")];
    for (file, incidents) in files.iter().zip([incidents, SHORT]) {
        open(file).await.close().await.unwrap();
        past::fill(file, incidents).await;
        let size = file.metadata().unwrap().len() as f64 / f64::from(1 << 20);
        println!("a year with {incidents} incidents: {size:.1} MiB");
    }

    let [long, short] = [open(&files[0]).await, open(&files[1]).await];
    let places = [Places::of(&long, incidents).await, Places::of(&short, SHORT).await];
    let services = [Service::start(&files[0]), Service::start(&files[1])];
    head("of the service");
    for (name, path) in PATHS {
        let mut took = [vec![], vec![]];
        for _ in 0..rounds {
            for ((service, places), took) in services.iter().zip(&places).zip(&mut took) {
                took.push(service.ask(&places.filled_in(path)));
            }
        }
        line(name, took);
    }
    drop(services);
    head("of the store");
    for (what, name) in ASKED.into_iter().enumerate() {
        let mut took = [vec![], vec![]];
        for _ in 0..rounds {
            for ((store, places), took) in [&long, &short].into_iter().zip(&places).zip(&mut took) {
                let began = Instant::now();
                ask(store, places, what).await;
                took.push(began.elapsed());
            }
        }
        line(name, took);
    }

    let disk = Disk::watch(directory.path());
    let (rows, took, waited) = prune(&long).await;
    let (times, [usual, longest]) = (waited.len(), usual_and_longest(waited));
    println!("\n{rows} rows pruned in {:.1} s, beside somebody who wrote {times} times:", took.as_secs_f64());
    println!("he waited {usual:.2} ms as a rule and {longest:.1} ms at most");
    let [usual, longest] = usual_and_longest(disk.syncs());
    println!("(a sync of the disk by somebody else meanwhile: {usual:.2} ms as a rule and {longest:.1} ms at most)");
}

async fn open(file: &Path) -> Store {
    Store::open(&Location::File(file.into()), Handle::current()).await.unwrap()
}

/// Where in a history is asked.
struct Places {
    /// Cursors to the middle of the incidents and of the deliveries.
    incidents: String,
    deliveries: String,
    /// The newest incident.
    incident: String,
}

impl Places {
    async fn of(store: &Store, incidents: u32) -> Self {
        let half = incidents as usize / 2;
        let (mut of_incidents, mut of_deliveries, mut passed) = (None, None, 0);
        while passed < half {
            let page = store.incidents_page(IncidentFilter::default(), of_incidents.as_deref(), 200).await.unwrap();
            (of_incidents, passed) = (page.next, passed + page.items.len());
        }
        // Of the notices there are those of the last month: three of each incident, twice, and a state every cycle.
        for _ in 0..(half / 12 * 6 + past::CYCLES / 2) / 200 {
            of_deliveries = store.deliveries_page(None, of_deliveries.as_deref(), 200).await.unwrap().next;
        }
        let newest = store.incidents_page(IncidentFilter::default(), None, PAGE).await.unwrap();
        Self {
            incidents: of_incidents.unwrap(),
            deliveries: of_deliveries.unwrap(),
            incident: newest.items[0].id.clone(),
        }
    }

    fn filled_in(&self, path: &str) -> String {
        let path = path.replace("INCIDENTS", &self.incidents).replace("DELIVERIES", &self.deliveries);
        path.replace("INCIDENT", &self.incident)
    }
}

/// What is asked of the service.
const PATHS: [(&str, &str); 9] = [
    ("/ops-report", "/ops-report"),
    ("/api/incidents", "/api/incidents"),
    ("/api/incidents, from the middle on", "/api/incidents?cursor=INCIDENTS"),
    ("/api/incidents?state=open", "/api/incidents?state=open"),
    ("/api/incidents?issue=stuck_jobs", "/api/incidents?issue=stuck_jobs&cursor=INCIDENTS"),
    ("/api/incidents/{id}", "/api/incidents/INCIDENT"),
    ("/api/deliveries, from the middle on", "/api/deliveries?cursor=DELIVERIES"),
    ("/feed.xml", "/feed.xml"),
    ("/, the status page", "/"),
];

/// What is asked of the store, besides: by those who watch, and by those who do not lead.
const ASKED: [&str; 5] = [
    "the newest report",
    "what a cycle knows",
    "a cycle, written down",
    "whether something is to be sent",
    "the days of the status page",
];

async fn ask(store: &Store, places: &Places, what: usize) {
    let now = Utc::now();
    match what {
        0 => drop(store.newest_report(now).await.unwrap()),
        1 => drop(store.known().await.unwrap()),
        2 => drop(store.settle(|_| Decision::default()).await.unwrap()),
        3 => drop(store.claim("telegram", now, now, "bench", |_, newest| newest).await.unwrap()),
        _ => {
            assert!(store.incident(&places.incident).await.unwrap().is_some());
            drop(store.recent_days(now - TimeDelta::days(90)).await.unwrap());
            drop(store.sample_days(now - TimeDelta::days(90)).await.unwrap());
        }
    }
}

fn head(title: &str) {
    println!("\n{title:<36} {:>10} {:>10} {:>7}", "long, ms", "short, ms", "ratio");
}

/// A line of the table: the medians.
fn line(name: &str, took: [Vec<Duration>; 2]) {
    let [[long, _], [short, _]] = took.map(usual_and_longest);
    println!("{name:<36} {long:>10.3} {short:>10.3} {:>7.2}", long / short);
}

/// The median and the maximum, in milliseconds.
fn usual_and_longest(mut took: Vec<Duration>) -> [f64; 2] {
    took.sort_unstable();
    [took[took.len() / 2], took[took.len() - 1]].map(|took| took.as_secs_f64() * 1e3)
}

/// Prunes everything beside somebody who writes all the time: how many rows went, how long that took, and how long he
/// waited each time. Writers take turns: each of his writes waits for one of the pruning, for as long as that keeps the
/// database to itself.
async fn prune(store: &Store) -> (u64, Duration, Vec<Duration>) {
    let (began, mut waited) = (Instant::now(), vec![]);
    let mut pruning = Box::pin(store.prune(Utc::now() + TimeDelta::days(800)));
    loop {
        let waiting = Instant::now();
        tokio::select! {
            biased;
            pruned = &mut pruning => return (pruned.unwrap(), began.elapsed(), waited),
            written = store.ping() => {
                written.unwrap();
                waited.push(waiting.elapsed());
            }
        }
    }
}
