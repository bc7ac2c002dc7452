//! The disk, as somebody sees it who has nothing to do with the database.

// Here is no actor whose thread must not be blocked.
#![allow(clippy::disallowed_methods)]

use std::fs::File;
use std::io::{Seek, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Somebody who has the disk sync 4 KiB again and again.
pub struct Disk {
    is_over: Arc<AtomicBool>,
    watching: JoinHandle<Vec<Duration>>,
}

impl Disk {
    /// Begins to, in `directory`.
    pub fn watch(directory: &Path) -> Self {
        let (is_over, path) = (Arc::new(AtomicBool::new(false)), directory.join("beside"));
        let over = Arc::clone(&is_over);
        let watching = thread::spawn(move || {
            let (mut file, mut took) = (File::create(path).unwrap(), vec![]);
            while took.is_empty() || !over.load(Relaxed) {
                file.rewind().unwrap();
                file.write_all(&[1; 4096]).unwrap();
                let began = Instant::now();
                file.sync_data().unwrap();
                took.push(began.elapsed());
                thread::sleep(Duration::from_millis(5));
            }
            took
        });
        Self { is_over, watching }
    }

    /// How long each sync took.
    pub fn syncs(self) -> Vec<Duration> {
        self.is_over.store(true, Relaxed);
        self.watching.join().unwrap()
    }
}
