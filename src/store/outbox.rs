//! The outbox: what is to be told, to whom, and what became of it.
//!
//! A notice is *pending* until its channel took it (*delivered*) or never will (*failed*). Each channel gets its notices
//! one at a time and in the order in which they were posted: the oldest pending one holds up those behind it, for as long
//! as it waits for its next try or is claimed.

use chrono::{DateTime, Utc};
use log::warn;

use super::database::{Speaks, Transaction};
use super::error::shortened;
use super::row::{Row, millis};
use super::statement::Statement;
use super::{Store, StoreError};
use crate::domain::notice::{NoticeKind, Step, Told};

/// The longest error or receipt that is kept, in characters.
const TEXT_LIMIT: usize = 500;

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
}

/// A notice that was claimed in order to be sent now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The notice, without its incidents: it is rendered, nobody has to look at them again.
    pub notice: Notice,
    /// How many times it has been tried, this time included.
    pub attempts: u32,
}

/// From the few incidents that are not over to their notices; as a join, SQLite would begin with all the links.
pub(super) const TOLD: &str = "SELECT link.incident_id, notice.channel, notice.id
     FROM notice_incidents AS link
     JOIN notices AS notice ON notice.id = link.notice_id AND notice.state <> 'failed'
     WHERE link.step = $1 AND link.incident_id IN (SELECT id FROM incidents WHERE phase <> 'resolved')
     ORDER BY notice.seq";

impl Store {
    /// Which channels were told that an incident opened which is not over: incident id → channel → id of the notice.
    ///
    /// A pending notice counts, since it will be delivered; one that failed for good told nobody.
    pub async fn told(&self) -> Result<Told, StoreError> {
        let database = self.database.clone();
        self.run(async move { told(&mut database.session().await?).await }).await
    }

    /// Claims the notice that `channel` is to be sent now, until `until`, in the name of `by`; counts the attempt.
    ///
    /// None if nothing is pending, or if the oldest pending notice is not due at `now` or is claimed, by whomever.
    pub async fn claim(
        &self,
        channel: &str,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        by: &str,
    ) -> Result<Option<Due>, StoreError> {
        let (database, channel, by) = (self.database.clone(), channel.to_owned(), by.to_owned());
        self.run(async move {
            let mut transaction = database.begin().await?;
            let row = Statement::new(
                "UPDATE notices SET attempts = attempts + 1, claimed_until = $1, claimed_by = $2
                 WHERE seq = (SELECT MIN(seq) FROM notices WHERE channel = $3 AND state = 'pending')
                   AND state = 'pending' AND next_try <= $4 AND (claimed_until IS NULL OR claimed_until <= $4)
                 RETURNING id, channel, kind, subject, body, thread, created, attempts",
            )
            .bind(millis(until))
            .bind(by)
            .bind(channel)
            .bind(millis(now))
            .optional(&mut transaction)
            .await?;
            transaction.commit().await?;
            row.as_ref().map(due).transpose()
        })
        .await
    }

    /// Writes down that the channel took the notice at `at`, and what it answered.
    ///
    /// This holds whatever was written of the notice before; if it has been replaced or pruned, nothing happens.
    pub async fn delivered(&self, id: &str, at: DateTime<Utc>, receipt: &str) -> Result<(), StoreError> {
        let (database, id, receipt) = (self.database.clone(), id.to_owned(), shortened(receipt, TEXT_LIMIT));
        self.run(async move {
            let mut transaction = database.begin().await?;
            Statement::new(
                "UPDATE notices SET state = 'delivered', delivered_at = $1, receipt = $2,
                     claimed_until = NULL, claimed_by = NULL
                 WHERE id = $3 AND state <> 'delivered'",
            )
            .bind(millis(at))
            .bind(receipt)
            .bind(id)
            .execute(&mut transaction)
            .await?;
            transaction.commit().await
        })
        .await
    }

    /// Writes down that an attempt failed at `at`, gives the claim back, and says when to try again; `None`: never.
    ///
    /// Of a notice that is no longer pending nothing is changed.
    pub async fn failed(
        &self,
        id: &str,
        at: DateTime<Utc>,
        error: &str,
        retry_at: Option<DateTime<Utc>>,
    ) -> Result<(), StoreError> {
        let (database, id, error) = (self.database.clone(), id.to_owned(), shortened(error, TEXT_LIMIT));
        self.run(async move {
            let mut transaction = database.begin().await?;
            Statement::new(
                "UPDATE notices SET state = $1, failed_at = $2, last_error = $3, next_try = COALESCE($4, next_try),
                     claimed_until = NULL, claimed_by = NULL
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

    /// When [`Store::claim`] will find something for `channel`: when the oldest pending notice may be tried, or when
    /// its claim runs out. None if nothing is pending.
    pub async fn next_due(&self, channel: &str) -> Result<Option<DateTime<Utc>>, StoreError> {
        let (database, channel) = (self.database.clone(), channel.to_owned());
        self.run(async move {
            let row = Statement::new(
                "SELECT next_try, claimed_until FROM notices WHERE channel = $1 AND state = 'pending'
                 ORDER BY seq LIMIT 1",
            )
            .bind(channel)
            .optional(&mut database.session().await?)
            .await?;
            let Some(row) = row else { return Ok(None) };
            Ok(row.optional_moment("claimed_until")?.max(Some(row.moment("next_try")?)))
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
        let (attempts, next_try) = match notice.kind {
            NoticeKind::Status => replace_status(transaction, notice).await?,
            NoticeKind::Alert | NoticeKind::Reminder | NoticeKind::Resolved | NoticeKind::Lifecycle => {
                (0, millis(notice.created))
            }
        };
        Statement::new(
            "INSERT INTO notices (id, channel, kind, subject, body, thread, created, state, attempts, next_try)
             VALUES ($1, $2, $3, $4, $5, $6, $7, 'pending', $8, $9)
             ON CONFLICT (id) DO NOTHING",
        )
        .bind(&notice.id)
        .bind(&notice.channel)
        .bind(notice.kind.name())
        .bind(&notice.subject)
        .bind(&notice.body)
        .bind(notice.thread.clone())
        .bind(millis(notice.created))
        .bind(attempts)
        .bind(next_try)
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

/// Takes back the states that nobody has been shown nor is sending: only the newest matters. Returns the attempts and
/// the next try of the new one, since a channel that asked for patience asked for it whatever is to be shown.
async fn replace_status(transaction: &mut Transaction, notice: &Notice) -> Result<(i64, i64), StoreError> {
    let replaced = Statement::new(
        "DELETE FROM notices
         WHERE channel = $1 AND kind = $2 AND state = 'pending' AND (claimed_until IS NULL OR claimed_until <= $3)
         RETURNING attempts, next_try",
    )
    .bind(&notice.channel)
    .bind(NoticeKind::Status.name())
    .bind(millis(notice.created))
    .all(transaction)
    .await?;
    let mut inherited = (0, millis(notice.created));
    for row in replaced {
        inherited = (inherited.0.max(row.number("attempts")?), inherited.1.max(row.number("next_try")?));
    }
    Ok(inherited)
}

fn due(row: &Row) -> Result<Due, StoreError> {
    let (id, kind) = (row.text("id")?, row.text("kind")?);
    let kind = NoticeKind::parse(&kind).unwrap_or_else(|| {
        // Its words are written: better told in the wrong tone than in the way of all that follow.
        warn!(
            "notice {id} is of the kind {:?}, which this version does not know: sent as an alert",
            shortened(&kind, 60)
        );
        NoticeKind::Alert
    });
    let notice = Notice {
        id,
        channel: row.text("channel")?,
        kind,
        subject: row.text("subject")?,
        body: row.text("body")?,
        thread: row.optional_text("thread")?,
        created: row.moment("created")?,
        incidents: vec![],
    };
    Ok(Due { notice, attempts: row.count("attempts")? })
}
