//! Of which version a schema is, and what is said when a database cannot be opened or its schema not be brought up to date,
//! whichever sort it is.

use sqlx::migrate::{MigrateError, Migrator};

use super::StoreError;

/// What was found where the database is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing of ours yet.
    Nothing,
    /// A schema of an older version of this program.
    Older,
    /// The schema of this version.
    UpToDate,
}

/// What SQLite and PostgreSQL are asked for the migrations that were made.
pub(super) const MADE: &str = "SELECT version, checksum FROM _sqlx_migrations ORDER BY version";

/// What has nothing to write, and is refused where nothing may be written.
pub(super) const WRITE_NOTHING: &str = "DELETE FROM channel_state WHERE channel = ''";

/// What a schema is for which the migrations `made` were made, each its version and its checksum.
pub(super) fn found(migrations: &Migrator, database: &str, made: &[(i64, Vec<u8>)]) -> Result<Found, StoreError> {
    for (version, checksum) in made {
        let fault = match migrations.iter().find(|migration| migration.version == *version) {
            None => MigrateError::VersionMissing(*version),
            Some(known) if *known.checksum != **checksum => MigrateError::VersionMismatch(*version),
            Some(_) => continue,
        };
        return Err(migrating(migrations, database, fault));
    }
    Ok(if made.is_empty() {
        Found::Nothing
    } else if made.len() < migrations.iter().count() {
        Found::Older
    } else {
        Found::UpToDate
    })
}

/// Why the schema could not be brought up to date with `migrations`.
pub(super) fn migrating(migrations: &Migrator, database: &str, error: MigrateError) -> StoreError {
    let known = migrations.iter().map(|migration| migration.version).max().unwrap_or_default();
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => opening(database, error),
        MigrateError::VersionMissing(found) if found > known => {
            StoreError::Newer { database: database.into(), found, known }
        }
        MigrateError::VersionMissing(version) | MigrateError::VersionMismatch(version) => unusable(
            database,
            &format!("its schema {version} is not that of this program but another's; set another DATABASE_URL"),
        ),
        other => opening(database, other.into()),
    }
}

/// What waiting may help against keeps its name; everything else is for somebody to look after.
pub(super) fn opening(database: &str, error: sqlx::Error) -> StoreError {
    match StoreError::from(error) {
        StoreError::Failed(reason) | StoreError::Nonsense(reason) => unusable(database, &reason),
        other => other,
    }
}

/// `reason` is half a sentence.
pub(super) fn unusable(database: &str, reason: &str) -> StoreError {
    StoreError::Unusable { database: database.into(), reason: reason.into() }
}
