//! What follows when an actor has ended: decided here, carried out by the supervisor.

use std::time::{Duration, Instant};

use super::{backoff::jittered, exit::Reason, intensity::Window, limits::Limits, spec::Restart};

/// What follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is over for good.
    Finish,
    /// A fresh actor, after this wait.
    Restart(Duration),
    /// It failed too often: closed, and tried again after this wait.
    Degrade(Duration),
}

/// What is known of a child's earlier failures.
#[derive(Debug, Default)]
pub(super) struct Record {
    window: Window,
    streak: u32,
}

/// An end, as far as the verdict depends on it.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    pub(super) reason: Reason,
    /// How long the actor lived.
    pub(super) lived: Duration,
    /// Whether it was degraded and had not yet proven itself again.
    pub(super) on_trial: bool,
}

impl Record {
    /// Judges one end; `dice` lies in `-1.0..=1.0`.
    pub(super) fn judge(&mut self, end: End, restart: Restart, limits: &Limits, now: Instant, dice: f64) -> Verdict {
        if end.reason == Reason::Manual {
            return Verdict::Restart(Duration::ZERO);
        }
        let over = match restart {
            Restart::Permanent => false,
            Restart::Transient => end.reason == Reason::Stopped,
            Restart::Temporary => true,
        };
        if over || end.reason == Reason::Shutdown {
            return Verdict::Finish;
        }
        let exceeded = self.window.exceeded(now, limits.intensity);
        if end.on_trial || exceeded {
            return Verdict::Degrade(jittered(limits.retry_degraded, dice));
        }
        self.streak = if end.lived >= limits.quiet { 1 } else { self.streak.saturating_add(1) };
        Verdict::Restart(limits.backoff.delay(self.streak, dice))
    }

    /// It has proven itself: what was before counts no longer.
    pub(super) fn clear(&mut self) {
        self.window.clear();
        self.streak = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Duration = Duration::from_millis(1);

    fn end(reason: Reason, lived: Duration) -> End {
        End { reason, lived, on_trial: false }
    }

    #[test]
    fn who_is_restarted_after_which_end() {
        use Restart::*;
        for (restart, reason, restarted) in [
            (Permanent, Reason::Stopped, true),
            (Permanent, Reason::Panic, true),
            (Permanent, Reason::Shutdown, false),
            (Transient, Reason::Stopped, false),
            (Transient, Reason::Error, true),
            (Transient, Reason::Panic, true),
            (Transient, Reason::StartFailed, true),
            (Transient, Reason::Stuck, true),
            (Transient, Reason::Blocked, true),
            (Transient, Reason::ThreadLost, true),
            (Temporary, Reason::Panic, false),
            (Temporary, Reason::Stopped, false),
            (Temporary, Reason::Manual, true),
        ] {
            let verdict =
                Record::default().judge(end(reason, MOMENT), restart, &Limits::default(), Instant::now(), 0.0);
            let expected = if restarted { Verdict::Restart(Duration::ZERO) } else { Verdict::Finish };
            assert_eq!(verdict, expected, "{restart:?} after {reason}");
        }
    }

    #[test]
    fn a_streak_backs_off_and_the_sixth_in_a_minute_degrades() {
        let (mut record, limits, now) = (Record::default(), Limits::default(), Instant::now());
        let verdicts: Vec<_> =
            (0..6).map(|_| record.judge(end(Reason::Panic, MOMENT), Restart::Permanent, &limits, now, 0.0)).collect();
        let millis = |n| Verdict::Restart(Duration::from_millis(n));
        let expected = [0, 100, 200, 400, 800].map(millis).into_iter().chain([Verdict::Degrade(limits.retry_degraded)]);
        assert_eq!(verdicts, expected.collect::<Vec<_>>());
    }

    #[test]
    fn a_quiet_life_ends_the_streak() {
        let (mut record, limits, now) = (Record::default(), Limits::default(), Instant::now());
        let mut judge = |lived| record.judge(end(Reason::Panic, lived), Restart::Permanent, &limits, now, 0.0);
        assert_eq!(judge(MOMENT), Verdict::Restart(Duration::ZERO));
        assert_eq!(judge(MOMENT), Verdict::Restart(Duration::from_millis(100)));
        assert_eq!(judge(limits.quiet), Verdict::Restart(Duration::ZERO));
        assert_eq!(judge(MOMENT), Verdict::Restart(Duration::from_millis(100)));
    }

    #[test]
    fn on_trial_one_failure_is_enough() {
        let (mut record, limits, now) = (Record::default(), Limits::default(), Instant::now());
        let failed = End { reason: Reason::Error, lived: MOMENT, on_trial: true };
        assert_eq!(
            record.judge(failed, Restart::Permanent, &limits, now, -1.0),
            Verdict::Degrade(limits.retry_degraded.mul_f64(0.8))
        );
    }

    #[test]
    fn a_restart_by_hand_is_counted_against_nobody() {
        let (mut record, limits, now) = (Record::default(), Limits::default(), Instant::now());
        for _ in 0..50 {
            let verdict = record.judge(end(Reason::Manual, MOMENT), Restart::Permanent, &limits, now, 0.0);
            assert_eq!(verdict, Verdict::Restart(Duration::ZERO));
        }
        let verdict = record.judge(end(Reason::Panic, MOMENT), Restart::Permanent, &limits, now, 0.0);
        assert_eq!(verdict, Verdict::Restart(Duration::ZERO));
    }
}
