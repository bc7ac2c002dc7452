//! What is said when a database cannot be opened or its schema not be brought up to date, whichever sort it is.

use sqlx::migrate::{MigrateError, Migrator};

use super::StoreError;

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
