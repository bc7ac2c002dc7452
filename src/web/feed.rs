//! `GET /feed.xml`: the newest incidents as an Atom feed. An entry changes when its incident is taken on or over.

use actix_web::http::StatusCode;
use actix_web::http::header::HeaderValue;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use chrono::{DateTime, Utc};

use super::WebState;
use super::answer::answer;
use super::problem::Problem;
use crate::domain::incident::Incident;
use crate::domain::message::{duration, timestamp};
use crate::store::IncidentFilter;

static ATOM: HeaderValue = HeaderValue::from_static("application/atom+xml; charset=utf-8");

/// Entries of the feed.
const ENTRIES: u32 = 50;

#[derive(Template)]
#[template(path = "feed.xml")]
struct Feed<'a> {
    base: &'a str,
    service: &'a str,
    updated: String,
    entries: Vec<Entry<'a>>,
}

struct Entry<'a> {
    id: &'a str,
    title: String,
    issue: String,
    published: String,
    updated: String,
    content: String,
}

/// The incidents as an Atom feed, the newest first.
#[utoipa::path(
    get,
    path = "/feed.xml",
    operation_id = "getFeed",
    responses((status = 200, description = "The feed.", body = String, content_type = "application/atom+xml")),
    security((), ("token" = []), ("session" = [])),
)]
pub(super) async fn feed(request: HttpRequest, state: web::Data<WebState>) -> Result<HttpResponse, Problem> {
    state.to_see(&request)?;
    let page = state.ask(state.store.incidents_page(IncidentFilter::default(), None, ENTRIES)).await?;
    let settings = &state.settings;
    let base = settings.public_url.clone().unwrap_or_else(|| {
        let asked = request.connection_info();
        format!("{}://{}", asked.scheme(), asked.host())
    });
    let newest = page.items.iter().map(changed).max().unwrap_or(DateTime::UNIX_EPOCH);
    let feed = Feed {
        base: base.trim_end_matches('/'),
        service: &settings.service,
        updated: timestamp(newest),
        entries: page.items.iter().map(entry).collect(),
    };
    let feed = feed.render().map_err(|error| {
        log::error!("the feed cannot be written: {error}");
        Problem::internal()
    })?;
    Ok(answer(StatusCode::OK, &ATOM, feed))
}

/// When there was last something to say of it.
fn changed(incident: &Incident) -> DateTime<Utc> {
    let acknowledged = incident.acknowledged.as_ref().map(|acknowledged| acknowledged.at);
    [incident.resolved_at, acknowledged].into_iter().flatten().fold(incident.since, DateTime::max)
}

fn entry(incident: &Incident) -> Entry<'_> {
    let since = format!("Since {}.", timestamp(incident.since));
    let acknowledged = incident.acknowledged.as_ref();
    let acknowledged = acknowledged.map(|acknowledged| plain(&format!(" Acknowledged by {}.", acknowledged.by)));
    let over = incident.resolved_at.map(|over| {
        let lasted = (over - incident.since).to_std().unwrap_or_default();
        format!(" Over at {}, after {}.", timestamp(over), duration(lasted))
    });
    let resolved = if over.is_some() { "Resolved: " } else { "" };
    Entry {
        id: &incident.id,
        title: plain(&format!("{resolved}{}", incident.line())),
        issue: incident.issue.to_string(),
        published: timestamp(incident.since),
        updated: timestamp(changed(incident)),
        content: format!("{since}{}{}", acknowledged.unwrap_or_default(), over.unwrap_or_default()),
    }
}

/// Without what no XML may hold, however it is written.
fn plain(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control() && !matches!(letter, '\u{fffe}' | '\u{ffff}')).collect()
}
