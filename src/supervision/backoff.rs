//! How long to wait before the next fresh actor: the first restart at once, then doubling, with jitter.

use std::time::Duration;

/// The waits between restarts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The wait before the second restart of a streak; the first does not wait.
    pub first: Duration,
    /// No wait is longer, jitter aside.
    pub max: Duration,
}

/// How far a wait may stray from its nominal length, so that what failed together does not return together.
const JITTER: f64 = 0.2;

impl Backoff {
    /// The wait after the `streak`-th failure in a row (from 1); `dice` lies in `-1.0..=1.0`.
    pub(super) fn delay(self, streak: u32, dice: f64) -> Duration {
        let Some(doublings) = streak.checked_sub(2) else { return Duration::ZERO };
        let nominal = 2u32.checked_pow(doublings).and_then(|n| self.first.checked_mul(n)).unwrap_or(self.max);
        jittered(nominal.min(self.max), dice)
    }
}

/// `nominal`, up to a fifth longer or shorter.
pub(super) fn jittered(nominal: Duration, dice: f64) -> Duration {
    nominal.mul_f64(1.0 + JITTER * dice.clamp(-1.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff { first: Duration::from_millis(100), max: Duration::from_secs(30) };

    #[test]
    fn the_first_is_immediate_then_it_doubles_up_to_the_cap() {
        for (streak, millis) in
            [(0, 0), (1, 0), (2, 100), (3, 200), (4, 400), (10, 25_600), (11, 30_000), (500, 30_000)]
        {
            assert_eq!(BACKOFF.delay(streak, 0.0), Duration::from_millis(millis), "streak {streak}");
        }
    }

    #[test]
    fn jitter_is_a_fifth_at_most_to_either_side() {
        for (dice, millis) in [(-1.0, 80), (1.0, 120), (-7.0, 80), (7.0, 120), (0.5, 110)] {
            assert_eq!(BACKOFF.delay(2, dice), Duration::from_millis(millis), "dice {dice}");
        }
    }
}
