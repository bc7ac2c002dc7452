//! What must outlive the process: incidents and their stories, the outbox of notices and what channels answered, silences,
//! figures and reports, what channels have to remember, and who leads.
//!
//! Invariants:
//! - A change of incidents and the notices that it causes are one transaction, synced to the disk before [`Store::settle`]
//!   returns: what is to be told survives a power cut.
//! - Everything runs on the runtime that [`Store::open`] was given, whoever asks: a caller on another runtime never
//!   polls the pool, and a caller that goes away does not cut a transaction in half.
//! - Every operation has a deadline.
//! - Who leads writes under the epoch of his lease ([`Store::under`]): once another one leads, nothing of his is written.
//! - SQLite and PostgreSQL behave the same. The statements are written once, in what both understand; what only one of
//!   them knows is in `sqlite.rs`, `postgres.rs`, `error.rs` and the migrations, which keep in step.
//!
//! Deliberately absent: the clock (each `now` is an argument; only the lease goes by one, that of the database), and
//! `sqlx::Any`.

mod acknowledge;
mod changes;
mod channel_state;
mod claim;
mod copies;
mod database;
mod days;
mod deliveries;
mod error;
mod history;
mod incidents;
mod late;
mod leader_file;
mod lease;
mod ledger;
mod outbox;
mod page;
mod postgres;
mod prune;
mod records;
mod reports;
mod revival;
mod row;
mod samples;
mod schema;
mod settle;
mod silences;
mod sqlite;
mod statement;
mod subjects;
#[cfg(test)]
mod tests;
mod updates;
mod waiting;

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

pub use acknowledge::Acknowledged;
pub use changes::Recorded;
pub use claim::Due;
pub use days::{SampleDay, Total, YesNo};
pub use deliveries::Outcome;
pub use error::StoreError;
pub use history::{IncidentFilter, IncidentStory};
pub use lease::Lease;
pub use ledger::{GoesOn, Ledger, Settled};
pub use outbox::Notice;
pub use page::Page;
pub use records::{Attempt, DeliveryRecord, NoticeState};
pub use reports::StoredReport;
pub use samples::{Gap, Sample};
pub use schema::Found;
pub use settle::{Decision, Known};
pub use subjects::{Posted, Subjects};

use crate::secret::Secret;
use database::Database;
use late::Late;
use leader_file::LeaderFile;
use statement::Statement;

/// Where the database is.
#[derive(Clone, PartialEq, Eq)]
pub enum Location {
    /// In this file, which is created if it is missing; its directory must be there.
    File(PathBuf),
    /// In memory: gone when the store is closed.
    Memory,
    /// On the PostgreSQL server of this URL.
    Postgres(Secret),
}

/// How long things may take.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// How long the database waits for the lock of another connection or process.
    busy: Duration,
    /// How long to wait for a connection of the pool.
    acquire: Duration,
    /// How long an operation may take in all.
    operation: Duration,
}

const LIMITS: Limits =
    Limits { busy: Duration::from_secs(5), acquire: Duration::from_secs(5), operation: Duration::from_secs(10) };

/// How long [`Store::ping`] may take: whoever asks for readiness does not wait for longer.
const PING_LIMIT: Duration = Duration::from_secs(2);

/// How long [`Store::close`] may take: the process has 5 s to exit.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);

/// The store. Clones are handles to the same one.
#[derive(Clone, Debug)]
pub struct Store {
    database: Database,
    runtime: Handle,
    limits: Limits,
    /// What leaders of a database in a file lock.
    leader_file: Option<LeaderFile>,
    /// The epoch of the leader that writes; anybody may, if there is none.
    fence: Option<i64>,
}

impl Store {
    /// Opens the database, creates it if it is missing, and brings its schema up to date.
    ///
    /// A database of a newer version than this program is left as it is ([`StoreError::Newer`]).
    pub async fn open(location: &Location, runtime: Handle) -> Result<Self, StoreError> {
        Self::open_within(location, runtime, LIMITS).await
    }

    async fn open_within(location: &Location, runtime: Handle, limits: Limits) -> Result<Self, StoreError> {
        let database = connect(location, &runtime, limits).await?;
        Ok(Self::on(database, location, runtime, limits))
    }

    fn on(database: Database, location: &Location, runtime: Handle, limits: Limits) -> Self {
        let leader_file = match location {
            Location::File(path) => Some(LeaderFile::of(path)),
            Location::Memory | Location::Postgres(_) => None,
        };
        Self { database, runtime, limits, leader_file, fence: None }
    }

    /// As [`Store::open`], but a database that cannot be had just now (away, locked, out of space) is opened as soon as
    /// it can be; until then, whatever is asked is answered with why not. What somebody has to look after is an error at
    /// once, and if it only shows later, from then on.
    pub async fn open_patiently(location: &Location, runtime: Handle) -> Result<Self, StoreError> {
        Self::open_patiently_within(location, runtime, LIMITS).await
    }

    async fn open_patiently_within(location: &Location, runtime: Handle, limits: Limits) -> Result<Self, StoreError> {
        match Self::open_within(location, runtime.clone(), limits).await {
            Err(why) if why.may_pass() => {
                log::error!("{why}; it is tried again, and what happens meanwhile is kept in memory");
                let late = Late::new(location.clone(), runtime.clone(), limits, why);
                Ok(Self::on(Database::Late(Arc::new(late)), location, runtime, limits))
            }
            opened => opened,
        }
    }

    /// Whether there is a database of ours at `location`. Nothing is written to find out.
    pub async fn is_there(location: &Location, runtime: &Handle) -> Result<bool, StoreError> {
        let location = location.clone();
        on(runtime, LIMITS.operation, async move {
            match &location {
                Location::File(path) => Ok(path.exists()),
                Location::Memory => Ok(false),
                Location::Postgres(url) => postgres::is_there(url, LIMITS).await,
            }
        })
        .await
    }

    /// What is at `location`, and whether it takes writes. Nothing is made, changed or brought up to date to find out, also
    /// while another version of this program works with it.
    pub async fn look(location: &Location, runtime: &Handle) -> Result<Found, StoreError> {
        let location = location.clone();
        on(runtime, LIMITS.operation, async move {
            match &location {
                Location::File(path) => sqlite::look(path, LIMITS).await,
                Location::Memory => Ok(Found::Nothing),
                Location::Postgres(url) => postgres::look(url, LIMITS).await,
            }
        })
        .await
    }

    /// Has the database write, within 2 s: one that can only be read keeps no incident and no notice. Nothing is changed.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let database = self.database.clone();
        on(&self.runtime, PING_LIMIT, async move {
            let mut transaction = database.begin().await?;
            Statement::new(schema::WRITE_NOTHING).execute(&mut transaction).await?;
            transaction.commit().await
        })
        .await
    }

    /// Takes what SQLite has in its write-ahead log into the file, as far as nobody is reading it, beside whoever writes.
    ///
    /// Done now and then while nobody waits, it spares the writer from doing it in the middle of an alert.
    pub async fn checkpoint(&self) -> Result<(), StoreError> {
        let database = self.database.clone();
        self.run(async move { database.checkpoint().await }).await
    }

    /// Closes all connections, within 2 s; whatever is asked afterwards is [`StoreError::Closed`].
    ///
    /// With SQLite, the last connection to be closed takes what is in the write-ahead log into the file.
    pub async fn close(&self) -> Result<(), StoreError> {
        let database = self.database.clone();
        let closed = on(&self.runtime, CLOSE_LIMIT, async move {
            database.close().await;
            Ok(())
        });
        let closed = closed.await;
        if let Some(file) = &self.leader_file {
            file.let_go();
        }
        closed
    }

    /// Runs one operation on the runtime of the store.
    async fn run<T, F>(&self, operation: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        on(&self.runtime, self.limits.operation, operation).await
    }
}

/// Opens the database at `location`.
async fn connect(location: &Location, runtime: &Handle, limits: Limits) -> Result<Database, StoreError> {
    let location = location.clone();
    on(runtime, limits.operation, async move {
        match &location {
            Location::File(path) => sqlite::file(path, limits).await,
            Location::Memory => sqlite::memory(limits).await,
            Location::Postgres(url) => postgres::server(url, limits).await,
        }
    })
    .await
}

/// Runs `operation` on `runtime`, to its end or to its limit, also if nobody waits for it any more.
async fn on<T, F>(runtime: &Handle, limit: Duration, operation: F) -> Result<T, StoreError>
where
    T: Send + 'static,
    F: Future<Output = Result<T, StoreError>> + Send + 'static,
{
    match runtime.spawn(async move { tokio::time::timeout(limit, operation).await }).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(StoreError::Timeout),
        Err(broken) if broken.is_panic() => Err(StoreError::Failed("an operation panicked".into())),
        Err(_) => Err(StoreError::Closed),
    }
}
