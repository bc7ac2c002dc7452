//! How fast Notion is asked: at most 120 requests in any minute from the whole process, in a burst where that helps.
//! Notion grants a connection 180 a minute on the usual plans; the rest is left to the bot that may share it.
//!
//! One [`Pace`] is shared by the clients of all actors. Long readings leave the last places free for single requests:
//! otherwise a probe could starve beside a reading of 10,000 rows, and Notion would be called offline for it.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Requests in any minute.
pub const LIMIT: usize = 120;

/// A minute, and a second more: what leaves here evenly may arrive there bunched.
const SPAN: Duration = Duration::from_secs(61);

/// One place in so many is not for long readings.
const KEPT_FREE: usize = 12;

/// What a request is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errand {
    /// One page of many.
    Reading,
    /// A probe, a look at a schema, something to write.
    Single,
}

/// The shared limiter of requests to Notion.
pub struct Pace {
    window: Mutex<Window>,
}

impl Pace {
    /// With the limit of the contract: 120 requests in any minute.
    pub fn new() -> Self {
        Self::per_minute(LIMIT)
    }

    /// With another limit, at least 1: for a stand-in, which grants more.
    pub fn per_minute(requests: usize) -> Self {
        Self { window: Mutex::new(Window::new(requests)) }
    }

    /// Waits until one more request may go out, and counts it. If that is not before `deadline`, the time that it
    /// would take comes back at once.
    pub async fn wait(&self, errand: Errand, deadline: Instant) -> Result<(), Duration> {
        loop {
            let (now, taken) = {
                let mut window = self.window();
                let now = Instant::now();
                (now, window.take(errand, now))
            };
            match taken {
                Ok(()) => return Ok(()),
                Err(free) if free > deadline => return Err(free.saturating_duration_since(now)),
                // Somebody else may be quicker then; it is seen in the next round.
                Err(free) => tokio::time::sleep_until(free.into()).await,
            }
        }
    }

    /// Notion asked for a rest: nobody asks anything before it is over. Only who waits for it until then may say so,
    /// so that a slip of Notion's cannot blind us for longer than a check lasts.
    pub fn hold(&self, rest: Duration) {
        self.window().close(Instant::now(), rest);
    }

    /// A panic elsewhere leaves nothing half done in here.
    fn window(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Pace {
    fn default() -> Self {
        Self::new()
    }
}

/// The decision, without a clock: when the last requests went out, oldest first.
struct Window {
    limit: usize,
    sent: VecDeque<Instant>,
    closed_until: Option<Instant>,
}

impl Window {
    fn new(limit: usize) -> Self {
        Self { limit: limit.max(1), sent: VecDeque::new(), closed_until: None }
    }

    /// Counts a request if it may go out `now`; otherwise when to ask again.
    fn take(&mut self, errand: Errand, now: Instant) -> Result<(), Instant> {
        if let Some(until) = self.closed_until.filter(|until| now < *until) {
            return Err(until);
        }
        while self.sent.front().is_some_and(|sent| *sent + SPAN <= now) {
            self.sent.pop_front();
        }
        let limit = match errand {
            Errand::Reading => self.limit - self.limit / KEPT_FREE,
            Errand::Single => self.limit,
        };
        // What has to age before there are fewer than the limit.
        match self.sent.len().checked_sub(limit).and_then(|last| self.sent.get(last)) {
            Some(last) => Err(*last + SPAN),
            None => {
                self.sent.push_back(now);
                Ok(())
            }
        }
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

    /// How many requests of one errand go out at once.
    fn burst(window: &mut Window, errand: Errand, now: Instant) -> usize {
        std::iter::repeat_with(|| window.take(errand, now)).take_while(Result::is_ok).count()
    }

    #[test]
    fn a_burst_up_to_the_limit_goes_at_once_and_the_next_waits_for_the_first_to_age() {
        let (mut window, start) = (Window::new(LIMIT), Instant::now());
        assert_eq!(window.take(Errand::Single, start), Ok(()));
        let later = start + SPAN / 2;
        assert_eq!(burst(&mut window, Errand::Single, later), 119);
        assert_eq!(window.take(Errand::Single, later), Err(start + SPAN));
        assert_eq!(window.take(Errand::Single, start + SPAN), Ok(()));
        assert_eq!(window.take(Errand::Single, start + SPAN), Err(later + SPAN));
    }

    #[test]
    fn long_readings_leave_places_for_single_requests() {
        let (mut window, start) = (Window::new(LIMIT), Instant::now());
        assert_eq!(burst(&mut window, Errand::Reading, start), 110);
        let later = start + SPAN / 2;
        assert_eq!(burst(&mut window, Errand::Single, later), 10);
        assert_eq!(window.take(Errand::Reading, later), Err(start + SPAN));
        assert_eq!(burst(&mut window, Errand::Reading, start + SPAN), 100);
    }

    #[test]
    fn no_minute_ever_holds_more_than_the_limit_however_the_requests_come() {
        let (mut window, start) = (Window::new(LIMIT), Instant::now());
        let mut random = fastrand::Rng::with_seed(7);
        let (mut now, mut sent) = (start, Vec::new());
        while sent.len() < 5_000 {
            now += Duration::from_millis(random.u64(0..700) * u64::from(random.u8(0..10) == 0));
            let errand = if random.bool() { Errand::Reading } else { Errand::Single };
            while let Err(free) = window.take(errand, now) {
                assert!(free > now, "asking again must be worth while");
                now = free;
            }
            sent.push(now);
        }
        for window in sent.windows(LIMIT + 1) {
            assert!(window[LIMIT] - window[0] >= Duration::from_secs(60));
        }
    }

    #[test]
    fn the_longest_rest_that_notion_asks_for_is_kept_by_all() {
        let (mut window, start) = (Window::new(LIMIT), Instant::now());
        window.close(start, Duration::from_secs(7));
        window.close(start, Duration::from_secs(3));
        let over = start + Duration::from_secs(7);
        for errand in [Errand::Reading, Errand::Single] {
            assert_eq!(window.take(errand, start), Err(over));
            assert_eq!(window.take(errand, over), Ok(()));
        }
    }

    #[actix_rt::test]
    async fn what_comes_too_late_is_told_at_once_and_counts_for_nothing() {
        let (pace, now) = (Pace::per_minute(1), Instant::now());
        assert_eq!(pace.wait(Errand::Reading, now).await, Ok(()));
        for _ in 0..3 {
            let wait = pace.wait(Errand::Single, now + SPAN / 2).await.unwrap_err();
            assert!(wait > SPAN / 2 && wait <= SPAN, "{wait:?}");
        }
        assert_eq!(pace.window().sent.len(), 1);
    }
}
