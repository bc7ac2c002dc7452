//! What channels answered, and how it is with each.

use chrono::{DateTime, Utc};

use super::database::{Speaks, Transaction};
use super::error::shortened;
use super::row::{Row, millis};
use super::statement::Statement;
use super::waiting::{next_behind, waiting};
use super::{Store, StoreError};
use crate::domain::delivery::{ChannelDelivery, DeliveryState};

/// The longest error or receipt that is kept, in characters.
const TEXT_LIMIT: usize = 500;

/// What came of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The channel took it.
    Delivered,
    /// It did not, and is asked again.
    Later,
    /// It did not, and is not asked again.
    Never,
}

impl Outcome {
    /// The name in the store and in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Later => "later",
            Self::Never => "never",
        }
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        [Self::Delivered, Self::Later, Self::Never].into_iter().find(|outcome| outcome.name() == name)
    }
}

impl Store {
    /// Writes down that the channel took the notice at `at`, and what it answered.
    ///
    /// This holds whatever was written of the notice before, and whoever leads; if it has been replaced or pruned, nothing
    /// happens. Of two that say the same, such as one who was not sure to have been heard, only the first counts.
    pub async fn delivered(&self, id: &str, at: DateTime<Utc>, receipt: &str) -> Result<(), StoreError> {
        let (database, id, receipt) = (self.database.clone(), id.to_owned(), shortened(receipt, TEXT_LIMIT));
        self.run(async move {
            let mut transaction = database.begin().await?;
            write_delivered(&mut transaction, &id, at, &receipt).await?;
            transaction.commit().await
        })
        .await
    }

    /// Writes down that an attempt failed at `at`, gives the claim back, and says when to try again; `None`: never.
    ///
    /// What will never be tried again, but has others behind it, waits to be merged into them: alone they would tell the
    /// end of something whose beginning nobody was told. Of a notice that is no longer pending only the attempt is
    /// written down.
    pub async fn failed(
        &self,
        id: &str,
        at: DateTime<Utc>,
        error: &str,
        retry_at: Option<DateTime<Utc>>,
    ) -> Result<(), StoreError> {
        let (store, id, error) = (self.clone(), id.to_owned(), shortened(error, TEXT_LIMIT));
        let outcome = if retry_at.is_some() { Outcome::Later } else { Outcome::Never };
        self.run(async move {
            let mut transaction = store.begin().await?;
            Statement::new(
                "INSERT INTO deliveries (notice_id, attempt, at, outcome, answer)
                 SELECT id, attempts, CAST($1 AS BIGINT), CAST($2 AS TEXT), CAST($3 AS TEXT) FROM notices WHERE id = $4",
            )
            .bind(millis(at))
            .bind(outcome.name())
            .bind(&error)
            .bind(&id)
            .execute(&mut transaction)
            .await?;
            let retry_at = match retry_at {
                None => behind(&mut transaction, &id, at, store.fence).await?.map(|next| next.max(at)),
                some => some,
            };
            Statement::new(
                "UPDATE notices SET state = $1, failed_at = $2, last_error = $3, next_try = COALESCE($4, next_try),
                     claimed_until = NULL, claimed_by = NULL, claimed_epoch = NULL
                 WHERE id = $5 AND state = 'pending'",
            )
            .bind(if retry_at.is_some() { "pending" } else { "failed" })
            .bind(millis(at))
            .bind(error)
            .bind(retry_at.map(millis))
            .bind(id)
            .execute(&mut transaction)
            .await?;
            transaction.commit().await
        })
        .await
    }

    /// What the channel answered when it took the notice `id`, or the one that this was merged into.
    pub async fn receipt_of(&self, id: &str) -> Result<Option<String>, StoreError> {
        let (database, id) = (self.database.clone(), id.to_owned());
        self.run(async move {
            let row = Statement::new(
                "SELECT COALESCE(teller.receipt, notice.receipt) AS receipt FROM notices AS notice
                 LEFT JOIN notices AS teller ON teller.id = notice.merged_into WHERE notice.id = $1",
            )
            .bind(id)
            .optional(&mut database.session().await?)
            .await?;
            row.map_or(Ok(None), |row| row.optional_text("receipt"))
        })
        .await
    }

    /// How it is with each of `channels`.
    pub async fn deliveries(&self, channels: &[&str]) -> Result<Vec<ChannelDelivery>, StoreError> {
        let database = self.database.clone();
        let channels: Vec<String> = channels.iter().map(|channel| (*channel).to_owned()).collect();
        self.run(async move {
            let channels: Vec<&str> = channels.iter().map(String::as_str).collect();
            by_channel(&mut database.session().await?, &channels).await
        })
        .await
    }
}

/// When the first of those may be sent that wait behind the notice `id` and can be merged with it.
async fn behind(
    transaction: &mut Transaction,
    id: &str,
    now: DateTime<Utc>,
    fence: Option<i64>,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let of = Statement::new("SELECT channel FROM notices WHERE id = $1 AND state = 'pending'");
    let Some(row) = of.bind(id).optional(transaction).await? else { return Ok(None) };
    Ok(next_behind(&waiting(transaction, &row.text("channel")?, now, fence).await?, id))
}

/// See [`Store::delivered`].
pub(super) async fn write_delivered(
    transaction: &mut Transaction,
    id: &str,
    at: DateTime<Utc>,
    receipt: &str,
) -> Result<(), StoreError> {
    Statement::new(
        "UPDATE notices SET state = 'delivered', delivered_at = $1, receipt = $2, merged_into = NULL,
             claimed_until = NULL, claimed_by = NULL, claimed_epoch = NULL
         WHERE id = $3 AND state <> 'delivered'",
    )
    .bind(millis(at))
    .bind(receipt)
    .bind(id)
    .execute(transaction)
    .await?;
    Statement::new(
        "INSERT INTO deliveries (notice_id, attempt, at, outcome, answer)
         SELECT id, attempts, CAST($1 AS BIGINT), 'delivered', CAST($2 AS TEXT) FROM notices WHERE id = $3
             AND NOT EXISTS (
                 SELECT 1 FROM deliveries WHERE notice_id = $3 AND outcome = 'delivered' AND answer = $2)",
    )
    .bind(millis(at))
    .bind(receipt)
    .bind(id)
    .execute(transaction)
    .await?;
    Ok(())
}

/// See [`Store::deliveries`].
pub(super) async fn by_channel(on: &mut impl Speaks, channels: &[&str]) -> Result<Vec<ChannelDelivery>, StoreError> {
    let mut deliveries = vec![];
    for channel in channels {
        let row = Statement::new(CHANNEL).bind(*channel).optional(on).await?;
        let row = row.ok_or_else(|| StoreError::nonsense("nothing is known of a channel"))?;
        deliveries.push(delivery(channel, &row)?);
    }
    Ok(deliveries)
}

/// What is pending, what was merged into that, and the ends of the two lists of what is finished.
pub(super) const CHANNEL: &str = "SELECT
     (SELECT COUNT(*) FROM notices WHERE channel = $1 AND state = 'pending') AS pending,
     (SELECT MIN(created) FROM notices WHERE channel = $1 AND state = 'pending') AS posted,
     (SELECT MIN(former.created) FROM notices AS notice JOIN notices AS former ON former.merged_into = notice.id
      WHERE notice.channel = $1 AND notice.state = 'pending') AS merged_posted,
     (SELECT MAX(failed_at) FROM notices WHERE channel = $1 AND state = 'pending') AS retried_at,
     (SELECT last_error FROM notices WHERE channel = $1 AND state = 'pending' AND failed_at IS NOT NULL
      ORDER BY failed_at DESC LIMIT 1) AS retried_error,
     (SELECT MAX(seq) FROM notices WHERE channel = $1 AND state = 'failed') AS failed,
     (SELECT MAX(seq) FROM notices WHERE channel = $1 AND state = 'delivered') AS delivered,
     (SELECT last_error FROM notices WHERE channel = $1 AND state = 'failed'
      ORDER BY seq DESC LIMIT 1) AS failed_error,
     (SELECT delivered_at FROM notices WHERE channel = $1 AND state = 'delivered'
      ORDER BY seq DESC LIMIT 1) AS delivered_at";

fn delivery(channel: &str, row: &Row) -> Result<ChannelDelivery, StoreError> {
    let (retried_at, last_delivered) = (row.optional_moment("retried_at")?, row.optional_moment("delivered_at")?);
    let failing = row.optional_number("failed")? > row.optional_number("delivered")?;
    let state = match (failing, retried_at) {
        // Until it takes something again, whatever else is tried meanwhile.
        (true, _) => DeliveryState::Failing,
        (false, Some(_)) => DeliveryState::Retrying,
        (false, None) => DeliveryState::Ok,
    };
    let last_error = match (retried_at, failing) {
        (Some(retried_at), _) if last_delivered.is_none_or(|delivered| delivered <= retried_at) => {
            row.optional_text("retried_error")?
        }
        (_, true) => row.optional_text("failed_error")?,
        (_, false) => None,
    };
    let posted = [row.optional_moment("posted")?, row.optional_moment("merged_posted")?];
    Ok(ChannelDelivery {
        channel: channel.into(),
        state,
        pending: u64::from(row.count("pending")?),
        waiting_since: posted.into_iter().flatten().min(),
        last_delivered,
        last_error,
    })
}
