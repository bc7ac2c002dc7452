//! The alerts in the chat, which say below what was done about them.

use chrono::Utc;

use super::Orders;
use crate::channels::telegram::console::Amended;
use crate::domain::answer::{self, plain};
use crate::domain::command;
use crate::domain::incident::Incident;
use crate::domain::issue::IssueId;
use crate::domain::update::Place;
use crate::store::Subjects;

/// The channel whose messages they are.
const CHANNEL: &str = "telegram";

/// So many messages are edited after a written order, the newest: the chat takes one a second, and the next order waits.
const MOST_AMENDED: usize = 5;

/// What became of an alert that was to be edited.
struct Attempt {
    aftermath: String,
    is_gone: bool,
}

impl Orders<'_> {
    /// Has the alert at `place` say who did what; in a message of its own, if somebody has deleted it.
    pub(super) async fn amend_pressed(&self, notice: &str, place: Place) {
        let Some(attempt) = self.amend(notice, place).await else { return };
        if attempt.is_gone && !attempt.aftermath.is_empty() {
            self.say(&plain(attempt.aftermath), place).await;
        }
    }

    /// Has the alerts about `incidents` say who did what, of each the newest.
    pub(super) async fn amend_about(&self, incidents: &[String]) {
        let Ok(posted) = self.office.ledger.store().messages_about(CHANNEL, incidents).await else { return };
        for posted in posted.into_iter().take(MOST_AMENDED) {
            // Whoever gave the order has an answer: what is gone is not missed.
            if let Some(place) = self.console.place_of(&posted.receipt) {
                let _ = self.amend(&posted.notice, place).await;
            }
        }
    }

    /// The ids of the incidents that a written silence is about.
    pub(super) fn concerned(&self, issue: Option<IssueId>) -> Vec<String> {
        let overview = self.overview();
        let open = overview.iter().flat_map(|overview| overview.incidents.iter());
        let is_meant = |incident: &&Incident| issue.is_none_or(|issue| incident.issue == issue);
        open.filter(is_meant).map(|incident| incident.id.clone()).collect()
    }

    /// Nothing comes of it if it is not known what was done, or the chat does not take it.
    async fn amend(&self, notice: &str, place: Place) -> Option<Attempt> {
        let (store, now) = (self.office.ledger.store(), Utc::now());
        let (Ok(Some(of)), Ok(silences)) = (store.subjects(notice).await, store.silences(now).await) else {
            return None;
        };
        let Subjects { subject, body, incidents } = &of;
        let aftermath = answer::aftermath(incidents, &silences, now);
        let alert = Amended { notice, subject, body, aftermath: &aftermath };
        let edit = || self.console.amend(place, alert, |press| command::is_of_use(press, incidents));
        let is_there = self.insist("an alert is not edited", edit).await?;
        Some(Attempt { aftermath, is_gone: !is_there })
    }
}
