//! What waits for a channel, and which of it is next.

use chrono::{DateTime, Utc};
use log::{error, warn};

use super::StoreError;
use super::database::Transaction;
use super::error::shortened;
use super::outbox::Notice;
use super::row::{Row, millis};
use super::statement::Statement;
use crate::domain::notice::NoticeKind;

/// How many notices that wait for one channel are looked at, and merged, at once.
pub(super) const MOST: i64 = 100;

/// Whose turn it is.
pub(super) struct Turn {
    pub(super) attempts: u32,
    pub(super) next_try: DateTime<Utc>,
    created: DateTime<Utc>,
    pub(super) failed_at: Option<DateTime<Utc>>,
    claimed_until: Option<DateTime<Utc>>,
    /// How many of the attempts have come to a known end, as a part of what was merged into it too.
    pub(super) answers: u32,
    /// In how many of these it was refused; what was refused for good is not counted, for it goes out as something else.
    pub(super) refusals: u32,
    /// When the first of its own attempts came to its end.
    pub(super) tried_since: Option<DateTime<Utc>>,
}

impl Turn {
    /// `fence` is the epoch of whoever looks: what a leader before him has claimed is nobody's any more. What somebody
    /// claimed who does not lead is his.
    pub(super) fn of(row: &Row, fence: Option<i64>) -> Result<Self, StoreError> {
        let theirs = row.optional_number("claimed_epoch")?;
        let claimed_by_a_former_leader = fence.zip(theirs).is_some_and(|(ours, theirs)| theirs < ours);
        Ok(Self {
            attempts: row.count("attempts")?,
            next_try: row.moment("next_try")?,
            created: row.moment("created")?,
            failed_at: row.optional_moment("failed_at")?,
            claimed_until: row.optional_moment("claimed_until")?.filter(|_| !claimed_by_a_former_leader),
            answers: 0,
            refusals: 0,
            tried_since: None,
        })
    }

    /// Whether it was posted for later; then it holds up nobody until it is due for the first time.
    pub(super) fn is_for_later(&self) -> bool {
        self.attempts == 0 && self.next_try > self.created
    }

    /// Whether nobody has said of one of the attempts what came of it: it may have arrived.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.answers < self.attempts
    }

    /// When it may be sent, as it looks at `now`: at once, if the clock has been set back since it was posted or refused,
    /// for nobody knows how long it has waited. The end of a maintenance is where it is.
    pub(super) fn due(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let is_from_the_future = self.failed_at.unwrap_or(self.created) > now;
        let next_try = if is_from_the_future && !self.is_for_later() { now } else { self.next_try };
        self.claimed_until.map_or(next_try, |claimed_until| claimed_until.max(next_try))
    }
}

/// A notice that waits.
pub(super) struct Waiting {
    pub(super) turn: Turn,
    pub(super) last_error: Option<String>,
    pub(super) notice: Notice,
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

/// What waits for `channel`, the oldest first, which nobody else then claims until the transaction is over. What makes no
/// sense is given up, or it would be in the way for ever.
pub(super) async fn waiting(
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
    for tried in waiting.iter_mut().filter(|waiting| waiting.turn.attempts > 0) {
        answered(transaction, tried).await?;
        if tried.is_state() {
            // It stands for those before it, which are no more.
            (tried.turn.answers, tried.turn.refusals) = (tried.turn.attempts, tried.turn.attempts);
        }
    }
    Ok(waiting)
}

/// Finds out what came of the attempts.
pub(super) async fn answered(transaction: &mut Transaction, tried: &mut Waiting) -> Result<(), StoreError> {
    let Some(row) = Statement::new(ANSWERS).bind(&tried.notice.id).optional(transaction).await? else { return Ok(()) };
    let turn = &mut tried.turn;
    (turn.answers, turn.refusals) = (row.count("answers")?, row.count("refusals")?);
    turn.tried_since = row.optional_moment("tried_since")?;
    Ok(())
}

pub(super) const ANSWERS: &str = "SELECT COUNT(*) AS answers, MIN(CASE WHEN notice_id = $1 THEN at END) AS tried_since,
         COUNT(CASE WHEN NOT EXISTS (SELECT 1 FROM deliveries AS never
             WHERE never.notice_id = deliveries.notice_id AND never.outcome = 'never') THEN 1 END) AS refusals
     FROM deliveries WHERE notice_id IN (SELECT id FROM notices WHERE id = $1 OR merged_into = $1)";

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
    /// What a row says. How many attempts have come to an end is not yet known.
    pub(super) fn of(row: &Row, fence: Option<i64>) -> Result<Self, StoreError> {
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
        Ok(Self { turn, last_error: row.optional_text("last_error")?, notice })
    }

    pub(super) fn is_state(&self) -> bool {
        self.notice.kind == NoticeKind::Status
    }
}

/// What is to be sent next, the oldest first: one notice, or those that are merged into the newest of them. Nothing if it
/// is nobody's turn.
///
/// What may have arrived is sent again as it was, by itself, so that whoever has it already recognises it.
pub(super) fn next(waiting: Vec<Waiting>, now: DateTime<Utc>) -> Vec<Waiting> {
    let is_due = |notice: &Waiting| notice.turn.due(now) <= now;
    let mut in_turn = waiting.into_iter().filter(|notice| !notice.turn.is_for_later() || is_due(notice));
    let Some(first) = in_turn.next().filter(is_due) else { return vec![] };
    if first.is_state() || first.turn.is_in_doubt() {
        return vec![first];
    }
    // No further than to the first one that has to wait: what is behind it must not overtake it.
    let may_go = |notice: &Waiting| !notice.turn.is_in_doubt() && (is_due(notice) || notice.turn.attempts == 0);
    let others = in_turn.filter(|notice| !notice.is_state()).take_while(may_go);
    std::iter::once(first).chain(others).collect()
}

/// When the first of those may be sent that wait behind the notice `id` and can be merged with it; none if there are none.
/// What may have arrived is merged with nothing, and nothing goes past it.
pub(super) fn next_behind(waiting: &[Waiting], id: &str) -> Option<DateTime<Utc>> {
    let place = waiting.iter().position(|it| it.notice.id == id)?;
    let can_be_merged = |it: &&Waiting| !it.turn.is_in_doubt();
    waiting.get(place).filter(|it| !it.is_state()).filter(can_be_merged)?;
    let behind = waiting.iter().skip(place + 1).filter(|it| !it.is_state());
    behind.take_while(can_be_merged).map(|it| it.turn.next_try).min()
}

/// The one notice that all of `together` become, in the place of the newest; none if there are none.
pub(super) fn merged(together: &[Waiting], merge: impl FnOnce(Vec<Notice>, Notice) -> Notice) -> Option<Notice> {
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
