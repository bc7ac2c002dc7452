//! `GET /incidents/{id}`: the whole story of an incident: each change, each delivery.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use chrono::Utc;

use super::super::WebState;
use super::super::auth::Access;
use super::super::identity;
use super::super::problem::Problem;
use super::super::session::Visitor;
use super::words::{When, cut, span};
use super::{Entry, Frame, LONGEST_DETAIL, detail, html};
use crate::domain::incident::{Incident, Phase};
use crate::domain::issue::Severity;
use crate::store::{DeliveryRecord, IncidentStory, NoticeState, Recorded};

/// So many changes, notices and tries of a notice are shown, the newest.
const SHOWN: usize = 60;

#[derive(Template)]
#[template(path = "incident.html")]
struct Story<'a> {
    frame: Frame<'a>,
    id: &'a str,
    line: String,
    severity: &'static str,
    phase: &'static str,
    issue: String,
    since: When,
    until: Option<When>,
    lasted: String,
    cause: Option<String>,
    acknowledged_by: Option<String>,
    detail: Option<String>,
    acknowledge: String,
    operator: Option<&'a str>,
    changes: Vec<Change<'a>>,
    more_changes: usize,
    notices: Vec<Told<'a>>,
    more_notices: usize,
}

struct Change<'a> {
    at: When,
    what: &'static str,
    text: &'a str,
    by: Option<String>,
}

struct Told<'a> {
    channel: &'a str,
    subject: &'a str,
    state: &'static str,
    created: When,
    delivered: Option<When>,
    next_try: Option<When>,
    tries: Vec<Try>,
}

struct Try {
    at: When,
    outcome: &'static str,
    answer: Option<String>,
}

/// Answers the request.
pub(super) async fn page(
    request: HttpRequest,
    state: web::Data<WebState>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let visitor = match state.let_in(&request)? {
        Entry::In(visitor) => visitor,
        Entry::Instead(answer) => return Ok(answer),
    };
    let story = if identity::is_possible(&id) { state.ask(state.store.incident(&id)).await? } else { None };
    let story =
        story.ok_or(Problem::unknown("There is no incident of this id; the status page lists those there are."))?;
    html(StatusCode::OK, &view(&state, &visitor, &story))
}

fn view<'a>(state: &'a WebState, visitor: &'a Visitor, story: &'a IncidentStory) -> Story<'a> {
    let (incident, now, access) = (&story.incident, Utc::now(), visitor.access);
    let (changes, notices) = (newest(&story.changes), newest(&story.notices));
    Story {
        frame: state.frame(Some(visitor), state.present(now).standing(), ""),
        id: &incident.id,
        line: incident.line(),
        severity: severity(incident),
        phase: phase(incident),
        issue: incident.issue.to_string(),
        since: When(incident.since),
        until: incident.resolved_at.map(When),
        lasted: span(incident.since, incident.resolved_at.unwrap_or(now)),
        cause: incident.held.cause().map(|cause| cause.to_string()),
        acknowledged_by: incident.acknowledged.as_ref().map(|acknowledged| cut(&acknowledged.by, 100)),
        detail: detail(&incident.detail, access),
        acknowledge: format!("/incidents/{}/acknowledge", incident.id),
        operator: visitor.operates().filter(|_| incident.is_live() && incident.acknowledged.is_none()),
        more_changes: story.changes.len() - changes.len(),
        changes: changes.iter().map(change).collect(),
        more_notices: story.notices.len() - notices.len(),
        notices: notices.iter().map(|record| told(record, access)).collect(),
    }
}

fn newest<T>(all: &[T]) -> &[T] {
    &all[all.len().saturating_sub(SHOWN)..]
}

/// How bad an incident is, as a class.
pub(super) fn severity(incident: &Incident) -> &'static str {
    match incident.issue.severity() {
        Severity::Critical => "critical",
        Severity::Warning => "warning",
        Severity::Unknown => "blind",
    }
}

fn phase(incident: &Incident) -> &'static str {
    match incident.phase {
        Phase::Suspected => "suspected",
        Phase::Open => "open",
        Phase::Recovering => "not seen of late, not yet over",
        Phase::Resolved => "resolved",
    }
}

fn change(change: &Recorded) -> Change<'_> {
    let by = change.by.as_deref().map(|by| cut(by, 100));
    Change { at: When(change.at), what: change.what.name(), text: &change.text, by }
}

fn told(record: &DeliveryRecord, access: Access) -> Told<'_> {
    let tries = newest(&record.tries).iter().map(|attempt| Try {
        at: When(attempt.at),
        outcome: attempt.outcome.name(),
        answer: Some(cut(&attempt.answer, LONGEST_DETAIL))
            .filter(|answer| access > Access::Nobody && !answer.is_empty()),
    });
    Told {
        channel: &record.channel,
        subject: &record.subject,
        state: match record.state {
            NoticeState::Pending => "waiting",
            NoticeState::Merged => "told in another message",
            NoticeState::Delivered | NoticeState::Undelivered => record.state.name(),
        },
        created: When(record.created),
        delivered: record.delivered_at.map(When),
        next_try: record.next_try.map(When),
        tries: tries.collect(),
    }
}
