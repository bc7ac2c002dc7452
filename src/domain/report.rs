//! What the checks of one cycle saw, put together.
//!
//! Three states everywhere: yes, no, and unknown. A check that could not look leaves [`Sight::Blind`] behind, and every
//! figure it would have brought is `None`.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::cause;
use super::fault::{Fault, Party};
use super::incident::{Incident, Observation};
use super::issue::{Issue, IssueId};
use super::job::{Metrics, StuckJobs};

/// The checks there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckName {
    /// Do the parties answer?
    Health,
    /// The jobs of the window.
    Metrics,
    /// Jobs that nobody has touched for too long.
    StuckJobs,
}

impl CheckName {
    /// The name in the report, the log and the metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Health => "health",
            Self::Metrics => "metrics",
            Self::StuckJobs => "stuck_jobs",
        }
    }

    /// What it looks at, in a sentence: `Job metrics unknown`.
    pub fn subject(self) -> &'static str {
        match self {
            Self::Health => "Health",
            Self::Metrics => "Job metrics",
            Self::StuckJobs => "Stuck jobs",
        }
    }
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckState {
    /// It looked, and all is well.
    Ok,
    /// It looked, and something is wrong.
    Failing,
    /// It could not look.
    Unknown,
}

impl CheckState {
    /// The name in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failing => "failing",
            Self::Unknown => "unknown",
        }
    }
}

/// Whether a party answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It is not configured.
    NotConfigured,
    /// It answers.
    Yes,
    /// It does not, and why.
    No(Fault),
}

impl Answer {
    /// As the report has it: `None` where nothing is configured.
    pub fn known(&self) -> Option<bool> {
        match self {
            Self::NotConfigured => None,
            Self::Yes => Some(true),
            Self::No(_) => Some(false),
        }
    }
}

/// How long the parties took to answer, each for itself: the question that was answered, and none that was not before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// OpenAI; none if there was no answer.
    pub openai: Option<Duration>,
    /// Notion, likewise.
    pub notion: Option<Duration>,
}

/// What a check saw.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Figures {
    /// Of the parties.
    Health {
        /// Whether OpenAI answers.
        openai: Answer,
        /// Whether Notion answers.
        notion: Answer,
        /// How long the answers took; older versions did not write it down.
        #[serde(default)]
        latency: Latency,
    },
    /// Of the jobs of the window.
    Metrics(Metrics),
    /// Of the jobs that nobody touches.
    StuckJobs(StuckJobs),
}

/// What came of a look.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sight {
    /// It looked.
    Seen {
        /// What it saw.
        figures: Figures,
        /// What is wrong with it.
        issues: Vec<Issue>,
    },
    /// It could not look.
    Blind(Fault),
}

/// What one check brings to the report of a cycle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Section {
    /// The check.
    pub check: CheckName,
    /// How long it took.
    pub took: Duration,
    /// What came of it.
    pub sight: Sight,
}

impl Section {
    /// How the check ended.
    pub fn state(&self) -> CheckState {
        match &self.sight {
            Sight::Seen { issues, .. } if issues.is_empty() => CheckState::Ok,
            Sight::Seen { .. } => CheckState::Failing,
            Sight::Blind(_) => CheckState::Unknown,
        }
    }

    /// Why it could not look, or why a party does not answer.
    pub fn faults(&self) -> Vec<&Fault> {
        match &self.sight {
            Sight::Blind(fault) => vec![fault],
            Sight::Seen { figures: Figures::Health { openai, notion, .. }, .. } => [openai, notion]
                .into_iter()
                .filter_map(|answer| if let Answer::No(fault) = answer { Some(fault) } else { None })
                .collect(),
            Sight::Seen { .. } => vec![],
        }
    }

    /// What is wrong by this section, its own blindness included.
    fn issues(&self) -> Vec<Issue> {
        match &self.sight {
            Sight::Seen { issues, .. } => issues.clone(),
            Sight::Blind(fault) => vec![Issue::blind(self.check, fault)],
        }
    }
}

/// One cycle's report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The number of the cycle, counted from the start of the process.
    pub cycle: u64,
    /// The moment to which everything in it refers.
    pub timestamp: DateTime<Utc>,
    /// What the checks brought, in the order of [`CheckName`].
    pub sections: Vec<Section>,
    /// Everything that is wrong, in the order of [`IssueId`], also what another issue explains.
    pub present: Vec<Issue>,
    /// Of these it is not known whether they are still there: they are listed, and nothing follows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undecided: Vec<IssueId>,
}

impl Report {
    /// Puts the sections of a cycle together.
    pub fn assemble(cycle: u64, timestamp: DateTime<Utc>, mut sections: Vec<Section>) -> Self {
        sections.sort_by_key(|section| section.check);
        let mut present: Vec<Issue> = sections.iter().flat_map(Section::issues).collect();
        present.sort_by_key(|issue| issue.id);
        Self { cycle, timestamp, sections, present, undecided: vec![] }
    }

    /// The same with what is wrong beside what the checks saw.
    pub fn with(mut self, issues: impl IntoIterator<Item = Issue>) -> Self {
        self.present.extend(issues);
        self.present.sort_by_key(|issue| issue.id);
        self
    }

    /// The same, but it is not known whether these are still there.
    pub fn undecided(self, issues: Vec<IssueId>) -> Self {
        Self { undecided: issues, ..self }
    }

    /// The issues to be listed: a check that is blind because its party is down is left to the line of that party.
    pub fn issues(&self) -> impl Iterator<Item = &Issue> {
        self.present.iter().filter(|issue| !cause::stands_for(self.present.iter().map(|cause| cause.id), issue))
    }

    /// Whether nothing watched is failing or unknown.
    pub fn overall_ok(&self) -> bool {
        self.present.is_empty()
    }

    /// What is known about `id` after this cycle.
    pub fn observe(&self, id: IssueId) -> Observation<'_> {
        if self.undecided.contains(&id) {
            return Observation::Unseen;
        }
        if let Some(issue) = self.present.iter().find(|issue| issue.id == id) {
            return Observation::Present(issue);
        }
        let blind = id
            .seen_by()
            .and_then(|check| self.section(check))
            .is_some_and(|section| matches!(section.sight, Sight::Blind(_)));
        if blind { Observation::Unseen } else { Observation::Absent }
    }

    /// What nobody could see in this cycle, whether it is there or not.
    pub fn unseen(&self) -> Vec<IssueId> {
        IssueId::ALL.into_iter().filter(|id| self.observe(*id) == Observation::Unseen).collect()
    }

    /// Whether `party` answers; `None` when it is not configured or could not be asked.
    pub fn answers(&self, party: Party) -> Option<bool> {
        match (self.figures(CheckName::Health)?, party) {
            (Figures::Health { openai, .. }, Party::OpenAi) => openai.known(),
            (Figures::Health { notion, .. }, Party::Notion) => notion.known(),
            _ => None,
        }
    }

    /// How long the parties took to answer.
    pub fn latency(&self) -> Latency {
        match self.figures(CheckName::Health) {
            Some(Figures::Health { latency, .. }) => *latency,
            _ => Latency::default(),
        }
    }

    /// The jobs of the window, if they could be counted.
    pub fn metrics(&self) -> Option<&Metrics> {
        match self.figures(CheckName::Metrics)? {
            Figures::Metrics(metrics) => Some(metrics),
            _ => None,
        }
    }

    /// The stuck jobs, if they could be counted.
    pub fn stuck_jobs(&self) -> Option<&StuckJobs> {
        match self.figures(CheckName::StuckJobs)? {
            Figures::StuckJobs(stuck) => Some(stuck),
            _ => None,
        }
    }

    fn section(&self, check: CheckName) -> Option<&Section> {
        self.sections.iter().find(|section| section.check == check)
    }

    fn figures(&self, check: CheckName) -> Option<&Figures> {
        match &self.section(check)?.sight {
            Sight::Seen { figures, .. } => Some(figures),
            Sight::Blind(_) => None,
        }
    }
}

/// What is known after a cycle: its report, and the incidents as it left them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Overview {
    /// The report.
    pub report: Report,
    /// The incidents that are open or recovering, the oldest first.
    pub incidents: Vec<Incident>,
    /// When nobody looked within the last day, the oldest first.
    #[serde(default)]
    pub gaps: Vec<Gap>,
}

impl Overview {
    /// As it is kept in the store, for those who did not make it.
    pub fn to_json(&self) -> String {
        // Nothing in it can fail: no map has other keys than texts.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What [`Overview::to_json`] has written; none if a version of this program did that which knew other words.
    pub fn from_json(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }
}

/// A time in which nobody looked: the host slept, or we were down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// The last cycle before it.
    pub since: DateTime<Utc>,
    /// The first cycle after it.
    pub until: DateTime<Utc>,
}

/// The gap between two cycles that lie more than two intervals and a deadline apart: a cycle that takes that long lets the
/// ticks pass that fall into it.
pub fn gap(last: DateTime<Utc>, now: DateTime<Utc>, interval: Duration, check_timeout: Duration) -> Option<Gap> {
    is_too_long(last, now, interval, check_timeout).then_some(Gap { since: last, until: now })
}

fn is_too_long(last: DateTime<Utc>, now: DateTime<Utc>, interval: Duration, check_timeout: Duration) -> bool {
    (now - last).to_std().unwrap_or_default() > interval.saturating_mul(2).saturating_add(check_timeout)
}

/// The issue of a report that is older than two intervals and a deadline: nobody has looked since.
pub fn stale(last: DateTime<Utc>, now: DateTime<Utc>, interval: Duration, check_timeout: Duration) -> Option<Issue> {
    let age = (now - last).to_std().unwrap_or_default();
    is_too_long(last, now, interval, check_timeout).then(|| {
        let minutes = age.as_secs() / 60;
        let text = match minutes {
            0 => format!("Last check was {} seconds ago", age.as_secs()),
            1 => "Last check was 1 minute ago".into(),
            _ => format!("Last check was {minutes} minutes ago"),
        };
        Issue::new(IssueId::ReportStale, text)
    })
}

#[cfg(test)]
#[path = "overview_tests.rs"]
mod overview_tests;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fault::FaultKind;

    fn blind(check: CheckName, party: Party) -> Section {
        let fault = Fault { party, kind: FaultKind::Unauthorized, status: Some(401), detail: "token revoked".into() };
        Section { check, took: Duration::ZERO, sight: Sight::Blind(fault) }
    }

    fn health(notion: Answer) -> Section {
        let issues = match &notion {
            Answer::No(_) => vec![Issue::new(IssueId::NotionOffline, "Notion integration offline")],
            _ => vec![],
        };
        let figures = Figures::Health { openai: Answer::NotConfigured, notion, latency: Latency::default() };
        Section { check: CheckName::Health, took: Duration::ZERO, sight: Sight::Seen { figures, issues } }
    }

    fn lines(report: &Report) -> Vec<String> {
        report.issues().map(Issue::line).collect()
    }

    #[test]
    fn a_look_that_failed_is_neither_zero_nor_ok() {
        let sections = vec![blind(CheckName::StuckJobs, Party::Notion), health(Answer::Yes)];
        let report = Report::assemble(1, DateTime::UNIX_EPOCH, sections);
        assert_eq!(lines(&report), ["⚪ Stuck jobs unknown: Notion unauthorized (401)"]);
        assert!(!report.overall_ok());
        assert!(report.stuck_jobs().is_none());
        assert_eq!(report.answers(Party::Notion), Some(true));
        assert_eq!(report.answers(Party::OpenAi), None);
    }

    #[test]
    fn the_outage_of_notion_stands_for_the_checks_that_it_blinds() {
        let fault = Fault::new(Party::Notion, FaultKind::Timeout, "");
        let sections = vec![
            health(Answer::No(fault)),
            blind(CheckName::Metrics, Party::Notion),
            blind(CheckName::StuckJobs, Party::Check),
        ];
        let report = Report::assemble(1, DateTime::UNIX_EPOCH, sections);
        assert_eq!(
            lines(&report),
            ["❌ Notion integration offline", "⚪ Stuck jobs unknown: check unauthorized (401)"]
        );
    }

    #[test]
    fn what_a_blind_check_would_have_seen_is_unseen_and_not_absent() {
        let report = Report::assemble(1, DateTime::UNIX_EPOCH, vec![blind(CheckName::Metrics, Party::Notion)]);
        assert_eq!(report.observe(IssueId::LowCompletion), Observation::Unseen);
        assert_eq!(report.observe(IssueId::StuckJobs), Observation::Absent);
        assert!(report.unseen().contains(&IssueId::LowCompletion) && !report.unseen().contains(&IssueId::StuckJobs));
        assert!(matches!(report.observe(IssueId::CheckBlind(CheckName::Metrics)), Observation::Present(_)));
    }

    #[test]
    fn a_report_is_stale_after_two_intervals_and_a_deadline() {
        let (interval, timeout) = (Duration::from_secs(300), Duration::from_secs(60));
        let last = DateTime::<Utc>::UNIX_EPOCH;
        let after = |seconds| stale(last, last + Duration::from_secs(seconds), interval, timeout);
        assert_eq!(after(660), None);
        assert_eq!(after(1_570).map(|issue| issue.line()), Some("⚪ Last check was 26 minutes ago".into()));
        assert_eq!(stale(last + interval, last, interval, timeout), None, "a clock that was set back");
    }

    #[test]
    fn cycles_too_far_apart_leave_a_gap() {
        let (interval, timeout) = (Duration::from_secs(300), Duration::from_secs(60));
        let last = DateTime::<Utc>::UNIX_EPOCH;
        assert_eq!(gap(last, last + Duration::from_secs(660), interval, timeout), None);
        let until = last + Duration::from_secs(661);
        assert_eq!(gap(last, until, interval, timeout), Some(Gap { since: last, until }));
        assert_eq!(gap(until, last, interval, timeout), None, "a clock that was set back");
    }
}
