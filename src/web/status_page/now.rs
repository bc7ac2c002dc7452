//! `GET /`: how it is now, and how it was.
//!
//! What is not known is `None` here, and a sentence of its own on the page: an empty list says that there is nothing.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use chrono::Utc;

use super::super::WebState;
use super::super::ops_report;
use super::super::problem::Problem;
use super::super::session::Visitor;
use super::super::standing::Part;
use super::glance::{self, Line, Looked};
use super::lists::{self, Day, Open, Quiet};
use super::machinery::{self, ActorRow, ChannelRow, GapRow};
use super::parts::{self, PartView, Stuck};
use super::words::{When, span};
use super::{Frame, html};
use crate::domain::message::duration;
use crate::domain::report::Report;
use crate::domain::silence::Silence;

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
    /// Of when everything is, if nobody has looked for too long.
    stale: Option<When>,
    interval: String,
    issues: Vec<Line>,
    /// What was wrong at the last look, if that is too long ago.
    earlier: Vec<Line>,
    operator: Option<&'a str>,
    lost_history: bool,
    incidents: Option<Vec<Open<'a>>>,
    silences: Vec<Quiet<'a>>,
    more_silences: usize,
    parts: Vec<PartView<'a>>,
    stuck: Option<Stuck<'a>>,
    past: Option<Vec<Day<'a>>>,
    older: Option<&'a str>,
    actors: Vec<ActorRow>,
    channels: Vec<ChannelRow<'a>>,
    gaps: Option<Vec<GapRow>>,
}

/// The page as `visitor` may see it; `said` is what came of their last order.
pub(super) async fn page(
    state: &WebState,
    visitor: &Visitor,
    said: Option<&'static str>,
) -> Result<HttpResponse, Problem> {
    let now = Utc::now();
    let present = state.present(now);
    let looked = present.overview.as_ref().map(|overview| overview.report.timestamp);
    let (read, answered) = state.history(now, looked).await;
    let read = read.as_deref();
    let (actors, deliveries) = (ops_report::actors(&state.supervisor), state.deliveries.known());
    let (standing, access) = (present.standing(), visitor.access);
    let overview = present.overview.as_deref();
    let report = overview.map(|overview| &overview.report);
    let silences = read.map(|read| read.silences.as_slice()).unwrap_or_default();
    let silences: Vec<&Silence> = silences.iter().filter(|silence| silence.until > now).collect();
    let stuck = report.and_then(Report::stuck_jobs).filter(|stuck| visitor.sees_details() && stuck.count > 0);
    let (issues, earlier) = glance::issues(&present, access);
    let page = Page {
        frame: Frame { said, ..state.frame(Some(visitor), standing) },
        headline: glance::headline(&state.settings.service, &present),
        sign: standing.sign(),
        since: glance::since(standing, overview, read, now),
        looked: report.map(|report| Looked { when: When(report.timestamp), age: span(report.timestamp, now) }),
        stale: report.filter(|_| present.is_stale()).map(|report| When(report.timestamp)),
        interval: duration(state.settings.interval),
        issues,
        earlier,
        operator: visitor.operates(),
        lost_history: !answered,
        incidents: overview.map(|overview| lists::open(&overview.incidents, &silences, now)),
        more_silences: silences.len().saturating_sub(SHOWN),
        silences: silences.iter().take(SHOWN).map(|silence| lists::quiet(silence, access)).collect(),
        parts: Part::ALL
            .into_iter()
            .zip(0..)
            .map(|(part, place)| {
                let drawn = read.and_then(|read| read.drawn.get(place));
                parts::view(part, &present, report, drawn, access)
            })
            .collect(),
        stuck: stuck.map(|stuck| parts::stuck(stuck, now)),
        past: read.map(|read| lists::by_day(&read.resolved)),
        older: read.and_then(|read| read.older.as_deref()),
        actors: actors.iter().map(|child| machinery::actor(child, access)).collect(),
        channels: state
            .deliveries
            .each(&deliveries)
            .into_iter()
            .map(|(name, known)| machinery::channel(name, known, access))
            .collect(),
        gaps: overview.map(|overview| overview.gaps.iter().rev().take(SHOWN).map(machinery::gap).collect()),
    };
    html(StatusCode::OK, &page)
}
