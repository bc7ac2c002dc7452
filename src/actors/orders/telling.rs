//! What is said in the chat about orders, as soon as no notice wants to be sent.

use std::time::Duration;

use tokio::time::sleep;

use super::Orders;
use crate::channels::{Refusal, Retry};
use crate::domain::answer::Answer;
use crate::domain::update::Place;

/// How often an answer is tried, and the longest wait between two tries that is worth it.
const TRIES: u32 = 3;
const LONGEST_WAIT: Duration = Duration::from_secs(15);

impl Orders<'_> {
    /// Says something, as an answer to what is at `place`.
    pub(super) async fn say(&self, answer: &Answer, place: Place) {
        self.insist("an answer does not arrive", || self.console.say(answer, place)).await;
    }

    /// Shows something for a moment to whoever pressed a button.
    pub(super) async fn toast(&self, query: &str, text: &str) {
        // Whoever pressed it does not wait for long; what was done stands below the alert.
        if let Err(refused) = self.console.toast(query, text).await {
            log::debug!("telegram: a pressed button is not answered: {}", refused.text);
        }
    }

    /// Sends something as soon as no notice wants to be sent, a few times if it is not taken. No answer is worth holding up
    /// notices or orders for long.
    ///
    /// Whoever has begun to lead anew meanwhile, as when the database returns in the middle of an order, still answers for
    /// what it did; who leads no more leaves the chat to whoever does.
    pub(super) async fn insist<T, F>(&self, otherwise: &str, send: impl Fn() -> F) -> Option<T>
    where
        F: Future<Output = Result<T, Refusal>>,
    {
        for number in 1..=TRIES {
            self.office.pace.wait_for_gap().await;
            self.office.leadership.footing()?;
            let sent = send().await;
            self.office.pace.sent();
            let refused = match sent {
                Ok(done) => return Some(done),
                Err(refused) => refused,
            };
            let wait = match refused.retry {
                Retry::Later(asked) => asked.unwrap_or(Duration::from_secs(1)),
                Retry::Never => Duration::MAX,
            };
            if number == TRIES || wait > LONGEST_WAIT {
                log::warn!("telegram: {otherwise}: {}", refused.text);
                return None;
            }
            sleep(wait).await;
        }
        None
    }
}
