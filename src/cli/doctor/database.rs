//! Whether the database can be used, and whether it lasts.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use super::host::Host;
use crate::app;
use crate::diagnosis::{Asked, Finding, Question, Remedy};
use crate::settings::Database;
use crate::store::{Found, Store, StoreError};
use crate::supervision;

const NAME: &str = "database";

/// Looks at the one that is there, and whether it takes writes. Nothing is written: none is made where there is none yet, and
/// an older schema is left to the service, since another version of it may be running.
pub(super) async fn examine(database: &Database, host: Host) -> Vec<Asked> {
    let question = Question::put(
        NAME,
        match database {
            Database::SqliteFile(path) => format!("open the file {}", path.display()),
            Database::SqliteMemory => "open one in memory".to_owned(),
            Database::Postgres(_) => "open the one on the PostgreSQL server".to_owned(),
        },
    );
    let finding = match look(database).await {
        Ok(says) => Finding::ok(says),
        Err(error) => Finding::fail(error.to_string(), remedy(error)),
    };
    let lasts = host.keeps(database).map(|finding| Asked::at_home(NAME, "does it last", finding));
    std::iter::once(question.found(finding)).chain(lasts).collect()
}

/// What was found, in a few words.
async fn look(database: &Database) -> Result<&'static str, StoreError> {
    let location = app::location(database);
    let runtime = match supervision::runtime() {
        Ok(runtime) => runtime.handle().clone(),
        Err(error) => return Err(StoreError::Failed(error.to_string())),
    };
    match (Store::look(&location, &runtime).await?, database) {
        (Found::UpToDate, _) => Ok("its schema is up to date, it takes writes"),
        (Found::Older, _) => Ok("it takes writes; its schema is an older one, which `serve` will bring up to date"),
        (Found::Nothing, Database::SqliteFile(path)) if !path.exists() => {
            takes_files(path).map(|()| "is not there yet; the service will make it")
        }
        (Found::Nothing, Database::SqliteMemory) => Ok("always new"),
        (Found::Nothing, _) => Ok("has no tables yet; the service will make them"),
    }
}

/// Whether a file can be made beside `path`.
fn takes_files(path: &Path) -> Result<(), StoreError> {
    let directory = match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    };
    if !directory.is_dir() {
        return Err(StoreError::NoDirectory { directory: directory.display().to_string() });
    }
    let trial = directory.join(format!(".auto-operator-doctor-{}", std::process::id()));
    let made = File::create_new(&trial).and_then(|file| {
        drop(file);
        fs::remove_file(&trial)
    });
    made.map_err(|error: io::Error| StoreError::Unusable {
        database: path.display().to_string(),
        reason: format!("no file can be made in {} ({})", directory.display(), error.kind()),
    })
}

fn remedy(error: StoreError) -> Remedy {
    match error {
        StoreError::Newer { .. } => Remedy::NewerDatabase,
        StoreError::NoDirectory { directory } => Remedy::NoDirectory { directory },
        StoreError::Locked => Remedy::LockedDatabase,
        StoreError::Unreachable(_) | StoreError::Timeout => Remedy::DatabaseAway,
        StoreError::Unusable { .. }
        | StoreError::Full
        | StoreError::DiskFault
        | StoreError::Closed
        | StoreError::Nonsense(_)
        | StoreError::NotLeading
        | StoreError::WrongCursor
        | StoreError::Failed(_) => Remedy::OtherDatabase,
    }
}
