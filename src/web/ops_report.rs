//! The wire format of the report. Scripts of our users read it: names, places, types and order are fixed, and nothing
//! of the domain is serialised as it is.

use serde::Serialize;

use crate::domain::delivery::ChannelDelivery;
use crate::domain::fault::{Fault, Party};
use crate::domain::incident::Incident;
use crate::domain::issue::{ACTORS, Issue, IssueId};
use crate::domain::job::{StuckJob, one_decimal};
use crate::domain::message::timestamp;
use crate::domain::report::{Overview, Report, Section};
use crate::supervision::{ChildInfo, State, Supervisor};

/// The document; what is not known is `null`.
#[derive(Serialize)]
struct OpsReport<'a> {
    timestamp: String,
    health: HealthPart,
    metrics: MetricsPart<'a>,
    stuck_jobs_count: Option<u64>,
    overall_ok: bool,
    issues: Vec<String>,
    service: &'a str,
    checks: Vec<CheckPart>,
    incidents: Vec<IncidentPart<'a>>,
    supervision: Vec<ActorPart<'a>>,
    delivery: Vec<DeliveryPart<'a>>,
    stuck_jobs: Vec<StuckJobPart<'a>>,
    gaps: Vec<GapPart>,
}

#[derive(Serialize)]
struct HealthPart {
    openai: Option<bool>,
    notion: Option<bool>,
}

#[derive(Serialize)]
struct MetricsPart<'a> {
    total_24h: Option<u64>,
    done_24h: Option<u64>,
    low_qa_count: Option<u64>,
    avg_qa_24h: Option<f64>,
    warnings: Vec<&'a str>,
}

#[derive(Serialize)]
struct CheckPart {
    name: &'static str,
    state: &'static str,
    took_ms: u64,
    error: Option<String>,
}

#[derive(Serialize)]
struct IncidentPart<'a> {
    id: &'a str,
    issue: String,
    severity: &'static str,
    since: String,
    acknowledged_by: Option<&'a str>,
    held_back_by: Option<String>,
}

#[derive(Serialize)]
struct ActorPart<'a> {
    actor: &'a str,
    state: &'static str,
    restarts: u64,
    last_failure: Option<String>,
    last_restart: Option<String>,
}

#[derive(Serialize)]
struct DeliveryPart<'a> {
    channel: &'a str,
    state: &'static str,
    pending: u64,
    last_delivered: Option<String>,
    last_error: Option<&'a str>,
}

#[derive(Serialize)]
struct StuckJobPart<'a> {
    name: &'a str,
    status: Option<&'a str>,
    last_edited: String,
    url: &'a str,
}

/// A time within the last day in which nobody looked.
#[derive(Serialize)]
struct GapPart {
    from: String,
    to: String,
}

/// The report of `overview` as the contract has it.
///
/// `since` are the issues that have come up since its cycle, `actors` are our own, `deliveries` is how it is with the
/// channels by now. `details` are error texts and stuck jobs by name, which are for holders of a token only.
pub fn document<'a>(
    overview: &'a Overview,
    since: &'a [Issue],
    actors: &'a [ChildInfo],
    deliveries: &'a [ChannelDelivery],
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
        delivery: deliveries.iter().map(|channel| delivery(channel, details)).collect(),
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

fn delivery(channel: &ChannelDelivery, details: bool) -> DeliveryPart<'_> {
    DeliveryPart {
        channel: &channel.channel,
        state: channel.state.name(),
        pending: channel.pending,
        last_delivered: channel.last_delivered.map(timestamp),
        last_error: if details { channel.last_error.as_deref() } else { channel.error_kind() },
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
