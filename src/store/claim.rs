//! The notice that a channel is to be sent next, and who sends it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::database::Transaction;
use super::outbox::Notice;
use super::revival::revived;
use super::row::millis;
use super::statement::Statement;
use super::waiting::{MOST, Turn, Waiting, merged, next, next_behind, waiting};
use super::{Store, StoreError};
use crate::domain::notice::Step;

/// A notice that was claimed in order to be sent now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The notice, without its incidents: it is rendered, nobody has to look at them again.
    pub notice: Notice,
    /// How many times it has been tried, this time included; so also what it was merged from.
    pub attempts: u32,
    /// How many of the attempts before this one it was refused in. Those that were cut off are no reason to wait for longer,
    /// nor are those of what was refused for good and goes with it.
    pub refusals: u32,
    /// The incidents of which it tells the end, beyond what was posted: what was refused for good goes with it.
    pub ends: Vec<String>,
    /// When it was first tried in vain; not what was merged into it.
    pub tried_since: Option<DateTime<Utc>>,
    /// When the oldest of what it tells was posted.
    pub waiting_since: DateTime<Utc>,
}

impl Store {
    /// Claims the notice that `channel` is to be sent now, until `until`, in the name of `by`; counts the attempt.
    ///
    /// None if nothing is pending, or if the oldest pending notice is not due at `now` or is claimed, by whomever; the
    /// claim of a leader before ours counts no more.
    ///
    /// If more than that one wait, `merge` makes one of the earlier ones, the oldest first, and of the newest, whose place
    /// and id it gets. States are never merged, nor is what may have arrived already. All-clears which the channel has
    /// refused for good, of what it was told, go with the others.
    pub async fn claim<M>(
        &self,
        channel: &str,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        by: &str,
        merge: M,
    ) -> Result<Option<Due>, StoreError>
    where
        M: FnOnce(Vec<Notice>, Notice) -> Notice + Send + 'static,
    {
        let (store, channel, by) = (self.clone(), channel.to_owned(), by.to_owned());
        self.run(async move {
            let mut transaction = store.begin().await?;
            // A cycle that is being settled may wait for these notices: that is over before they are kept.
            transaction.share_incidents().await?;
            let mut together = next(waiting(&mut transaction, &channel, now, store.fence).await?, now);
            let mut ends = HashMap::new();
            if together.first().is_some_and(|first| !first.is_state() && !first.turn.is_in_doubt()) {
                let revived = revived(&mut transaction, &channel).await?;
                ends.extend(revived.iter().map(|it| (it.waiting.notice.id.clone(), it.ended.clone())));
                together.splice(..0, revived.into_iter().map(|it| it.waiting));
            }
            let due = match merged(&together, merge) {
                Some(notice) => Some(take(&mut transaction, notice, &together, &ends, until, &by, store.fence).await?),
                None => None,
            };
            transaction.commit().await?;
            Ok(due)
        })
        .await
    }

    /// Lets the notice `id`, should it wait for its next try, be claimed at `now` if others are due behind it with which it
    /// can be merged: it is not to hold them up. What may have arrived goes alone, in its time.
    pub async fn hasten(&self, id: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        let (store, id) = (self.clone(), id.to_owned());
        self.run(async move {
            let mut transaction = store.begin().await?;
            let of =
                Statement::new("SELECT channel FROM notices WHERE id = $1 AND state = 'pending' AND next_try > $2");
            let Some(row) = of.bind(&id).bind(millis(now)).optional(&mut transaction).await? else { return Ok(()) };
            let waiting = waiting(&mut transaction, &row.text("channel")?, now, store.fence).await?;
            if next_behind(&waiting, &id).is_some_and(|next| next <= now) {
                let hasten = Statement::new("UPDATE notices SET next_try = $1 WHERE id = $2");
                hasten.bind(millis(now)).bind(id).execute(&mut transaction).await?;
            }
            transaction.commit().await
        })
        .await
    }

    /// When [`Store::claim`] will find something for `channel`: when the oldest pending notice may be tried, or when
    /// its claim runs out, as it looks at `now`. None if nothing is pending.
    pub async fn next_due(&self, channel: &str, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, StoreError> {
        let (store, channel) = (self.clone(), channel.to_owned());
        self.run(async move {
            let rows = Statement::new(
                "SELECT attempts, created, failed_at, next_try, claimed_until, claimed_epoch FROM notices
                 WHERE channel = $1 AND state = 'pending' ORDER BY seq LIMIT $2",
            )
            .bind(channel)
            .bind(MOST)
            .all(&mut store.database.session().await?)
            .await?;
            let mut earliest = None;
            for row in &rows {
                // Whoever claims sees to it that what cannot be read is in nobody's way: the sooner the better.
                let Ok(turn) = Turn::of(row, store.fence) else { return Ok(Some(DateTime::UNIX_EPOCH)) };
                earliest = earliest.into_iter().chain([turn.due(now)]).min();
                if !turn.is_for_later() {
                    break;
                }
            }
            Ok(earliest)
        })
        .await
    }
}

/// By the ids of notices: the incidents whose ends are all that is told of them.
type Ends = HashMap<String, Vec<String>>;

/// Has the one message that tells all of `together` be sent by `by`.
async fn take(
    transaction: &mut Transaction,
    notice: Notice,
    together: &[Waiting],
    ends: &Ends,
    until: DateTime<Utc>,
    by: &str,
    fence: Option<i64>,
) -> Result<Due, StoreError> {
    for absorbed in together.iter().filter(|waiting| waiting.notice.id != notice.id) {
        absorb(transaction, &absorbed.notice.id, &notice.id, ends.get(&absorbed.notice.id)).await?;
    }
    // All together, as their answers are counted: one that nobody heard of must not pass for one of another part.
    let sum = |counted: fn(&Turn) -> u32| {
        together.iter().fold(0, |sum: u32, waiting| sum.saturating_add(counted(&waiting.turn)))
    };
    let (attempts, refusals) = (sum(|turn| turn.attempts).saturating_add(1), sum(|turn| turn.refusals));
    let tried_since = together.iter().find(|it| it.notice.id == notice.id).and_then(|it| it.turn.tried_since);
    let next_try = together.iter().map(|waiting| waiting.turn.next_try).min().unwrap_or(notice.created);
    let tried = together.iter().filter(|waiting| waiting.turn.failed_at.is_some());
    let failure = tried.max_by_key(|waiting| waiting.turn.failed_at);
    Statement::new(
        "UPDATE notices SET kind = $1, subject = $2, body = $3, content = $4, thread = $5, attempts = $6, next_try = $7,
             failed_at = $8, last_error = $9, claimed_until = $10, claimed_by = $11, claimed_epoch = $12
         WHERE id = $13",
    )
    .bind(notice.kind.name())
    .bind(&notice.subject)
    .bind(&notice.body)
    .bind(notice.content.clone())
    .bind(notice.thread.clone())
    .bind(i64::from(attempts))
    .bind(millis(next_try))
    .bind(failure.and_then(|failure| failure.turn.failed_at).map(millis))
    .bind(failure.and_then(|failure| failure.last_error.clone()))
    .bind(millis(until))
    .bind(by)
    .bind(fence)
    .bind(&notice.id)
    .execute(transaction)
    .await?;
    let oldest = Statement::new("SELECT MIN(created) AS created FROM notices WHERE merged_into = $1")
        .bind(&notice.id)
        .optional(transaction)
        .await?;
    let oldest = oldest.map_or(Ok(None), |row| row.optional_moment("created"))?;
    let waiting_since = oldest.map_or(notice.created, |oldest| oldest.min(notice.created));
    let ends = ends.values().flatten().cloned().collect();
    Ok(Due { notice, attempts, refusals, ends, tried_since, waiting_since })
}

pub(super) const ABSORB: &str = "UPDATE notices SET state = 'merged', merged_into = $1, claimed_until = NULL,
         claimed_by = NULL, claimed_epoch = NULL
     WHERE id = $2 OR merged_into = $2";

/// From here on the notice `newest` tells what `absorbed` was to tell, and what that had absorbed before; only these `ends`,
/// if there are any.
async fn absorb(
    transaction: &mut Transaction,
    absorbed: &str,
    newest: &str,
    ends: Option<&Vec<String>>,
) -> Result<(), StoreError> {
    Statement::new(ABSORB).bind(newest).bind(absorbed).execute(transaction).await?;
    for incident in ends.into_iter().flatten() {
        Statement::new(
            "INSERT INTO notice_incidents (notice_id, incident_id, step) VALUES ($1, $2, $3)
             ON CONFLICT (notice_id, incident_id, step) DO NOTHING",
        )
        .bind(newest)
        .bind(incident)
        .bind(Step::Resolved.name())
        .execute(transaction)
        .await?;
    }
    if ends.is_none() {
        Statement::new(
            "INSERT INTO notice_incidents (notice_id, incident_id, step)
             SELECT CAST($1 AS TEXT), incident_id, step FROM notice_incidents WHERE notice_id = $2
             ON CONFLICT (notice_id, incident_id, step) DO NOTHING",
        )
        .bind(newest)
        .bind(absorbed)
        .execute(transaction)
        .await?;
    }
    Ok(())
}
