//! Silences that are begun and ended in the chat.

use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};
use uuid::Uuid;

use super::{NO_DATABASE, Orders};
use crate::domain::issue::IssueId;
use crate::domain::silence::{self, Silence};
use crate::store::StoreError;

/// A silence that would last no longer than this beyond one that is there is not begun.
const AS_GOOD_AS: Duration = Duration::from_secs(60);

const OVER: &str = "It is over by now.";

impl Orders<'_> {
    /// Begins a silence.
    pub(super) async fn silence(
        &self,
        issue: Option<IssueId>,
        until: DateTime<Utc>,
        by: &str,
        now: DateTime<Utc>,
    ) -> Result<Silence, Failed> {
        let id = Uuid::now_v7().to_string();
        let silence = Silence { id, issue, created: now, until, by: by.to_owned(), reason: String::new() };
        if !self.office.ledger.store().silence(&silence).await? {
            return Err(Failed::TooMany);
        }
        let of = issue.map_or_else(|| "all issues".into(), |issue| issue.to_string());
        log::info!("silence {} of {of} until {until} by {by}", silence.id);
        Ok(silence)
    }

    /// Begins the silences of `issues` that would not end about then anyway.
    pub(super) async fn silence_all(
        &self,
        issues: &[IssueId],
        until: DateTime<Utc>,
        by: &str,
        now: DateTime<Utc>,
    ) -> Result<String, Failed> {
        if issues.is_empty() {
            return Ok(OVER.into());
        }
        let there = self.office.ledger.store().silences(now).await?;
        let is_silent = |issue: IssueId| there.iter().any(|silence| silence.covers(issue, until - AS_GOOD_AS));
        for issue in issues.iter().copied().filter(|issue| !is_silent(*issue)) {
            self.silence(Some(issue), until, by, now).await?;
        }
        Ok(format!("Silence until {} UTC.", until.format("%H:%M")))
    }

    /// Ends the silences of `issue`, or all there are. Says which ended, and which still hold.
    pub(super) async fn end_silences(
        &self,
        issue: Option<IssueId>,
        by: &str,
        now: DateTime<Utc>,
    ) -> Result<(Vec<Silence>, Vec<Silence>), Failed> {
        let store = self.office.ledger.store();
        // Cycles count in whole seconds: one that begins now already tells.
        let at = now.trunc_subsecs(0);
        let is_meant = |silence: &Silence| issue.is_none() || silence.issue == issue;
        let (meant, left): (Vec<_>, Vec<_>) = store.silences(now).await?.into_iter().partition(is_meant);
        for silence in &meant {
            if store.end_silence(&silence.id, at).await? {
                log::info!("silence {} is ended by {by}", silence.id);
            }
        }
        Ok((meant, left))
    }
}

/// Why a silence was not begun.
pub(super) enum Failed {
    /// There are too many.
    TooMany,
    /// The database does not answer.
    Database,
}

impl From<StoreError> for Failed {
    fn from(_: StoreError) -> Self {
        Self::Database
    }
}

impl Failed {
    /// What is said about it.
    pub(super) fn words(self) -> String {
        match self {
            Self::TooMany => format!("There are {} silences already: end some of them first.", silence::MOST),
            Self::Database => NO_DATABASE.into(),
        }
    }
}
