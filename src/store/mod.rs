//! What must outlive the process: incidents, the outbox of notices, and what channels have to remember.
//!
//! Invariants:
//! - A change of incidents and the notices that it causes are one transaction, synced to the disk before [`Store::settle`]
//!   returns: what is to be told survives a power cut.
//! - Everything runs on the runtime that [`Store::open`] was given, whoever asks: a caller on another runtime never
//!   polls the pool, and a caller that goes away does not cut a transaction in half.
//! - Every operation has a deadline.
//!
//! Deliberately absent: the clock (each `now` is an argument), and `sqlx::Any`. The statements keep to what SQLite and
//! PostgreSQL share; what only SQLite knows is in `open.rs`, `error.rs` and the migrations.

mod channel_state;
mod error;
mod incidents;
mod open;
mod outbox;
mod prune;
mod row;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use sqlx::SqlitePool;
use tokio::runtime::Handle;

pub use error::StoreError;
pub use outbox::{Due, Notice};

use crate::domain::incident::{Change, Incident};
use crate::domain::notice::Told;

/// Where the database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// In this file, which is created if it is missing; its directory must be there.
    File(PathBuf),
    /// In memory: gone when the store is closed.
    Memory,
}

/// What follows from a cycle.
#[derive(Clone, Debug)]
pub struct Decision {
    /// Every incident that the cycle touched, as it is now.
    pub stepped: Vec<(Incident, Change)>,
    /// What is to be told.
    pub notices: Vec<Notice>,
}

/// How long things may take.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// How long SQLite waits for the lock of another connection or process.
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
    /// One connection, since SQLite has one writer at a time: waiting for it in the pool is fair, in SQLite it is not.
    writer: SqlitePool,
    /// Connections that only read; in memory the writer's.
    reader: SqlitePool,
    runtime: Handle,
    limits: Limits,
}

impl Store {
    /// Opens the database, creates it if it is missing, and brings its schema up to date.
    ///
    /// A database of a newer version than this program is left as it is ([`StoreError::Newer`]).
    pub async fn open(database: &Location, runtime: Handle) -> Result<Self, StoreError> {
        Self::open_within(database, runtime, LIMITS).await
    }

    async fn open_within(database: &Location, runtime: Handle, limits: Limits) -> Result<Self, StoreError> {
        let database = database.clone();
        let (writer, reader) =
            on(&runtime, limits.operation, async move { open::pools(&database, limits).await }).await?;
        Ok(Self { writer, reader, runtime, limits })
    }

    /// Takes the incidents that are not over through a cycle, as `decide` says of them and of who was told of them, and
    /// writes it down: all of it or nothing. What was decided is returned.
    ///
    /// Incidents are inserted or brought up to date, those that were [`Change::Forgotten`] are deleted, and the notices
    /// are posted. Looking, deciding and writing are one transaction: two cycles at once, such as that of an Escalator
    /// that was replaced meanwhile, come one after the other, and what one of them tells the other one knows.
    pub async fn settle<F>(&self, decide: F) -> Result<Decision, StoreError>
    where
        F: FnOnce(Vec<Incident>, &Told) -> Decision + Send + 'static,
    {
        let writer = self.writer.clone();
        self.run(async move {
            let mut transaction = writer.begin_with(open::BEGIN).await?;
            let known = incidents::unresolved(&mut *transaction).await?;
            let told = outbox::told(&mut *transaction).await?;
            let decision = decide(known, &told);
            incidents::write(&mut transaction, &decision.stepped).await?;
            outbox::post(&mut transaction, &decision.notices).await?;
            transaction.commit().await?;
            Ok(decision)
        })
        .await
    }

    /// Asks the database for something that it has to read, within 2 s.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let reader = self.reader.clone();
        on(&self.runtime, PING_LIMIT, async move {
            sqlx::query("SELECT id FROM incidents LIMIT 1").fetch_optional(&reader).await?;
            Ok(())
        })
        .await
    }

    /// Takes what is in the write-ahead log into the file, as far as nobody is reading it, beside whoever writes.
    ///
    /// Done now and then while nobody waits, it spares the writer from doing it in the middle of an alert.
    pub async fn checkpoint(&self) -> Result<(), StoreError> {
        let reader = self.reader.clone();
        self.run(async move {
            sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").execute(&reader).await?;
            Ok(())
        })
        .await
    }

    /// Closes all connections, within 2 s; whatever is asked afterwards is [`StoreError::Closed`].
    ///
    /// The last connection to be closed takes what is in the write-ahead log into the file.
    pub async fn close(&self) -> Result<(), StoreError> {
        let (writer, reader) = (self.writer.clone(), self.reader.clone());
        on(&self.runtime, CLOSE_LIMIT, async move {
            reader.close().await;
            writer.close().await;
            Ok(())
        })
        .await
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
