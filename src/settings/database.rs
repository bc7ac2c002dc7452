//! Where incidents are kept.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use url::Url;

use super::problem::Fault;
use super::reader::{MASK, Reader};
use super::variables::DATABASE_URL;
use crate::secret::Secret;

/// How a URL may ask for TLS, as PostgreSQL's own clients call it.
const TLS_MODES: [&str; 6] = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];

/// Where incidents are kept.
pub enum Database {
    /// In this file.
    SqliteFile(PathBuf),
    /// Nowhere for long.
    SqliteMemory,
    /// On a PostgreSQL server.
    Postgres(Server),
}

/// A PostgreSQL server.
pub struct Server {
    /// Where it is, with user, password and database.
    pub url: Secret,
    /// The URL, and the password in it, as it stands there and as it goes over the wire.
    pub(super) secrets: Vec<Secret>,
    /// What everybody may see of the URL.
    shown: String,
}

impl Database {
    /// Reads it; `None` if it is faulty.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let database = reader.value(DATABASE_URL, Self::parse)?;
        match &database {
            Self::SqliteFile(path) => reader.show(DATABASE_URL, format!("sqlite://{}", path.display())),
            Self::SqliteMemory => reader.show(DATABASE_URL, "sqlite::memory:"),
            Self::Postgres(server) => reader.show(DATABASE_URL, &server.shown),
        }
        Some(database)
    }

    /// Nothing of the text is shown in a fault: there may be a password in it.
    fn parse(text: &str) -> Result<Self, Fault> {
        let fault = |wrong| {
            Fault::new(wrong, "sqlite://auto-operator.db, sqlite::memory: or postgres://user:password@host:5432/name")
        };
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Server::parse(text).map(Self::Postgres).map_err(fault);
        }
        let path = text.strip_prefix("sqlite:").ok_or_else(|| fault("is not the URL of a database"))?;
        match path.strip_prefix("//").unwrap_or(path) {
            ":memory:" => Ok(Self::SqliteMemory),
            "" => Err(fault("names no file")),
            path if path.contains(['?', '#']) || path.chars().any(char::is_control) => {
                Err(fault("has options or control characters in its path"))
            }
            path => Ok(Self::SqliteFile(path.into())),
        }
    }
}

impl Server {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let url = Url::parse(text).map_err(|_| "is not a URL (is its password percent-encoded?)")?;
        let said = |names: &[&str]| url.query_pairs().find(|(name, _)| names.contains(&name.as_ref()));
        if url.fragment().is_some() {
            return Err("has a `#` in it (is its password percent-encoded?)");
        }
        if said(&["sslmode", "ssl-mode"]).is_some_and(|(_, mode)| !TLS_MODES.contains(&mode.as_ref())) {
            return Err("has an unknown sslmode");
        }
        if url.path().trim_start_matches('/').is_empty() && said(&["dbname"]).is_none() {
            return Err("names no database");
        }
        let encoded = url.password().into_iter().flat_map(|encoded| {
            let decoded = percent_decode_str(encoded).decode_utf8_lossy();
            [Secret::new(encoded), Secret::new(decoded)]
        });
        let in_query = url.query_pairs().filter(|(name, _)| name == "password").map(|(_, value)| Secret::new(value));
        let secrets = std::iter::once(Secret::new(text)).chain(encoded).chain(in_query).collect();
        Ok(Self { url: Secret::new(text), secrets, shown: shown(&url) })
    }
}

/// The server and the name of the database. A user's name may be a secret, and what follows the `?` too.
fn shown(url: &Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let user = if url.username().is_empty() { String::new() } else { format!("{MASK}@") };
    format!("{}://{user}{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
}
