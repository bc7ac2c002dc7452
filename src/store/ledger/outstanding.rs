//! What waits in an outbox, row by row as it is there.

use chrono::{DateTime, Utc};

use crate::domain::issue::CHANNELS;
use crate::domain::notice::{NoticeKind, Step};
use crate::store::copies::{self, Column, Copied, number, text};
use crate::store::database::{Speaks, Transaction};
use crate::store::outbox::first_try;
use crate::store::row::millis;
use crate::store::statement::{Statement, Value};
use crate::store::{Due, Notice, Outcome, Store, StoreError};

/// Of a notice, everything but its place and the epoch of whoever claimed it: those are of one database only.
pub(super) const NOTICE: [Column; 18] = [
    Column::Text("id"),
    Column::Text("channel"),
    Column::Text("state"),
    Column::Text("kind"),
    Column::Text("subject"),
    Column::Text("body"),
    Column::Text("thread"),
    Column::Number("created"),
    Column::Number("attempts"),
    Column::Number("next_try"),
    Column::Number("claimed_until"),
    Column::Text("claimed_by"),
    Column::Number("failed_at"),
    Column::Text("last_error"),
    Column::Number("delivered_at"),
    Column::Text("receipt"),
    Column::Text("content"),
    Column::Text("merged_into"),
];

/// Where in [`NOTICE`] they are.
pub(super) const ID: usize = 0;
pub(super) const CHANNEL: usize = 1;
pub(super) const STATE: usize = 2;
const KIND: usize = 3;
const SUBJECT: usize = 4;
const BODY: usize = 5;
const THREAD: usize = 6;
const CREATED: usize = 7;
const ATTEMPTS: usize = 8;
const NEXT_TRY: usize = 9;
const CLAIMED_UNTIL: usize = 10;
const CLAIMED_BY: usize = 11;
const FAILED_AT: usize = 12;
const LAST_ERROR: usize = 13;
const DELIVERED_AT: usize = 14;
const CONTENT: usize = 16;
pub(super) const MERGED_INTO: usize = 17;

/// Of the notice of a link and of the incident.
pub(super) const LINK: [Column; 3] = [Column::Text("notice_id"), Column::Text("incident_id"), Column::Text("step")];

/// Where in [`LINK`] they are.
pub(super) const OF_NOTICE: usize = 0;
pub(super) const OF_INCIDENT: usize = 1;

macro_rules! select_notices {
    ($rest:literal) => {
        concat!(
            "SELECT id, channel, state, kind, subject, body, thread, created, attempts, next_try, claimed_until, ",
            "claimed_by, failed_at, last_error, delivered_at, receipt, content, merged_into FROM notices ",
            $rest
        )
    };
}
pub(super) use select_notices;

/// What is known of a notice becomes what is here, except that what was delivered stays so, and what is finished does not
/// wait again.
pub(super) const INSERT_NOTICE: &str = "INSERT INTO notices
         (id, channel, state, kind, subject, body, thread, created, attempts, next_try, claimed_until, claimed_by,
          failed_at, last_error, delivered_at, receipt, content, merged_into)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
     ON CONFLICT (id) DO UPDATE SET
         state = excluded.state, kind = excluded.kind, subject = excluded.subject, body = excluded.body,
         thread = excluded.thread, attempts = excluded.attempts, next_try = excluded.next_try,
         claimed_until = excluded.claimed_until, claimed_by = excluded.claimed_by, claimed_epoch = NULL,
         failed_at = excluded.failed_at, last_error = excluded.last_error, delivered_at = excluded.delivered_at,
         receipt = excluded.receipt, content = excluded.content, merged_into = excluded.merged_into
     WHERE notices.state = 'pending' OR (excluded.state = 'delivered' AND notices.state <> 'delivered')";

/// A link to an incident that is not there is left out.
pub(super) const INSERT_LINK: &str = "INSERT INTO notice_incidents (notice_id, incident_id, step)
     SELECT notice.id, CAST($2 AS TEXT), CAST($3 AS TEXT) FROM notices AS notice
     WHERE notice.id = $1 AND EXISTS (SELECT 1 FROM incidents WHERE id = $2)
     ON CONFLICT (notice_id, incident_id, step) DO NOTHING";

/// An attempt to deliver a notice: the how manieth, when, what came of it.
pub(super) const ATTEMPT: [Column; 5] = [
    Column::Text("notice_id"),
    Column::Number("attempt"),
    Column::Number("at"),
    Column::Text("outcome"),
    Column::Text("answer"),
];

/// One that is there already, or whose notice is gone, is left out.
pub(super) const INSERT_ATTEMPT: &str = "INSERT INTO deliveries (notice_id, attempt, at, outcome, answer)
     SELECT notice.id, CAST($2 AS BIGINT), CAST($3 AS BIGINT), CAST($4 AS TEXT), CAST($5 AS TEXT)
     FROM notices AS notice WHERE notice.id = $1 AND NOT EXISTS (
         SELECT 1 FROM deliveries WHERE notice_id = $1 AND attempt = $2 AND at = $3)";

/// What waits for a channel.
const PENDING: &str = select_notices!("WHERE channel = $1 AND state = 'pending' ORDER BY seq");

/// What was merged into that, whom it is about, and what became of it so far.
const MERGED: &str = select_notices!(
    "WHERE merged_into IN (SELECT id FROM notices WHERE channel = $1 AND state = 'pending') ORDER BY seq"
);
const LINKS: &str = "SELECT notice_id, incident_id, step FROM notice_incidents
     WHERE notice_id IN (SELECT id FROM notices WHERE channel = $1 AND state = 'pending')";
const ATTEMPTS_OF_IT: &str = "SELECT notice_id, attempt, at, outcome, answer FROM deliveries
     WHERE notice_id IN (
         SELECT id FROM notices WHERE channel = $1 AND state = 'pending'
         UNION ALL SELECT id FROM notices
         WHERE merged_into IN (SELECT id FROM notices WHERE channel = $1 AND state = 'pending'))
     ORDER BY seq";

/// What is asked of an outbox that may be long.
#[cfg(test)]
pub(in crate::store) const ASKED: [&str; 4] = [PENDING, MERGED, LINKS, ATTEMPTS_OF_IT];

/// What waits in an outbox.
#[derive(Clone, Debug, Default)]
pub(super) struct Outstanding {
    /// As [`NOTICE`] has it.
    pub(super) notices: Vec<Copied>,
    /// As [`LINK`] has it.
    links: Vec<Copied>,
    /// As [`ATTEMPT`] has it: whether something may have arrived is known by them.
    attempts: Vec<Copied>,
}

impl Outstanding {
    /// That of `store`.
    pub(super) async fn of(store: &Store) -> Result<Self, StoreError> {
        let database = store.database.clone();
        store.run(async move { Self::read(&mut database.session().await?).await }).await
    }

    async fn read(on: &mut impl Speaks) -> Result<Self, StoreError> {
        let mut outstanding = Self::default();
        for channel in CHANNELS {
            let asked = |statement| Statement::new(statement).bind(channel);
            let pending = copies::rows(on, asked(PENDING), &NOTICE).await?;
            if pending.is_empty() {
                continue;
            }
            outstanding.notices.extend(pending);
            outstanding.notices.extend(copies::rows(on, asked(MERGED), &NOTICE).await?);
            outstanding.links.extend(copies::rows(on, asked(LINKS), &LINK).await?);
            outstanding.attempts.extend(copies::rows(on, asked(ATTEMPTS_OF_IT), &ATTEMPT).await?);
        }
        Ok(outstanding)
    }

    /// Puts it into an outbox in which nothing of it is yet; there, a link may be to an incident that is not.
    pub(super) async fn write(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        copies::insert(transaction, INSERT_NOTICE, &self.notices).await?;
        let link = "INSERT INTO notice_incidents (notice_id, incident_id, step) VALUES ($1, $2, $3)
                    ON CONFLICT (notice_id, incident_id, step) DO NOTHING";
        copies::insert(transaction, link, &self.links).await?;
        copies::insert(transaction, INSERT_ATTEMPT, &self.attempts).await
    }

    /// The ids of the notices.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.notices.iter().map(|notice| text(notice, ID))
    }

    /// They are about to be posted.
    pub(super) fn posting(&mut self, notices: &[Notice]) {
        for notice in notices {
            self.notices.push(new(notice));
            let link =
                |(incident, step): &(String, Step)| vec![(&notice.id).into(), incident.into(), step.name().into()];
            self.links.extend(notice.incidents.iter().map(link));
        }
    }

    /// They were posted: a state has taken the place of those before it that nobody had claimed.
    pub(super) fn posted(&mut self, notices: &[Notice]) {
        for state in notices.iter().filter(|notice| notice.kind == NoticeKind::Status) {
            let Some(place) = self.notices.iter().position(|row| text(row, ID) == state.id) else { continue };
            let is_replaced = |row: &Copied| {
                let is_a_state = text(row, KIND) == state.kind.name() && text(row, CHANNEL) == state.channel;
                is_a_state && number(row, CLAIMED_UNTIL) <= millis(state.created)
            };
            let later = self.notices.split_off(place);
            self.notices.retain(|row| !is_replaced(row));
            self.notices.extend(later);
        }
    }

    /// It was claimed until then by somebody, for itself and for those that it was `merged` of.
    pub(super) fn claimed(&mut self, due: &Due, merged: &[String], until: DateTime<Utc>, by: &str) {
        let notice = &due.notice;
        for row in &mut self.notices {
            if text(row, ID) == notice.id {
                row[KIND] = notice.kind.name().into();
                row[SUBJECT] = (&notice.subject).into();
                row[BODY] = (&notice.body).into();
                row[THREAD] = notice.thread.clone().into();
                row[CONTENT] = notice.content.clone().into();
                row[ATTEMPTS] = i64::from(due.attempts).into();
                row[CLAIMED_UNTIL] = millis(until).into();
                row[CLAIMED_BY] = by.into();
            } else if merged.iter().any(|id| text(row, ID) == id || text(row, MERGED_INTO) == id) {
                row[STATE] = "merged".into();
                row[MERGED_INTO] = (&notice.id).into();
                give_back(row);
            }
        }
        for link in &mut self.links {
            if merged.iter().any(|id| text(link, OF_NOTICE) == id) {
                link[OF_NOTICE] = (&notice.id).into();
            }
        }
        let end = |incident: &String| vec![(&notice.id).into(), incident.into(), Step::Resolved.name().into()];
        self.links.extend(due.ends.iter().map(end));
    }

    /// It waits no more.
    pub(super) fn finished(&mut self, id: &str) {
        self.notices.retain(|notice| text(notice, ID) != id && text(notice, MERGED_INTO) != id);
        self.links.retain(|link| text(link, OF_NOTICE) != id);
    }

    /// It is tried again at `retry_at`.
    pub(super) fn failed(&mut self, id: &str, at: DateTime<Utc>, error: &str, retry_at: DateTime<Utc>) {
        if let Some(row) = self.notices.iter_mut().find(|notice| text(notice, ID) == id) {
            row[FAILED_AT] = millis(at).into();
            row[LAST_ERROR] = error.into();
            row[NEXT_TRY] = millis(retry_at).into();
            give_back(row);
            let (attempt, outcome) = (row[ATTEMPTS].clone(), Outcome::Later.name());
            self.attempts.push(vec![id.into(), attempt, millis(at).into(), outcome.into(), error.into()]);
        }
    }
}

fn new(notice: &Notice) -> Copied {
    let mut row = vec![Value::Text(None); NOTICE.len()];
    row[ID] = (&notice.id).into();
    row[CHANNEL] = (&notice.channel).into();
    row[STATE] = "pending".into();
    row[KIND] = notice.kind.name().into();
    row[SUBJECT] = (&notice.subject).into();
    row[BODY] = (&notice.body).into();
    row[THREAD] = notice.thread.clone().into();
    row[CREATED] = millis(notice.created).into();
    row[ATTEMPTS] = 0.into();
    row[NEXT_TRY] = millis(first_try(notice)).into();
    row[CONTENT] = notice.content.clone().into();
    for number in [CLAIMED_UNTIL, FAILED_AT, DELIVERED_AT] {
        row[number] = Value::Number(None);
    }
    row
}

fn give_back(row: &mut Copied) {
    row[CLAIMED_UNTIL] = Value::Number(None);
    row[CLAIMED_BY] = Value::Text(None);
}
