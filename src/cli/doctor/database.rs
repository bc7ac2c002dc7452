//! Whether the database can be used, and whether it lasts.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use super::host::Host;
use crate::app;
use crate::diagnosis::{Asked, Finding, Question, Remedy};
use crate::settings::Database;
use crate::store::{Store, StoreError};
use crate::supervision;

const NAME: &str = "database";

/// Opens the one that is there, which brings its schema up to date as the service would, and has it write. None is made
/// where there is none yet.
pub(super) async fn examine(database: &Database, host: Host) -> Vec<Asked> {
    let question = Question::put(
        NAME,
        match database {
            Database::SqliteFile(path) => format!("open the file {}", path.display()),
            Database::SqliteMemory => "open one in memory".to_owned(),
            Database::Postgres(_) => "open the one on the PostgreSQL server".to_owned(),
        },
    );
    let finding = match open(database).await {
        Ok(says) => Finding::ok(says),
        Err(error) => Finding::fail(error.to_string(), remedy(error)),
    };
    let lasts = host.keeps(database).map(|finding| Asked::at_home(NAME, "does it last", finding));
    std::iter::once(question.found(finding)).chain(lasts).collect()
}

/// What was found, in a few words.
async fn open(database: &Database) -> Result<&'static str, StoreError> {
    let location = app::location(database);
    let runtime = match supervision::runtime() {
        Ok(runtime) => runtime.handle().clone(),
        Err(error) => return Err(StoreError::Failed(error.to_string())),
    };
    if !Store::is_there(&location, &runtime).await? {
        return match database {
            Database::SqliteFile(path) => takes_files(path).map(|()| "is not there yet; the service will make it"),
            Database::SqliteMemory => Ok("always new"),
            Database::Postgres(_) => Ok("has no tables yet; the service will make them"),
        };
    }
    let store = Store::open(&location, runtime).await?;
    let writes = store.ping().await;
    // It was not kept from anybody; that it is not closed in order harms nobody.
    let _ = store.close().await;
    writes.map(|()| "its schema is up to date, it takes writes")
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
