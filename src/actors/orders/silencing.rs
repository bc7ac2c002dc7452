//! Silences that are begun and ended in the chat.

use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};
use uuid::Uuid;

use super::Orders;
use super::taking::failed;
use crate::domain::deed::{Deed, Hindrance};
use crate::domain::issue::IssueId;
use crate::domain::silence::Silence;
use crate::store::StoreError;

/// A silence that would last no longer than this beyond one that is there is not begun.
const AS_GOOD_AS: Duration = Duration::from_secs(60);

impl Orders<'_> {
    /// Begins a silence.
    pub(super) async fn silence(
        &self,
        issue: Option<IssueId>,
        until: DateTime<Utc>,
        by: &str,
        now: DateTime<Utc>,
    ) -> (Silence, Deed) {
        let id = Uuid::now_v7().to_string();
        let silence = Silence { id, issue, created: now, until, by: by.to_owned(), reason: String::new() };
        let of = issue.map_or_else(|| "all issues".into(), |issue| issue.to_string());
        let deed = match self.office.ledger.store().silence(&silence).await {
            Ok(true) => {
                log::info!("silence {} of {of} until {until} by {by}", silence.id);
                Deed::Done
            }
            Ok(false) => Deed::NotDone(Hindrance::TooManySilences),
            Err(error) => {
                log::warn!("silence {} of {of} is not begun: {error}", silence.id);
                failed(&error)
            }
        };
        (silence, deed)
    }

    /// Begins the silences of `issues` that would not end about then anyway; what came of each. After one that could not
    /// be begun no other is tried: it would fare no better.
    pub(super) async fn silence_all(
        &self,
        issues: &[IssueId],
        until: DateTime<Utc>,
        by: &str,
        now: DateTime<Utc>,
    ) -> Vec<(IssueId, Deed)> {
        let there = self.office.ledger.store().silences(now).await;
        let mut hindrance = there.is_err().then_some(Hindrance::Database);
        let there = there.unwrap_or_default();
        let is_silent = |issue: IssueId| there.iter().any(|silence| silence.covers(issue, until - AS_GOOD_AS));
        let mut all = vec![];
        for issue in issues.iter().copied() {
            let deed = match hindrance {
                _ if is_silent(issue) => Deed::Done,
                Some(hindrance) => Deed::NotDone(hindrance),
                None => self.silence(Some(issue), until, by, now).await.1,
            };
            hindrance = hindrance.or(hinders(deed));
            all.push((issue, deed));
        }
        all
    }

    /// Ends the silences of `issue`, or all there are. Says what came of each, and which others still hold.
    pub(super) async fn end_silences(
        &self,
        issue: Option<IssueId>,
        by: &str,
        now: DateTime<Utc>,
    ) -> Result<(Vec<(Silence, Deed)>, Vec<Silence>), StoreError> {
        let store = self.office.ledger.store();
        // Cycles count in whole seconds: one that begins now already tells.
        let at = now.trunc_subsecs(0);
        let is_meant = |silence: &Silence| issue.is_none() || silence.issue == issue;
        let (meant, left): (Vec<_>, Vec<_>) = store.silences(now).await?.into_iter().partition(is_meant);
        let (mut all, mut hindrance) = (vec![], None);
        for silence in meant {
            let deed = match hindrance {
                Some(hindrance) => Deed::NotDone(hindrance),
                None => match store.end_silence(&silence.id, at).await {
                    Ok(is_news) => {
                        if is_news {
                            log::info!("silence {} is ended by {by}", silence.id);
                        }
                        Deed::Done
                    }
                    Err(error) => {
                        log::warn!("silence {} is not ended: {error}", silence.id);
                        failed(&error)
                    }
                },
            };
            hindrance = hindrance.or(hinders(deed));
            all.push((silence, deed));
        }
        Ok((all, left))
    }
}

/// What keeps the next thing from being done, after this one.
fn hinders(deed: Deed) -> Option<Hindrance> {
    match deed {
        Deed::Done => None,
        Deed::NotDone(hindrance) => Some(hindrance),
        Deed::Unknown => Some(Hindrance::Database),
    }
}
