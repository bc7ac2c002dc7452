//! `GET /incidents`: the incidents that are over, page by page.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use chrono::Utc;

use super::super::WebState;
use super::super::problem::Problem;
use super::lists::{self, Day};
use super::{Entry, Frame, html, sorry};
use crate::store::IncidentFilter;

/// Incidents on a page.
const SHOWN: u32 = 60;

#[derive(Template)]
#[template(path = "incidents.html")]
struct Listing<'a> {
    frame: Frame<'a>,
    past: Vec<Day<'a>>,
    is_first: bool,
    older: Option<&'a str>,
}

/// Answers the request; `after` is where the page before it ended.
pub(super) async fn page(request: HttpRequest, state: web::Data<WebState>) -> Result<HttpResponse, Problem> {
    let visitor = match state.let_in(&request)? {
        Entry::In(visitor) => visitor,
        Entry::Instead(answer) => return Ok(answer),
    };
    // What stands in it needs no escaping.
    let after = request.query_string().strip_prefix("after=");
    let over = IncidentFilter { open: Some(false), issue: None };
    match state.ask(state.store.incidents_page(over, after, SHOWN)).await {
        Ok(found) => {
            let listing = Listing {
                frame: state.frame(Some(&visitor), state.present(Utc::now()).standing()),
                past: lists::by_day(&found.items),
                is_first: after.is_none(),
                older: found.next.as_deref(),
            };
            html(StatusCode::OK, &listing)
        }
        Err(problem) => sorry(&state, Some(&visitor), "These incidents cannot be shown", &problem),
    }
}
