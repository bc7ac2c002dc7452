//! From a URL to connections: everything that only PostgreSQL knows.
//!
//! A connection that was lost is replaced by the pool: each one is tried before it is lent and when it is given back.
//! Nothing of the URL appears in an error.

use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgSslMode};
use sqlx::{ConnectOptions, Connection, PgConnection, PgPool};
use tokio::time::timeout;
use url::Url;

use super::database::Database;
use super::error::{POSTGRES, words_of_postgres};
use super::schema::{Found, MADE, WRITE_NOTHING, found, migrating, unusable};
use super::{Limits, StoreError};
use crate::secret::Secret;

/// Connections at most. The smallest servers that one can rent allow 20, and at a deploy two of us are there.
const CONNECTIONS: u32 = 5;

/// What a URL may say of TLS, in the two spellings that are in use.
const TLS_MODE: [&str; 2] = ["sslmode", "ssl-mode"];

/// What a URL may say besides. Everything else is meant for another client, such as `channel_binding`, and left out.
const UNDERSTOOD: [&str; 14] = [
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "options",
];

/// A transaction whose process was stopped in the middle of it lets go of its locks after this.
const IDLE_IN_TRANSACTION: Duration = Duration::from_secs(5);

/// How long to wait for a sign of life of a connection that is given back.
const SIGN_OF_LIFE: Duration = Duration::from_secs(5);

/// A number that stands for us among the advisory locks of the server.
const MIGRATION_LOCK: i64 = 0x6175_746F_2D6F_7001;

/// The schema, each version a file, embedded in the program.
pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("src/store/migrations/postgres");

/// The database at `url`. A server that is just starting is waited for as long as for a connection.
pub(super) async fn server(url: &Secret, limits: Limits) -> Result<Database, StoreError> {
    let pool = pool(url, limits)?;
    let opened = async {
        let mut connection = pool.acquire().await.map_err(opening)?;
        migrate(&mut connection).await
    };
    if let Err(error) = opened.await {
        pool.close().await;
        return Err(error);
    }
    Ok(Database::Postgres(pool))
}

/// Whether the database at `url` has a schema of ours.
pub(super) async fn is_there(url: &Secret, limits: Limits) -> Result<bool, StoreError> {
    let pool = pool(url, limits)?;
    let tables = async {
        let mut connection = pool.acquire().await.map_err(opening)?;
        tables(&mut connection).await.map_err(opening)
    };
    let tables = tables.await;
    pool.close().await;
    tables.map(|tables| tables.histories > 0)
}

/// What is in the database at `url`; that it takes writes is tried with one that changes nothing and is taken back.
///
/// Without a pool: that takes a server which refuses for one that is just starting, tries again until its time is over,
/// and has forgotten by then what was wrong.
pub(super) async fn look(url: &Secret, limits: Limits) -> Result<Found, StoreError> {
    let options = options(url)?;
    let connecting = async {
        let mut connection = PgConnection::connect_with(&options).await?;
        prepare(&mut connection, limits).await.map(|()| connection)
    };
    let connected = timeout(limits.acquire, connecting).await;
    let late = |_| StoreError::Unreachable(format!("no connection within {} s", limits.acquire.as_secs()));
    let mut connection = connected.map_err(late)?.map_err(opening)?;
    let seen = async {
        let mut transaction = connection.begin().await.map_err(opening)?;
        let tables = tables(&mut transaction).await.map_err(opening)?;
        if tables.are_foreign() {
            return Err(unusable(POSTGRES, FOREIGN));
        }
        if tables.histories == 0 {
            return Ok(Found::Nothing);
        }
        let made = sqlx::query_as(MADE).fetch_all(&mut *transaction).await.map_err(opening)?;
        let found = found(&MIGRATIONS, POSTGRES, &made)?;
        sqlx::query(WRITE_NOTHING).execute(&mut *transaction).await.map_err(opening)?;
        transaction.rollback().await.map_err(opening)?;
        Ok(found)
    };
    let seen = seen.await;
    // What was seen is seen, whether or not the server hears our good-bye.
    let _ = connection.close().await;
    seen
}

fn pool(url: &Secret, limits: Limits) -> Result<PgPool, StoreError> {
    let pool = PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(limits.acquire)
        .after_connect(move |connection, _| Box::pin(prepare(connection, limits)))
        .after_release(|connection, _| Box::pin(is_alive(connection)));
    Ok(pool.connect_lazy_with(options(url)?))
}

fn options(url: &Secret) -> Result<PgConnectOptions, StoreError> {
    // The reasons that parsers give may hold a part of the URL.
    let faulty = || unusable(POSTGRES, "its URL cannot be understood");
    let mut url = Url::parse(url.expose()).map_err(|_| faulty())?;
    let is_for_us = |name: &str| UNDERSTOOD.contains(&name) || name.starts_with("options[") || TLS_MODE.contains(&name);
    let (ours, says_tls) = {
        let pairs: Vec<_> = url.query_pairs().into_owned().filter(|(name, _)| is_for_us(name)).collect();
        let says_tls = pairs.iter().any(|(name, _)| TLS_MODE.contains(&name.as_str()));
        (pairs, says_tls)
    };
    url.query_pairs_mut().clear().extend_pairs(ours);
    let options = PgConnectOptions::from_str(url.as_str()).map_err(|_| faulty())?;
    let options = match (says_tls, is_near(&options)) {
        (true, _) => options,
        (false, true) => options.ssl_mode(PgSslMode::Prefer),
        // The certificates of rented servers are often signed by nobody; who has one to verify says so in the URL.
        (false, false) => options.ssl_mode(PgSslMode::Require),
    };
    Ok(options.application_name("auto-operator").disable_statement_logging())
}

/// Whether nobody is between us and the server.
fn is_near(options: &PgConnectOptions) -> bool {
    let host = options.get_host().trim_matches(['[', ']']);
    options.get_socket().is_some()
        || host.starts_with('/')
        || host == "localhost"
        || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// Sets what holds for each connection. Not in the greeting: poolers between us and the server refuse what they do not
/// know there.
async fn prepare(connection: &mut PgConnection, limits: Limits) -> Result<(), sqlx::Error> {
    let settings = format!(
        "SET statement_timeout = {}; SET lock_timeout = {}; SET idle_in_transaction_session_timeout = {}; \
         SET client_min_messages = warning; SET default_transaction_isolation = 'read committed'",
        limits.operation.as_millis(),
        limits.busy.as_millis(),
        IDLE_IN_TRANSACTION.as_millis(),
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(settings)).execute(connection).await?;
    Ok(())
}

/// Whether a connection may be used again; one that says nothing any more would otherwise keep its place in the pool.
async fn is_alive(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    timeout(SIGN_OF_LIFE, connection.ping()).await.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map(|()| true)
}

/// Brings the schema up to date in one transaction: two processes that start at once do it once, and a schema that is
/// not ours stays as it was.
async fn migrate(connection: &mut PgConnection) -> Result<(), StoreError> {
    let mut transaction = connection.begin().await.map_err(opening)?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)")
        .bind(MIGRATION_LOCK)
        .execute(&mut *transaction)
        .await
        .map_err(opening)?;
    let tables = tables(&mut transaction).await.map_err(opening)?;
    if tables.are_foreign() {
        return Err(unusable(POSTGRES, FOREIGN));
    }
    MIGRATIONS
        .run_direct(None, &mut *transaction, false)
        .await
        .map_err(|error| migrating(&MIGRATIONS, POSTGRES, error))?;
    transaction.commit().await.map_err(opening)
}

const FOREIGN: &str = "it holds the tables of another program; set another DATABASE_URL, or give it a schema of its own \
                       there with ?options[search_path]=NAME";

/// How many tables there are in our schema.
struct Tables {
    histories: i64,
    others: i64,
}

impl Tables {
    fn are_foreign(&self) -> bool {
        self.others > 0 && self.histories == 0
    }
}

async fn tables(connection: &mut PgConnection) -> Result<Tables, sqlx::Error> {
    let (histories, others) = sqlx::query_as(
        "SELECT COUNT(CASE WHEN table_name = '_sqlx_migrations' THEN 1 END),
                COUNT(CASE WHEN table_name <> '_sqlx_migrations' THEN 1 END)
         FROM information_schema.tables WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'",
    )
    .fetch_one(connection)
    .await?;
    Ok(Tables { histories, others })
}

/// What waiting may help against keeps its name; what somebody has to look after is said to be so.
fn opening(error: sqlx::Error) -> StoreError {
    if let sqlx::Error::Database(database) = &error
        && let Some(words) = database.code().and_then(|code| words_of_postgres(&code))
    {
        return unusable(POSTGRES, words);
    }
    let is_tls = match &error {
        sqlx::Error::Tls(_) => true,
        // A certificate that is not accepted.
        sqlx::Error::Io(error) => error.kind() == std::io::ErrorKind::InvalidData,
        _ => false,
    };
    match error {
        _ if is_tls => unusable(
            POSTGRES,
            "no trusted connection can be had (the server has no TLS, or its certificate is not accepted): see sslmode",
        ),
        sqlx::Error::PoolTimedOut => StoreError::Unreachable("no connection in time".into()),
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_url_says_of_tls_wins_and_otherwise_it_is_required_unless_the_server_is_near() {
        use PgSslMode::{Disable, Prefer, Require, VerifyFull};
        for (url, expected) in [
            ("postgres://u:p@ec2-1-2-3-4.compute-1.amazonaws.com:5432/d", Require),
            ("postgresql://u:p@db/d?channel_binding=require", Require),
            ("postgres://u:p@10.0.0.1/d", Require),
            ("postgres://u:p@db/d?sslmode=disable", Disable),
            ("postgres://u:p@db/d?sslmode=verify-full&sslrootcert=ca.pem", VerifyFull),
            ("postgres://u:p@localhost/d", Prefer),
            ("postgres://u:p@127.0.0.1/d", Prefer),
            ("postgres://u:p@[::1]/d", Prefer),
            ("postgres://u:p@localhost/d?sslmode=require", Require),
            ("postgres:///d?host=/run/postgresql", Prefer),
            ("postgres://%2Frun%2Fpostgresql/d", Prefer),
        ] {
            let options = options(&Secret::new(url)).unwrap_or_else(|error| panic!("{url}: {error}"));
            let mode = options.get_ssl_mode();
            assert!(std::mem::discriminant(&mode) == std::mem::discriminant(&expected), "{url}: {mode:?}");
        }
    }

    #[test]
    fn a_url_that_cannot_be_understood_is_not_shown() {
        for url in ["postgres://u:hunter2@db:port/d", "postgres://u:hunter2@db/d?sslmode=hunter2"] {
            let error = options(&Secret::new(url)).map(|_| ()).map_err(|error| error.to_string());
            assert_eq!(error, Err(format!("the database {POSTGRES} cannot be used: its URL cannot be understood")));
        }
    }
}
