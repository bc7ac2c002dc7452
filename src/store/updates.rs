//! Up to where what people do in a chat has been obeyed.

use super::{Store, StoreError, channel_state};

/// Whose memory it is kept in.
const CHANNEL: &str = "telegram";

/// Each bot counts for itself.
fn key(bot: i64) -> String {
    format!("offset of bot {bot}")
}

impl Store {
    /// The number of the first update for `bot` that nobody has obeyed yet, if one was ever obeyed.
    pub async fn first_update(&self, bot: i64) -> Result<Option<i64>, StoreError> {
        let kept = self.recall(CHANNEL, &key(bot)).await?;
        Ok(kept.and_then(|kept| kept.parse().ok()))
    }

    /// Writes down that everything before the update `next` for `bot` is being obeyed, or need not be. Unlike what a
    /// channel remembers otherwise, this is refused to whoever no longer leads.
    pub async fn updates_before(&self, bot: i64, next: i64) -> Result<(), StoreError> {
        let store = self.clone();
        self.run(async move {
            let mut transaction = store.begin().await?;
            channel_state::write(&mut transaction, CHANNEL, &key(bot), &next.to_string()).await?;
            transaction.commit().await
        })
        .await
    }
}
