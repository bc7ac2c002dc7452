//! A database that could not be had when the process started, and is opened as soon as it can be.
//!
//! Whoever wants something of it has it tried again, at most one attempt every 2 s, and hears why not meanwhile. An
//! attempt runs to its end also if nobody waits for it any more: who asks next finds what came of it.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::database::Database;
use super::{Limits, Location, StoreError, connect, on};

/// How long nobody tries after an attempt has failed.
const PAUSE: Duration = Duration::from_secs(2);

/// A database that is opened later.
pub(super) struct Late {
    location: Location,
    runtime: Handle,
    limits: Limits,
    open: OnceLock<Database>,
    failed: Arc<Mutex<Failed>>,
    closed: AtomicBool,
}

/// The last attempt, which was in vain.
struct Failed {
    why: StoreError,
    since: Instant,
}

impl Late {
    /// That at `location`, which could not be opened just now: `why`.
    pub(super) fn new(location: Location, runtime: Handle, limits: Limits, why: StoreError) -> Self {
        let failed = Arc::new(Mutex::new(Failed { why, since: Instant::now() }));
        Self { location, runtime, limits, open: OnceLock::new(), failed, closed: AtomicBool::new(false) }
    }

    /// The database, once it is open; else why it is not.
    pub(super) async fn database(self: &Arc<Self>) -> Result<Database, StoreError> {
        if let Some(open) = self.open.get() {
            return Ok(open.clone());
        }
        let failed = Arc::clone(&self.failed).lock_owned().await;
        if let Some(open) = self.open.get() {
            return Ok(open.clone());
        }
        if self.closed.load(Relaxed) {
            return Err(StoreError::Closed);
        }
        if !failed.why.may_pass() || failed.since.elapsed() < PAUSE {
            return Err(failed.why.clone());
        }
        let late = Arc::clone(self);
        let attempt = async move {
            let mut failed = failed;
            let opened = connect(&late.location, &late.runtime, late.limits).await;
            late.note(opened, &mut failed).await
        };
        on(&self.runtime, self.limits.operation * 2, attempt).await
    }

    async fn note(&self, opened: Result<Database, StoreError>, failed: &mut Failed) -> Result<Database, StoreError> {
        match opened {
            Ok(database) if self.closed.load(Relaxed) => {
                database.close().await;
                Err(StoreError::Closed)
            }
            Ok(database) => {
                log::info!("the database can be reached now");
                Ok(self.open.get_or_init(|| database).clone())
            }
            Err(error) => {
                if !error.may_pass() {
                    log::error!("{error}");
                }
                *failed = Failed { why: error.clone(), since: Instant::now() };
                Err(error)
            }
        }
    }

    /// Closes it, or has it never opened.
    pub(super) async fn close(&self) {
        self.closed.store(true, Relaxed);
        if let Some(open) = self.open.get() {
            Box::pin(open.close()).await;
        }
    }
}

impl fmt::Debug for Late {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Where it is may be a secret.
        f.debug_struct("Late").field("open", &self.open.get()).finish_non_exhaustive()
    }
}
