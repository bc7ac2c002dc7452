//! What was, newest first: incidents with their stories, and what became of each notice.

use super::changes::{self, Recorded};
use super::incidents::{self, select_incidents};
use super::page::{Page, bounded, cursor, page, place};
use super::records::{ALL, DeliveryRecord, OF_CHANNEL, OF_INCIDENT, records};
use super::row::readable;
use super::statement::Statement;
use super::{Store, StoreError};
use crate::domain::incident::Incident;
use crate::domain::issue::IssueId;

/// How many notices an incident's story has, from its end.
const LONGEST_STORY: u32 = 200;

/// Which incidents somebody wants to see; what is only suspected nobody sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IncidentFilter {
    /// Only those that are not over, or only those that are.
    pub open: Option<bool>,
    /// Only those of this issue.
    pub issue: Option<IssueId>,
}

/// An incident and all that belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncidentStory {
    /// The incident.
    pub incident: Incident,
    /// What happened to it, from the beginning; of a long story only the end.
    pub changes: Vec<Recorded>,
    /// Who was told what of it, from the beginning; likewise.
    pub notices: Vec<DeliveryRecord>,
}

impl Store {
    /// Incidents, those that were seen last first, behind the cursor `after`, `limit` of them at most. What is only
    /// suspected, or about an issue that this program does not know, is left out.
    ///
    /// # Errors
    /// [`StoreError::WrongCursor`], if it is none that [`Page::next`] said.
    pub async fn incidents_page(
        &self,
        filter: IncidentFilter,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Page<Incident>, StoreError> {
        let ((since, id), limit) = (place(after)?, bounded(limit));
        let database = self.database.clone();
        self.run(async move {
            let text = match (filter.open, filter.issue) {
                (None, None) => INCIDENTS,
                (Some(true), None) => OPEN,
                (Some(false), None) => RESOLVED,
                (None, Some(_)) => INCIDENTS_OF_ISSUE,
                (Some(true), Some(_)) => OPEN_OF_ISSUE,
                (Some(false), Some(_)) => RESOLVED_OF_ISSUE,
            };
            let statement = Statement::new(text).bind(since).bind(id).bind(i64::from(limit) + 1);
            let issue = filter.issue.map(|issue| issue.to_string());
            let rows = issue.into_iter().fold(statement, Statement::bind).all(&mut database.session().await?).await?;
            let Page { items, next } = page(rows, limit, |row| Ok(cursor(row.number("since")?, &row.text("id")?)))?;
            Ok(Page { items: readable(&items, incidents::incident), next })
        })
        .await
    }

    /// The incident of that id, with its story.
    pub async fn incident(&self, id: &str) -> Result<Option<IncidentStory>, StoreError> {
        let (database, id) = (self.database.clone(), id.to_owned());
        self.run(async move {
            let mut session = database.session().await?;
            let Some(incident) = incidents::of(&mut session, &id).await? else { return Ok(None) };
            let changes = changes::of(&mut session, &id).await?;
            let newest = records(&mut session, OF_INCIDENT, i64::MAX, LONGEST_STORY, Some(&id)).await?;
            let notices = newest.into_iter().rev().filter_map(|(_, record)| record).collect();
            Ok(Some(IncidentStory { incident, changes, notices }))
        })
        .await
    }

    /// Notices and what became of them, those that were posted last first, for all channels or one, behind the cursor
    /// `after`, `limit` of them at most.
    ///
    /// # Errors
    /// [`StoreError::WrongCursor`], if it is none that [`Page::next`] said.
    pub async fn deliveries_page(
        &self,
        channel: Option<&str>,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Page<DeliveryRecord>, StoreError> {
        let ((before, _), limit) = (place(after)?, bounded(limit));
        let (database, channel) = (self.database.clone(), channel.map(str::to_owned));
        self.run(async move {
            let mut session = database.session().await?;
            let texts = if channel.is_some() { OF_CHANNEL } else { ALL };
            let records = records(&mut session, texts, before, limit + 1, channel.as_deref()).await?;
            let Page { items, next } = page(records, limit, |(seq, _)| Ok(cursor(*seq, "")))?;
            Ok(Page { items: items.into_iter().filter_map(|(_, record)| record).collect(), next })
        })
        .await
    }
}

pub(super) const INCIDENTS: &str =
    select_incidents!("WHERE phase <> 'suspected' AND (since, id) < ($1, $2) ORDER BY since DESC, id DESC LIMIT $3");
pub(super) const INCIDENTS_OF_ISSUE: &str = select_incidents!(
    "WHERE issue = $4 AND phase <> 'suspected' AND (since, id) < ($1, $2) ORDER BY since DESC, id DESC LIMIT $3"
);
/// From the few that are not over, not from all that ever were.
pub(super) const OPEN: &str = select_incidents!(
    "WHERE id IN (SELECT id FROM incidents WHERE phase <> 'resolved') AND phase <> 'suspected' \
     AND (since, id) < ($1, $2) ORDER BY since DESC, id DESC LIMIT $3"
);
pub(super) const OPEN_OF_ISSUE: &str = select_incidents!(
    "WHERE id IN (SELECT id FROM incidents WHERE issue = $4 AND phase <> 'resolved') AND phase <> 'suspected' \
     AND (since, id) < ($1, $2) ORDER BY since DESC, id DESC LIMIT $3"
);
/// That it is not suspected goes without saying, but not for SQLite, which looks for an index.
pub(super) const RESOLVED: &str = select_incidents!(
    "WHERE phase = 'resolved' AND phase <> 'suspected' \
     AND (since, id) < ($1, $2) ORDER BY since DESC, id DESC LIMIT $3"
);
pub(super) const RESOLVED_OF_ISSUE: &str = select_incidents!(
    "WHERE issue = $4 AND phase = 'resolved' AND phase <> 'suspected' \
     AND (since, id) < ($1, $2) ORDER BY since DESC, id DESC LIMIT $3"
);
