//! How it is, as one word: of the whole, and of each part that is watched. The page and the badges say the same.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::WebState;
use crate::domain::fault::{FaultKind, Party};
use crate::domain::issue::{Issue, IssueId, Severity};
use crate::domain::report::{Answer, CheckName, Figures, Overview, Report, Sight, stale};

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// All is well with it.
    Up,
    /// Something is wrong with it.
    Issues,
    /// Nobody knows.
    Unknown,
}

impl Standing {
    /// The word on a badge, and the class on a page.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Issues => "issues",
            Self::Unknown => "unknown",
        }
    }

    /// The sign that goes with the word, so that its colour says nothing on its own.
    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::Up => "✓",
            Self::Issues => "!",
            Self::Unknown => "?",
        }
    }
}

/// What is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// OpenAI.
    OpenAi,
    /// Notion.
    Notion,
    /// The jobs: how many are done, how good they are, whether they are stuck.
    Jobs,
}

impl Part {
    /// All of them, in the order in which they are shown.
    pub(super) const ALL: [Self; 3] = [Self::OpenAi, Self::Notion, Self::Jobs];

    /// The name in addresses.
    pub(super) fn id(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Notion => "notion",
            Self::Jobs => "jobs",
        }
    }

    /// The name for people.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "OpenAI",
            Self::Notion => "Notion",
            Self::Jobs => "Jobs",
        }
    }

    /// How it is by `report`.
    fn standing(self, report: &Report) -> Standing {
        match self {
            Self::OpenAi => answers(report.answers(Party::OpenAi)),
            Self::Notion => answers(report.answers(Party::Notion)),
            Self::Jobs => {
                let of_jobs = |check| matches!(check, CheckName::Metrics | CheckName::StuckJobs);
                let is_issue = |issue: &Issue| issue.id.seen_by().is_some_and(of_jobs);
                if report.present.iter().any(is_issue) {
                    Standing::Issues
                } else if report.metrics().is_none() || report.stuck_jobs().is_none() {
                    Standing::Unknown
                } else {
                    Standing::Up
                }
            }
        }
    }

    /// Whether `report` says that it is not set up.
    pub(super) fn is_off(self, report: &Report) -> bool {
        let check = if self == Self::Jobs { CheckName::Metrics } else { CheckName::Health };
        let section = report.sections.iter().find(|section| section.check == check);
        match (section.map(|section| &section.sight), self) {
            (None, _) => true,
            (Some(Sight::Blind(fault)), _) => fault.kind == FaultKind::NotConfigured,
            (Some(Sight::Seen { figures: Figures::Health { openai, .. }, .. }), Self::OpenAi) => {
                *openai == Answer::NotConfigured
            }
            (Some(Sight::Seen { figures: Figures::Health { notion, .. }, .. }), Self::Notion) => {
                *notion == Answer::NotConfigured
            }
            (Some(Sight::Seen { .. }), _) => false,
        }
    }
}

fn answers(answer: Option<bool>) -> Standing {
    match answer {
        Some(true) => Standing::Up,
        Some(false) => Standing::Issues,
        None => Standing::Unknown,
    }
}

/// What is in memory at one moment, judged as the report judges it.
pub(super) struct Present {
    /// What is known after the newest cycle, with what was acknowledged since; nothing before the first.
    pub(super) overview: Option<Arc<Overview>>,
    /// The issues that have come up since.
    pub(super) since: Vec<Issue>,
}

impl Present {
    /// Whether nobody has looked for so long that nothing is known.
    pub(super) fn is_stale(&self) -> bool {
        self.since.iter().any(|issue| issue.id == IssueId::ReportStale)
    }

    /// Everything that is wrong.
    pub(super) fn issues(&self) -> Vec<&Issue> {
        let reported = self.overview.iter().flat_map(|overview| overview.report.issues());
        let mut issues: Vec<&Issue> = reported.chain(&self.since).collect();
        issues.sort_by_key(|issue| issue.id);
        issues
    }

    /// How it is in all.
    pub(super) fn standing(&self) -> Standing {
        let issues = self.issues();
        if self.overview.is_none() || self.is_stale() {
            Standing::Unknown
        } else if issues.iter().any(|issue| issue.id.severity() != Severity::Unknown) {
            Standing::Issues
        } else if issues.is_empty() {
            Standing::Up
        } else {
            Standing::Unknown
        }
    }

    /// How it is with `part`.
    pub(super) fn of(&self, part: Part) -> Standing {
        let report = self.overview.as_ref().map(|overview| &overview.report).filter(|_| !self.is_stale());
        report.map_or(Standing::Unknown, |report| part.standing(report))
    }
}

impl WebState {
    /// What is in memory at `now`.
    pub(super) fn present(&self, now: DateTime<Utc>) -> Present {
        let newest = self.reports.borrow().clone();
        let overview = newest.map(|newest| self.acknowledgements.now().on(&newest));
        let settings = &self.settings;
        let stale = overview
            .as_ref()
            .and_then(|overview| stale(overview.report.timestamp, now, settings.interval, settings.check_timeout));
        let known = |issue: &Issue| {
            overview.as_ref().is_some_and(|overview| overview.report.issues().any(|known| known.id == issue.id))
        };
        let since = stale.into_iter().chain((self.degraded)().into_iter().filter(|issue| !known(issue))).collect();
        Present { overview, since }
    }
}
