//! Silences, until they are over or somebody ends them.

use chrono::{DateTime, Utc};
use log::warn;

use super::database::Speaks;
use super::error::shortened;
use super::row::{Row, millis, readable};
use super::statement::Statement;
use super::{Store, StoreError};
use crate::domain::issue::IssueId;
use crate::domain::silence::{self, Silence};

/// How many silences are looked at: nobody keeps that many, and a program that makes them without end harms nobody.
const MOST: i64 = 500;

impl Store {
    /// Writes a silence down, unless [`silence::MOST`] are not over when it begins; says whether it was. One of that id
    /// that is there already stays as it is.
    pub async fn silence(&self, silence: &Silence) -> Result<bool, StoreError> {
        let (database, silence) = (self.database.clone(), silence.clone());
        self.run(async move {
            let mut transaction = database.begin().await?;
            let there = Statement::new("SELECT COUNT(*) AS there FROM silences WHERE until > $1")
                .bind(millis(silence.created))
                .optional(&mut transaction)
                .await?;
            if there.map_or(Ok(0), |row| row.count("there"))? as usize >= silence::MOST {
                return Ok(false);
            }
            Statement::new(
                "INSERT INTO silences (id, issue, created, until, by_whom, reason) VALUES ($1, $2, $3, $4, $5, $6)
                 ON CONFLICT (id) DO NOTHING",
            )
            .bind(&silence.id)
            .bind(silence.issue.map(|issue| issue.to_string()))
            .bind(millis(silence.created))
            .bind(millis(silence.until))
            .bind(&silence.by)
            .bind(&silence.reason)
            .execute(&mut transaction)
            .await?;
            transaction.commit().await?;
            Ok(true)
        })
        .await
    }

    /// Ends a silence at `at`; says whether there was one of that id that was not over.
    pub async fn end_silence(&self, id: &str, at: DateTime<Utc>) -> Result<bool, StoreError> {
        let (database, id) = (self.database.clone(), id.to_owned());
        self.run(async move {
            let mut transaction = database.begin().await?;
            let ended = Statement::new("UPDATE silences SET until = $1 WHERE id = $2 AND until > $1")
                .bind(millis(at))
                .bind(id)
                .execute(&mut transaction)
                .await?;
            transaction.commit().await?;
            Ok(ended > 0)
        })
        .await
    }

    /// The silences that are not over at `now`, the one that ends last first.
    pub async fn silences(&self, now: DateTime<Utc>) -> Result<Vec<Silence>, StoreError> {
        let database = self.database.clone();
        self.run(async move {
            let latest = latest(&mut database.session().await?).await?;
            Ok(latest.into_iter().filter(|silence| silence.until > now).collect())
        })
        .await
    }
}

/// The silences that end last, whether they are over or not: what is over by whose clock is not for the store to say.
pub(super) async fn latest(on: &mut impl Speaks) -> Result<Vec<Silence>, StoreError> {
    let rows = Statement::new(LATEST).bind(MOST).all(on).await?;
    Ok(readable(&rows, read))
}

pub(super) const LATEST: &str =
    "SELECT id, issue, created, until, by_whom, reason FROM silences ORDER BY until DESC LIMIT $1";

/// The silence of a row; `None` if it is of an issue that this program does not know, and would never tell.
fn read(row: &Row) -> Result<Option<Silence>, StoreError> {
    let (id, name) = (row.text("id")?, row.optional_text("issue")?);
    let issue = name.as_deref().map(IssueId::parse);
    if issue == Some(None) {
        let name = shortened(&name.unwrap_or_default(), 60);
        warn!("silence {id} is of {name:?}, which this version does not know: skipped");
        return Ok(None);
    }
    Ok(Some(Silence {
        id,
        issue: issue.flatten(),
        created: row.moment("created")?,
        until: row.moment("until")?,
        by: row.text("by_whom")?,
        reason: row.text("reason")?,
    }))
}
