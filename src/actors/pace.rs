//! The pace of a channel: the least time between two letters. It outlives Couriers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// For how long an answer waits after its time has come, so that a letter which waits as well goes first.
const COURTESY: Duration = Duration::from_millis(100);

/// When a channel was last sent something, and how long it is to be left alone after that. Clones share it.
#[derive(Clone, Debug)]
pub struct Pace {
    between: Option<Duration>,
    last: Arc<Mutex<Option<Instant>>>,
}

impl Pace {
    /// A pace with `between` two letters; `None` if the channel takes them as they come.
    pub fn new(between: Option<Duration>) -> Self {
        Self { between, last: Arc::default() }
    }

    /// How long a wait can be.
    pub fn longest(&self) -> Duration {
        self.between.unwrap_or_default()
    }

    /// Waits until the next letter may go. It does not wait for what others send meanwhile: an answer holds up a letter
    /// once at most.
    pub async fn wait(&self) {
        let last = *self.last();
        if let Some((last, between)) = last.zip(self.between) {
            sleep_until(last + between).await;
        }
        self.sent();
    }

    /// Waits until an answer may go, which leaves the way to letters.
    pub async fn wait_for_gap(&self) {
        let Some(between) = self.between else { return };
        while let Some(due) = self.take_gap(between + COURTESY) {
            sleep_until(due).await;
        }
    }

    /// Takes the gap if there is one; otherwise, when it is worth looking again.
    fn take_gap(&self, after: Duration) -> Option<Instant> {
        let (mut last, now) = (self.last(), Instant::now());
        match last.map(|last| last + after).filter(|due| *due > now) {
            Some(due) => Some(due),
            None => {
                *last = Some(now);
                None
            }
        }
    }

    /// A letter has just gone, or was refused: from now on the wait counts.
    pub fn sent(&self) {
        *self.last() = Some(Instant::now());
    }

    fn last(&self) -> MutexGuard<'_, Option<Instant>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_what_follows_a_letter_waits_whoever_carries_it() {
        let begun = Instant::now();
        let pace = Pace::new(Some(Duration::from_secs(1)));
        pace.wait().await;
        assert_eq!(begun.elapsed(), Duration::ZERO);
        pace.sent();
        tokio::time::advance(Duration::from_millis(400)).await;
        pace.clone().wait().await;
        assert_eq!(begun.elapsed().as_millis() / 10, 100, "{:?}", begun.elapsed());
        let unpaced = Pace::new(None);
        unpaced.sent();
        unpaced.wait().await;
        unpaced.wait_for_gap().await;
        assert!(begun.elapsed() < Duration::from_millis(1_010));
    }

    #[tokio::test(start_paused = true)]
    async fn a_letter_goes_before_the_answers_that_wait_and_none_of_them_comes_too_early() {
        let begun = Instant::now();
        let pace = Pace::new(Some(Duration::from_secs(1)));
        let gone = Mutex::new(vec![]);
        let note = |what: &'static str| gone.lock().unwrap().push((what, begun.elapsed().as_millis() / 100));
        let answers = async {
            for _ in 0..3 {
                pace.wait_for_gap().await;
                note("answer");
            }
        };
        let letter = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            pace.wait().await;
            note("letter");
        };
        tokio::join!(answers, letter);
        assert_eq!(*gone.lock().unwrap(), [("answer", 0), ("letter", 10), ("answer", 21), ("answer", 32)]);
    }
}
