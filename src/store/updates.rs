//! Up to where what people do in a chat has been obeyed.

use super::row::Row;
use super::statement::Statement;
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

    /// Writes down that the update before `next` for `bot` is being obeyed, and that those before it are or need not be;
    /// says no if it has been obeyed already. `asked` is the first update that was asked for when it came. Unlike what a
    /// channel remembers otherwise, this is refused to whoever no longer leads.
    ///
    /// The numbers grow, so that one below what is kept has been obeyed: it came again since it was never confirmed, to
    /// somebody who did not know. Only after a week without any update they may begin anew anywhere, also further down.
    /// Then one below comes to somebody who had asked from there on, and got what he cannot have got otherwise.
    pub async fn obeys_update(&self, bot: i64, asked: Option<i64>, next: i64) -> Result<bool, StoreError> {
        let store = self.clone();
        self.run(async move {
            let mut transaction = store.begin().await?;
            let kept = Statement::new("SELECT value FROM channel_state WHERE channel = $1 AND key = $2")
                .bind(CHANNEL)
                .bind(key(bot))
                .optional(&mut transaction)
                .await?;
            let kept: Option<i64> =
                kept.map(|kept: Row| kept.text("value")).transpose()?.and_then(|it| it.parse().ok());
            if kept.is_some_and(|kept| next <= kept && asked.is_none_or(|asked| asked < kept)) {
                return Ok(false);
            }
            channel_state::write(&mut transaction, CHANNEL, &key(bot), &next.to_string()).await?;
            transaction.commit().await?;
            Ok(true)
        })
        .await
    }
}
