//! How far a long read has come, in the log: whoever waits for it sees that it goes on.

use std::time::{Duration, Instant};

/// How long a read takes until the first word, and from one to the next.
const EVERY: Duration = Duration::from_secs(5);

/// So many rows come with a page at most: more often the clock need not be asked.
const PAGE: usize = 100;

/// A read on its way.
pub(super) struct Progress {
    what: &'static str,
    rows: usize,
    next: Instant,
}

impl Progress {
    /// A read for `what` begins.
    pub(super) fn begin(what: &'static str) -> Self {
        Self { what, rows: 0, next: Instant::now() + EVERY }
    }

    /// One more row has come.
    pub(super) fn row(&mut self) {
        self.rows += 1;
        if self.rows.is_multiple_of(PAGE) && self.is_time(Instant::now()) {
            log::info!("{}: {} rows read from Notion so far", self.what, self.rows);
        }
    }

    fn is_time(&mut self, now: Instant) -> bool {
        let is_time = now >= self.next;
        if is_time {
            self.next = now + EVERY;
        }
        is_time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_read_is_heard_of_now_and_then_and_a_short_one_never() {
        let mut progress = Progress::begin("metrics");
        let began = progress.next - EVERY;
        let at = |seconds| began + Duration::from_secs(seconds);
        assert_eq!(
            [0, 4, 5, 6, 9, 10, 60, 61].map(|second| progress.is_time(at(second))),
            [false, false, true, false, false, true, true, false]
        );
    }
}
