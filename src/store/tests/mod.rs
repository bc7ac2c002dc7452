//! The store against real databases: what holds in a file holds in memory and on PostgreSQL. What only a file can do is in
//! `opening.rs`, what only a server can in `server.rs`.

mod deliveries;
mod fence;
mod history;
mod incidents;
mod late;
mod lease;
mod ledger;
mod life;
mod merging;
mod opening;
mod outbox;
mod plans;
mod prune;
mod refusals;
mod resending;
mod samples;
mod server;
mod sharing;
mod updates;
mod upgrading;

#[path = "../../../tests/postgres/mod.rs"]
mod postgres;

use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection, SqlitePool};
use tempfile::TempDir;
use tokio::runtime::Handle;

use super::*;
use crate::domain::incident::{Acknowledgement, Change, Held, Incident, Phase, Telling};
use crate::domain::issue::IssueId;
use crate::domain::notice::{NoticeKind, Step};

/// A fresh store in a file, and its directory, which lives as long as it is held.
async fn in_file() -> (Store, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory.path().join("test.db")).await.unwrap();
    (store, directory)
}

/// What a store stands on, which is gone when it is dropped.
enum Ground {
    Directory(TempDir),
    Memory,
    Server(postgres::Database),
}

impl Ground {
    fn location(&self) -> Location {
        match self {
            Self::Directory(directory) => Location::File(directory.path().join("test.db")),
            Self::Memory => Location::Memory,
            Self::Server(database) => Location::Postgres(Secret::new(database.url())),
        }
    }

    /// Another store on the same ground; in memory there is none.
    async fn open(&self) -> Store {
        Store::open(&self.location(), Handle::current()).await.unwrap()
    }
}

/// A fresh store on PostgreSQL.
async fn on_server() -> (Store, Ground) {
    let ground = Ground::Server(postgres::shared().database());
    (ground.open().await, ground)
}

/// A fresh store of each sort that others can open as well.
async fn shareable() -> [(Store, Ground); 2] {
    let (store, directory) = in_file().await;
    [(store, Ground::Directory(directory)), on_server().await]
}

/// A fresh store of each sort.
async fn each() -> [(Store, Ground); 3] {
    let [file, server] = shareable().await;
    [file, (Ground::Memory.open().await, Ground::Memory), server]
}

/// The rows of what nobody but a test would ask.
async fn rows(store: &Store, statement: &'static str) -> Vec<row::Row> {
    Statement::new(statement).all(&mut store.database.session().await.unwrap()).await.unwrap()
}

/// The first column of those rows, which is named `it`.
async fn texts(store: &Store, statement: &'static str) -> Vec<String> {
    rows(store, statement).await.iter().map(|row| row.text("it").unwrap()).collect()
}

/// The one number named `it`.
async fn number(store: &Store, statement: &'static str) -> i64 {
    rows(store, statement).await[0].number("it").unwrap()
}

/// Does what no store would.
async fn change(store: &Store, statement: &'static str) -> Result<u64, StoreError> {
    let mut transaction = store.database.begin().await?;
    let changed = Statement::new(statement).execute(&mut transaction).await?;
    transaction.commit().await?;
    Ok(changed)
}

/// The connections of a store on SQLite: who writes, who reads.
fn sqlite_of(store: &Store) -> (&SqlitePool, &SqlitePool) {
    match &store.database {
        Database::Sqlite { writer, reader } => (writer, reader),
        Database::Postgres(_) | Database::Late(_) => panic!("not SQLite"),
    }
}

async fn open(path: &Path) -> Result<Store, StoreError> {
    Store::open(&Location::File(path.into()), Handle::current()).await
}

/// A store that does not wait for long.
async fn impatient(path: &Path) -> Store {
    let limits =
        Limits { busy: Duration::from_millis(20), acquire: Duration::from_millis(20), operation: LIMITS.operation };
    Store::open_within(&Location::File(path.into()), Handle::current(), limits).await.unwrap()
}

/// A connection beside the store, for what no store would write.
async fn raw(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(path).create_if_missing(true).connect().await.unwrap()
}

/// So many seconds after the beginning of the test's time.
fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_760_709_528, 0).unwrap() + TimeDelta::seconds(seconds)
}

fn incident(id: &str, issue: IssueId, phase: Phase) -> Incident {
    Incident {
        id: id.into(),
        issue,
        text: "137 job(s) stuck >30 minutes".into(),
        detail: "the oldest: \"Ünïcode\" ⚠️".into(),
        since: at(0),
        phase,
        streak: 1,
        held: Held::No,
        magnitude: None,
        unstable: false,
        told: None,
        acknowledged: None,
        resolved_at: (phase == Phase::Resolved).then(|| at(0)),
    }
}

fn notice(id: &str, channel: &str, kind: NoticeKind, incidents: &[(&str, Step)]) -> Notice {
    Notice {
        id: id.into(),
        channel: channel.into(),
        kind,
        subject: "🚨 EchoPilot Auto-Operator Alert".into(),
        body: "ISSUES DETECTED:\n  • ⚠️ 137 job(s) stuck >30 minutes".into(),
        thread: None,
        created: at(0),
        incidents: incidents.iter().map(|(id, step)| ((*id).into(), *step)).collect(),
        content: None,
        not_before: None,
    }
}

/// One notice of several, from whose body it can be seen of which.
fn joined(earlier: Vec<Notice>, newest: Notice) -> Notice {
    let mut ids: Vec<_> = earlier.into_iter().map(|notice| notice.id).collect();
    ids.push(newest.id.clone());
    Notice { body: ids.join("+"), ..newest }
}

fn alert(id: &str, channel: &str, incident: &str) -> Notice {
    notice(id, channel, NoticeKind::Alert, &[(incident, Step::Opened)])
}

/// The ids of what was merged into what is claimed at that second, for a minute, and the attempt.
async fn parts(store: &Store, channel: &str, second: i64) -> Option<(String, u32)> {
    let due = store.claim(channel, at(second), at(second + 60), "test", joined).await.unwrap()?;
    // One by itself keeps its text.
    let alone = !due.notice.body.contains('+');
    Some((if alone { due.notice.id } else { due.notice.body }, due.attempts))
}

/// The same, posted in that second.
fn at_second(second: i64, notice: Notice) -> Notice {
    Notice { created: at(second), ..notice }
}

/// What is waited for in the middle of a decision.
struct Pause {
    entered: tokio::sync::oneshot::Sender<()>,
    go_on: std::sync::mpsc::Receiver<()>,
}

/// Who waits outside.
struct Paused {
    entered: tokio::sync::oneshot::Receiver<()>,
    go_on: std::sync::mpsc::Sender<()>,
}

fn pause() -> (Pause, Paused) {
    let (entered, has_entered) = tokio::sync::oneshot::channel();
    let (let_go, go_on) = std::sync::mpsc::channel();
    (Pause { entered, go_on }, Paused { entered: has_entered, go_on: let_go })
}

impl Pause {
    fn wait(self) {
        self.entered.send(()).unwrap();
        tokio::task::block_in_place(|| self.go_on.recv()).unwrap();
    }
}

/// Until so many connections of this database wait for the lock of another one.
async fn waiting_for_locks(store: &Store, connections: i64) {
    let waiting = "SELECT COUNT(*) AS it FROM pg_stat_activity
                   WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let enough = async {
        while number(store, waiting).await < connections {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), enough).await.unwrap();
}

impl Store {
    /// Writes down what was decided without a look at what is there.
    async fn commit(&self, stepped: &[(Incident, Change)], notices: &[Notice]) -> Result<(), StoreError> {
        let (stepped, notices) = (stepped.to_vec(), notices.to_vec());
        self.settle(|_| Decision { stepped, notices, ..Decision::default() }).await.map(drop)
    }
}

/// Opens the incident of stuck jobs as `i1` and posts `notices`.
async fn open_stuck(store: &Store, notices: &[Notice]) {
    let stuck = incident("i1", IssueId::StuckJobs, Phase::Open);
    store.commit(&[(stuck, Change::Opened)], notices).await.unwrap();
}

/// The id of what is claimed at that second, for a minute.
async fn claimed(store: &Store, channel: &str, second: i64) -> Option<String> {
    let due = store.claim(channel, at(second), at(second + 60), "test", joined).await.unwrap();
    due.map(|due| due.notice.id)
}
