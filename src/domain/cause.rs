//! Which issue explains which: the outage of a party and what follows from it.
//!
//! What is explained is still measured and still shown; it is only not told, as long as its cause is.

use super::fault::Party;
use super::issue::{Issue, IssueId};

/// Whether `cause` explains `issue`.
fn explains(cause: IssueId, issue: &Issue) -> bool {
    match cause {
        IssueId::OpenaiOffline => matches!(
            issue.id,
            IssueId::NoCompletions | IssueId::LowCompletion | IssueId::QualityDropping | IssueId::StuckJobs
        ),
        IssueId::NotionOffline => is_blind_to(issue, Party::Notion) || issue.id == IssueId::Undelivered(BOARD),
        _ => false,
    }
}

/// The channel that is in Notion.
const BOARD: &str = "notion";

fn is_blind_to(issue: &Issue, party: Party) -> bool {
    matches!(issue.id, IssueId::CheckBlind(_)) && issue.party == Some(party)
}

/// The one of `active` that explains `issue`, if there is one.
pub fn cause_of(active: &[IssueId], issue: &Issue) -> Option<IssueId> {
    active.iter().copied().find(|cause| explains(*cause, issue))
}

/// Whether one of the issues `present` stands for `issue` in the list of the report: only Notion's outage does, for
/// the checks that cannot look without it and for the board that is there.
pub fn stands_for(mut present: impl Iterator<Item = IssueId>, issue: &Issue) -> bool {
    explains(IssueId::NotionOffline, issue) && present.any(|cause| cause == IssueId::NotionOffline)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fault::{Fault, FaultKind};
    use crate::domain::report::CheckName;

    #[test]
    fn each_outage_explains_what_follows_from_it_and_nothing_else() {
        let blind = |party| Issue::blind(CheckName::Metrics, &Fault::new(party, FaultKind::Timeout, ""));
        for (cause, issue, expected) in [
            (IssueId::OpenaiOffline, Issue::new(IssueId::StuckJobs, ""), true),
            (IssueId::OpenaiOffline, Issue::new(IssueId::LowCompletion, ""), true),
            (IssueId::OpenaiOffline, Issue::new(IssueId::NoCompletions, ""), true),
            (IssueId::OpenaiOffline, Issue::new(IssueId::QualityDropping, ""), true),
            (IssueId::OpenaiOffline, Issue::new(IssueId::NotionOffline, ""), false),
            (IssueId::OpenaiOffline, blind(Party::Notion), false),
            (IssueId::NotionOffline, blind(Party::Notion), true),
            (IssueId::NotionOffline, blind(Party::Check), false),
            (IssueId::NotionOffline, Issue::new(IssueId::Undelivered("notion"), ""), true),
            (IssueId::NotionOffline, Issue::new(IssueId::Undelivered("telegram"), ""), false),
            (IssueId::NotionOffline, Issue::new(IssueId::StuckJobs, ""), false),
            (IssueId::StuckJobs, Issue::new(IssueId::LowCompletion, ""), false),
        ] {
            assert_eq!(cause_of(&[cause], &issue).is_some(), expected, "{cause} and {}", issue.id);
        }
    }

    #[test]
    fn only_what_cannot_do_without_notion_is_left_to_its_line() {
        let present = || [IssueId::NotionOffline].into_iter();
        let blind = |party| Issue::blind(CheckName::Metrics, &Fault::new(party, FaultKind::Timeout, ""));
        assert!(stands_for(present(), &blind(Party::Notion)));
        assert!(!stands_for(present(), &blind(Party::Check)));
        assert!(stands_for(present(), &Issue::new(IssueId::Undelivered(BOARD), "")));
        assert!(!stands_for(present(), &Issue::new(IssueId::Undelivered("telegram"), "")));
    }
}
