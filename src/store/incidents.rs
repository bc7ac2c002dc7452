//! The incidents, row by row.

use log::warn;
use sqlx::sqlite::{SqliteExecutor, SqliteRow};
use sqlx::{Row, SqliteConnection};

use super::error::shortened;
use super::row::{count, millis, moment, optional_moment};
use super::{Store, StoreError};
use crate::domain::incident::{Change, Held, Incident, Phase};
use crate::domain::issue::IssueId;

/// The longest name that is worth showing, in characters.
const NAME_LIMIT: usize = 60;

impl Store {
    /// The incidents that are not over: suspected, open or recovering; the oldest first.
    ///
    /// One about an issue that this program does not know (a newer version has left it behind) is skipped with a
    /// warning: this program would neither see it nor see it end.
    pub async fn unresolved(&self) -> Result<Vec<Incident>, StoreError> {
        let reader = self.reader.clone();
        self.run(async move { unresolved(&reader).await }).await
    }
}

/// See [`Store::unresolved`].
pub(super) async fn unresolved(database: impl SqliteExecutor<'_>) -> Result<Vec<Incident>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, issue, text, detail, since, phase, streak, held, held_cause, told_at, resolved_at
         FROM incidents WHERE phase <> 'resolved' ORDER BY since, id",
    )
    .fetch_all(database)
    .await?;
    rows.iter().filter_map(|row| incident(row).transpose()).collect()
}

/// Writes every incident as it is now. Those that are over come first, so that they make room for what follows them.
pub(super) async fn write(connection: &mut SqliteConnection, stepped: &[(Incident, Change)]) -> Result<(), StoreError> {
    let (over, going_on): (Vec<_>, Vec<_>) = stepped
        .iter()
        .partition(|(incident, change)| *change == Change::Forgotten || incident.phase == Phase::Resolved);
    for (incident, change) in over.into_iter().chain(going_on) {
        match change {
            Change::Forgotten => delete(connection, &incident.id).await?,
            Change::None | Change::Opened | Change::Resolved => upsert(connection, incident).await?,
        }
    }
    Ok(())
}

async fn delete(connection: &mut SqliteConnection, id: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM incidents WHERE id = $1").bind(id).execute(connection).await?;
    Ok(())
}

async fn upsert(connection: &mut SqliteConnection, incident: &Incident) -> Result<(), StoreError> {
    let (held, cause) = match incident.held {
        Held::No => ("no", None),
        Held::By(cause) => ("by", Some(cause.to_string())),
        Held::Released(cause) => ("released", Some(cause.to_string())),
    };
    sqlx::query(
        "INSERT INTO incidents
             (id, issue, text, detail, since, phase, streak, held, held_cause, told_at, resolved_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT (id) DO UPDATE SET
             text = excluded.text, detail = excluded.detail, phase = excluded.phase, streak = excluded.streak,
             held = excluded.held, held_cause = excluded.held_cause, told_at = excluded.told_at,
             resolved_at = excluded.resolved_at",
    )
    .bind(&incident.id)
    .bind(incident.issue.to_string())
    .bind(&incident.text)
    .bind(&incident.detail)
    .bind(millis(incident.since))
    .bind(incident.phase.name())
    .bind(i64::from(incident.streak))
    .bind(held)
    .bind(cause)
    .bind(incident.told_at.map(millis))
    .bind(incident.resolved_at.map(millis))
    .execute(connection)
    .await?;
    Ok(())
}

/// The incident of a row; `None` if it is about an issue that this program does not know.
fn incident(row: &SqliteRow) -> Result<Option<Incident>, StoreError> {
    let id: String = row.try_get("id")?;
    let name: &str = row.try_get("issue")?;
    let Some(issue) = IssueId::parse(name) else {
        warn!("incident {id} is about {:?}, which this version does not know: skipped", shortened(name, NAME_LIMIT));
        return Ok(None);
    };
    let phase: &str = row.try_get("phase")?;
    let phase = Phase::parse(phase)
        .ok_or_else(|| StoreError::nonsense(format!("incident {id} is in the unknown phase {phase:?}")))?;
    let held = held(row, &id)?;
    Ok(Some(Incident {
        id,
        issue,
        text: row.try_get("text")?,
        detail: row.try_get("detail")?,
        since: moment(row, "since")?,
        phase,
        streak: count(row, "streak")?,
        held,
        told_at: optional_moment(row, "told_at")?,
        resolved_at: optional_moment(row, "resolved_at")?,
    }))
}

/// A cause that this program does not know is one that it cannot see: then nothing explains the incident.
fn held(row: &SqliteRow, id: &str) -> Result<Held, StoreError> {
    let held: &str = row.try_get("held")?;
    let name: Option<&str> = row.try_get("held_cause")?;
    let cause = name.and_then(IssueId::parse);
    match (held, cause) {
        ("no", _) => Ok(Held::No),
        ("by", Some(cause)) => Ok(Held::By(cause)),
        ("released", Some(cause)) => Ok(Held::Released(cause)),
        ("by" | "released", None) => {
            let name = shortened(name.unwrap_or_default(), NAME_LIMIT);
            warn!("incident {id} is held by {name:?}, which this version does not know: no longer held");
            Ok(Held::No)
        }
        _ => Err(StoreError::nonsense(format!("incident {id} is held in the unknown way {held:?}"))),
    }
}
