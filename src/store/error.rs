//! What can go wrong with the store, as sentences for whoever runs the service.

use std::io;

use sqlx::error::DatabaseError;
use sqlx::postgres::PgDatabaseError;
use sqlx::sqlite::SqliteError;

/// The longest text of another's error that is passed on, in characters.
const TEXT_LIMIT: usize = 200;

/// What a database on a server is called, whose URL must not be shown.
pub(super) const POSTGRES: &str = "behind DATABASE_URL";

/// Why the store could not do what it was asked for.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// While opening: the schema is of a newer version than this program. It was left untouched.
    #[error(
        "the database {database} belongs to a newer version of this program (schema {found}, known here up to {known}); \
         it was left untouched: run that version, or set another DATABASE_URL"
    )]
    Newer {
        /// The file, or what stands for the server.
        database: String,
        /// The version of the schema that was found.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// While opening: the directory for the file is not there.
    #[error("the directory {directory} of the database does not exist: create it, or set another DATABASE_URL")]
    NoDirectory {
        /// The directory.
        directory: String,
    },
    /// While opening: waiting does not help, somebody has to do something.
    #[error("the database {database} cannot be used: {reason}")]
    Unusable {
        /// The file, `in memory`, or what stands for the server.
        database: String,
        /// Why, as half a sentence.
        reason: String,
    },
    /// Another process held the lock for longer than we wait.
    #[error("the database is locked by another process")]
    Locked,
    /// The disk is full, or the database may not grow any further.
    #[error("there is no space left for the database")]
    Full,
    /// The disk cannot be read or written; with a disk that is full, that is what it says when the log beside the file cannot
    /// be made.
    #[error("the disk reports an error")]
    DiskFault,
    /// It took too long, or the connection was lost when all was to be made to last. What was to be written may still have
    /// been written.
    #[error("the database did not answer in time")]
    Timeout,
    /// There is no connection to the database, or it was lost before anything was to be made to last: nothing was written.
    #[error("the database cannot be reached: {0}")]
    Unreachable(String),
    /// The store was closed, or its runtime has ended.
    #[error("the database is closed")]
    Closed,
    /// Another instance leads meanwhile: nothing was written.
    #[error("another instance leads")]
    NotLeading,
    /// What was said to be a cursor is none of ours.
    #[error("the cursor is not one that was given out here")]
    WrongCursor,
    /// A row makes no sense to this program.
    #[error("the database holds what makes no sense: {0}")]
    Nonsense(String),
    /// Anything else.
    #[error("the database failed: {0}")]
    Failed(String),
}

impl StoreError {
    /// Whether it may go well a little later without anybody doing something about it.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Timeout | Self::Locked | Self::Full | Self::DiskFault)
    }

    /// Whether what was to be written may be written all the same.
    pub fn may_be_written(&self) -> bool {
        matches!(self, Self::Timeout)
    }

    /// The same, where it came in the place of the word that all was made to last: nobody knows whether it was.
    pub(super) fn of_commit(self) -> Self {
        if matches!(self, Self::Unreachable(_)) { Self::Timeout } else { self }
    }

    /// A row that makes no sense: which, and why.
    pub(super) fn nonsense(what: impl AsRef<str>) -> Self {
        Self::Nonsense(shortened(what.as_ref(), TEXT_LIMIT))
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::PoolTimedOut => Self::Unreachable("no connection in time".into()),
            sqlx::Error::PoolClosed => Self::Closed,
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::ColumnNotFound(_) => Self::nonsense(error.to_string()),
            sqlx::Error::Io(error) => Self::Unreachable(words_of_io(error)),
            sqlx::Error::Tls(_) => Self::Unreachable("no TLS connection could be had".into()),
            // Its words may hold a part of the URL.
            sqlx::Error::Configuration(_) => Self::Failed("its settings cannot be used".into()),
            sqlx::Error::Database(database) => Self::from_database(database.as_ref()),
            _ => Self::Failed(shortened(&error.to_string(), TEXT_LIMIT)),
        }
    }
}

impl StoreError {
    fn from_database(error: &(dyn DatabaseError + 'static)) -> Self {
        if let Some(error) = error.try_downcast_ref::<PgDatabaseError>() {
            return Self::from_postgres(error);
        }
        match sqlite_code(error) {
            Some(BUSY | LOCKED) => Self::Locked,
            Some(FULL) => Self::Full,
            Some(IOERR) => Self::DiskFault,
            Some(code) => Self::Failed(words(code).map_or_else(|| shortened(error.message(), TEXT_LIMIT), Into::into)),
            None => Self::Failed(shortened(error.message(), TEXT_LIMIT)),
        }
    }
}

impl StoreError {
    /// By the codes of postgresql.org/docs/current/errcodes-appendix.html; the first two characters are the class.
    fn from_postgres(error: &PgDatabaseError) -> Self {
        match error.code() {
            "55P03" | "40P01" => Self::Locked,
            "53100" => Self::Full,
            "57014" => Self::Timeout,
            "53300" => Self::Unreachable("it has too many connections".into()),
            "57P03" => Self::Unreachable("it takes no connections while it starts or stops".into()),
            "57P01" | "57P02" | "57P05" | "25P03" => Self::Unreachable("it ended the connection".into()),
            code if code.starts_with("08") => Self::Unreachable("the connection was lost".into()),
            code => {
                Self::Failed(words_of_postgres(code).map_or_else(|| shortened(error.message(), TEXT_LIMIT), Into::into))
            }
        }
    }
}

/// Why there is no connection. The kind says it, except where Rust has none: a name that nobody knows is one of these, and
/// what else the system itself says.
fn words_of_io(error: &io::Error) -> String {
    let text = error.to_string();
    match text.strip_prefix("failed to lookup address information: ") {
        Some(why) => format!("the name of its host cannot be looked up ({})", shortened(why, TEXT_LIMIT)),
        None if error.raw_os_error().is_some() && error.kind().to_string() == UNCATEGORIZED => {
            shortened(&text, TEXT_LIMIT)
        }
        None => error.kind().to_string(),
    }
}

/// What Rust calls an error that it has no name for.
const UNCATEGORIZED: &str = "uncategorized error";

/// What to do about a code of PostgreSQL that somebody has to do something about, as half a sentence.
pub(super) fn words_of_postgres(code: &str) -> Option<&'static str> {
    match code {
        "28000" | "28P01" => Some("the server refuses the user or the password of DATABASE_URL"),
        "3D000" => Some("the server has no database of that name"),
        "3F000" => Some("there is no schema to keep tables in (see search_path)"),
        "42501" => Some("the user may not do there what is needed: let it own the database or its schema"),
        "25006" => Some("the server only lets it be read (is it a replica?)"),
        _ => None,
    }
}

// Primary result codes of SQLite (sqlite.org/rescode.html).
const PERM: i32 = 3;
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const READONLY: i32 = 8;
const IOERR: i32 = 10;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const CANTOPEN: i32 = 14;
const NOTADB: i32 = 26;

/// The primary code; the extended ones have it in their low byte.
fn sqlite_code(error: &(dyn DatabaseError + 'static)) -> Option<i32> {
    let code: i32 = error.try_downcast_ref::<SqliteError>()?.code()?.parse().ok()?;
    Some(code & 0xff)
}

/// What to do about a code that somebody has to do something about, as half a sentence.
fn words(code: i32) -> Option<&'static str> {
    match code {
        PERM | CANTOPEN => {
            Some("the file cannot be opened (check who owns it and its directory, and who may write there)")
        }
        READONLY => {
            Some("it cannot be written to (check who may write to the file, to those beside it and to the directory)")
        }
        CORRUPT => Some("the file is damaged: restore a copy, or move it away to start afresh"),
        NOTADB => Some("the file is not an SQLite database"),
        _ => None,
    }
}

/// `text` without its end where it is longer than `limit` characters.
pub(super) fn shortened(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters_and_a_short_one_is_not() {
        assert_eq!(shortened("äöü", 3), "äöü");
        assert_eq!(shortened("äöüß", 3), "äöü…");
        let StoreError::Nonsense(text) = StoreError::nonsense("⚪".repeat(5_000)) else { unreachable!() };
        assert_eq!(text.chars().count(), TEXT_LIMIT + 1);
    }

    #[test]
    fn why_there_is_no_connection_is_said_in_words() {
        let said = |error: io::Error| StoreError::from(sqlx::Error::Io(error)).to_string();
        let unknown = io::Error::other("failed to lookup address information: Name or service not known");
        // EPROTO is one of those that Rust has no name for.
        for (error, words) in [
            (io::ErrorKind::ConnectionRefused.into(), "connection refused"),
            (unknown, "the name of its host cannot be looked up (Name or service not known)"),
            (io::Error::from_raw_os_error(71), "Protocol error (os error 71)"),
        ] {
            assert_eq!(said(error), format!("the database cannot be reached: {words}"));
        }
    }
}
