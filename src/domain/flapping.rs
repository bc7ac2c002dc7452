//! Flapping: an issue that comes and goes becomes one unstable incident instead of a stream of alerts.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::issue::IssueId;

/// How far back openings are counted, at least.
pub const WINDOW: Duration = Duration::from_secs(3_600);

/// The same in cycles: where cycles are far apart, an hour holds too few of them to come and go often.
const WINDOW_CYCLES: u32 = 24;

/// The opening that makes an incident unstable, counted within the window.
const OPENINGS: usize = 4;

/// An incident of late that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Past {
    /// What it was about.
    pub issue: IssueId,
    /// When it was first seen.
    pub since: DateTime<Utc>,
    /// When it was over.
    pub resolved_at: DateTime<Utc>,
}

/// How far back openings are counted when a cycle comes each `interval`.
pub fn window(interval: Duration) -> Duration {
    WINDOW.max(interval.saturating_mul(WINDOW_CYCLES))
}

/// Whether an incident of `issue` that opens at `now` is one too many within `window`.
pub fn is_unstable(past: &[Past], issue: IssueId, now: DateTime<Utc>, window: Duration) -> bool {
    // A clock that was set back leaves incidents of the future: they are not long ago.
    let is_recent = |incident: &&Past| (now - incident.since).to_std().unwrap_or_default() < window;
    past.iter().filter(|incident| incident.issue == issue).filter(is_recent).count() + 1 >= OPENINGS
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn past(issue: IssueId, minutes: u32) -> Past {
        let since = DateTime::<Utc>::UNIX_EPOCH + MINUTE * minutes;
        Past { issue, since, resolved_at: since + MINUTE }
    }

    #[test]
    fn the_fourth_opening_of_an_issue_within_the_window_is_unstable() {
        let stuck = |minutes| past(IssueId::StuckJobs, minutes);
        for (past, expected) in [
            (vec![], false),
            (vec![stuck(10), stuck(20)], false),
            (vec![stuck(10), stuck(20), stuck(30)], true),
            (vec![stuck(0), stuck(20), stuck(30)], false),
            (vec![stuck(0), stuck(1), stuck(20), stuck(30)], true),
            (vec![stuck(10), stuck(20), past(IssueId::LowCompletion, 30)], false),
            (vec![stuck(50), stuck(61), stuck(62)], true),
        ] {
            let now = DateTime::<Utc>::UNIX_EPOCH + WINDOW;
            assert_eq!(is_unstable(&past, IssueId::StuckJobs, now, WINDOW), expected, "{past:?}");
        }
    }

    #[test]
    fn the_window_holds_an_hour_and_twenty_four_cycles() {
        assert_eq!(window(MINUTE), 60 * MINUTE);
        assert_eq!(window(5 * MINUTE), 120 * MINUTE);
        assert_eq!(window(Duration::MAX), Duration::MAX);
    }
}
