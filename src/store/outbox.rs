//! The outbox: what is to be told, to whom, and what became of it.
//!
//! A notice is *pending* until its channel took it (*delivered*), never will (*failed*), or another one tells what it was
//! to tell (*merged*). Each channel gets its notices one at a time and in the order in which they were posted: the oldest
//! pending one holds up those behind it, for as long as it waits for its next try or is claimed. One that was posted for
//! later holds up nobody until then.

use chrono::{DateTime, Utc};

use super::database::{Speaks, Transaction};
use super::row::millis;
use super::statement::Statement;
use super::{Store, StoreError};
use crate::domain::notice::{NoticeKind, Step, Told};

/// One message to one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Unique: by it, what is sent twice is recognised.
    pub id: String,
    /// Whom it is for.
    pub channel: String,
    /// Why it goes out.
    pub kind: NoticeKind,
    /// The subject, or first line.
    pub subject: String,
    /// The text.
    pub body: String,
    /// The id of the notice that began the conversation.
    pub thread: Option<String>,
    /// When it was posted.
    pub created: DateTime<Utc>,
    /// The ids of the incidents that it is about, and what it tells of each.
    pub incidents: Vec<(String, Step)>,
    /// What the text was made of, as JSON, for whoever merges it with another.
    pub content: Option<String>,
    /// Not to be sent before then.
    pub not_before: Option<DateTime<Utc>>,
}

/// From the few incidents that are not over to their notices; as a join, SQLite would begin with all the links.
pub(super) const TOLD: &str = "SELECT link.incident_id, notice.channel, notice.id
     FROM notice_incidents AS link
     JOIN notices AS notice ON notice.id = link.notice_id AND notice.state IN ('pending', 'delivered')
     WHERE link.step = $1 AND link.incident_id IN (SELECT id FROM incidents WHERE phase <> 'resolved')
     ORDER BY notice.seq";

impl Store {
    /// Which channels were told that an incident opened which is not over: incident id → channel → id of the notice.
    ///
    /// A pending notice counts, since it will be delivered; one that failed for good told nobody. For one that was merged
    /// counts the one that tells it now.
    pub async fn told(&self) -> Result<Told, StoreError> {
        let database = self.database.clone();
        self.run(async move { told(&mut database.session().await?).await }).await
    }

    /// Posts `notices` apart from any cycle.
    pub async fn post(&self, notices: Vec<Notice>) -> Result<(), StoreError> {
        let store = self.clone();
        self.run(async move {
            let mut transaction = store.begin().await?;
            post(&mut transaction, &notices).await?;
            transaction.commit().await
        })
        .await
    }
}

/// See [`Store::told`].
pub(super) async fn told(on: &mut impl Speaks) -> Result<Told, StoreError> {
    let rows = Statement::new(TOLD).bind(Step::Opened.name()).all(on).await?;
    let mut told = Told::new();
    for row in rows {
        let (incident, channel) = (row.text("incident_id")?, row.text("channel")?);
        told.entry(incident).or_default().entry(channel).or_insert(row.text("id")?);
    }
    Ok(told)
}

/// Posts `notices` behind those that are there; one that is there already stays as it is.
pub(super) async fn post(transaction: &mut Transaction, notices: &[Notice]) -> Result<(), StoreError> {
    for notice in notices {
        let trouble = match notice.kind {
            NoticeKind::Status => replace_status(transaction, notice).await?,
            _ => Trouble::none(notice),
        };
        Statement::new(
            "INSERT INTO notices (id, channel, kind, subject, body, thread, created, state, attempts, next_try, content,
                 failed_at, last_error)
             VALUES ($1, $2, $3, $4, $5, $6, $7, 'pending', $8, $9, $10, $11, $12)
             ON CONFLICT (id) DO NOTHING",
        )
        .bind(&notice.id)
        .bind(&notice.channel)
        .bind(notice.kind.name())
        .bind(&notice.subject)
        .bind(&notice.body)
        .bind(notice.thread.clone())
        .bind(trouble.since)
        .bind(trouble.attempts)
        .bind(trouble.next_try)
        .bind(notice.content.clone())
        .bind(trouble.failed_at)
        .bind(trouble.last_error)
        .execute(transaction)
        .await?;
        for (incident, step) in &notice.incidents {
            Statement::new(
                "INSERT INTO notice_incidents (notice_id, incident_id, step) VALUES ($1, $2, $3)
                 ON CONFLICT (notice_id, incident_id, step) DO NOTHING",
            )
            .bind(&notice.id)
            .bind(incident)
            .bind(step.name())
            .execute(transaction)
            .await?;
        }
    }
    Ok(())
}

/// When it may be sent for the first time.
pub(super) fn first_try(notice: &Notice) -> DateTime<Utc> {
    notice.not_before.map_or(notice.created, |not_before| not_before.max(notice.created))
}

/// What a channel's trouble with what it was sent before means for what it is to be sent now. Moments are milliseconds.
struct Trouble {
    /// Since when it has not taken what it is to have.
    since: i64,
    attempts: i64,
    next_try: i64,
    failed_at: Option<i64>,
    last_error: Option<String>,
}

impl Trouble {
    fn none(notice: &Notice) -> Self {
        let (since, next_try) = (millis(notice.created), millis(first_try(notice)));
        Self { since, attempts: 0, next_try, failed_at: None, last_error: None }
    }
}

/// Takes back the states that nobody has been shown nor is sending: only the newest matters. It inherits the trouble that
/// the channel had with them: who asked for patience asked for it whatever is to be shown, and a board that has taken
/// nothing for a day is not well because each cycle there is something new for it.
async fn replace_status(transaction: &mut Transaction, notice: &Notice) -> Result<Trouble, StoreError> {
    let replaced = Statement::new(
        "DELETE FROM notices
         WHERE channel = $1 AND kind = $2 AND state = 'pending' AND (claimed_until IS NULL OR claimed_until <= $3)
         RETURNING attempts, next_try, created, failed_at, last_error",
    )
    .bind(&notice.channel)
    .bind(NoticeKind::Status.name())
    .bind(millis(notice.created))
    .all(transaction)
    .await?;
    let mut trouble = Trouble::none(notice);
    for row in replaced {
        let (attempts, failed_at) = (row.number("attempts")?, row.optional_number("failed_at")?);
        trouble.attempts = trouble.attempts.max(attempts);
        trouble.next_try = trouble.next_try.max(row.number("next_try")?);
        if attempts > 0 {
            trouble.since = trouble.since.min(row.number("created")?);
        }
        if failed_at > trouble.failed_at {
            (trouble.failed_at, trouble.last_error) = (failed_at, row.optional_text("last_error")?);
        }
    }
    Ok(trouble)
}
