//! A silence: for a time nothing is told of one issue, or of any.
//!
//! The all-clear of what was told is never silenced, and what is still there when the silence ends is told then.

use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};

use super::issue::IssueId;

/// The longest silence: what nobody wants to hear of for longer is not to be watched.
pub const LONGEST: Duration = Duration::from_hours(30 * 24);

/// Silences at a time: each cycle reads them all.
pub const MOST: usize = 100;

/// What rounds a moment up to the next whole second.
const JUST_BELOW_A_SECOND: Duration = Duration::from_nanos(999_999_999);

/// Whether a silence can last for `span`.
pub fn is_possible(span: Duration) -> bool {
    !span.is_zero() && span <= LONGEST
}

/// The end of a silence that begins at `now`. Cycles count in whole seconds, and so do silences.
pub fn end(now: DateTime<Utc>, span: Duration) -> DateTime<Utc> {
    (now + span.min(LONGEST) + JUST_BELOW_A_SECOND).trunc_subsecs(0)
}

/// A silence, until it is over or somebody ends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silence {
    /// Unique, and sortable by time.
    pub id: String,
    /// Of which issue; of all of them if there is none.
    pub issue: Option<IssueId>,
    /// Since when.
    pub created: DateTime<Utc>,
    /// Until when.
    pub until: DateTime<Utc>,
    /// Who asked for it.
    pub by: String,
    /// Why; may be empty.
    pub reason: String,
}

impl Silence {
    /// Whether nothing is to be told of `issue` at `now`.
    ///
    /// A silence that is known has begun, whatever `created` says: cycles count in whole seconds, and the clock of the
    /// instance that took it may be ahead.
    pub fn covers(&self, issue: IssueId, now: DateTime<Utc>) -> bool {
        self.issue.is_none_or(|silenced| silenced == issue) && now < self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silence_covers_its_issue_until_it_ends() {
        let at = |seconds| DateTime::<Utc>::UNIX_EPOCH + chrono::TimeDelta::seconds(seconds);
        let silence = |issue| Silence {
            id: "one".into(),
            issue,
            created: at(10),
            until: at(20),
            by: "ada".into(),
            reason: String::new(),
        };
        let (stuck, low) = (IssueId::StuckJobs, IssueId::LowCompletion);
        for (of, issue, now, expected) in [
            (Some(stuck), stuck, 10, true),
            (Some(stuck), stuck, 19, true),
            (Some(stuck), stuck, 9, true),
            (Some(stuck), stuck, 20, false),
            (Some(stuck), low, 15, false),
            (None, low, 15, true),
            (None, low, 20, false),
        ] {
            assert_eq!(silence(of).covers(issue, at(now)), expected, "{of:?} {issue} {now}");
        }
    }
}
