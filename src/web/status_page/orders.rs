//! What people do on the page: sign in and out, acknowledge, silence, restart an actor, look now.
//!
//! Each is a form that works without script, and leads back to the page with a sentence of what came of it. The sentence
//! is one of ours, named by a cookie of one page's life: no link that somebody spreads has the page say that it was done.

use std::time::Duration;

use actix_web::cookie::Cookie;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{SubsecRound, Utc};
use uuid::Uuid;

use super::super::WebState;
use super::super::answer::no_content;
use super::super::auth::Access;
use super::super::body;
use super::super::identity::{self, OPERATOR};
use super::super::problem::Problem;
use super::super::session::{did, ended, is_foreign, is_secure};
use crate::domain::issue::IssueId;
use crate::domain::silence::{self, Silence};
use crate::store::Acknowledged;

/// A silence that would last no longer than this beyond one that is there is not begun, as in the chat.
const AS_GOOD_AS: Duration = Duration::from_secs(60);

/// Sentences by their names.
const SENTENCES: [(&str, &str); 16] = [
    ("signed-in", "You are signed in."),
    ("signed-out", "You are signed out."),
    ("acknowledged", "The incident is acknowledged: no reminders are sent, its end is told."),
    ("already", "Somebody has acknowledged this incident already."),
    ("not-open", "This incident is not open any more."),
    ("silenced-1h", "Silenced for one hour; the all-clear of what was told is still told."),
    ("silenced-4h", "Silenced for four hours; the all-clear of what was told is still told."),
    ("silent", "It is silenced for about as long or longer already."),
    ("too-many", "There are too many silences already: end some of them first."),
    ("told-again", "The silence is ended: what it held back is told if it is still there."),
    ("no-silence", "This silence is over already."),
    ("restarting", "A fresh actor takes its place."),
    ("checked", "A cycle is complete: this is what it saw."),
    ("not-checked", "The cycle is not complete yet, or could not be run; see again in a moment."),
    ("not-yours", "Nothing was done: the session is over, or the form was not from this page. Sign in again."),
    ("no-database", "Nothing was done: the database cannot be used at the moment."),
];

/// The sentence of a name.
pub(super) fn sentence(name: &str) -> Option<&'static str> {
    SENTENCES.into_iter().find(|(known, _)| *known == name).map(|(_, sentence)| sentence)
}

/// Back to the page, which says `name`.
fn back(request: &HttpRequest, name: &'static str) -> Result<HttpResponse, Problem> {
    let mut answer = no_content();
    *answer.status_mut() = StatusCode::SEE_OTHER;
    answer.headers_mut().insert(header::LOCATION, HeaderValue::from_static("/"));
    with(answer, &did(name, is_secure(request)))
}

/// The same with a cookie.
pub(super) fn with(mut answer: HttpResponse, cookie: &Cookie<'_>) -> Result<HttpResponse, Problem> {
    answer.add_cookie(cookie).map_err(|error| {
        log::error!("a cookie cannot be written: {error}");
        Problem::internal()
    })?;
    Ok(answer)
}

/// `POST /sign-in`.
pub(super) async fn sign_in(
    request: HttpRequest,
    state: web::Data<WebState>,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let form = body::form(&request, payload).await?;
    if is_foreign(&request, state.settings.public_url.as_deref()) {
        return back(&request, "not-yours");
    }
    let token = form.field("token").trim();
    let access = match state.door.opens_to(token, &request) {
        Ok(access) => access,
        Err(problem) => return super::sign_in_page(&state, Some(&problem), None),
    };
    let cookie = state.sessions.begin(access, is_secure(&request), Utc::now()).ok_or_else(Problem::internal)?;
    with(back(&request, "signed-in")?, &cookie)
}

/// `POST /sign-out`.
pub(super) async fn sign_out(
    request: HttpRequest,
    state: web::Data<WebState>,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let form = body::form(&request, payload).await?;
    if state.to_order(&request, form.field("csrf")).is_none() {
        return back(&request, "not-yours");
    }
    with(back(&request, "signed-out")?, &ended(is_secure(&request)))
}

/// Whether whoever sent the form may give orders.
async fn may(request: &HttpRequest, state: &WebState, payload: Payload) -> Result<bool, Problem> {
    let form = body::form(request, payload).await?;
    let session = state.to_order(request, form.field("csrf"));
    Ok(session.is_some_and(|session| session.access == Access::Operator))
}

/// `POST /incidents/{id}/acknowledge`.
pub(super) async fn acknowledge(
    request: HttpRequest,
    state: web::Data<WebState>,
    id: web::Path<String>,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    if !may(&request, &state, payload).await? {
        return back(&request, "not-yours");
    }
    if !identity::is_possible(&id) {
        return back(&request, "not-open");
    }
    let said = match state.ask(state.store.acknowledge(&id, OPERATOR, Utc::now())).await {
        Ok(Acknowledged::Done(incident)) => {
            log::info!("incident={id} {} is acknowledged by {OPERATOR}", incident.issue);
            let newest = state.reports.borrow().clone();
            state.acknowledgements.note(&incident, newest.as_deref());
            "acknowledged"
        }
        Ok(Acknowledged::Already(_)) => "already",
        Ok(Acknowledged::NotOpen | Acknowledged::Unknown) => "not-open",
        Err(_) => "no-database",
    };
    state.past.forget().await;
    back(&request, said)
}

/// `POST /silences/{issue}/{span}`: of one issue or of `all`, for `1h` or `4h`.
pub(super) async fn silence(
    request: HttpRequest,
    state: web::Data<WebState>,
    path: web::Path<(String, String)>,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    if !may(&request, &state, payload).await? {
        return back(&request, "not-yours");
    }
    let (issue, span) = path.into_inner();
    let issue = if issue == "all" { None } else { Some(identity::issue(&issue)?) };
    let (hours, said) = match span.as_str() {
        "1h" => (1, "silenced-1h"),
        "4h" => (4, "silenced-4h"),
        _ => return Err(Problem::unknown("The page silences for 1h or 4h; POST /api/silences for any time.")),
    };
    let said = if let Err(failed) = begin_silence(&state, issue, hours).await { failed } else { said };
    state.past.forget().await;
    back(&request, said)
}

async fn begin_silence(state: &WebState, issue: Option<IssueId>, hours: u64) -> Result<(), &'static str> {
    let now = Utc::now();
    let until = silence::end(now, Duration::from_hours(hours));
    let there = state.ask(state.store.silences(now)).await.map_err(|_| "no-database")?;
    let is_as_good =
        |silence: &Silence| (silence.issue.is_none() || silence.issue == issue) && silence.until > until - AS_GOOD_AS;
    if there.iter().any(is_as_good) {
        return Err("silent");
    }
    let silence = Silence {
        id: Uuid::now_v7().to_string(),
        issue,
        created: now,
        until,
        by: OPERATOR.into(),
        reason: String::new(),
    };
    if !state.ask(state.store.silence(&silence)).await.map_err(|_| "no-database")? {
        return Err("too-many");
    }
    log::info!("{}", silence.words());
    Ok(())
}

/// `POST /silences/{id}/end`.
pub(super) async fn end_silence(
    request: HttpRequest,
    state: web::Data<WebState>,
    id: web::Path<String>,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    if !may(&request, &state, payload).await? {
        return back(&request, "not-yours");
    }
    if !identity::is_possible(&id) {
        return back(&request, "no-silence");
    }
    // Cycles count in whole seconds: one that begins now already tells.
    let said = match state.ask(state.store.end_silence(&id, Utc::now().trunc_subsecs(0))).await {
        Ok(true) => {
            log::info!("silence {id} is ended by {OPERATOR}");
            "told-again"
        }
        Ok(false) => "no-silence",
        Err(_) => "no-database",
    };
    state.past.forget().await;
    back(&request, said)
}

/// `POST /actors/{actor}/restart`.
pub(super) async fn restart(
    request: HttpRequest,
    state: web::Data<WebState>,
    actor: web::Path<String>,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    if !may(&request, &state, payload).await? {
        return back(&request, "not-yours");
    }
    let unknown = |_| Problem::unknown("There is no such actor; the page lists those there are.");
    state.supervisor.restart(&actor).map_err(unknown)?;
    log::info!("actor={actor} is restarted by {OPERATOR}");
    back(&request, "restarting")
}

/// `POST /check`: a cycle now; whoever comes meanwhile shares it.
pub(super) async fn check(
    request: HttpRequest,
    state: web::Data<WebState>,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    if !may(&request, &state, payload).await? {
        return back(&request, "not-yours");
    }
    let said = if state.made_now().await.is_ok() { "checked" } else { "not-checked" };
    state.past.forget().await;
    back(&request, said)
}
