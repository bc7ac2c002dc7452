//! The lock of the system by which one process leads on a database in a file.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use log::warn;

/// An empty file beside the database, `NAME.leader`, that the leader keeps locked; one for a store and all its clones.
///
/// The system takes the lock back when the process ends, however it ends. The file stays: to remove it would let two lock
/// two files of one name.
#[derive(Clone, Debug)]
pub(super) struct LeaderFile {
    database: PathBuf,
    held: Arc<Mutex<Held>>,
}

#[derive(Debug, Default)]
struct Held {
    file: Option<File>,
    /// Said once is enough.
    complained: bool,
}

/// What came of reaching for the lock.
pub(super) enum Grip {
    /// It is ours now: whoever led before is gone.
    New(New),
    /// It has been ours.
    Ours,
    /// Another process has it, or another store in this one.
    Others,
    /// The file system has no locks.
    None,
}

/// A lock that was just taken, and is let go unless it is kept.
pub(super) struct New(Option<LeaderFile>);

impl New {
    pub(super) fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for New {
    fn drop(&mut self) {
        if let Some(file) = &self.0 {
            file.let_go();
        }
    }
}

impl LeaderFile {
    /// That of the database in the file `database`.
    pub(super) fn of(database: &Path) -> Self {
        Self { database: database.into(), held: Arc::default() }
    }

    /// By whichever of its names a database is known, this is the same.
    fn path(&self) -> PathBuf {
        let mut name = self.database.canonicalize().unwrap_or_else(|_| self.database.clone()).into_os_string();
        name.push(".leader");
        name.into()
    }

    /// Takes the lock if nobody else has it; waits for nobody.
    pub(super) fn grasp(&self) -> Grip {
        let mut held = self.held();
        if held.file.is_some() {
            return Grip::Ours;
        }
        let path = self.path();
        let opened = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let locked = opened.map_err(TryLockError::Error).and_then(|file| file.try_lock().map(|()| file));
        match locked {
            Ok(file) => {
                held.file = Some(file);
                Grip::New(New(Some(self.clone())))
            }
            Err(TryLockError::WouldBlock) => Grip::Others,
            Err(TryLockError::Error(error)) => {
                if !std::mem::replace(&mut held.complained, true) {
                    warn!(
                        "{} cannot be locked ({error}): after a crash, the lease has to run out first",
                        path.display()
                    );
                }
                Grip::None
            }
        }
    }

    /// Lets the next one have it.
    pub(super) fn let_go(&self) {
        self.held().file = None;
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
