//! Taking the time across threads, and making figures of it.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

/// The deadline of every ask, which is never reached.
pub(crate) const LONG: Duration = Duration::from_secs(60);

static STRUCK: Mutex<Option<Instant>> = Mutex::new(None);

/// Called by the actor as the last thing before it panics, blocks or hangs.
pub(crate) fn strike() {
    *STRUCK.lock().unwrap() = Some(Instant::now());
}

/// The time since then; called with the answer of the replacement in hand.
pub(crate) fn since_strike() -> Duration {
    STRUCK.lock().unwrap().take().unwrap().elapsed()
}

/// What one round measured.
#[derive(Clone, Default)]
pub(crate) struct Round(Vec<Duration>);

impl Round {
    pub(crate) fn note(&mut self, took: Duration) {
        self.0.push(took);
    }

    pub(crate) fn percentile(&mut self, percent: usize) -> Duration {
        self.0.sort_unstable();
        self.0[(self.0.len() * percent / 100).min(self.0.len() - 1)]
    }
}

/// A percentile of each round: their median and range, in microseconds.
pub(crate) fn over(rounds: &[Round], percent: usize) -> String {
    let mut all: Vec<f64> = rounds.iter().map(|round| round.clone().percentile(percent).as_secs_f64() * 1e6).collect();
    all.sort_unstable_by(f64::total_cmp);
    format!("{:.1} [{:.1}-{:.1}]", all[all.len() / 2], all[0], all[all.len() - 1])
}
