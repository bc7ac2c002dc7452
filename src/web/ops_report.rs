//! The wire format of the report. Scripts of our users read it: names, places, types and order are fixed, and nothing
//! of the domain is serialised as it is.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::delivery::ChannelDelivery;
use crate::domain::fault::{Fault, Party};
use crate::domain::incident::Incident;
use crate::domain::issue::{ACTORS, Issue, IssueId};
use crate::domain::job::{StuckJob, one_decimal};
use crate::domain::message::timestamp;
use crate::domain::report::{Overview, Report, Section};
use crate::supervision::{ChildInfo, State, Supervisor};

/// The report; what is not known is `null`, never `false` or `0`.
#[derive(Serialize, ToSchema)]
pub(super) struct OpsReport<'a> {
    /// The moment to which everything refers, RFC 3339.
    timestamp: String,
    health: HealthPart,
    metrics: MetricsPart<'a>,
    /// Jobs that nobody has touched for too long.
    stuck_jobs_count: Option<u64>,
    /// Whether nothing that is watched is failing or unknown.
    overall_ok: bool,
    /// What is wrong, a line each.
    issues: Vec<String>,
    /// The name of the watched service.
    service: &'a str,
    checks: Vec<CheckPart>,
    /// Those that are open, the oldest first.
    incidents: Vec<IncidentPart<'a>>,
    supervision: Vec<ActorPart<'a>>,
    delivery: Vec<DeliveryPart<'a>>,
    /// The oldest of them. Empty for whoever shows no token.
    stuck_jobs: Vec<StuckJobPart<'a>>,
    /// When nobody looked within the last day, the oldest first.
    gaps: Vec<GapPart>,
}

/// Whether the parties answer; `null` where one is not configured or could not be asked.
#[derive(Serialize, ToSchema)]
#[schema(as = Health)]
struct HealthPart {
    openai: Option<bool>,
    notion: Option<bool>,
}

/// The jobs of the window.
#[derive(Serialize, ToSchema)]
#[schema(as = Metrics)]
struct MetricsPart<'a> {
    total_24h: Option<u64>,
    done_24h: Option<u64>,
    low_qa_count: Option<u64>,
    /// Over the jobs that have a score, one decimal; `null` if none has.
    avg_qa_24h: Option<f64>,
    /// The issues of these figures, without their sign.
    warnings: Vec<&'a str>,
}

/// How a check ended.
#[derive(Serialize, ToSchema)]
#[schema(as = Check)]
struct CheckPart {
    /// `health`, `metrics` or `stuck_jobs`.
    name: &'static str,
    /// `ok`, `failing` or `unknown`.
    state: &'static str,
    took_ms: u64,
    /// Why it could not look, or what a party said; its kind, such as `timeout`, for whoever shows no token.
    error: Option<String>,
}

/// An incident that is open.
#[derive(Serialize, ToSchema)]
#[schema(as = OpenIncident)]
struct IncidentPart<'a> {
    id: &'a str,
    /// What it is about, such as `stuck_jobs`.
    issue: String,
    /// `critical`, `warning` or `unknown`.
    severity: &'static str,
    /// When it was first seen, RFC 3339.
    since: String,
    /// Who has taken it on; `null` if nobody has.
    acknowledged_by: Option<&'a str>,
    /// The issue that explains it, for which nothing is told of this one.
    held_back_by: Option<String>,
}

/// How it is with an actor.
#[derive(Serialize, ToSchema)]
#[schema(as = Actor)]
struct ActorPart<'a> {
    /// What `POST /api/actors/{actor}/restart` takes.
    actor: &'a str,
    /// `running`, `restarting` or `degraded`.
    state: &'static str,
    /// Fresh actors after the first.
    restarts: u64,
    /// The last end that nobody asked for; its kind for whoever shows no token.
    last_failure: Option<String>,
    /// RFC 3339.
    last_restart: Option<String>,
}

/// How it is with a channel.
#[derive(Serialize, ToSchema)]
#[schema(as = Channel)]
struct DeliveryPart<'a> {
    /// `email`, `telegram` or `notion`.
    channel: &'a str,
    /// `ok`, `retrying` or `failing`; `null` while nobody knows.
    state: Option<&'static str>,
    /// Notices that wait.
    pending: Option<u64>,
    /// When it last took something, RFC 3339.
    last_delivered: Option<String>,
    /// What it said when it last took nothing; its kind for whoever shows no token.
    last_error: Option<&'a str>,
}

/// A job that nobody has touched for too long.
#[derive(Serialize, ToSchema)]
#[schema(as = StuckJob)]
struct StuckJobPart<'a> {
    name: &'a str,
    status: Option<&'a str>,
    /// RFC 3339.
    last_edited: String,
    url: &'a str,
}

/// A time within the last day in which nobody looked.
#[derive(Serialize, ToSchema)]
#[schema(as = Gap)]
struct GapPart {
    /// The last cycle before it, RFC 3339.
    from: String,
    /// The first cycle after it, RFC 3339.
    to: String,
}

/// The report of `overview` as the contract has it.
///
/// `since` are the issues that have come up since its cycle, `actors` are our own, `deliveries` is how it is with the
/// channels by now, as far as that is known. `details` are error texts and stuck jobs by name, which are for holders of a token only.
pub fn document<'a>(
    overview: &'a Overview,
    since: &'a [Issue],
    actors: &'a [ChildInfo],
    deliveries: &[(&'a str, Option<&'a ChannelDelivery>)],
    service: &'a str,
    details: bool,
) -> impl Serialize + use<'a> {
    let Overview { report, incidents, gaps } = overview;
    let mut issues: Vec<&Issue> = report.issues().chain(since).collect();
    issues.sort_by_key(|issue| issue.id);
    let stuck = report.stuck_jobs();
    OpsReport {
        timestamp: timestamp(report.timestamp),
        health: HealthPart { openai: report.answers(Party::OpenAi), notion: report.answers(Party::Notion) },
        metrics: metrics(report),
        stuck_jobs_count: stuck.map(|stuck| stuck.count),
        overall_ok: report.overall_ok() && since.is_empty(),
        issues: issues.into_iter().map(Issue::line).collect(),
        service,
        checks: report.sections.iter().map(|section| check(section, details)).collect(),
        incidents: incidents.iter().map(incident).collect(),
        supervision: actors.iter().map(|child| actor(child, details)).collect(),
        delivery: deliveries.iter().map(|(channel, known)| delivery(channel, *known, details)).collect(),
        stuck_jobs: stuck.filter(|_| details).into_iter().flat_map(|stuck| &stuck.oldest).map(stuck_job).collect(),
        gaps: gaps.iter().map(|gap| GapPart { from: timestamp(gap.since), to: timestamp(gap.until) }).collect(),
    }
}

/// The actors of the service, in the order in which a report lists them.
pub fn actors(supervisor: &Supervisor) -> Vec<ChildInfo> {
    let mut children = supervisor.children();
    children.sort_by_key(|child| ACTORS.iter().position(|actor| **actor == *child.id));
    children
}

fn metrics(report: &Report) -> MetricsPart<'_> {
    let metrics = report.metrics();
    let is_of_metrics = |id| matches!(id, IssueId::NoCompletions | IssueId::QualityDropping | IssueId::LowCompletion);
    MetricsPart {
        total_24h: metrics.map(|metrics| metrics.total),
        done_24h: metrics.map(|metrics| metrics.done),
        low_qa_count: metrics.map(|metrics| metrics.low_qa),
        avg_qa_24h: metrics.and_then(|metrics| metrics.average()).map(one_decimal),
        warnings: report.issues().filter(|issue| is_of_metrics(issue.id)).map(|issue| issue.text.as_str()).collect(),
    }
}

fn check(section: &Section, details: bool) -> CheckPart {
    let said: Vec<String> = section
        .faults()
        .into_iter()
        .map(|fault| if details { in_full(fault) } else { fault.kind.name().into() })
        .collect();
    CheckPart {
        name: section.check.name(),
        state: section.state().name(),
        took_ms: u64::try_from(section.took.as_millis()).unwrap_or(u64::MAX),
        error: (!said.is_empty()).then(|| said.join("; ")),
    }
}

fn in_full(fault: &Fault) -> String {
    if fault.detail.is_empty() { fault.to_string() } else { format!("{fault}: {}", fault.detail) }
}

fn incident(incident: &Incident) -> IncidentPart<'_> {
    IncidentPart {
        id: &incident.id,
        issue: incident.issue.to_string(),
        severity: incident.issue.severity().name(),
        since: timestamp(incident.since),
        acknowledged_by: incident.acknowledged.as_ref().map(|acknowledgement| acknowledgement.by.as_str()),
        held_back_by: incident.held.cause().map(|cause| cause.to_string()),
    }
}

fn actor(child: &ChildInfo, details: bool) -> ActorPart<'_> {
    let failure = child.last_failure.as_deref();
    ActorPart {
        actor: &child.id,
        state: match child.state {
            State::Running => "running",
            State::Restarting => "restarting",
            // One that is over for good is not coming back either.
            State::Degraded | State::Stopped => "degraded",
        },
        restarts: child.restarts(),
        last_failure: failure.map(|exit| if details { exit.to_string() } else { exit.reason.to_string() }),
        last_restart: child.last_restart.map(timestamp),
    }
}

fn delivery<'a>(channel: &'a str, known: Option<&'a ChannelDelivery>, details: bool) -> DeliveryPart<'a> {
    DeliveryPart {
        channel,
        state: known.map(|known| known.state.name()),
        pending: known.map(|known| known.pending),
        last_delivered: known.and_then(|known| known.last_delivered).map(timestamp),
        last_error: known.and_then(|known| if details { known.last_error.as_deref() } else { known.error_kind() }),
    }
}

fn stuck_job(job: &StuckJob) -> StuckJobPart<'_> {
    StuckJobPart {
        name: &job.name,
        status: job.status.as_deref(),
        last_edited: timestamp(job.last_edited),
        url: &job.url,
    }
}

#[cfg(test)]
#[path = "ops_report_tests.rs"]
mod tests;
