//! A silence: for a time nothing is told of one issue, or of any.
//!
//! The all-clear of what was told is never silenced, and what is still there when the silence ends is told then.

use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};

use super::issue::IssueId;
use super::message::timestamp;

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
    /// What stands in the log of its beginning, the same wherever it was asked for.
    pub fn words(&self) -> String {
        let of = self.issue.map_or_else(|| "all issues".into(), |issue| issue.to_string());
        format!("silence {} of {of} until {} by {}", self.id, timestamp(self.until), self.by)
    }

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

    #[test]
    fn the_log_has_one_wording_for_a_silence() {
        let at = |seconds| DateTime::<Utc>::UNIX_EPOCH + chrono::TimeDelta::seconds(seconds);
        let silence = Silence {
            id: "s-1".into(),
            issue: Some(IssueId::StuckJobs),
            created: at(0),
            until: at(3_600),
            by: "ada".into(),
            reason: "backfill".into(),
        };
        assert_eq!(silence.words(), "silence s-1 of stuck_jobs until 1970-01-01T01:00:00Z by ada");
        let all = Silence { issue: None, ..silence };
        assert_eq!(all.words(), "silence s-1 of all issues until 1970-01-01T01:00:00Z by ada");
    }
}
