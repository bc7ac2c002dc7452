//! The notice that a channel is to be sent next, and who sends it.

use chrono::{DateTime, Utc};
use log::{error, warn};

use super::database::Transaction;
use super::error::shortened;
use super::outbox::Notice;
use super::row::{Row, millis};
use super::statement::Statement;
use super::{Store, StoreError};
use crate::domain::notice::NoticeKind;

/// How many notices that wait for one channel are looked at, and merged, at once.
pub(super) const MOST: i64 = 100;

/// A notice that was claimed in order to be sent now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The notice, without its incidents: it is rendered, nobody has to look at them again.
    pub notice: Notice,
    /// How many times it has been tried, this time included; also as a part of what it was merged from.
    pub attempts: u32,
    /// When the oldest of what it tells was posted.
    pub waiting_since: DateTime<Utc>,
}

/// Whose turn it is.
struct Turn {
    attempts: u32,
    created: DateTime<Utc>,
    next_try: DateTime<Utc>,
    claimed_until: Option<DateTime<Utc>>,
    /// What came of an attempt is not known: it may have arrived.
    may_have_arrived: bool,
}

impl Turn {
    /// `fence` is the epoch of whoever looks: what a leader before him has claimed is nobody's any more. What somebody
    /// claimed who does not lead is his.
    fn of(row: &Row, fence: Option<i64>) -> Result<Self, StoreError> {
        let theirs = row.optional_number("claimed_epoch")?;
        let claimed_by_a_former_leader = fence.zip(theirs).is_some_and(|(ours, theirs)| theirs < ours);
        Ok(Self {
            attempts: row.count("attempts")?,
            created: row.moment("created")?,
            next_try: row.moment("next_try")?,
            claimed_until: row.optional_moment("claimed_until")?.filter(|_| !claimed_by_a_former_leader),
            may_have_arrived: false,
        })
    }

    /// Whether it was posted for later; then it holds up nobody until it is due for the first time.
    fn is_for_later(&self) -> bool {
        self.attempts == 0 && self.next_try > self.created
    }

    fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.due() <= now
    }

    fn due(&self) -> DateTime<Utc> {
        self.claimed_until.map_or(self.next_try, |claimed_until| claimed_until.max(self.next_try))
    }
}

/// A notice that waits.
struct Waiting {
    turn: Turn,
    failed_at: Option<i64>,
    last_error: Option<String>,
    notice: Notice,
}

impl Store {
    /// Claims the notice that `channel` is to be sent now, until `until`, in the name of `by`; counts the attempt.
    ///
    /// None if nothing is pending, or if the oldest pending notice is not due at `now` or is claimed, by whomever; the
    /// claim of a leader before ours counts no more.
    ///
    /// If more than that one wait, and it was not perhaps sent already, `merge` makes one of the earlier ones, the oldest first, and of the newest, whose place
    /// and id it gets. States are never merged.
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
            let together = next(waiting(&mut transaction, &channel, now, store.fence).await?, now);
            let due = match merged(&together, merge) {
                Some(notice) => Some(take(&mut transaction, notice, &together, until, &by, store.fence).await?),
                None => None,
            };
            transaction.commit().await?;
            Ok(due)
        })
        .await
    }

    /// When [`Store::claim`] will find something for `channel`: when the oldest pending notice may be tried, or when
    /// its claim runs out. None if nothing is pending.
    pub async fn next_due(&self, channel: &str) -> Result<Option<DateTime<Utc>>, StoreError> {
        let (store, channel) = (self.clone(), channel.to_owned());
        self.run(async move {
            let rows = Statement::new(
                "SELECT attempts, created, next_try, claimed_until, claimed_epoch FROM notices
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
                earliest = earliest.into_iter().chain([turn.due()]).min();
                if !turn.is_for_later() {
                    break;
                }
            }
            Ok(earliest)
        })
        .await
    }
}

/// What waits for `channel`, the oldest first, which nobody else then claims until the transaction is over. What makes no
/// sense is given up, or it would be in the way for ever.
async fn waiting(
    transaction: &mut Transaction,
    channel: &str,
    now: DateTime<Utc>,
    fence: Option<i64>,
) -> Result<Vec<Waiting>, StoreError> {
    let rows = Statement::differing(WAITING[0], WAITING[1]).bind(channel).bind(MOST).all(transaction).await?;
    let mut waiting = vec![];
    for row in &rows {
        match Waiting::of(row, fence) {
            Ok(notice) => waiting.push(notice),
            Err(error) => give_up(transaction, row.number("seq")?, now, &error).await?,
        }
    }
    // Only one is ever on its way: nothing overtakes it.
    if let Some(tried) = waiting.iter_mut().find(|waiting| waiting.turn.attempts > 0) {
        tried.turn.may_have_arrived = answers(transaction, &tried.notice.id).await? < i64::from(tried.turn.attempts);
    }
    Ok(waiting)
}

/// How many attempts to send a notice, and what was merged into it, have come to a known end.
async fn answers(transaction: &mut Transaction, id: &str) -> Result<i64, StoreError> {
    let row = Statement::new(
        "SELECT COUNT(*) AS answers FROM deliveries
         WHERE notice_id = $1 OR notice_id IN (SELECT id FROM notices WHERE merged_into = $1)",
    )
    .bind(id)
    .optional(transaction)
    .await?;
    row.map_or(Ok(0), |row| row.number("answers"))
}

macro_rules! select_waiting {
    ($rest:literal) => {
        concat!(
            "SELECT seq, id, channel, kind, subject, body, thread, created, attempts, next_try, claimed_until, ",
            "claimed_epoch, content, failed_at, last_error FROM notices ",
            "WHERE channel = $1 AND state = 'pending' ORDER BY seq LIMIT $2",
            $rest
        )
    };
}

/// In the words of SQLite and of PostgreSQL.
pub(super) const WAITING: [&str; 2] = [select_waiting!(""), select_waiting!(" FOR UPDATE")];

async fn give_up(
    transaction: &mut Transaction,
    seq: i64,
    now: DateTime<Utc>,
    error: &StoreError,
) -> Result<(), StoreError> {
    error!("a notice cannot be read and is given up: {error}");
    Statement::new(
        "UPDATE notices SET state = 'failed', failed_at = $1, last_error = $2, claimed_until = NULL, claimed_by = NULL,
             claimed_epoch = NULL
         WHERE seq = $3",
    )
    .bind(millis(now))
    .bind(error.to_string())
    .bind(seq)
    .execute(transaction)
    .await?;
    Ok(())
}

impl Waiting {
    fn of(row: &Row, fence: Option<i64>) -> Result<Self, StoreError> {
        let (id, kind) = (row.text("id")?, row.text("kind")?);
        let kind = NoticeKind::parse(&kind).unwrap_or_else(|| {
            // Its words are written: better told in the wrong tone than in the way of all that follow.
            let kind = shortened(&kind, 60);
            warn!("notice {id} is of the kind {kind:?}, which this version does not know: sent as an alert");
            NoticeKind::Alert
        });
        let turn = Turn::of(row, fence)?;
        let notice = Notice {
            id,
            channel: row.text("channel")?,
            kind,
            subject: row.text("subject")?,
            body: row.text("body")?,
            thread: row.optional_text("thread")?,
            created: turn.created,
            incidents: vec![],
            content: row.optional_text("content")?,
            not_before: None,
        };
        let (failed_at, last_error) = (row.optional_number("failed_at")?, row.optional_text("last_error")?);
        Ok(Self { turn, failed_at, last_error, notice })
    }

    fn is_state(&self) -> bool {
        self.notice.kind == NoticeKind::Status
    }
}

/// What is to be sent next, the oldest first: one notice, or those that are merged into the newest of them. Nothing if it
/// is nobody's turn.
fn next(waiting: Vec<Waiting>, now: DateTime<Utc>) -> Vec<Waiting> {
    let mut in_turn = waiting.into_iter().filter(|notice| !notice.turn.is_for_later() || notice.turn.next_try <= now);
    let Some(first) = in_turn.next().filter(|first| first.turn.is_due(now)) else { return vec![] };
    // What may have arrived is sent again as it was, under the same id: by that a receiver knows it for what it is.
    if first.is_state() || first.turn.may_have_arrived {
        return vec![first];
    }
    // No further than to the first one that has to wait: what is behind it must not overtake it.
    let may_go = |notice: &Waiting| notice.turn.is_due(now) || notice.turn.attempts == 0;
    let others = in_turn.filter(|notice| !notice.is_state()).take_while(may_go);
    std::iter::once(first).chain(others).collect()
}

/// The one notice that all of `together` become, in the place of the newest; none if there are none.
fn merged(together: &[Waiting], merge: impl FnOnce(Vec<Notice>, Notice) -> Notice) -> Option<Notice> {
    let (newest, earlier) = together.split_last()?;
    let newest = newest.notice.clone();
    if earlier.is_empty() {
        return Some(newest);
    }
    // What began a conversation and is merged itself was never sent.
    let was_sent = |thread: &&String| !together.iter().any(|waiting| waiting.notice.id == **thread);
    let thread = together.iter().find_map(|waiting| waiting.notice.thread.as_ref().filter(was_sent)).cloned();
    let (id, channel, created) = (newest.id.clone(), newest.channel.clone(), newest.created);
    let one = merge(earlier.iter().map(|waiting| waiting.notice.clone()).collect(), newest);
    Some(Notice { id, channel, created, thread, incidents: vec![], not_before: None, ..one })
}

/// Has the one message that tells all of `together` be sent by `by`.
async fn take(
    transaction: &mut Transaction,
    notice: Notice,
    together: &[Waiting],
    until: DateTime<Utc>,
    by: &str,
    fence: Option<i64>,
) -> Result<Due, StoreError> {
    for absorbed in together.iter().filter(|waiting| waiting.notice.id != notice.id) {
        absorb(transaction, &absorbed.notice.id, &notice.id).await?;
    }
    let attempts = together.iter().map(|waiting| waiting.turn.attempts).max().unwrap_or_default().saturating_add(1);
    let next_try = together.iter().map(|waiting| waiting.turn.next_try).min().unwrap_or(notice.created);
    let failure = together.iter().filter(|waiting| waiting.failed_at.is_some()).max_by_key(|waiting| waiting.failed_at);
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
    .bind(failure.and_then(|failure| failure.failed_at))
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
    Ok(Due { notice, attempts, waiting_since })
}

pub(super) const ABSORB: &str = "UPDATE notices SET state = 'merged', merged_into = $1, claimed_until = NULL,
         claimed_by = NULL, claimed_epoch = NULL
     WHERE id = $2 OR merged_into = $2";

/// From here on the notice `newest` tells what `absorbed` was to tell, and what that had absorbed before.
async fn absorb(transaction: &mut Transaction, absorbed: &str, newest: &str) -> Result<(), StoreError> {
    Statement::new(ABSORB).bind(newest).bind(absorbed).execute(transaction).await?;
    Statement::new(
        "INSERT INTO notice_incidents (notice_id, incident_id, step)
         SELECT CAST($1 AS TEXT), incident_id, step FROM notice_incidents WHERE notice_id = $2
         ON CONFLICT (notice_id, incident_id, step) DO NOTHING",
    )
    .bind(newest)
    .bind(absorbed)
    .execute(transaction)
    .await?;
    Ok(())
}
