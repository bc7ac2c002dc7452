//! What a notice said, and how it is by now with what it was about.

use super::incidents::{self, select_incidents};
use super::row::readable;
use super::statement::Statement;
use super::{Store, StoreError};
use crate::domain::incident::Incident;

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

impl Store {
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
