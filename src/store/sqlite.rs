//! From a file or a memory to connections: everything that only SQLite knows.

use std::path::{Path, PathBuf, absolute};
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqliteConnection, SqlitePool};
use tokio::time::{Instant, sleep};

use super::database::Database;
use super::schema::{Found, MADE, WRITE_NOTHING, found, migrating, opening, unusable};
use super::{Limits, StoreError};

/// How a writing transaction begins: with the lock, since a lock that is asked for later may be refused at once.
pub(super) const BEGIN: &str = "BEGIN IMMEDIATE";

/// Connections that read side by side.
const READERS: u32 = 2;

/// At so many pages of 4 KiB SQLite takes the write-ahead log into the file in the middle of a commit, which takes 10 to
/// 20 ms on a common disk. It is done before, by [`super::Store::checkpoint`]; this is for when it is not.
const LONGEST_LOG: &str = "4000";

/// How long to wait before a lock that was refused is asked for again.
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// The schema, each version a file, embedded in the program.
pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("src/store/migrations/sqlite");

/// The database is that of its one connection, which therefore never ends.
pub(super) async fn memory(limits: Limits) -> Result<Database, StoreError> {
    let named = |error| opening("in memory", error);
    let pool = pool(1, limits).connect_with(options(limits)).await.map_err(named)?;
    let mut connection = pool.acquire().await.map_err(named)?;
    migrate(&mut connection, "in memory").await?;
    Ok(Database::Sqlite { writer: pool.clone(), reader: pool })
}

/// The database in the file `path`. Tries again for as long as we wait for a lock: some locks, such as that for a change of the journal mode, SQLite
/// refuses without waiting.
pub(super) async fn file(path: &Path, limits: Limits) -> Result<Database, StoreError> {
    let path = checked(path)?;
    let patience_ends = Instant::now() + limits.busy;
    loop {
        match try_file(&path, limits).await {
            Err(StoreError::Locked) if Instant::now() < patience_ends => sleep(LOCK_PAUSE).await,
            result => return result,
        }
    }
}

async fn try_file(path: &Path, limits: Limits) -> Result<Database, StoreError> {
    let name = path.display().to_string();
    let named = |error| opening(&name, error);
    // An alert must survive a power cut: `FULL` syncs the log with each transaction, `NORMAL` would not.
    let options = options(limits).filename(path).create_if_missing(true).synchronous(SqliteSynchronous::Full);
    let options = options.pragma("wal_autocheckpoint", LONGEST_LOG);

    // The journal mode is left as it is until the schema is known to be ours. In a file without any, the log comes
    // first: that spares three of the eleven syncs of the disk until the first commit.
    let is_new = path.metadata().map_or(true, |metadata| metadata.len() == 0);
    let in_log = options.clone().journal_mode(SqliteJournalMode::Wal);
    let mut first = if is_new { in_log.connect() } else { options.connect() }.await.map_err(named)?;
    let opened = match migrate(&mut first, &name).await {
        Ok(()) => connect(in_log.create_if_missing(false), limits).await.map_err(named),
        Err(error) => Err(error),
    };
    // The last one to close takes the log into the file and removes it: not worth it while starting.
    let closed = first.close().await;
    let (writer, reader) = opened?;
    closed.map_err(named)?;
    Ok(Database::Sqlite { writer, reader })
}

/// What is in the file `path`, whether it is ours or somebody is working with it. That it takes writes is tried with one
/// that changes nothing and is taken back.
pub(super) async fn look(path: &Path, limits: Limits) -> Result<Found, StoreError> {
    if !path.exists() {
        return Ok(Found::Nothing);
    }
    let path = checked(path)?;
    let name = path.display().to_string();
    let named = |error| opening(&name, error);
    let mut connection = options(limits).filename(&path).create_if_missing(false).connect().await.map_err(named)?;
    let seen = see(&mut connection, &name).await;
    let closed = connection.close().await.map_err(named);
    seen.and_then(|seen| closed.map(|()| seen))
}

async fn see(connection: &mut SqliteConnection, database: &str) -> Result<Found, StoreError> {
    let named = |error| opening(database, error);
    let mut transaction = connection.begin_with(BEGIN).await.map_err(named)?;
    let tables = tables(&mut transaction).await.map_err(named)?;
    if tables.are_foreign() {
        return Err(unusable(database, FOREIGN));
    }
    if tables.histories == 0 {
        return Ok(Found::Nothing);
    }
    let made = sqlx::query_as(MADE).fetch_all(&mut *transaction).await.map_err(named)?;
    let found = found(&MIGRATIONS, database, &made)?;
    sqlx::query(WRITE_NOTHING).execute(&mut *transaction).await.map_err(named)?;
    transaction.rollback().await.map_err(named)?;
    Ok(found)
}

/// Who writes and who reads.
async fn connect(options: SqliteConnectOptions, limits: Limits) -> Result<(SqlitePool, SqlitePool), sqlx::Error> {
    let writers = pool(1, limits).after_release(|connection, _| Box::pin(is_sound(connection)));
    let writer = writers.connect_with(options.clone()).await?;
    let reader = pool(READERS, limits).connect_with(options.pragma("query_only", "on")).await?;
    Ok((writer, reader))
}

/// Whether a connection may be used again. Where the disk is full or fails, SQLite ends the transaction by itself, sqlx
/// does not notice, and no other transaction could ever begin: such a connection is replaced by a new one.
async fn is_sound(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    // The answer comes after everything that was asked before, a rollback included.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

/// The absolute path, so that it means the same whatever becomes of the working directory, and so that SQLite does not
/// take a name such as `file:x` for a URL.
fn checked(path: &Path) -> Result<PathBuf, StoreError> {
    let name = path.display().to_string();
    let whole = absolute(path).map_err(|_| unusable(&name, "it has no name"))?;
    if whole.is_dir() {
        return Err(unusable(&name, "it is a directory"));
    }
    if whole.metadata().is_ok_and(|metadata| metadata.permissions().readonly()) {
        // SQLite would leave files beside it that are as read-only as it is, and in the way once it no longer is.
        return Err(unusable(&name, "it is marked as read-only"));
    }
    match whole.parent() {
        Some(directory) if !directory.is_dir() => {
            Err(StoreError::NoDirectory { directory: directory.display().to_string() })
        }
        _ => Ok(whole),
    }
}

fn options(limits: Limits) -> SqliteConnectOptions {
    SqliteConnectOptions::new().foreign_keys(true).busy_timeout(limits.busy).disable_statement_logging()
}

/// Connections that are kept for good: opening them anew would gain nothing, and lose what is in memory.
fn pool(connections: u32, limits: Limits) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(limits.acquire)
        .idle_timeout(None)
        .max_lifetime(None)
}

/// Brings the schema up to date in one transaction: two processes that start at once do it once, and a schema that is
/// not ours stays as it was.
async fn migrate(connection: &mut SqliteConnection, database: &str) -> Result<(), StoreError> {
    let named = |error| opening(database, error);
    let mut transaction = connection.begin_with(BEGIN).await.map_err(named)?;
    if tables(&mut transaction).await.map_err(named)?.are_foreign() {
        return Err(unusable(database, FOREIGN));
    }
    MIGRATIONS
        .run_direct(None, &mut *transaction, false)
        .await
        .map_err(|error| migrating(&MIGRATIONS, database, error))?;
    // In a file of somebody else that may only be read, SQLite takes the lock without a word; the first write is refused.
    sqlx::query(WRITE_NOTHING).execute(&mut *transaction).await.map_err(named)?;
    transaction.commit().await.map_err(named)
}

const FOREIGN: &str = "it holds the tables of another program; set another DATABASE_URL";

/// How many tables there are, and how many histories of migrations among them.
struct Tables {
    all: i64,
    histories: i64,
}

impl Tables {
    fn are_foreign(&self) -> bool {
        self.all > 0 && self.histories == 0
    }
}

async fn tables(connection: &mut SqliteConnection) -> Result<Tables, sqlx::Error> {
    let (all, histories) = sqlx::query_as(
        "SELECT COUNT(*), COUNT(CASE WHEN name = '_sqlx_migrations' THEN 1 END) FROM sqlite_master WHERE type = 'table'",
    )
    .fetch_one(connection)
    .await?;
    Ok(Tables { all, histories })
}
