//! Everything that happened to an incident, for its story.

use chrono::{DateTime, Utc};
use log::warn;

use super::StoreError;
use super::database::{Speaks, Transaction};
use super::error::shortened;
use super::row::{Row, millis, readable};
use super::statement::Statement;
use crate::domain::history::What;

/// How much of a story is told, from its end: an incident that comes and goes for weeks has a long one.
const LONGEST_STORY: i64 = 500;

/// Something that happened to an incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// To which one.
    pub incident_id: String,
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub what: What,
    /// In words.
    pub text: String,
    /// Who did it, where it was a person.
    pub by: Option<String>,
}

/// Writes `entries` behind those that are there. What happened to an incident that is not (any longer) there is left out:
/// nothing that is only told for the record may keep a cycle from being settled.
pub(super) async fn write(transaction: &mut Transaction, entries: &[Recorded]) -> Result<(), StoreError> {
    for entry in entries {
        Statement::new(
            "INSERT INTO incident_changes (incident_id, at, what, text, by_whom)
             SELECT id, CAST($2 AS BIGINT), CAST($3 AS TEXT), CAST($4 AS TEXT), CAST($5 AS TEXT)
             FROM incidents WHERE id = $1",
        )
        .bind(&entry.incident_id)
        .bind(millis(entry.at))
        .bind(entry.what.name())
        .bind(&entry.text)
        .bind(entry.by.clone())
        .execute(transaction)
        .await?;
    }
    Ok(())
}

/// The story of an incident, from its beginning.
pub(super) async fn of(on: &mut impl Speaks, incident: &str) -> Result<Vec<Recorded>, StoreError> {
    let rows = Statement::new(
        "SELECT incident_id, at, what, text, by_whom FROM incident_changes WHERE incident_id = $1
         ORDER BY seq DESC LIMIT $2",
    )
    .bind(incident)
    .bind(LONGEST_STORY)
    .all(on)
    .await?;
    let mut story = readable(&rows, recorded);
    story.reverse();
    Ok(story)
}

fn recorded(row: &Row) -> Result<Option<Recorded>, StoreError> {
    let (incident_id, name) = (row.text("incident_id")?, row.text("what")?);
    let Some(what) = What::parse(&name) else {
        let name = shortened(&name, 60);
        warn!("what happened to incident {incident_id} is {name:?}, which this version does not know: left out");
        return Ok(None);
    };
    let (at, text, by) = (row.moment("at")?, row.text("text")?, row.optional_text("by_whom")?);
    Ok(Some(Recorded { incident_id, at, what, text, by }))
}
