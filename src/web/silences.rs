//! Silences: `GET /api/silences`, `POST /api/silences`, `GET` and `DELETE /api/silences/{id}`.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, SubsecRound, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::WebState;
use super::answer::{json, no_content};
use super::auth::Access;
use super::body::{self, line};
use super::identity::{self, OPERATOR};
use super::problem::Problem;
use super::query::Query;
use crate::domain::message::timestamp;
use crate::domain::silence::{self, MOST, Silence};
use crate::domain::span;

/// The longest reason, in characters.
const LONGEST_REASON: usize = 500;

const UNKNOWN: &str = "There is no silence of this id, or it is over; GET /api/silences lists those there are.";

/// The answer to `GET /api/silences`.
#[derive(Serialize, ToSchema)]
#[schema(as = Silences)]
struct SilencesPart<'a> {
    /// Those that are not over; the one that ends last comes first.
    silences: Vec<SilencePart<'a>>,
}

/// A silence: for a time nothing is told of one issue, or of any; the all-clear of what was told always is.
#[derive(Serialize, ToSchema)]
#[schema(as = Silence)]
struct SilencePart<'a> {
    /// Unique; what `DELETE /api/silences/{id}` takes.
    id: &'a str,
    /// The issue, such as `stuck_jobs`; `null` for all of them.
    issue: Option<String>,
    /// Since when, RFC 3339.
    created: String,
    /// Until when, RFC 3339.
    until: String,
    /// Who asked for it.
    by: &'a str,
    /// Why. `null` if nothing was said, and for whoever shows no token.
    reason: Option<&'a str>,
}

/// The body of `POST /api/silences`: either `for` or `until`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BeSilent)]
struct Wish {
    /// The issue, such as `stuck_jobs`; absent or `null`: all of them.
    issue: Option<String>,
    /// For how long, as the settings write durations: `30m`, `2h`, at most `30d`.
    r#for: Option<String>,
    /// Until when, RFC 3339.
    until: Option<String>,
    /// Who asks for it: one line; absent or `null`: `operator`.
    by: Option<String>,
    /// Why: one line.
    reason: Option<String>,
}

/// The silences that are not over.
#[utoipa::path(
    get,
    path = "/api/silences",
    operation_id = "listSilences",
    responses((status = 200, description = "All of them.", body = SilencesPart)),
    security((), ("token" = []), ("session" = [])),
)]
pub(super) async fn list(request: HttpRequest, state: web::Data<WebState>) -> Result<HttpResponse, Problem> {
    let access = state.to_see(&request)?.access;
    Query::read(request.query_string(), &[])?;
    let silences = state.ask(state.store.silences(Utc::now())).await?;
    let silences = silences.iter().map(|silence| part(silence, access)).collect();
    json(StatusCode::OK, &SilencesPart { silences })
}

/// A silence.
#[utoipa::path(
    get,
    path = "/api/silences/{id}",
    operation_id = "getSilence",
    params(("id" = String, Path, description = "The silence's.")),
    responses((status = 200, description = "It is not over.", body = SilencePart)),
    security((), ("token" = []), ("session" = [])),
)]
pub(super) async fn one(
    request: HttpRequest,
    state: web::Data<WebState>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let access = state.to_see(&request)?.access;
    Query::read(request.query_string(), &[])?;
    let silences = state.ask(state.store.silences(Utc::now())).await?;
    let silence = silences.iter().find(|silence| silence.id == *id).ok_or(Problem::unknown(UNKNOWN))?;
    json(StatusCode::OK, &part(silence, access))
}

/// Begins a silence: the next cycle tells nothing of it any more.
#[utoipa::path(
    post,
    path = "/api/silences",
    operation_id = "createSilence",
    request_body = Wish,
    responses((status = 201, description = "It begins.", body = SilencePart, headers(("Location" = String)))),
    security(("token" = [])),
)]
pub(super) async fn create(
    request: HttpRequest,
    state: web::Data<WebState>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let access = state.door.to_operate(&request)?;
    Query::read(request.query_string(), &[])?;
    let wish: Option<Wish> = body::object(&request, payload).await?;
    let now = Utc::now();
    let silence = wish.ok_or_else(how_long)?.granted(Uuid::now_v7().to_string(), now)?;
    if !state.ask(state.store.silence(&silence)).await? {
        return Err(Problem::conflict(format!("There are {MOST} silences already: end some of them first.")));
    }
    log::info!("{}", silence.words());
    state.past.forget().await;
    let mut answer = json(StatusCode::CREATED, &part(&silence, access))?;
    if let Ok(location) = HeaderValue::try_from(format!("/api/silences/{}", silence.id)) {
        answer.headers_mut().insert(header::LOCATION, location);
    }
    Ok(answer)
}

/// Ends a silence: what it held back is told by the next cycle, if it is still there.
#[utoipa::path(
    delete,
    path = "/api/silences/{id}",
    operation_id = "endSilence",
    params(("id" = String, Path, description = "The silence's.")),
    responses((status = 204, description = "It is over.")),
    security(("token" = [])),
)]
pub(super) async fn end(
    request: HttpRequest,
    state: web::Data<WebState>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    state.door.to_operate(&request)?;
    Query::read(request.query_string(), &[])?;
    // Cycles count in whole seconds: one that begins now already tells.
    let now = Utc::now().trunc_subsecs(0);
    if !identity::is_possible(&id) || !state.ask(state.store.end_silence(&id, now)).await? {
        return Err(Problem::unknown(UNKNOWN));
    }
    log::info!("silence {id} is ended by {OPERATOR}");
    state.past.forget().await;
    Ok(no_content())
}

fn part(silence: &Silence, access: Access) -> SilencePart<'_> {
    let reason = Some(silence.reason.as_str()).filter(|reason| !reason.is_empty() && access > Access::Nobody);
    SilencePart {
        id: &silence.id,
        issue: silence.issue.map(|issue| issue.to_string()),
        created: timestamp(silence.created),
        until: timestamp(silence.until),
        by: &silence.by,
        reason,
    }
}

fn how_long() -> Problem {
    Problem::bad_request(r#"Say for how long: {"for": "2h"}, or {"until": "2025-10-17T16:00:00Z"}."#)
}

impl Wish {
    /// The silence that is wished for at `now`.
    fn granted(self, id: String, now: DateTime<Utc>) -> Result<Silence, Problem> {
        let span = match (&self.r#for, &self.until) {
            (Some(span), None) => span::parse(span).map_err(|_| out_of_bounds())?,
            (None, Some(until)) => {
                let until = DateTime::parse_from_rfc3339(until).map_err(|_| {
                    Problem::bad_request("until is to be a moment of RFC 3339, such as 2025-10-17T16:00:00Z.")
                })?;
                (until.to_utc() - now).to_std().unwrap_or_default()
            }
            (Some(_), Some(_)) | (None, None) => return Err(how_long()),
        };
        if !silence::is_possible(span) {
            return Err(out_of_bounds());
        }
        let until = silence::end(now, span);
        let issue = self.issue.as_deref().map(identity::issue).transpose()?;
        let by = line("by", self.by.as_deref().unwrap_or(OPERATOR), identity::LONGEST_NAME)?;
        let reason = match self.reason.as_deref().map(str::trim) {
            None | Some("") => String::new(),
            Some(reason) => line("reason", reason, LONGEST_REASON)?,
        };
        Ok(Silence { id, issue, created: now, until, by, reason })
    }
}

fn out_of_bounds() -> Problem {
    Problem::bad_request("A silence is longer than 0 and at most 30d: 30m, 2h, 2h 30m, 7d.")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::domain::issue::IssueId;

    fn moment() -> DateTime<Utc> {
        "2025-10-17T13:58:48.123456Z".parse().unwrap()
    }

    fn granted(wish: &str) -> Result<Silence, String> {
        let wish: Wish = serde_json::from_str(wish).map_err(|error| error.to_string())?;
        wish.granted("s-1".into(), moment()).map_err(|problem| problem.to_string())
    }

    #[test]
    fn a_wish_says_for_how_long_and_may_say_of_what_by_whom_and_why() {
        let silence = granted(r#"{"issue": "stuck_jobs", "for": "2h 30m", "by": " ada ", "reason": "backfill 🦀"}"#);
        let expected = Silence {
            id: "s-1".into(),
            issue: Some(IssueId::StuckJobs),
            created: moment(),
            until: "2025-10-17T16:28:49Z".parse().unwrap(),
            by: "ada".into(),
            reason: "backfill 🦀".into(),
        };
        assert_eq!(silence, Ok(expected));
        let silence =
            granted(r#"{"until": "2025-10-17T16:00:00+02:00", "issue": null, "by": null, "reason": ""}"#).unwrap();
        assert_eq!((silence.issue, &*silence.by, &*silence.reason), (None, "operator", ""));
        assert_eq!(silence.until, "2025-10-17T14:00:00Z".parse::<DateTime<Utc>>().unwrap());
        assert!(granted(r#"{"for": "30d"}"#).is_ok() && granted(r#"{"for": "1ms"}"#).is_ok());
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_what_would() {
        for (wish, expected) in [
            (r#"{}"#, "Say for how long"),
            (r#"{"for": "2h", "until": "2025-10-17T16:00:00Z"}"#, "Say for how long"),
            (r#"{"for": "0"}"#, "longer than 0 and at most 30d"),
            (r#"{"for": ""}"#, "longer than 0 and at most 30d"),
            (r#"{"for": "30d 1ms"}"#, "longer than 0 and at most 30d"),
            (r#"{"for": "99999999999999999999d"}"#, "longer than 0 and at most 30d"),
            (r#"{"for": "forever"}"#, "longer than 0 and at most 30d"),
            (r#"{"until": "2025-10-17T13:58:48Z"}"#, "longer than 0 and at most 30d"),
            (r#"{"until": "9999-12-31T23:59:59Z"}"#, "longer than 0 and at most 30d"),
            (r#"{"until": "tomorrow"}"#, "a moment of RFC 3339"),
            (r#"{"until": "2025-10-17"}"#, "a moment of RFC 3339"),
            (r#"{"for": "2h", "issue": "stuck"}"#, "There is no issue `stuck`; there are openai_offline, "),
            (r#"{"for": "2h", "by": ""}"#, "by is to be one line"),
            (r#"{"for": "2h", "reason": "a\nb"}"#, "reason is to be one line of 1 to 500"),
        ] {
            let refused = granted(wish).unwrap_err();
            assert!(refused.starts_with("400 ") && refused.contains(expected), "{wish}: {refused}");
        }
        assert!(granted(r#"{"for": "2h", "fro": "2h"}"#).unwrap_err().contains("unknown field `fro`"));
    }
}
