//! Restart intensity: how many failures in how much time are still bad luck, and not a broken actor.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// So many restarts within so much time are borne; one more is too many. The window slides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intensity {
    /// Restarts that are still borne.
    pub restarts: usize,
    /// The length of the window.
    pub within: Duration,
}

/// The failures that lie inside the window; never more than `restarts + 1` of them.
#[derive(Debug, Default)]
pub(super) struct Window(VecDeque<Instant>);

impl Window {
    /// Notes a failure at `now` and says whether there are too many of them by now.
    pub(super) fn exceeded(&mut self, now: Instant, limit: Intensity) -> bool {
        while self.0.front().is_some_and(|first| now.saturating_duration_since(*first) >= limit.within) {
            self.0.pop_front();
        }
        self.0.push_back(now);
        let exceeded = self.0.len() > limit.restarts;
        if exceeded {
            self.0.pop_front();
        }
        exceeded
    }

    /// Forgets every failure.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn story(limit: (usize, u64), failures_at: &[u64]) -> Vec<bool> {
        let (limit, start) = (Intensity { restarts: limit.0, within: Duration::from_secs(limit.1) }, Instant::now());
        let mut window = Window::default();
        failures_at.iter().map(|s| window.exceeded(start + Duration::from_secs(*s), limit)).collect()
    }

    #[test]
    fn five_in_a_minute_are_borne_and_the_sixth_is_not() {
        assert_eq!(story((5, 60), &[0, 1, 2, 3, 4, 5]), [false, false, false, false, false, true]);
    }

    #[test]
    fn the_window_slides_and_its_end_is_outside() {
        assert_eq!(story((2, 10), &[0, 5, 10, 11, 21]), [false, false, false, true, false]);
    }

    #[test]
    fn a_steady_drip_below_the_rate_is_borne_for_ever() {
        let drip: Vec<u64> = (0..100).map(|n| n * 13).collect();
        assert!(story((5, 60), &drip).iter().all(|exceeded| !exceeded));
    }

    #[test]
    fn none_at_all_may_be_demanded() {
        assert_eq!(story((0, 60), &[0]), [true]);
    }

    #[test]
    fn memory_is_bounded_however_many_fail() {
        let (limit, now) = (Intensity { restarts: 3, within: Duration::from_secs(60) }, Instant::now());
        let mut window = Window::default();
        (0..1_000).for_each(|_| {
            window.exceeded(now, limit);
        });
        assert_eq!(window.0.len(), 3);
        window.clear();
        assert!(!window.exceeded(now, limit));
    }
}
