//! The two sorts of database behind one face: who reads, who writes, and nothing that the rest of the store would have
//! to tell apart.

use std::sync::Arc;

use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, PgPool, Postgres, Sqlite, SqliteConnection, SqlitePool};

use super::late::Late;
use super::{StoreError, sqlite};

/// A database: open, or to be opened as soon as it can be.
#[derive(Clone, Debug)]
pub(super) enum Database {
    /// SQLite, in a file or in memory.
    Sqlite {
        /// One connection, since SQLite has one writer at a time: waiting for it in the pool is fair, in SQLite it is not.
        writer: SqlitePool,
        /// Connections that only read; in memory the writer's.
        reader: SqlitePool,
    },
    /// PostgreSQL, whoever runs it.
    Postgres(PgPool),
    /// One of them, which could not be had when the process started.
    Late(Arc<Late>),
}

impl Database {
    /// A connection in order to read.
    pub(super) async fn session(&self) -> Result<Session, StoreError> {
        Ok(match self {
            Self::Sqlite { reader, .. } => Session::Sqlite(reader.acquire().await?),
            Self::Postgres(pool) => Session::Postgres(pool.acquire().await?),
            Self::Late(late) => Box::pin(late.database().await?.session()).await?,
        })
    }

    /// A transaction in order to write. It is rolled back unless it is committed.
    pub(super) async fn begin(&self) -> Result<Transaction, StoreError> {
        Ok(match self {
            Self::Sqlite { writer, .. } => Transaction::Sqlite(writer.begin_with(sqlite::BEGIN).await?),
            Self::Postgres(pool) => Transaction::Postgres(pool.begin().await?),
            Self::Late(late) => Box::pin(late.database().await?.begin()).await?,
        })
    }

    /// Takes what SQLite has in its write-ahead log into the file, as far as nobody is reading it; PostgreSQL does so by
    /// itself.
    pub(super) async fn checkpoint(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite { reader, .. } => {
                sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").execute(reader).await?;
            }
            Self::Postgres(_) => {}
            Self::Late(late) => Box::pin(late.database().await?.checkpoint()).await?,
        }
        Ok(())
    }

    /// Has links point to what is not there, in memory, where only a part is of what they belong to.
    pub(super) async fn let_links_dangle(&self) -> Result<(), StoreError> {
        if let Self::Sqlite { writer, .. } = self {
            sqlx::query("PRAGMA foreign_keys = OFF").execute(writer).await?;
        }
        Ok(())
    }

    /// Closes all connections, once nobody has them any more.
    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite { writer, reader } => {
                reader.close().await;
                writer.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
            Self::Late(late) => late.close().await,
        }
    }
}

/// A connection that is lent to whoever reads.
pub(super) enum Session {
    /// Of SQLite.
    Sqlite(PoolConnection<Sqlite>),
    /// Of PostgreSQL.
    Postgres(PoolConnection<Postgres>),
}

/// A transaction of whoever writes.
pub(super) enum Transaction {
    /// Of SQLite.
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    /// Of PostgreSQL.
    Postgres(sqlx::Transaction<'static, Postgres>),
}

impl Transaction {
    /// Keeps the incidents for ourselves until it is over: whoever else wants to settle a cycle or acknowledge an
    /// incident waits.
    ///
    /// SQLite has one writer at a time anyhow. PostgreSQL would let two read the same incidents and both decide.
    pub(super) async fn keep_incidents(&mut self) -> Result<(), StoreError> {
        self.lock("LOCK TABLE incidents IN EXCLUSIVE MODE").await
    }

    /// Waits until nobody keeps the incidents for himself, and lets nobody do so until it is over. What comes after that
    /// and is about incidents has nobody to wait for who may wait for us.
    pub(super) async fn share_incidents(&mut self) -> Result<(), StoreError> {
        self.lock("LOCK TABLE incidents IN ROW SHARE MODE").await
    }

    async fn lock(&mut self, statement: &'static str) -> Result<(), StoreError> {
        if let Self::Postgres(transaction) = self {
            sqlx::query(statement).execute(&mut **transaction).await?;
        }
        Ok(())
    }

    /// Makes it last.
    pub(super) async fn commit(self) -> Result<(), StoreError> {
        let committed = match self {
            Self::Sqlite(transaction) => transaction.commit().await,
            Self::Postgres(transaction) => transaction.commit().await,
        };
        committed.map_err(|error| StoreError::from(error).of_commit())
    }
}

/// What a statement can be said to.
pub(super) trait Speaks {
    /// The connection behind it.
    fn lent(&mut self) -> Lent<'_>;
}

/// A connection of either sort, for one statement.
pub(super) enum Lent<'c> {
    /// Of SQLite.
    Sqlite(&'c mut SqliteConnection),
    /// Of PostgreSQL.
    Postgres(&'c mut PgConnection),
}

impl Speaks for Session {
    fn lent(&mut self) -> Lent<'_> {
        match self {
            Self::Sqlite(connection) => Lent::Sqlite(connection),
            Self::Postgres(connection) => Lent::Postgres(connection),
        }
    }
}

impl Speaks for Transaction {
    fn lent(&mut self) -> Lent<'_> {
        match self {
            Self::Sqlite(connection) => Lent::Sqlite(connection),
            Self::Postgres(connection) => Lent::Postgres(connection),
        }
    }
}
