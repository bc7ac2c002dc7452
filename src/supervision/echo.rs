//! One series of pings and their answers.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering::*},
    },
    time::{Duration, Instant},
};

/// The pings are numbered and a number never returns, so that a zombie's late answer answers nothing.
#[derive(Debug, Default)]
pub(super) struct Echo {
    asked: AtomicU64,
    asked_at: AtomicU64,
    answered: AtomicU64,
    answered_at: AtomicU64,
    took: AtomicU64,
}

impl Echo {
    /// Asks anew; the number to answer with.
    pub(super) fn ask(&self) -> u64 {
        self.asked_at.store(micros(), Relaxed);
        self.asked.fetch_add(1, AcqRel) + 1
    }

    pub(super) fn answer(&self, number: u64) {
        if self.answered.fetch_max(number, AcqRel) < number {
            let now = micros();
            self.answered_at.store(now, Relaxed);
            self.took.store(now.saturating_sub(self.asked_at.load(Relaxed)), Relaxed);
        }
    }

    /// Whether the last ping has its answer.
    pub(super) fn is_answered(&self) -> bool {
        self.answered.load(Acquire) >= self.asked.load(Acquire)
    }

    /// The time since the last answer; `None` before the first.
    pub(super) fn silence(&self) -> Option<Duration> {
        let at = self.answered_at.load(Relaxed);
        (at > 0).then(|| Duration::from_micros(micros().saturating_sub(at)))
    }

    /// The age of the unanswered ping, otherwise what the last answer took.
    pub(super) fn lag(&self) -> Duration {
        Duration::from_micros(match self.is_answered() {
            true => self.took.load(Relaxed),
            false => micros().saturating_sub(self.asked_at.load(Relaxed)),
        })
    }
}

/// The monotonic clock as a number, from 1.
fn micros() -> u64 {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    let since = ORIGIN.get_or_init(Instant::now).elapsed().as_micros();
    u64::try_from(since).unwrap_or(u64::MAX).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_answer_answers_no_later_ping() {
        let echo = Echo::default();
        assert!(echo.is_answered() && echo.silence().is_none());
        let (old, new) = (echo.ask(), echo.ask());
        echo.answer(old);
        assert!(!echo.is_answered());
        echo.answer(new);
        echo.answer(old);
        assert!(echo.is_answered() && echo.silence().is_some());
    }
}
