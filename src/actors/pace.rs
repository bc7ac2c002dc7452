//! The pace of a channel: the least time between two letters. It outlives Couriers.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

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

    /// Waits until the next letter may go.
    pub async fn wait(&self) {
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((last, between)) = last.zip(self.between) {
            tokio::time::sleep_until(last + between).await;
        }
    }

    /// A letter has just gone, or was refused: from now on the wait counts.
    pub fn sent(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
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
        pace.wait().await;
        assert!(begun.elapsed() < Duration::from_millis(1_010));
        let unpaced = Pace::new(None);
        unpaced.sent();
        unpaced.wait().await;
        assert!(begun.elapsed() < Duration::from_millis(1_010));
    }
}
