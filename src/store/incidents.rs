//! The incidents, row by row.

use log::warn;

use super::database::Speaks;
use super::database::Transaction;
use super::error::shortened;
use super::row::{Row, counted, millis, readable};
use super::statement::Statement;
use super::{Store, StoreError};
use crate::domain::flapping::Past;
use crate::domain::incident::{Acknowledgement, Change, Held, Incident, Phase, Telling};
use crate::domain::issue::IssueId;

/// The longest name that is worth showing, in characters.
const NAME_LIMIT: usize = 60;

/// The columns of an incident, and what comes behind them in a statement.
macro_rules! select_incidents {
    ($rest:literal) => {
        concat!(
            "SELECT id, issue, text, detail, magnitude, since, phase, streak, held, held_cause, unstable, told_at, ",
            "told_text, told_magnitude, acknowledged_by, acknowledged_at, resolved_at FROM incidents ",
            $rest
        )
    };
}
pub(super) use select_incidents;

const UNRESOLVED: &str = select_incidents!("WHERE phase <> 'resolved' ORDER BY since, id");

impl Store {
    /// The incidents that are not over: suspected, open or recovering; the oldest first.
    ///
    /// One about an issue that this program does not know (a newer version has left it behind) is skipped with a
    /// warning: this program would neither see it nor see it end.
    pub async fn unresolved(&self) -> Result<Vec<Incident>, StoreError> {
        let database = self.database.clone();
        self.run(async move { unresolved(&mut database.session().await?).await }).await
    }
}

/// See [`Store::unresolved`].
pub(super) async fn unresolved(on: &mut impl Speaks) -> Result<Vec<Incident>, StoreError> {
    let rows = Statement::new(UNRESOLVED).all(on).await?;
    rows.iter().filter_map(|row| incident(row).transpose()).collect()
}

/// The incident of that id, unless it is about an issue that this program does not know.
pub(super) async fn of(on: &mut impl Speaks, id: &str) -> Result<Option<Incident>, StoreError> {
    let row = Statement::new(select_incidents!("WHERE id = $1")).bind(id).optional(on).await?;
    row.map_or(Ok(None), |row| incident(&row))
}

/// How many of the incidents that are over are looked at for flapping: more than there can be in the time that matters.
const MOST_PAST: i64 = 500;

pub(super) const PAST: &str = "SELECT issue, since, resolved_at FROM incidents WHERE phase = 'resolved'
     AND resolved_at IS NOT NULL ORDER BY resolved_at DESC LIMIT $1";

/// The incidents that were over last, the latest first; those about unknown issues are left out.
pub(super) async fn past(on: &mut impl Speaks) -> Result<Vec<Past>, StoreError> {
    let rows = Statement::new(PAST).bind(MOST_PAST).all(on).await?;
    Ok(readable(&rows, |row| {
        let Some(issue) = IssueId::parse(&row.text("issue")?) else { return Ok(None) };
        Ok(Some(Past { issue, since: row.moment("since")?, resolved_at: row.moment("resolved_at")? }))
    }))
}

/// Writes every incident as it is now. Those that are over come first, so that they make room for what follows them.
pub(super) async fn write(transaction: &mut Transaction, stepped: &[(Incident, Change)]) -> Result<(), StoreError> {
    let (over, going_on): (Vec<_>, Vec<_>) = stepped
        .iter()
        .partition(|(incident, change)| *change == Change::Forgotten || incident.phase == Phase::Resolved);
    for (incident, change) in over.into_iter().chain(going_on) {
        if *change == Change::Forgotten {
            delete(transaction, &incident.id).await?;
        } else {
            upsert(transaction, incident).await?;
        }
    }
    Ok(())
}

async fn delete(transaction: &mut Transaction, id: &str) -> Result<(), StoreError> {
    Statement::new("DELETE FROM incidents WHERE id = $1").bind(id).execute(transaction).await?;
    Ok(())
}

async fn upsert(transaction: &mut Transaction, incident: &Incident) -> Result<(), StoreError> {
    let (held, cause) = match incident.held {
        Held::No => ("no", None),
        Held::By(cause) => ("by", Some(cause.to_string())),
        Held::Released(cause) => ("released", Some(cause.to_string())),
    };
    let (told, acknowledged) = (incident.told.as_ref(), incident.acknowledged.as_ref());
    Statement::new(
        "INSERT INTO incidents
             (id, issue, text, detail, magnitude, since, phase, streak, held, held_cause, unstable, told_at, told_text,
              told_magnitude, acknowledged_by, acknowledged_at, resolved_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
         ON CONFLICT (id) DO UPDATE SET
             text = excluded.text, detail = excluded.detail, magnitude = excluded.magnitude, phase = excluded.phase,
             streak = excluded.streak, held = excluded.held, held_cause = excluded.held_cause,
             unstable = excluded.unstable, told_at = excluded.told_at, told_text = excluded.told_text,
             told_magnitude = excluded.told_magnitude, acknowledged_by = excluded.acknowledged_by,
             acknowledged_at = excluded.acknowledged_at, resolved_at = excluded.resolved_at",
    )
    .bind(&incident.id)
    .bind(incident.issue.to_string())
    .bind(&incident.text)
    .bind(&incident.detail)
    .bind(incident.magnitude.map(counted))
    .bind(millis(incident.since))
    .bind(incident.phase.name())
    .bind(i64::from(incident.streak))
    .bind(held)
    .bind(cause)
    .bind(i64::from(incident.unstable))
    .bind(told.map(|told| millis(told.at)))
    .bind(told.map(|told| told.text.clone()))
    .bind(told.and_then(|told| told.magnitude).map(counted))
    .bind(acknowledged.map(|acknowledged| acknowledged.by.clone()))
    .bind(acknowledged.map(|acknowledged| millis(acknowledged.at)))
    .bind(incident.resolved_at.map(millis))
    .execute(transaction)
    .await?;
    Ok(())
}

/// The incident of a row; `None` if it is about an issue that this program does not know.
pub(super) fn incident(row: &Row) -> Result<Option<Incident>, StoreError> {
    let (id, name) = (row.text("id")?, row.text("issue")?);
    let Some(issue) = IssueId::parse(&name) else {
        warn!("incident {id} is about {:?}, which this version does not know: skipped", shortened(&name, NAME_LIMIT));
        return Ok(None);
    };
    let phase = row.text("phase")?;
    let phase = Phase::parse(&phase)
        .ok_or_else(|| StoreError::nonsense(format!("incident {id} is in the unknown phase {phase:?}")))?;
    let held = held(row, &id)?;
    Ok(Some(Incident {
        id,
        issue,
        text: row.text("text")?,
        detail: row.text("detail")?,
        magnitude: row.optional_number("magnitude")?.map(i64::cast_unsigned),
        since: row.moment("since")?,
        phase,
        streak: row.count("streak")?,
        held,
        unstable: row.number("unstable")? != 0,
        told: told(row)?,
        acknowledged: acknowledged(row)?,
        resolved_at: row.optional_moment("resolved_at")?,
    }))
}

/// The words of an incident that an older version told are not known: those that it has now stand for them.
fn told(row: &Row) -> Result<Option<Telling>, StoreError> {
    let Some(at) = row.optional_moment("told_at")? else { return Ok(None) };
    let text = row.optional_text("told_text")?.map_or_else(|| row.text("text"), Ok)?;
    Ok(Some(Telling { at, text, magnitude: row.optional_number("told_magnitude")?.map(i64::cast_unsigned) }))
}

fn acknowledged(row: &Row) -> Result<Option<Acknowledgement>, StoreError> {
    let acknowledged = row.optional_text("acknowledged_by")?.zip(row.optional_moment("acknowledged_at")?);
    Ok(acknowledged.map(|(by, at)| Acknowledgement { by, at }))
}

/// A cause that this program does not know is one that it cannot see: then nothing explains the incident.
fn held(row: &Row, id: &str) -> Result<Held, StoreError> {
    let (held, name) = (row.text("held")?, row.optional_text("held_cause")?);
    let cause = name.as_deref().and_then(IssueId::parse);
    match (held.as_str(), cause) {
        ("no", _) => Ok(Held::No),
        ("by", Some(cause)) => Ok(Held::By(cause)),
        ("released", Some(cause)) => Ok(Held::Released(cause)),
        ("by" | "released", None) => {
            let name = shortened(&name.unwrap_or_default(), NAME_LIMIT);
            warn!("incident {id} is held by {name:?}, which this version does not know: no longer held");
            Ok(Held::No)
        }
        _ => Err(StoreError::nonsense(format!("incident {id} is held in the unknown way {held:?}"))),
    }
}
