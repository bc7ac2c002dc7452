//! How fast Notion is asked: at most 120 requests in any minute from the whole process, in a burst where that helps.
//! Notion grants a connection 180 a minute on the usual plans; the rest is left to the bot that may share it.
//!
//! One [`Pace`] is shared by the clients of all actors. A place in the queue is a point in time that is reserved under
//! a lock, so whoever comes first goes first and nobody wakes up in vain. A place that does not come before the
//! caller's deadline is not taken at all.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Requests in any [`SPAN`].
const LIMIT: usize = 120;

/// A minute, and a second more: what leaves here evenly may arrive there bunched.
const SPAN: Duration = Duration::from_secs(61);

/// The shared limiter of requests to Notion.
pub struct Pace {
    queue: Mutex<Queue>,
}

impl Pace {
    /// With the limit of the contract: 120 requests in any minute.
    pub fn new() -> Self {
        Self::per_minute(LIMIT)
    }

    /// With another limit, at least 1: for a stand-in, which grants more.
    pub fn per_minute(requests: usize) -> Self {
        Self { queue: Mutex::new(Queue::new(requests)) }
    }

    /// Waits for the next free place. If none comes before `deadline`, nothing is reserved and the time that it would
    /// have taken comes back at once.
    pub async fn wait(&self, deadline: Instant) -> Result<(), Duration> {
        let (now, reserved) = {
            let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            (now, queue.reserve(now, deadline))
        };
        match reserved {
            Ok(at) if at > now => tokio::time::sleep_until(at.into()).await,
            Ok(_) => {}
            Err(at) => return Err(at.saturating_duration_since(now)),
        }
        Ok(())
    }

    /// Notion asked for a rest: nobody gets a place before it is over. Only who waits for it until then may say so, so
    /// that a slip of Notion's cannot blind us for longer than a check lasts.
    pub fn hold(&self, rest: Duration) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).close(Instant::now(), rest);
    }
}

impl Default for Pace {
    fn default() -> Self {
        Self::new()
    }
}

/// The decision, without a clock: the last places given out, oldest first.
struct Queue {
    limit: usize,
    places: VecDeque<Instant>,
    closed_until: Option<Instant>,
}

impl Queue {
    fn new(limit: usize) -> Self {
        Self { limit: limit.max(1), places: VecDeque::new(), closed_until: None }
    }

    /// The next place if it comes before `deadline`; otherwise when it would have come.
    fn reserve(&mut self, now: Instant, deadline: Instant) -> Result<Instant, Instant> {
        let full = self.places.len() >= self.limit;
        let after_oldest = if full { self.places.front().map(|oldest| *oldest + SPAN) } else { None };
        let newest = self.places.back().copied();
        let at = [after_oldest, newest, self.closed_until].into_iter().flatten().fold(now, Instant::max);
        if at > deadline {
            return Err(at);
        }
        if full {
            self.places.pop_front();
        }
        self.places.push_back(at);
        Ok(at)
    }

    fn close(&mut self, now: Instant, rest: Duration) {
        let until = now + rest;
        self.closed_until = Some(self.closed_until.map_or(until, |before| before.max(until)));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const FAR: Duration = Duration::from_secs(3600);

    #[test]
    fn a_burst_up_to_the_limit_goes_at_once_and_the_next_waits_for_the_first_to_age() {
        let (mut queue, start) = (Queue::new(LIMIT), Instant::now());
        for _ in 0..LIMIT {
            assert_eq!(queue.reserve(start, start + FAR), Ok(start));
        }
        assert_eq!(queue.reserve(start, start + FAR), Ok(start + SPAN));
        assert_eq!(queue.reserve(start + SPAN / 2, start + FAR), Ok(start + SPAN));
    }

    #[test]
    fn no_minute_ever_holds_more_than_the_limit_however_the_requests_come() {
        let (mut queue, start) = (Queue::new(LIMIT), Instant::now());
        let mut random = fastrand::Rng::with_seed(7);
        let mut now = start;
        let mut given = Vec::new();
        for _ in 0..5_000 {
            now += Duration::from_millis(random.u64(0..700) * u64::from(random.u8(0..10) == 0));
            given.push(queue.reserve(now, now + FAR * 24).unwrap());
        }
        assert!(given.is_sorted());
        for window in given.windows(LIMIT + 1) {
            assert!(window[LIMIT] - window[0] >= Duration::from_secs(60));
        }
    }

    #[test]
    fn a_place_beyond_the_deadline_is_refused_and_costs_nobody_anything() {
        let (mut queue, start) = (Queue::new(1), Instant::now());
        queue.reserve(start, start).unwrap();
        for _ in 0..3 {
            assert_eq!(queue.reserve(start, start + SPAN / 2), Err(start + SPAN));
        }
        assert_eq!(queue.reserve(start, start + SPAN), Ok(start + SPAN));
    }

    #[test]
    fn the_longest_rest_that_notion_asks_for_is_kept_by_all() {
        let (mut queue, start) = (Queue::new(LIMIT), Instant::now());
        queue.close(start, Duration::from_secs(7));
        queue.close(start, Duration::from_secs(3));
        assert_eq!(queue.reserve(start, start + FAR), Ok(start + Duration::from_secs(7)));
        queue.close(start, Duration::from_secs(9));
        assert_eq!(queue.reserve(start, start + FAR), Ok(start + Duration::from_secs(9)));
    }
}
