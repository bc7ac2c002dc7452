//! What a notice said, and how it is by now with what it was about.

use std::collections::BTreeMap;

use super::incidents::{self, select_incidents};
use super::row::readable;
use super::statement::Statement;
use super::{Store, StoreError};
use crate::domain::incident::Incident;
use crate::domain::notice::NoticeKind;

/// A notice, and the incidents that it tells of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subjects {
    /// The subject, or first line.
    pub subject: String,
    /// The text.
    pub body: String,
    /// The incidents, as they are by now; the oldest first.
    pub incidents: Vec<Incident>,
}

pub(super) const SUBJECTS: &str = select_incidents!(
    "WHERE phase <> 'suspected' AND id IN (SELECT incident_id FROM notice_incidents WHERE notice_id = $1) ORDER BY since, id"
);

/// A message that a channel has taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// The id of the notice that it carries.
    pub notice: String,
    /// What the channel answered.
    pub receipt: String,
}

/// The newest message to a channel that says of an incident that it is there.
pub(super) const NEWEST_ABOUT: &str = "SELECT notice.seq, notice.id, notice.receipt FROM notice_incidents AS link
     JOIN notices AS notice ON notice.id = link.notice_id
     WHERE link.incident_id = $1 AND notice.channel = $2 AND notice.state = 'delivered' AND notice.kind IN ($3, $4)
         AND notice.receipt IS NOT NULL
     ORDER BY notice.seq DESC LIMIT 1";

impl Store {
    /// The messages to `channel` that say of these incidents that they are there: of each the newest, and each once, the
    /// newest first.
    pub async fn messages_about(&self, channel: &str, incidents: &[String]) -> Result<Vec<Posted>, StoreError> {
        let (database, channel, incidents) = (self.database.clone(), channel.to_owned(), incidents.to_vec());
        self.run(async move {
            let mut session = database.session().await?;
            let mut posted = BTreeMap::new();
            for incident in &incidents {
                let newest = Statement::new(NEWEST_ABOUT)
                    .bind(incident)
                    .bind(&channel)
                    .bind(NoticeKind::Alert.name())
                    .bind(NoticeKind::Reminder.name());
                if let Some(row) = newest.optional(&mut session).await? {
                    let (notice, receipt) = (row.text("id")?, row.text("receipt")?);
                    posted.insert(row.number("seq")?, Posted { notice, receipt });
                }
            }
            Ok(posted.into_values().rev().collect())
        })
        .await
    }

    /// What the notice `id` said and was about; nothing if there is no such notice, or no longer.
    pub async fn subjects(&self, id: &str) -> Result<Option<Subjects>, StoreError> {
        let (database, id) = (self.database.clone(), id.to_owned());
        self.run(async move {
            let mut session = database.session().await?;
            let notice = Statement::new("SELECT subject, body FROM notices WHERE id = $1");
            let Some(notice) = notice.bind(&id).optional(&mut session).await? else { return Ok(None) };
            let rows = Statement::new(SUBJECTS).bind(&id).all(&mut session).await?;
            let incidents = readable(&rows, incidents::incident);
            Ok(Some(Subjects { subject: notice.text("subject")?, body: notice.text("body")?, incidents }))
        })
        .await
    }
}
