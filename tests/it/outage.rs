//! The database cannot be written, for whatever reason: the watch goes on and people hear of everything; when it can be
//! written again, all that happened meanwhile is in it.

use std::time::Duration;

use futures_util::future::{LocalBoxFuture, join_all};
use serde_json::{Value, json};
use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;
use tokio::process::Command;
use tokio::time::{interval, timeout};

use crate::postgres::Server;
use crate::support::account::{self, all_is_told};
use crate::support::channels::{ALERT, RESOLVED, told};
use crate::support::disk;
use crate::support::plot::calm;
use crate::support::server::{own_server, starts_again, stops};
use crate::support::{Home, SOON, Service, issues, now};

/// How many looks it may take until it is noticed how things are with the database: of a full disk, what SQLite has room
/// for in its log comes first.
const LOOKS: usize = 25;

/// The time between them: Notion grants a service only so many a minute.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

/// What stands between a service and its database.
enum Hurdle {
    /// No room on the disk.
    Full,
    /// The file may not grow any more.
    Bounded,
    /// Another process holds the lock, for as long as this connection lives.
    Locked(Option<SqliteConnection>),
    /// The server is away.
    Away(&'static Server),
}

impl Hurdle {
    async fn rises(&mut self, home: &Home, service: &Service) {
        match self {
            Self::Full => disk::fill(home, service),
            Self::Bounded => bound(service, "0:").await,
            Self::Locked(holder) => *holder = Some(disk::locked(&home.file("watch.db")).await),
            Self::Away(server) => stops(server).await,
        }
    }

    async fn falls(&mut self, home: &Home, service: &Service) {
        match self {
            Self::Full => disk::clear(home, service),
            Self::Bounded => bound(service, "unlimited:").await,
            Self::Locked(holder) => holder.take().expect("the lock").close().await.expect("it is given back"),
            Self::Away(server) => starts_again(server).await,
        }
    }
}

/// Has no file of `service` grow beyond so many bytes.
async fn bound(service: &Service, bytes: &str) {
    let mut command = Command::new("prlimit");
    command.args(["--pid", &service.pid().to_string(), &format!("--fsize={bytes}")]);
    assert!(command.status().await.expect("prlimit can be run").success());
}

/// What the incidents of a report are about.
fn open(report: &Value) -> Vec<&str> {
    let incidents = report["incidents"].as_array().expect("a list of incidents").iter();
    let mut names: Vec<_> = incidents.filter_map(|incident| incident["issue"].as_str()).collect();
    names.sort_unstable();
    names
}

fn home() -> Home {
    let mut home = Home::well();
    home.set("RESOLVE_AFTER", "1");
    // Whoever asks for a cycle gets its report, however long the database was waited for.
    home.set("CHECK_TIMEOUT", "20s");
    home.unset(&["NOTION_STATUS_DB_ID"]);
    home
}

/// Has the service look until a report is as it should be.
async fn looks_until(service: &Service, is_so: impl Fn(&Value) -> bool) -> Value {
    let mut often = interval(BETWEEN_LOOKS);
    for _ in 0..LOOKS {
        often.tick().await;
        let report = service.cycle().await;
        if is_so(&report) {
            return report;
        }
    }
    panic!("{:#}\n{}", service.report().await, service.log.all().join("\n"));
}

/// Has the service look until it has seen that its database cannot be written.
async fn notices(service: &Service) -> Value {
    let report = looks_until(service, |report| open(report).contains(&"database_failing")).await;
    assert_eq!(report["overall_ok"], false);
    assert!(issues(&report).iter().any(|issue| issue.starts_with("⚠️ Database cannot be written: ")), "{report:#}");
    report
}

/// What happens while the database cannot be written, and after it.
async fn outlives(mut hurdle: Hurdle, home: &Home, service: &Service) {
    let world = &home.world;
    assert_eq!(service.cycle().await["overall_ok"], true);
    hurdle.rises(home, service).await;
    let noticed = notices(service).await;
    told(&home.world, &[ALERT]).await;
    assert_eq!(service.get("/readyz").await.status, 503);
    assert_eq!(service.get("/healthz").await.status, 200);

    // Out of memory: what opens now, and what comes and goes.
    world.jobs_get_stuck(3, now());
    let report = service.cycle().await;
    assert_eq!(open(&report), ["database_failing", "stuck_jobs"], "{report:#}");
    assert!(report["timestamp"].as_str() >= noticed["timestamp"].as_str(), "the watch goes on");
    told(&home.world, &[ALERT, ALERT]).await;
    world.openai.goes_down();
    assert_eq!(open(&service.cycle().await), ["database_failing", "openai_offline", "stuck_jobs"]);
    told(&home.world, &[ALERT; 3]).await;
    world.openai.comes_back();
    assert_eq!(open(&service.cycle().await), ["database_failing", "stuck_jobs"]);
    told(&home.world, &[ALERT, ALERT, ALERT, RESOLVED]).await;

    hurdle.falls(home, service).await;
    recovers(home, service).await;
}

/// The database can be written again, and the three incidents of the outage are in it, one of them still open.
async fn recovers(home: &Home, service: &Service) {
    let world = &home.world;
    looks_until(service, |report| open(report) == ["stuck_jobs"]).await;
    told(&home.world, &[ALERT, ALERT, ALERT, RESOLVED, RESOLVED]).await;
    becomes_ready(service).await;
    world.all_is_well_again(20, now());
    let report = service.cycle().await;
    assert_eq!((&report["overall_ok"], &report["incidents"]), (&json!(true), &json!([])), "{report:#}");
    told(&home.world, &[ALERT, ALERT, ALERT, RESOLVED, RESOLVED, RESOLVED]).await;
    is_written(home, service).await;
}

/// Its database answers in time again: a disk on which others write may take a moment longer.
async fn becomes_ready(service: &Service) {
    let mut often = interval(BETWEEN_LOOKS);
    let ready = async {
        while service.get("/readyz").await.status != 200 {
            often.tick().await;
        }
    };
    let came = timeout(SOON, ready).await;
    assert!(came.is_ok(), "it is not ready:\n{}", service.log.all().join("\n"));
}

/// All that has happened is in the database.
async fn is_written(home: &Home, service: &Service) {
    let account = timeout(SOON, all_is_told(service, &home.world)).await.expect("something waits to be told");
    account.nothing_is_lost();
    account.nothing_is_repeated();
    assert_eq!(account.each_incident_is_told_and_ended_once(), 3);
    let incidents = service.history("incidents").await;
    let mut states: Vec<_> = incidents.iter().map(|it| (it["issue"].as_str(), it["state"].as_str())).collect();
    states.sort_unstable();
    let expected = ["database_failing", "openai_offline", "stuck_jobs"];
    assert_eq!(states, expected.map(|issue| (Some(issue), Some("resolved"))), "{incidents:#?}");
}

#[actix_rt::test]
async fn with_no_room_or_no_lock_for_its_file_the_watch_goes_on_and_all_is_written_later() {
    let stories: [fn() -> LocalBoxFuture<'static, ()>; 3] = [
        || Box::pin(on_a_full_disk()),
        || Box::pin(with_a_file_that_may_not_grow()),
        || Box::pin(with_a_locked_file()),
    ];
    join_all(stories.map(|story| story())).await;
}

async fn on_a_full_disk() {
    let mut home = home();
    let Some(service) = disk::serve_on_small_disk(&mut home).await else {
        println!("no disk can be mounted here: none was filled");
        return;
    };
    outlives(Hurdle::Full, &home, &service).await;
    account::is_sound(&disk::copied(&home, &service)).await;
    let (status, log) = service.signal("TERM").await;
    assert_eq!(status.code(), Some(0), "{log}");
}

async fn with_a_file_that_may_not_grow() {
    let home = home();
    // A write beyond the limit is to fail, and not to end the process.
    let mut command = home.of("sh");
    command.args(["-c", r#"trap "" XFSZ && exec "$0" "$@""#, env!("CARGO_BIN_EXE_auto-operator"), "serve"]);
    let service = Service::start(command).await;
    outlives(Hurdle::Bounded, &home, &service).await;
    nothing_is_told_after_a_restart(&home, service).await;
}

async fn with_a_locked_file() {
    let home = home();
    let service = home.serve().await;
    outlives(Hurdle::Locked(None), &home, &service).await;
    nothing_is_told_after_a_restart(&home, service).await;
}

async fn nothing_is_told_after_a_restart(home: &Home, service: Service) {
    let (status, log) = service.signal("TERM").await;
    assert_eq!(status.code(), Some(0), "{log}");
    account::is_sound(&home.file("watch.db")).await;
    let service = home.serve().await;
    assert_eq!(service.cycle().await["overall_ok"], true);
    is_written(home, &service).await;
    told(&home.world, &[ALERT, ALERT, ALERT, RESOLVED, RESOLVED, RESOLVED]).await;
}

#[actix_rt::test]
async fn while_postgres_is_away_the_watch_goes_on_and_all_is_written_later() {
    let server = own_server().await;
    let database = server.database();
    let mut home = home();
    home.set("DATABASE_URL", &database.url());
    let service = home.serve().await;
    outlives(Hurdle::Away(server), &home, &service).await;
    let (status, log) = service.signal("TERM").await;
    assert_eq!(status.code(), Some(0), "{log}");

    // The next one starts while it is away, and knows nothing of what was.
    stops(server).await;
    let service = home.serve().await;
    notices(&service).await;
    assert_eq!(service.get("/readyz").await.status, 503);
    assert_eq!(service.get("/healthz").await.status, 200);
    home.world.jobs_get_stuck(3, now());
    assert_eq!(open(&service.cycle().await), ["database_failing", "stuck_jobs"]);
    let before = [ALERT, ALERT, ALERT, RESOLVED, RESOLVED, RESOLVED];
    told(&home.world, &[&before[..], &[ALERT, ALERT]].concat()).await;
    starts_again(server).await;
    home.world.all_is_well_again(20, now());
    calm(&service).await;
    assert_eq!(service.get("/readyz").await.status, 200);
    let account = timeout(SOON, all_is_told(&service, &home.world)).await.expect("something waits to be told");
    account.nothing_is_lost();
    account.nothing_is_repeated();
    assert_eq!(account.each_incident_is_told_and_ended_once(), 5);
}

#[actix_rt::test]
async fn what_was_open_before_postgres_went_away_is_not_told_again_and_its_end_is() {
    let server = own_server().await;
    let database = server.database();
    let mut home = home();
    home.set("DATABASE_URL", &database.url());
    home.world.jobs_get_stuck(3, now());
    let service = home.serve().await;
    service.cycle().await;
    told(&home.world, &[ALERT]).await;
    stops(server).await;
    notices(&service).await;
    told(&home.world, &[ALERT, ALERT]).await;
    home.world.all_is_well_again(20, now());
    assert_eq!(open(&service.cycle().await), ["database_failing"]);
    told(&home.world, &[ALERT, ALERT, RESOLVED]).await;
    starts_again(server).await;
    calm(&service).await;
    told(&home.world, &[ALERT, ALERT, RESOLVED, RESOLVED]).await;
    let account = timeout(SOON, all_is_told(&service, &home.world)).await.expect("something waits to be told");
    account.nothing_is_lost();
    account.nothing_is_repeated();
    assert_eq!(account.each_incident_is_told_and_ended_once(), 2);
}
