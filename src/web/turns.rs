//! Questions to the store take turns: a crowd that reads the history does not stand between the watch and its database.

use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::WebState;
use super::problem::Problem;
use crate::store::StoreError;

/// Questions at a time: fewer than the store has connections on a server, so that the watch finds one that is free.
const AT_A_TIME: usize = 3;

/// How long one may wait for its turn: as long as the store may take for one that comes before it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whose turn it is.
pub(super) fn turns() -> Semaphore {
    Semaphore::new(AT_A_TIME)
}

impl WebState {
    /// What the store answers to `question`, once it is its turn.
    ///
    /// # Errors
    /// The store does not answer, or too many others ask.
    pub(super) async fn ask<T>(&self, question: impl Future<Output = Result<T, StoreError>>) -> Result<T, Problem> {
        let Ok(Ok(_turn)) = timeout(PATIENCE, self.turns.acquire()).await else {
            return Err(Problem::unavailable("Too many are asking at the moment.").retry_after(PATIENCE));
        };
        Ok(question.await?)
    }
}
