//! `GET /`: how it is now, and how it was.

use std::fmt::Display;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use chrono::{DateTime, Utc};

use super::super::WebState;
use super::super::auth::Access;
use super::super::ops_report;
use super::super::problem::Problem;
use super::super::session::Visitor;
use super::super::standing::{Part, Present, Standing};
use super::incident::severity;
use super::past::{Drawn, Read};
use super::words::{When, cut, known, span};
use super::{Frame, detail, html};
use crate::domain::delivery::{ChannelDelivery, DeliveryState};
use crate::domain::fault::Party;
use crate::domain::incident::{Incident, Phase};
use crate::domain::job::{StuckJob, StuckJobs, one_decimal};
use crate::domain::message::duration;
use crate::domain::report::{CheckName, Gap, Report};
use crate::domain::silence::Silence;
use crate::supervision::{ChildInfo, State};

/// Stuck jobs that are shown by name.
const STUCK: usize = 30;

/// The longest name of a job that is shown, in characters.
const LONGEST_NAME: usize = 80;

/// Silences and gaps that are shown.
const SHOWN: usize = 20;

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    frame: Frame<'a>,
    headline: String,
    sign: &'static str,
    since: String,
    looked: Option<Looked>,
    interval: String,
    issues: Vec<Line>,
    operator: Option<&'a str>,
    lost_history: bool,
    incidents: Vec<Open<'a>>,
    silences: Vec<Quiet>,
    more_silences: usize,
    parts: Vec<PartView<'a>>,
    stuck: Option<Stuck<'a>>,
    past: Vec<Day<'a>>,
    more_past: bool,
    actors: Vec<ActorRow>,
    channels: Vec<ChannelRow<'a>>,
    gaps: Vec<GapRow>,
}

struct Looked {
    when: When,
    age: String,
}

struct Line {
    line: String,
    detail: Option<String>,
}

struct Open<'a> {
    id: &'a str,
    severity: &'static str,
    line: String,
    since: When,
    age: String,
    recovering: bool,
    unstable: bool,
    cause: Option<String>,
    acknowledged_by: Option<String>,
    silenced: Option<When>,
    acknowledge: String,
    acknowledge_label: String,
    silence_1h: String,
    silence_1h_label: String,
    silence_4h: String,
    silence_4h_label: String,
}

struct Quiet {
    what: String,
    until: When,
    by: String,
    reason: Option<String>,
    end: String,
    end_label: String,
}

struct PartView<'a> {
    id: &'static str,
    name: &'static str,
    standing: &'static str,
    sign: &'static str,
    word: &'static str,
    detail: Option<String>,
    facts: Vec<Fact>,
    drawn: Option<&'a Drawn>,
}

struct Fact {
    name: &'static str,
    value: String,
}

struct Stuck<'a> {
    jobs: Vec<StuckRow<'a>>,
    more: u64,
}

struct StuckRow<'a> {
    name: String,
    url: Option<&'a str>,
    status: String,
    since: When,
    age: String,
}

struct Day<'a> {
    name: String,
    incidents: Vec<Over<'a>>,
}

struct Over<'a> {
    id: &'a str,
    severity: &'static str,
    line: String,
    since: When,
    until: When,
    lasted: String,
}

struct ActorRow {
    name: String,
    standing: &'static str,
    sign: &'static str,
    state: &'static str,
    restarts: u64,
    last_restart: Option<When>,
    failure: String,
    restart: String,
    restart_label: String,
}

struct ChannelRow<'a> {
    name: &'a str,
    standing: &'static str,
    sign: &'static str,
    state: &'static str,
    pending: String,
    last: Option<When>,
    no_last: &'static str,
    error: String,
}

struct GapRow {
    since: When,
    until: When,
    lasted: String,
}

/// The page as `visitor` may see it.
pub(super) async fn page(state: &WebState, visitor: &Visitor, query: &str) -> Result<HttpResponse, Problem> {
    let now = Utc::now();
    let (read, answered) = state.history(now).await;
    let present = state.present(now);
    let (actors, deliveries) = (ops_report::actors(&state.supervisor), state.deliveries.known());
    let (standing, access) = (present.standing(), visitor.access);
    let overview = present.overview.as_deref();
    let report = overview.map(|overview| &overview.report);
    let incidents = overview.map(|overview| overview.incidents.as_slice()).unwrap_or_default();
    let silences = read.as_deref().map(|read| read.silences.as_slice()).unwrap_or_default();
    let silences: Vec<&Silence> = silences.iter().filter(|silence| silence.until > now).collect();
    let stuck = report.and_then(Report::stuck_jobs).filter(|stuck| visitor.sees_details() && stuck.count > 0);
    let gaps = overview.map(|overview| overview.gaps.as_slice()).unwrap_or_default();
    let page = Page {
        frame: state.frame(Some(visitor), standing, query),
        headline: headline(&state.settings.service, &present),
        sign: standing.sign(),
        since: since(standing, incidents, read.as_deref(), now),
        looked: report.map(|report| Looked { when: When(report.timestamp), age: span(report.timestamp, now) }),
        interval: duration(state.settings.interval),
        issues: present
            .issues()
            .into_iter()
            .map(|issue| Line { line: issue.line(), detail: detail(&issue.detail, access) })
            .collect(),
        operator: visitor.operates(),
        lost_history: !answered,
        incidents: incidents.iter().map(|incident| open(incident, &silences, now)).collect(),
        more_silences: silences.len().saturating_sub(SHOWN),
        silences: silences.iter().take(SHOWN).map(|silence| quiet(silence, access)).collect(),
        parts: Part::ALL
            .into_iter()
            .zip(0..)
            .map(|(part, place)| {
                let drawn = read.as_deref().and_then(|read| read.drawn.get(place));
                part_view(part, &present, report, drawn, access)
            })
            .collect(),
        stuck: stuck.map(|stuck| stuck_view(stuck, now)),
        past: read.as_deref().map(|read| by_day(&read.resolved)).unwrap_or_default(),
        more_past: read.as_deref().is_some_and(|read| read.more),
        actors: actors.iter().map(|child| actor(child, access)).collect(),
        channels: state
            .deliveries
            .each(&deliveries)
            .into_iter()
            .map(|(name, delivery)| delivery.map_or_else(|| unknown(name), |delivery| channel(delivery, access)))
            .collect(),
        gaps: gaps.iter().rev().take(SHOWN).map(gap).collect(),
    };
    html(StatusCode::OK, &page)
}

fn headline(service: &str, present: &Present) -> String {
    let count = present.issues().len();
    match (present.standing(), count) {
        (Standing::Up, _) => format!("{service} is well"),
        (Standing::Issues, 1) => format!("{service} has 1 issue"),
        (Standing::Issues, count) => format!("{service} has {count} issues"),
        (Standing::Unknown, _) => format!("Nobody knows how {service} is"),
    }
}

/// Since when it is so, as markup.
fn since(standing: Standing, incidents: &[Incident], read: Option<&Read>, now: DateTime<Utc>) -> String {
    let said = |since: DateTime<Utc>| format!("Since {} ({}).", When(since), span(since, now));
    match standing {
        Standing::Issues => {
            let oldest = incidents.iter().map(|incident| incident.since).min();
            oldest.map_or_else(|| "Seen in the newest cycle.".into(), said)
        }
        Standing::Up => {
            let over = read.and_then(|read| read.resolved.iter().filter_map(|incident| incident.resolved_at).max());
            match (over, read.and_then(|read| read.first)) {
                (Some(over), _) => said(over),
                (None, Some(first)) => format!("No incident is on record; watched at least since {}.", When(first)),
                (None, None) => "Nothing is wrong in the newest cycle.".into(),
            }
        }
        Standing::Unknown => "What is unknown is not taken for well.".into(),
    }
}

fn open<'a>(incident: &'a Incident, silences: &[&Silence], now: DateTime<Utc>) -> Open<'a> {
    let (id, issue) = (&incident.id, incident.issue);
    let silenced = silences.iter().filter(|silence| silence.covers(issue, now)).map(|silence| silence.until).max();
    let line = incident.line();
    Open {
        id,
        severity: severity(incident),
        since: When(incident.since),
        age: span(incident.since, now),
        recovering: incident.phase == Phase::Recovering,
        unstable: incident.unstable,
        cause: incident.held.cause().map(|cause| cause.to_string()),
        acknowledged_by: incident.acknowledged.as_ref().map(|acknowledged| cut(&acknowledged.by, 100)),
        silenced: silenced.map(When),
        acknowledge: format!("/incidents/{id}/acknowledge"),
        acknowledge_label: format!("Acknowledge: {line}"),
        silence_1h: format!("/silences/{issue}/1h"),
        silence_1h_label: format!("Silence 1 h: {line}"),
        silence_4h: format!("/silences/{issue}/4h"),
        silence_4h_label: format!("Silence 4 h: {line}"),
        line,
    }
}

fn quiet(silence: &Silence, access: Access) -> Quiet {
    let what = silence.issue.map_or_else(|| "Everything".into(), |issue| issue.to_string());
    Quiet {
        until: When(silence.until),
        by: cut(&silence.by, 100),
        reason: detail(&silence.reason, access),
        end: format!("/silences/{}/end", silence.id),
        end_label: format!("End the silence: {what}"),
        what,
    }
}

fn part_view<'a>(
    part: Part,
    present: &Present,
    report: Option<&Report>,
    drawn: Option<&'a Drawn>,
    access: Access,
) -> PartView<'a> {
    let standing = present.of(part);
    let is_off = standing == Standing::Unknown && report.is_some_and(|report| part.is_off(report));
    let word = match (part, standing) {
        _ if is_off => "not configured",
        (_, Standing::Unknown) => "unknown",
        (Part::Jobs, Standing::Up) => "well",
        (Part::Jobs, Standing::Issues) => "not well",
        (_, Standing::Up) => "answers",
        (_, Standing::Issues) => "does not answer",
    };
    PartView {
        id: part.id(),
        name: part.name(),
        standing: standing.name(),
        sign: if is_off { "–" } else { standing.sign() },
        word,
        detail: report.and_then(|report| fault(part, report, access)).filter(|_| !is_off),
        facts: if is_off { vec![] } else { facts(part, report) },
        drawn: drawn.filter(|_| !is_off),
    }
}

/// Why a part is not as it should be, or cannot be seen.
fn fault(part: Part, report: &Report, access: Access) -> Option<String> {
    let party = match part {
        Part::OpenAi => Some(Party::OpenAi),
        Part::Notion => Some(Party::Notion),
        Part::Jobs => None,
    };
    let of_part = |check| (check == CheckName::Health) == party.is_some();
    let sections = report.sections.iter().filter(|section| of_part(section.check));
    let mut faults = sections.flat_map(|section| section.faults());
    let fault = faults.find(|fault| party.is_none_or(|party| fault.party == party || fault.party == Party::Check))?;
    let said = detail(&fault.detail, access).map(|detail| format!(": {detail}")).unwrap_or_default();
    Some(format!("{fault}{said}"))
}

fn facts(part: Part, report: Option<&Report>) -> Vec<Fact> {
    let fact = |name, value| Fact { name, value };
    let percent = |figure: Option<f64>| figure.map(|figure| format!("{}%", one_decimal(figure)));
    match part {
        Part::OpenAi | Part::Notion => {
            let latency = report.map(Report::latency).unwrap_or_default();
            let took = if part == Part::OpenAi { latency.openai } else { latency.notion };
            vec![fact("Answered in", known(took.map(|took| format!("{} ms", took.as_millis()))))]
        }
        Part::Jobs => {
            let metrics = report.and_then(Report::metrics);
            let none = |figure: Option<String>| match metrics {
                Some(_) => figure.unwrap_or_else(|| "none yet".into()),
                None => "unknown".into(),
            };
            let done = metrics.map(|metrics| format!("{} of {}", metrics.done, metrics.total));
            vec![
                fact("Done", known(done)),
                fact("Completion rate", none(percent(metrics.and_then(|metrics| metrics.completion_percent())))),
                fact("Average QA", none(percent(metrics.and_then(|metrics| metrics.average())))),
                fact("Low QA", known(metrics.map(|metrics| metrics.low_qa))),
                fact("Stuck", known(report.and_then(Report::stuck_jobs).map(|stuck| stuck.count))),
            ]
        }
    }
}

fn stuck_view(stuck: &StuckJobs, now: DateTime<Utc>) -> Stuck<'_> {
    let row = |job: &'_ StuckJob| -> (String, String) {
        let name = cut(job.name.trim(), LONGEST_NAME);
        let name = if name.is_empty() { "(without a name)".into() } else { name };
        (name, job.status.as_deref().map_or_else(|| "none".into(), |status| cut(status, LONGEST_NAME)))
    };
    let jobs: Vec<StuckRow<'_>> = stuck
        .oldest
        .iter()
        .take(STUCK)
        .map(|job| {
            let (name, status) = row(job);
            let is_web = job.url.len() < 2_000 && (job.url.starts_with("https://") || job.url.starts_with("http://"));
            let url = Some(job.url.as_str()).filter(|_| is_web);
            StuckRow { name, url, status, since: When(job.last_edited), age: span(job.last_edited, now) }
        })
        .collect();
    Stuck { more: stuck.count.saturating_sub(jobs.len() as u64), jobs }
}

fn over(incident: &Incident) -> Over<'_> {
    let until = incident.resolved_at.unwrap_or(incident.since);
    Over {
        id: &incident.id,
        severity: severity(incident),
        line: incident.line(),
        since: When(incident.since),
        until: When(until),
        lasted: span(incident.since, until),
    }
}

/// Incidents that are over by the day on which they began, the newest first.
fn by_day(resolved: &[Incident]) -> Vec<Day<'_>> {
    let days = resolved.chunk_by(|one, other| one.since.date_naive() == other.since.date_naive());
    let name = |day: &[Incident]| day.first().map(|first| first.since.format("%A, %-d %B %Y").to_string());
    days.map(|day| Day { name: name(day).unwrap_or_default(), incidents: day.iter().map(over).collect() }).collect()
}

fn actor(child: &ChildInfo, access: Access) -> ActorRow {
    let (standing, state) = match child.state {
        State::Running => (Standing::Up, "running"),
        State::Restarting => (Standing::Unknown, "restarting"),
        State::Degraded | State::Stopped => (Standing::Issues, "degraded"),
    };
    let failure = child.last_failure.as_deref();
    let said = |exit: &dyn Display| cut(&exit.to_string(), 200);
    ActorRow {
        name: child.id.to_string(),
        standing: standing.name(),
        sign: standing.sign(),
        state,
        restarts: child.restarts(),
        last_restart: child.last_restart.map(When),
        failure: failure.map_or_else(
            || "none".into(),
            |exit| if access > Access::Nobody { said(exit) } else { said(&exit.reason) },
        ),
        restart: format!("/actors/{}/restart", child.id),
        restart_label: format!("Restart {}", child.id),
    }
}

fn channel(delivery: &ChannelDelivery, access: Access) -> ChannelRow<'_> {
    let standing = match delivery.state {
        DeliveryState::Ok => Standing::Up,
        DeliveryState::Retrying => Standing::Unknown,
        DeliveryState::Failing => Standing::Issues,
    };
    let error = match (&delivery.last_error, access) {
        (None, _) => "none".into(),
        (Some(_), Access::Nobody) => delivery.error_kind().unwrap_or("unknown").to_owned(),
        (Some(error), _) => cut(error, 200),
    };
    ChannelRow {
        name: &delivery.channel,
        standing: standing.name(),
        sign: standing.sign(),
        state: delivery.state.name(),
        pending: delivery.pending.to_string(),
        last: delivery.last_delivered.map(When),
        no_last: "never",
        error,
    }
}

/// A channel before anybody has asked how it is.
fn unknown(name: &str) -> ChannelRow<'_> {
    let standing = Standing::Unknown;
    ChannelRow {
        name,
        standing: standing.name(),
        sign: standing.sign(),
        state: "not known yet",
        pending: "unknown".into(),
        last: None,
        no_last: "unknown",
        error: "unknown".into(),
    }
}

fn gap(gap: &Gap) -> GapRow {
    GapRow { since: When(gap.since), until: When(gap.until), lasted: span(gap.since, gap.until) }
}
