//! What can be wrong with a pipeline: the issue's name, how bad it is, and how it is said.

use std::fmt;
use std::time::Duration;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::delivery::{ChannelDelivery, DeliveryState};
use super::fault::{Fault, Party};
use super::report::CheckName;

/// The name of an issue. The order is the order in which issues are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IssueId {
    /// OpenAI does not answer.
    OpenaiOffline,
    /// Notion does not answer.
    NotionOffline,
    /// Jobs that nobody has touched for too long.
    StuckJobs,
    /// Many jobs, none of them done.
    NoCompletions,
    /// The average score is too low.
    QualityDropping,
    /// Too few of the jobs are done.
    LowCompletion,
    /// A check could not look.
    CheckBlind(CheckName),
    /// The last cycle is too long ago.
    ReportStale,
    /// An actor of ours, one of [`ACTORS`], is being restarted too often.
    ActorDegraded(&'static str),
    /// The database cannot be written: incidents are kept in memory meanwhile.
    DatabaseFailing,
    /// A channel, one of [`CHANNELS`], did not get what it was to be told, and will not.
    Undelivered(&'static str),
}

/// The channels, by the names that reports, logs and the API have for them.
pub const CHANNELS: [&str; 3] = ["email", "telegram", "notion"];

/// The actors of the service, by the names that reports, logs and the API have for them.
pub const ACTORS: [&str; 8] = [
    "scheduler",
    "health",
    "metrics",
    "stuck_jobs",
    "escalator",
    "notifier:email",
    "notifier:telegram",
    "notifier:notion",
];

impl IssueId {
    /// Every issue there is, in the order in which they are listed.
    pub const ALL: [Self; 22] = [
        Self::OpenaiOffline,
        Self::NotionOffline,
        Self::StuckJobs,
        Self::NoCompletions,
        Self::QualityDropping,
        Self::LowCompletion,
        Self::CheckBlind(CheckName::Health),
        Self::CheckBlind(CheckName::Metrics),
        Self::CheckBlind(CheckName::StuckJobs),
        Self::ReportStale,
        Self::ActorDegraded(ACTORS[0]),
        Self::ActorDegraded(ACTORS[1]),
        Self::ActorDegraded(ACTORS[2]),
        Self::ActorDegraded(ACTORS[3]),
        Self::ActorDegraded(ACTORS[4]),
        Self::ActorDegraded(ACTORS[5]),
        Self::ActorDegraded(ACTORS[6]),
        Self::ActorDegraded(ACTORS[7]),
        Self::DatabaseFailing,
        Self::Undelivered(CHANNELS[0]),
        Self::Undelivered(CHANNELS[1]),
        Self::Undelivered(CHANNELS[2]),
    ];

    /// The check whose sight tells whether this issue is there; none for what is found otherwise.
    pub fn seen_by(self) -> Option<CheckName> {
        match self {
            Self::OpenaiOffline | Self::NotionOffline => Some(CheckName::Health),
            Self::NoCompletions | Self::QualityDropping | Self::LowCompletion => Some(CheckName::Metrics),
            Self::StuckJobs => Some(CheckName::StuckJobs),
            Self::CheckBlind(_)
            | Self::ReportStale
            | Self::ActorDegraded(_)
            | Self::DatabaseFailing
            | Self::Undelivered(_) => None,
        }
    }

    /// How bad it is.
    pub fn severity(self) -> Severity {
        match self {
            Self::OpenaiOffline | Self::NotionOffline => Severity::Critical,
            Self::StuckJobs
            | Self::NoCompletions
            | Self::QualityDropping
            | Self::LowCompletion
            | Self::ActorDegraded(_)
            | Self::DatabaseFailing
            | Self::Undelivered(_) => Severity::Warning,
            Self::CheckBlind(_) | Self::ReportStale => Severity::Unknown,
        }
    }

    /// The sign in front of its text.
    pub fn sign(self) -> &'static str {
        match (self, self.severity()) {
            (Self::ActorDegraded(_), _) => "🔁",
            (_, Severity::Critical) => "❌",
            (_, Severity::Warning) => "⚠️",
            (_, Severity::Unknown) => "⚪",
        }
    }

    /// The issue of that name, as [`fmt::Display`] writes it.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|id| id.to_string() == name)
    }
}

impl fmt::Display for IssueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OpenaiOffline => f.write_str("openai_offline"),
            Self::NotionOffline => f.write_str("notion_offline"),
            Self::StuckJobs => f.write_str("stuck_jobs"),
            Self::NoCompletions => f.write_str("no_completions"),
            Self::QualityDropping => f.write_str("quality_dropping"),
            Self::LowCompletion => f.write_str("low_completion"),
            Self::CheckBlind(check) => write!(f, "check_blind:{}", check.name()),
            Self::ReportStale => f.write_str("report_stale"),
            Self::ActorDegraded(actor) => write!(f, "actor_degraded:{actor}"),
            Self::DatabaseFailing => f.write_str("database_failing"),
            Self::Undelivered(channel) => write!(f, "undelivered:{channel}"),
        }
    }
}

impl Serialize for IssueId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for IssueId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::parse(&name).ok_or_else(|| Error::custom("no issue has this name"))
    }
}

/// How bad an issue is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// A party is down.
    Critical,
    /// A figure is where it should not be.
    Warning,
    /// It is not known how things are.
    Unknown,
}

impl Severity {
    /// The name in the report and in the store.
    pub fn name(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
            Self::Unknown => "unknown",
        }
    }
}

/// One thing that is wrong now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issue {
    /// Its name.
    pub id: IssueId,
    /// What is said of it, without the sign; everybody may read it.
    pub text: String,
    /// What the party answered, or what to do; for alerts and holders of a token. Empty if there is nothing to add.
    pub detail: String,
    /// How much of it there is, where that can be counted: the stuck jobs.
    pub magnitude: Option<u64>,
    /// The party through which it is seen, where its outage would explain the issue.
    pub party: Option<Party>,
}

impl Issue {
    /// An issue without detail.
    pub fn new(id: IssueId, text: impl Into<String>) -> Self {
        Self { id, text: text.into(), detail: String::new(), magnitude: None, party: None }
    }

    /// The issue of a check that could not look.
    pub fn blind(check: CheckName, fault: &Fault) -> Self {
        let text = format!("{} unknown: {fault}", check.subject());
        Self { detail: fault.detail.clone(), party: Some(fault.party), ..Self::new(IssueId::CheckBlind(check), text) }
    }

    /// The issue of an actor that ended more than `restarts` times `within` some time; none for an actor that is not ours.
    pub fn degraded(actor: &str, restarts: usize, within: Duration, detail: String) -> Option<Self> {
        let actor = ACTORS.into_iter().find(|known| *known == actor)?;
        let who = match actor.split_once(':') {
            Some((kind, name)) => format!("{name} {kind}"),
            None => actor.replace('_', " "),
        };
        let text = format!("{who} keeps failing ({restarts} restarts in {} s)", within.as_secs());
        Some(Self { detail, ..Self::new(IssueId::ActorDegraded(actor), text) })
    }

    /// The issue of a database that cannot be written; `reason` is what everybody may read of it.
    pub fn database_failing(reason: &str) -> Self {
        Self::new(IssueId::DatabaseFailing, format!("Database cannot be written: {reason}"))
    }

    /// The issue of a channel that did not get what it was to be told, and will not; none if it is well, or not ours.
    pub fn undelivered(delivery: &ChannelDelivery) -> Option<Self> {
        let channel = CHANNELS.into_iter().find(|known| *known == delivery.channel)?;
        (delivery.state == DeliveryState::Failing).then(|| {
            let error = delivery.last_error.clone().unwrap_or_default();
            let text = format!("{channel} does not get its notices: {}", kind_of(&error));
            Self { detail: error, ..Self::new(IssueId::Undelivered(channel), text) }
        })
    }

    /// The line of the report: sign and text.
    pub fn line(&self) -> String {
        format!("{} {}", self.id.sign(), self.text)
    }
}

/// What everybody may read of an error such as `unauthorized (401): the token of …`: what stands before the first colon,
/// if that is a word or two.
fn kind_of(error: &str) -> &str {
    let kind = error.split(':').next().unwrap_or_default().trim();
    let is_plain = kind.chars().all(|letter| letter.is_ascii_alphanumeric() || " ()_-".contains(letter));
    if is_plain && (1..=40).contains(&kind.len()) { kind } else { "refused" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_issue_is_found_again_by_its_name() {
        for id in IssueId::ALL {
            assert_eq!(IssueId::parse(&id.to_string()), Some(id));
        }
        assert_eq!(IssueId::parse("actor_degraded:nobody"), None);
    }

    #[test]
    fn an_actor_that_keeps_failing_is_named_as_people_would() {
        let line = |actor| {
            let issue = Issue::degraded(actor, 5, Duration::from_secs(60), String::new());
            issue.map(|issue| issue.line())
        };
        assert_eq!(
            line("notifier:telegram").as_deref(),
            Some("🔁 telegram notifier keeps failing (5 restarts in 60 s)")
        );
        assert_eq!(line("stuck_jobs").as_deref(), Some("🔁 stuck jobs keeps failing (5 restarts in 60 s)"));
        assert_eq!(line("nobody"), None);
    }

    #[test]
    fn a_channel_that_will_not_get_its_notices_is_an_issue_that_shows_no_more_than_the_kind_of_error() {
        let failing = |channel: &str, error: Option<&str>| ChannelDelivery {
            channel: channel.into(),
            state: DeliveryState::Failing,
            pending: 0,
            waiting_since: None,
            last_delivered: None,
            last_error: error.map(Into::into),
        };
        for (error, kind) in [
            (Some("unauthorized (401): the token of bot 7 was revoked"), "unauthorized (401)"),
            (Some("not found (404)"), "not found (404)"),
            (Some("<b>somebody's words</b>"), "refused"),
            (Some("a long sentence that somebody else has written to us without a colon"), "refused"),
            (Some(""), "refused"),
            (None, "refused"),
        ] {
            let issue = Issue::undelivered(&failing("telegram", error)).expect("an issue");
            assert_eq!(issue.line(), format!("⚠️ telegram does not get its notices: {kind}"));
            assert_eq!((issue.id, issue.detail), (IssueId::Undelivered("telegram"), error.unwrap_or_default().into()));
        }
        assert_eq!(Issue::undelivered(&failing("pigeon", None)), None);
        let retrying = ChannelDelivery { state: DeliveryState::Retrying, ..failing("email", Some("timeout")) };
        assert_eq!(Issue::undelivered(&retrying), None);
    }

    #[test]
    fn a_database_that_cannot_be_written_says_why() {
        let issue = Issue::database_failing("there is no space left for the database");
        assert_eq!(issue.line(), "⚠️ Database cannot be written: there is no space left for the database");
    }
}
