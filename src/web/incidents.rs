//! The history of incidents: `GET /api/incidents`, `GET /api/incidents/{id}`, `POST /api/incidents/{id}/ack`.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::Utc;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::WebState;
use super::answer::json;
use super::auth::Access;
use super::body::{self, line};
use super::deliveries::{self, DeliveryPart};
use super::identity::{self, LONGEST_NAME, OPERATOR};
use super::problem::Problem;
use super::query::Query;
use crate::domain::incident::Incident;
use crate::domain::message::timestamp;
use crate::store::{Acknowledged, IncidentFilter, IncidentStory, Recorded};

const UNKNOWN: &str = "There is no incident of this id; GET /api/incidents lists those there are.";

/// The answer to `GET /api/incidents`: a page of the history.
#[derive(Serialize, ToSchema)]
#[schema(as = Incidents)]
struct IncidentsPart<'a> {
    /// The newest first. What is only suspected, since it was not seen often enough yet, is no incident.
    incidents: Vec<IncidentPart<'a>>,
    /// The `cursor` of the next page; `null` on the last one.
    next: Option<&'a str>,
}

/// One incident: an issue from when it was first seen until it is over.
#[derive(Serialize, ToSchema)]
#[schema(as = Incident)]
struct IncidentPart<'a> {
    /// Unique, and sortable by time.
    id: &'a str,
    /// What it is about, such as `stuck_jobs`.
    issue: String,
    /// `critical`, `warning` or `unknown`.
    severity: &'static str,
    /// What was last said of it.
    text: &'a str,
    /// `open`, `recovering` (no longer seen, but not yet long enough) or `resolved`.
    state: &'static str,
    /// When it was first seen, RFC 3339.
    since: String,
    /// When it was over; `null` while it is not.
    resolved_at: Option<String>,
    /// Who has taken it on: no reminders are sent; `null` if nobody has.
    acknowledged_by: Option<&'a str>,
    /// When; `null` if nobody has.
    acknowledged_at: Option<String>,
    /// The issue that explains it, for which nothing is told of this one; `null` if nothing does.
    held_back_by: Option<String>,
    /// Whether it comes and goes, so that this one stands for all its comings.
    unstable: bool,
    /// What the party last answered, or what to do. `null` if there is nothing to add, and for whoever shows no token.
    detail: Option<&'a str>,
}

/// The answer to `GET /api/incidents/{id}`: an incident and its story.
#[derive(Serialize, ToSchema)]
#[schema(as = Story)]
struct StoryPart<'a> {
    #[serde(flatten)]
    incident: IncidentPart<'a>,
    /// What happened to it, from its beginning.
    changes: Vec<ChangePart<'a>>,
    /// Who was told of it and how that went, the first telling first.
    notices: Vec<DeliveryPart<'a>>,
}

/// Something that happened to an incident.
#[derive(Serialize, ToSchema)]
#[schema(as = Change)]
struct ChangePart<'a> {
    /// When, RFC 3339.
    at: String,
    /// `opened`, `worsened`, `held`, `released`, `recovering`, `returned`, `unstable`, `acknowledged` or `resolved`.
    what: &'static str,
    /// In words.
    text: &'a str,
    /// Who did it; `null` if it was no person.
    by: Option<&'a str>,
}

/// The body of `POST /api/incidents/{id}/ack`; it may be left out.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Acknowledge)]
struct Wish {
    /// Who takes it on: one line; absent or `null`: `operator`.
    by: Option<String>,
}

/// The history of incidents.
#[utoipa::path(
    get,
    path = "/api/incidents",
    operation_id = "listIncidents",
    params(
        ("state" = Option<String>, Query, description = "`open` or `resolved`; both if absent."),
        ("issue" = Option<String>, Query, description = "Those of one issue, such as `stuck_jobs`."),
        ("limit" = Option<u32>, Query, description = "Entries of a page; 50 if absent.", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "What `next` said on the page before."),
    ),
    responses((status = 200, description = "A page of it.", body = IncidentsPart)),
    security((), ("token" = []), ("session" = [])),
)]
pub(super) async fn list(request: HttpRequest, state: web::Data<WebState>) -> Result<HttpResponse, Problem> {
    let access = state.to_see(&request)?.access;
    let query = Query::read(request.query_string(), &["state", "issue", "limit", "cursor"])?;
    let is_open = |state: &str| [("open", true), ("resolved", false)].into_iter().find(|(name, _)| *name == state);
    let filter = IncidentFilter {
        open: query.read_as("state", is_open, || "open or resolved".into())?.map(|(_, open)| open),
        issue: query.get("issue").map(identity::issue).transpose()?,
    };
    let page = state.ask(state.store.incidents_page(filter, query.get("cursor"), query.limit()?)).await?;
    let incidents = page.items.iter().map(|incident| part(incident, access)).collect();
    json(StatusCode::OK, &IncidentsPart { incidents, next: page.next.as_deref() })
}

/// An incident and its story.
#[utoipa::path(
    get,
    path = "/api/incidents/{id}",
    operation_id = "getIncident",
    params(("id" = String, Path, description = "The incident's.")),
    responses((status = 200, description = "All that is known of it.", body = StoryPart)),
    security((), ("token" = []), ("session" = [])),
)]
pub(super) async fn one(
    request: HttpRequest,
    state: web::Data<WebState>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let access = state.to_see(&request)?.access;
    Query::read(request.query_string(), &[])?;
    let story = if identity::is_possible(&id) { state.ask(state.store.incident(&id)).await? } else { None };
    json(StatusCode::OK, &story_part(&story.ok_or(Problem::unknown(UNKNOWN))?, access))
}

/// Acknowledges an incident.
///
/// Somebody takes it on, and there are no reminders any more. Its end is told all the same, and so is that it got worse.
#[utoipa::path(
    post,
    path = "/api/incidents/{id}/ack",
    operation_id = "acknowledgeIncident",
    params(("id" = String, Path, description = "The incident's.")),
    request_body = Option<Wish>,
    responses((status = 200, description = "It is acknowledged.", body = IncidentPart)),
    security(("token" = [])),
)]
pub(super) async fn acknowledge(
    request: HttpRequest,
    state: web::Data<WebState>,
    id: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let access = state.door.to_operate(&request)?;
    Query::read(request.query_string(), &[])?;
    let wish: Wish = body::object(&request, payload).await?.unwrap_or_default();
    let by = line("by", wish.by.as_deref().unwrap_or(OPERATOR), LONGEST_NAME)?;
    if !identity::is_possible(&id) {
        return Err(Problem::unknown(UNKNOWN));
    }
    let incident = match state.ask(state.store.acknowledge(&id, &by, Utc::now())).await? {
        Acknowledged::Done(incident) => {
            log::info!("incident={id} {} is acknowledged by {by}", incident.issue);
            incident
        }
        Acknowledged::Already(incident) => incident,
        Acknowledged::NotOpen => {
            return Err(Problem::conflict("This incident is not open: there is nothing to acknowledge."));
        }
        Acknowledged::Unknown => return Err(Problem::unknown(UNKNOWN)),
    };
    let newest = state.reports.borrow().clone();
    state.acknowledgements.note(&incident, newest.as_deref());
    json(StatusCode::OK, &part(&incident, access))
}

fn part(incident: &Incident, access: Access) -> IncidentPart<'_> {
    let acknowledged = incident.acknowledged.as_ref();
    IncidentPart {
        id: &incident.id,
        issue: incident.issue.to_string(),
        severity: incident.issue.severity().name(),
        text: &incident.text,
        state: incident.phase.name(),
        since: timestamp(incident.since),
        resolved_at: incident.resolved_at.map(timestamp),
        acknowledged_by: acknowledged.map(|acknowledged| acknowledged.by.as_str()),
        acknowledged_at: acknowledged.map(|acknowledged| timestamp(acknowledged.at)),
        held_back_by: incident.held.cause().map(|cause| cause.to_string()),
        unstable: incident.unstable,
        detail: Some(incident.detail.as_str()).filter(|detail| !detail.is_empty() && access > Access::Nobody),
    }
}

fn story_part(story: &IncidentStory, access: Access) -> StoryPart<'_> {
    StoryPart {
        incident: part(&story.incident, access),
        changes: story.changes.iter().map(change).collect(),
        notices: story.notices.iter().map(|notice| deliveries::part(notice, access)).collect(),
    }
}

fn change(change: &Recorded) -> ChangePart<'_> {
    ChangePart { at: timestamp(change.at), what: change.what.name(), text: &change.text, by: change.by.as_deref() }
}
