//! Moments by which terms are reckoned.

use std::ops::Add;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// A clock that goes on while the host is suspended, unlike that of `std::time::Instant`: by that one, a laptop or a
/// machine that wakes would take a term for its own which another one has long begun.
#[cfg(target_os = "linux")]
const CLOCK: ClockId = ClockId::Boottime;
#[cfg(not(target_os = "linux"))]
const CLOCK: ClockId = ClockId::Monotonic;

/// A moment, as the time since the host was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(Duration);

impl Moment {
    /// This moment.
    pub fn now() -> Self {
        Self(Duration::try_from(clock_gettime(CLOCK)).unwrap_or_default())
    }

    /// How long it has been since `earlier`; nothing, if that is yet to come.
    pub(super) fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, later: Duration) -> Self {
        Self(self.0.saturating_add(later))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_on_and_is_that_of_the_whole_host() {
        let now = Moment::now();
        assert!(Moment::now() >= now && now + Duration::from_secs(1) > now);
        let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
        let uptime: f64 = uptime.split(' ').next().unwrap().parse().unwrap();
        let apart = (Moment::now().0.as_secs_f64() - uptime).abs();
        assert!(apart < 60.0, "{apart} s from what the system says, which counts sleep");
        assert_eq!(now.since(now + Duration::from_secs(1)), Duration::ZERO);
    }
}
