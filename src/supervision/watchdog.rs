//! The one who watches the watchman: a plain thread, on no runtime, that nothing of ours can block.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::*},
    },
    thread,
    time::Duration,
};

/// The heart of a supervisor: it beats at every tick.
#[derive(Debug, Default)]
pub(super) struct Heart {
    beats: AtomicU64,
    at_rest: AtomicBool,
    is_late: AtomicBool,
}

impl Heart {
    pub(super) fn beat(&self) {
        self.beats.fetch_add(1, Relaxed);
    }

    /// From here on nobody expects a beat.
    pub(super) fn rest(&self) {
        self.at_rest.store(true, Relaxed);
    }

    /// Whether it beats as far as the watchdog has seen. At rest it does not.
    pub(super) fn is_beating(&self) -> bool {
        !self.is_late.load(Relaxed) && !self.at_rest.load(Relaxed)
    }
}

/// Looks so often within its patience. It counts its own looks and not the time, so that a process which was suspended
/// as a whole is not taken for a dead supervisor.
const LOOKS: u32 = 5;

/// Starts the watch over `heart`; `bite` is called, once, if it stands still for `patience`.
pub(super) fn watch(heart: Arc<Heart>, patience: Duration, bite: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let round = move || {
        let (mut last, mut still) = (heart.beats.load(Relaxed), 0);
        while still < LOOKS {
            #[expect(clippy::disallowed_methods, reason = "a thread that has nothing to do but wait")]
            thread::sleep(patience / LOOKS);
            if heart.at_rest.load(Relaxed) {
                return;
            }
            let beats = heart.beats.load(Relaxed);
            still = if beats == last { still + 1 } else { 0 };
            // One look without a beat may fall between two ticks.
            heart.is_late.store(still > 1, Relaxed);
            last = beats;
        }
        log::error!("the supervisor has stood still for {patience:?}");
        bite();
    };
    thread::Builder::new().name("watchdog".into()).spawn(round).map(drop)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::mpsc::{RecvTimeoutError, channel};

    use super::*;

    const PATIENCE: Duration = Duration::from_millis(25);

    #[test]
    fn a_heart_that_stands_still_is_bitten_for() {
        let (bitten, news) = channel();
        let heart = Arc::new(Heart::default());
        watch(Arc::clone(&heart), PATIENCE, move || bitten.send(()).unwrap()).unwrap();
        assert_eq!(news.recv_timeout(Duration::from_secs(20)), Ok(()));
        assert!(!heart.is_beating());
    }

    #[test]
    fn a_heart_at_rest_is_left_in_peace() {
        let (bitten, news) = channel::<()>();
        let heart = Arc::new(Heart::default());
        heart.rest();
        watch(heart, PATIENCE, move || bitten.send(()).unwrap()).unwrap();
        // The watch ends and drops its side without a bite.
        assert_eq!(news.recv_timeout(Duration::from_secs(20)), Err(RecvTimeoutError::Disconnected));
    }
}
