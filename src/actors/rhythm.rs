//! The rhythm of the ticks: counted from the first one, so that a late one does not move those after it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// What outlives a Scheduler: the next one goes on in its rhythm and with its numbers.
#[derive(Clone)]
pub struct Rhythm {
    /// What the moments below are counted from.
    origin: Instant,
    marks: Arc<Marks>,
}

/// Moments are in milliseconds.
#[derive(Default)]
struct Marks {
    /// When the first tick was.
    start: AtomicU64,
    /// The number of the latest cycle.
    cycle: AtomicU64,
    /// When it began.
    begun: AtomicU64,
}

impl Rhythm {
    /// The first tick is now.
    pub fn starting_now() -> Self {
        Self { origin: Instant::now(), marks: Arc::default() }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// How long ago the first tick was.
    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.now().saturating_sub(self.marks.start.load(Relaxed)))
    }

    /// The number of the next tick and the wait until it, tick `last` being the latest.
    pub(super) fn next_tick(&self, interval: Duration, last: u32) -> (u32, Duration) {
        next_tick(self.elapsed(), interval, last)
    }

    /// Lets the ticks be counted from now on.
    pub(super) fn restart(&self) {
        self.marks.start.store(self.now(), Relaxed);
    }

    /// A cycle begins; its number.
    pub(super) fn begin(&self) -> u64 {
        self.marks.begun.store(self.now(), Relaxed);
        self.marks.cycle.fetch_add(1, Relaxed) + 1
    }

    /// Whether the Scheduler before this one has begun no cycle for the latest tick.
    pub(super) fn is_missed(&self, interval: Duration) -> bool {
        let (start, begun) = (self.marks.start.load(Relaxed), self.marks.begun.load(Relaxed));
        let is_first = self.marks.cycle.load(Relaxed) == 0;
        // A cycle of an earlier lead is before the start.
        is_first || begun < start || is_missed(self.elapsed(), interval, Duration::from_millis(begun - start))
    }
}

/// The number of the next tick and the wait until it, `elapsed` after the start, tick `last` being the latest.
fn next_tick(elapsed: Duration, interval: Duration, last: u32) -> (u32, Duration) {
    let passed = u32::try_from(elapsed.as_nanos() / interval.as_nanos().max(1)).unwrap_or(u32::MAX - 1);
    let next = last.max(passed) + 1;
    (next, (interval * next).saturating_sub(elapsed))
}

/// Whether no cycle has begun since the latest tick, `elapsed` after the start, the latest cycle having begun `begun` after
/// it.
fn is_missed(elapsed: Duration, interval: Duration, begun: Duration) -> bool {
    let passed = u32::try_from(elapsed.as_nanos() / interval.as_nanos().max(1)).unwrap_or(u32::MAX);
    begun < interval * passed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_counted_from_the_start_so_that_a_late_one_moves_no_other() {
        let minutes = |count: u64| Duration::from_secs(60 * count);
        for (elapsed, last, expected) in [
            (minutes(0), 0, (1, minutes(5))),
            (minutes(5), 1, (2, minutes(5))),
            (minutes(6), 1, (2, minutes(4))),
            (minutes(4), 1, (2, minutes(6))),
            (minutes(23), 1, (5, minutes(2))),
        ] {
            assert_eq!(next_tick(elapsed, minutes(5), last), expected, "{elapsed:?} after the start");
        }
    }

    #[test]
    fn after_a_restart_only_a_tick_that_was_missed_is_made_up_for() {
        let minutes = |count: u64| Duration::from_secs(60 * count);
        for (elapsed, begun, missed) in [
            (minutes(1), minutes(0), false),
            (minutes(7), minutes(5), false),
            (minutes(7), minutes(0), true),
            (minutes(11), minutes(6), true),
        ] {
            assert_eq!(
                is_missed(elapsed, minutes(5), begun),
                missed,
                "{elapsed:?} after the start, begun at {begun:?}"
            );
        }
    }
}
