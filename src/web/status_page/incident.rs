//! `GET /incidents/{id}`: the whole story of an incident: each change, each delivery, page by page.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use chrono::Utc;

use super::super::WebState;
use super::super::auth::Access;
use super::super::identity;
use super::super::problem::Problem;
use super::super::session::Visitor;
use super::lists::{held_back_by, silenced};
use super::words::{Exactly, cut, span};
use super::{Entry, Frame, LONGEST_DETAIL, detail, html, sorry};
use crate::domain::incident::{Incident, Phase};
use crate::domain::issue::Severity;
use crate::domain::silence::Silence;
use crate::store::{DeliveryRecord, IncidentStory, NoticeState, Recorded};

/// Changes, and notices, on a page; and tries of a notice.
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
    since: Exactly,
    until: Option<Exactly>,
    lasted: String,
    cause: Option<String>,
    acknowledged_by: Option<String>,
    detail: Option<String>,
    silenced: Option<Exactly>,
    acknowledge: String,
    silence: String,
    operator: Option<&'a str>,
    changes: Vec<Change<'a>>,
    notices: Vec<Told<'a>>,
    paging: Option<Paging>,
}

/// Which page it is of how many, the first one having the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Paging {
    page: usize,
    pages: usize,
    later: Option<usize>,
    earlier: Option<usize>,
}

struct Change<'a> {
    at: Exactly,
    what: &'static str,
    text: &'a str,
    by: Option<String>,
}

struct Told<'a> {
    channel: &'a str,
    subject: &'a str,
    state: &'static str,
    created: Exactly,
    delivered: Option<Exactly>,
    next_try: Option<Exactly>,
    tries: Vec<Try>,
}

struct Try {
    at: Exactly,
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
    match story(&state, &id).await {
        Ok(Some((story, silences))) => {
            html(StatusCode::OK, &view(&state, &visitor, &story, &silences, wanted(request.query_string())))
        }
        Ok(None) => {
            let problem = Problem::unknown("It has another id, or it is over for so long that it is no longer kept.");
            sorry(&state, Some(&visitor), "There is no such incident", &problem)
        }
        Err(problem) => sorry(&state, Some(&visitor), "This incident cannot be shown now", &problem),
    }
}

/// What is known of an incident, and the silences there are.
async fn story(state: &WebState, id: &str) -> Result<Option<(IncidentStory, Vec<Silence>)>, Problem> {
    if !identity::is_possible(id) {
        return Ok(None);
    }
    let Some(story) = state.ask(state.store.incident(id)).await? else { return Ok(None) };
    Ok(Some((story, state.ask(state.store.silences(Utc::now())).await?)))
}

/// The page that is asked for, from 1 on.
fn wanted(query: &str) -> usize {
    query.strip_prefix("page=").and_then(|page| page.parse().ok()).unwrap_or(1)
}

fn view<'a>(
    state: &'a WebState,
    visitor: &'a Visitor,
    story: &'a IncidentStory,
    silences: &[Silence],
    wanted: usize,
) -> Story<'a> {
    let (incident, now, access) = (&story.incident, Utc::now(), visitor.access);
    let pages = story.changes.len().max(story.notices.len()).div_ceil(SHOWN).max(1);
    let page = wanted.clamp(1, pages);
    let present = state.present(now);
    let incidents = present.overview.iter().flat_map(|overview| overview.incidents.as_slice());
    let (changes, notices) = (page_of(&story.changes, page), page_of(&story.notices, page));
    Story {
        frame: state.frame(Some(visitor), present.standing()),
        id: &incident.id,
        line: incident.line(),
        severity: severity(incident),
        phase: phase(incident),
        issue: incident.issue.to_string(),
        since: Exactly(incident.since),
        until: incident.resolved_at.map(Exactly),
        lasted: span(incident.since, incident.resolved_at.unwrap_or(now)),
        cause: held_back_by(incident, incidents),
        acknowledged_by: incident.acknowledged.as_ref().map(|acknowledged| cut(&acknowledged.by, 100)),
        detail: detail(&incident.detail, access),
        acknowledge: format!("/incidents/{}/acknowledge", incident.id),
        silence: format!("/silences/{}", incident.issue),
        silenced: silenced(incident.issue, silences, now).filter(|_| incident.is_live()).map(Exactly),
        operator: visitor.operates().filter(|_| incident.is_live()),
        changes: changes.iter().map(change).collect(),
        notices: notices.iter().map(|record| told(record, access)).collect(),
        paging: paging(page, pages),
    }
}

fn paging(page: usize, pages: usize) -> Option<Paging> {
    let later = Some(page - 1).filter(|later| *later > 0);
    let earlier = Some(page + 1).filter(|earlier| *earlier <= pages);
    (pages > 1).then_some(Paging { page, pages, later, earlier })
}

/// What is on a page of all, of which the newest are the last: they are on the first page.
fn page_of<T>(all: &[T], page: usize) -> &[T] {
    let end = all.len().saturating_sub((page - 1) * SHOWN);
    &all[end.saturating_sub(SHOWN)..end]
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
    Change { at: Exactly(change.at), what: change.what.name(), text: &change.text, by }
}

fn told(record: &DeliveryRecord, access: Access) -> Told<'_> {
    let tries = page_of(&record.tries, 1).iter().map(|attempt| Try {
        at: Exactly(attempt.at),
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
        created: Exactly(record.created),
        delivered: record.delivered_at.map(Exactly),
        next_try: record.next_try.map(Exactly),
        tries: tries.collect(),
    }
}
