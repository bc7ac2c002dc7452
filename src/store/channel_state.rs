//! What a channel has to remember between two messages, such as the entry of the board that it updates.

use super::database::Transaction;
use super::statement::Statement;
use super::{Store, StoreError};

impl Store {
    /// What `channel` has remembered as `key`.
    pub async fn recall(&self, channel: &str, key: &str) -> Result<Option<String>, StoreError> {
        let (database, channel, key) = (self.database.clone(), channel.to_owned(), key.to_owned());
        self.run(async move {
            let row = Statement::new("SELECT value FROM channel_state WHERE channel = $1 AND key = $2")
                .bind(channel)
                .bind(key)
                .optional(&mut database.session().await?)
                .await?;
            row.map(|row| row.text("value")).transpose()
        })
        .await
    }

    /// Remembers `value` as `key` for `channel`, in place of what was there. For the leader only: whoever leads by now goes on with
    /// what he remembers.
    pub async fn remember(&self, channel: &str, key: &str, value: &str) -> Result<(), StoreError> {
        let store = self.clone();
        let (channel, key, value) = (channel.to_owned(), key.to_owned(), value.to_owned());
        self.run(async move {
            let mut transaction = store.begin().await?;
            write(&mut transaction, &channel, &key, &value).await?;
            transaction.commit().await
        })
        .await
    }
}

/// See [`Store::remember`].
pub(super) async fn write(
    transaction: &mut Transaction,
    channel: &str,
    key: &str,
    value: &str,
) -> Result<(), StoreError> {
    Statement::new(
        "INSERT INTO channel_state (channel, key, value) VALUES ($1, $2, $3)
         ON CONFLICT (channel, key) DO UPDATE SET value = excluded.value",
    )
    .bind(channel)
    .bind(key)
    .bind(value)
    .execute(transaction)
    .await?;
    Ok(())
}
