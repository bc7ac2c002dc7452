//! What a channel has to remember between two messages, such as the entry of the board that it updates.

use super::{Store, StoreError};

impl Store {
    /// What `channel` has remembered as `key`.
    pub async fn recall(&self, channel: &str, key: &str) -> Result<Option<String>, StoreError> {
        let (reader, channel, key) = (self.reader.clone(), channel.to_owned(), key.to_owned());
        self.run(async move {
            let value = sqlx::query_scalar("SELECT value FROM channel_state WHERE channel = $1 AND key = $2")
                .bind(channel)
                .bind(key)
                .fetch_optional(&reader)
                .await?;
            Ok(value)
        })
        .await
    }

    /// Remembers `value` as `key` for `channel`, in place of what was there.
    pub async fn remember(&self, channel: &str, key: &str, value: &str) -> Result<(), StoreError> {
        let (writer, channel, key, value) = (self.writer.clone(), channel.to_owned(), key.to_owned(), value.to_owned());
        self.run(async move {
            sqlx::query(
                "INSERT INTO channel_state (channel, key, value) VALUES ($1, $2, $3)
                 ON CONFLICT (channel, key) DO UPDATE SET value = excluded.value",
            )
            .bind(channel)
            .bind(key)
            .bind(value)
            .execute(&writer)
            .await?;
            Ok(())
        })
        .await
    }
}
