//! A bounded record of what a stand-in received, shared by all who hold it, with a wait for what is still to come.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

/// The newest so many entries are kept.
const KEPT: usize = 2_000;

/// A record of entries in the order of their arrival.
pub struct Journal<T>(Arc<Shared<T>>);

struct Shared<T> {
    entries: Mutex<Entries<T>>,
    /// How many entries there ever were; a change wakes those who wait, on whatever runtime they are.
    total: watch::Sender<u64>,
}

struct Entries<T> {
    kept: VecDeque<T>,
    /// How many older ones were let go.
    forgotten: u64,
}

impl<T> Clone for Journal<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for Journal<T> {
    fn default() -> Self {
        let entries = Mutex::new(Entries { kept: VecDeque::new(), forgotten: 0 });
        Self(Arc::new(Shared { entries, total: watch::Sender::new(0) }))
    }
}

impl<T: Clone> Journal<T> {
    /// Everything that is still kept, oldest first.
    pub fn all(&self) -> Vec<T> {
        self.entries().kept.iter().cloned().collect()
    }

    /// The newest entry.
    pub fn last(&self) -> Option<T> {
        self.entries().kept.back().cloned()
    }

    /// How many entries there ever were, the forgotten ones included.
    pub fn count(&self) -> u64 {
        *self.0.total.borrow()
    }

    /// The first entry, of those kept and those to come, that `wanted` says yes to; `None` if it has not come within
    /// `deadline`. Needs a tokio runtime with a timer, any one.
    pub async fn wait_for(&self, mut wanted: impl FnMut(&T) -> bool, deadline: Duration) -> Option<T> {
        let mut total = self.0.total.subscribe();
        let mut seen = 0;
        let search = async {
            loop {
                if let Some(found) = self.search(&mut seen, &mut wanted) {
                    return Some(found);
                }
                total.changed().await.ok()?;
            }
        };
        tokio::time::timeout(deadline, search).await.ok().flatten()
    }

    /// Whether there are at least `count` entries, in all, within `deadline`.
    pub async fn wait_for_count(&self, count: u64, deadline: Duration) -> bool {
        let mut total = self.0.total.subscribe();
        let enough = total.wait_for(|total| *total >= count);
        tokio::time::timeout(deadline, enough).await.is_ok_and(|waited| waited.is_ok())
    }

    /// Adds an entry, and forgets the oldest if there are too many.
    pub fn record(&self, entry: T) {
        let mut entries = self.entries();
        if entries.kept.len() == KEPT {
            entries.kept.pop_front();
            entries.forgotten += 1;
        }
        entries.kept.push_back(entry);
        drop(entries);
        self.0.total.send_modify(|total| *total += 1);
    }

    /// Looks at the entries from number `seen` on, and moves `seen` past them.
    fn search(&self, seen: &mut u64, wanted: &mut impl FnMut(&T) -> bool) -> Option<T> {
        let entries = self.entries();
        let skip = seen.saturating_sub(entries.forgotten);
        *seen = entries.forgotten + entries.kept.len() as u64;
        entries.kept.iter().skip(usize::try_from(skip).unwrap_or(usize::MAX)).find(|entry| wanted(entry)).cloned()
    }

    fn entries(&self) -> MutexGuard<'_, Entries<T>> {
        self.0.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_wait_sees_what_was_there_and_what_comes_later_and_gives_up_in_time() {
        let journal = Journal::default();
        journal.record(1);
        assert_eq!(journal.wait_for(|n| *n == 1, Duration::from_secs(5)).await, Some(1));
        let writer = journal.clone();
        let thread = std::thread::spawn(move || (2..=9).for_each(|n| writer.record(n)));
        assert_eq!(journal.wait_for(|n| *n == 9, Duration::from_secs(5)).await, Some(9));
        assert!(journal.wait_for_count(9, Duration::from_secs(5)).await);
        assert_eq!(journal.wait_for(|n| *n == 10, Duration::from_millis(5)).await, None);
        assert!(thread.join().is_ok());
    }

    #[test]
    fn the_oldest_are_forgotten_but_still_counted() {
        let journal = Journal::default();
        (0..KEPT + 3).for_each(|n| journal.record(n));
        assert_eq!((journal.all().len(), journal.all()[0], journal.count()), (KEPT, 3, KEPT as u64 + 3));
        let mut seen = 1;
        assert_eq!(journal.search(&mut seen, &mut |_| true), Some(3));
    }
}
