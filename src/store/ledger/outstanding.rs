//! What waits in an outbox, row by row as it is there.

use crate::store::copies::{self, Column, Copied};
use crate::store::database::{Speaks, Transaction};
use crate::store::statement::Statement;
use crate::store::{Store, StoreError};

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

/// Of the notice of a link and of the incident.
pub(super) const LINK: [Column; 3] = [Column::Text("notice_id"), Column::Text("incident_id"), Column::Text("step")];

/// An attempt as it is written and read: of which notice, the how manieth, when, what came of it.
pub(super) const ATTEMPT: [Column; 5] = [
    Column::Text("notice_id"),
    Column::Number("attempt"),
    Column::Number("at"),
    Column::Text("outcome"),
    Column::Text("answer"),
];

/// One whose notice is gone is left out.
pub(super) const INSERT_ATTEMPT: &str = "INSERT INTO deliveries (notice_id, attempt, at, outcome, answer)
     SELECT notice.id, CAST($2 AS BIGINT), CAST($3 AS BIGINT), CAST($4 AS TEXT), CAST($5 AS TEXT)
     FROM notices AS notice WHERE notice.id = $1 AND NOT EXISTS (
         SELECT 1 FROM deliveries WHERE notice_id = $1 AND attempt = $2 AND at = $3)";

/// Where in [`LINK`] they are; the notice of an attempt is at the same place.
pub(super) const OF_NOTICE: usize = 0;
pub(super) const OF_INCIDENT: usize = 1;

macro_rules! select_notices {
    ($($rest:expr),+) => {
        concat!(
            "SELECT id, channel, state, kind, subject, body, thread, created, attempts, next_try, claimed_until, ",
            "claimed_by, failed_at, last_error, delivered_at, receipt, content, merged_into FROM notices ",
            $($rest),+
        )
    };
}
pub(super) use select_notices;

/// What is known of a notice becomes what is here, except that what was delivered stays so, what is finished does not
/// wait again, and whoever has tried it meanwhile keeps his claim.
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
     WHERE (notices.state = 'pending' AND (excluded.state <> 'pending' OR excluded.attempts >= notices.attempts))
        OR (excluded.state = 'delivered' AND notices.state <> 'delivered')";

/// A link to an incident that is not there is left out.
pub(super) const INSERT_LINK: &str = "INSERT INTO notice_incidents (notice_id, incident_id, step)
     SELECT notice.id, CAST($2 AS TEXT), CAST($3 AS TEXT) FROM notices AS notice
     WHERE notice.id = $1 AND EXISTS (SELECT 1 FROM incidents WHERE id = $2)
     ON CONFLICT (notice_id, incident_id, step) DO NOTHING";

/// The ids of what waits, and of what was merged into that.
macro_rules! outstanding {
    () => {
        "(SELECT id FROM notices WHERE state = 'pending' UNION
          SELECT former.id FROM notices AS notice JOIN notices AS former ON former.merged_into = notice.id
          WHERE notice.state = 'pending')"
    };
}

/// Them, what they are about, and the attempts to send them: by those it is known what may have arrived.
pub(in crate::store) const OUTSTANDING: [&str; 3] = [
    select_notices!("WHERE id IN ", outstanding!(), " ORDER BY seq"),
    concat!("SELECT notice_id, incident_id, step FROM notice_incidents WHERE notice_id IN ", outstanding!()),
    concat!(
        "SELECT notice_id, attempt, at, outcome, answer FROM deliveries WHERE notice_id IN ",
        outstanding!(),
        " ORDER BY seq"
    ),
];

/// What waits in an outbox.
#[derive(Clone, Debug, Default)]
pub(super) struct Outstanding {
    /// As [`NOTICE`] has it.
    pub(super) notices: Vec<Copied>,
    /// As [`LINK`] has it.
    pub(super) links: Vec<Copied>,
    /// As [`ATTEMPT`] has it.
    pub(super) attempts: Vec<Copied>,
}

impl Outstanding {
    /// That of `store`.
    pub(super) async fn of(store: &Store) -> Result<Self, StoreError> {
        let database = store.database.clone();
        store.run(async move { Self::read(&mut database.session().await?).await }).await
    }

    async fn read(on: &mut impl Speaks) -> Result<Self, StoreError> {
        let [notices, links, attempts] = OUTSTANDING.map(Statement::new);
        let notices = copies::rows(on, notices, &NOTICE).await?;
        if notices.is_empty() {
            return Ok(Self::default());
        }
        let (links, attempts) = (copies::rows(on, links, &LINK).await?, copies::rows(on, attempts, &ATTEMPT).await?);
        Ok(Self { notices, links, attempts })
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
        self.notices.iter().map(|notice| copies::text(notice, ID))
    }

    /// Lets go of what waits for `channel`.
    pub(super) fn forget(&mut self, channel: &str) {
        self.notices.retain(|notice| copies::text(notice, CHANNEL) != channel);
        let kept: Vec<String> = self.ids().map(str::to_owned).collect();
        for of_notices in [&mut self.links, &mut self.attempts] {
            of_notices.retain(|row| kept.iter().any(|id| id == copies::text(row, OF_NOTICE)));
        }
    }
}
