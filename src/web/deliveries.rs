//! The ledger of deliveries: `GET /api/deliveries`.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::WebState;
use super::answer::json;
use super::auth::Access;
use super::problem::Problem;
use super::query::Query;
use crate::domain::delivery::error_kind;
use crate::domain::issue::CHANNELS;
use crate::domain::message::timestamp;
use crate::store::{Attempt, DeliveryRecord, Outcome};

/// The answer to `GET /api/deliveries`: a page of the ledger.
#[derive(Serialize, ToSchema)]
#[schema(as = Deliveries)]
struct DeliveriesPart<'a> {
    /// The newest first.
    deliveries: Vec<DeliveryPart<'a>>,
    /// The `cursor` of the next page; `null` on the last one.
    next: Option<&'a str>,
}

/// One notice to one channel, and what became of it.
#[derive(Serialize, ToSchema)]
#[schema(as = Delivery)]
pub(super) struct DeliveryPart<'a> {
    /// Unique; a mail carries it in its Message-ID.
    id: &'a str,
    /// `email`, `telegram` or `notion`.
    channel: &'a str,
    /// `alert`, `reminder`, `resolved`, `lifecycle` or `status`.
    kind: &'a str,
    /// `pending`, `delivered`, `undelivered` (it never will be) or `merged` (another notice tells it).
    state: &'static str,
    /// Its subject, or first line.
    subject: &'a str,
    /// When it was posted, RFC 3339.
    created: String,
    /// How many times it was tried.
    attempts: u32,
    /// When it is tried next, at the earliest; `null` unless it is pending.
    next_try: Option<String>,
    /// When the channel took it; `null` as long as it has not.
    delivered_at: Option<String>,
    /// What the channel answered when it took it. `null` as long as it has not, and for whoever shows no token.
    answer: Option<&'a str>,
    /// What the channel answered when it last did not take it; its kind, such as `timeout`, for whoever shows no token.
    /// `null` if it never did.
    last_error: Option<&'a str>,
    /// The notice that tells what this one was to tell; `null` unless it is merged.
    merged_into: Option<&'a str>,
    /// The incidents that it tells of.
    incidents: Vec<SubjectPart<'a>>,
    /// Each attempt, the first one first.
    tries: Vec<TryPart<'a>>,
}

/// What a notice tells of an incident.
#[derive(Serialize, ToSchema)]
#[schema(as = Subject)]
struct SubjectPart<'a> {
    /// The incident's.
    id: &'a str,
    /// `opened`, `worsened`, `reminded` or `resolved`.
    step: &'a str,
}

/// One attempt to deliver a notice.
#[derive(Serialize, ToSchema)]
#[schema(as = Try)]
struct TryPart<'a> {
    /// When it ended, RFC 3339.
    at: String,
    /// `delivered`, `later` or `never`.
    outcome: &'static str,
    /// What the channel answered. For whoever shows no token, the kind of an error, and `null` if it took it.
    answer: Option<&'a str>,
}

/// The ledger of deliveries.
#[utoipa::path(
    get,
    path = "/api/deliveries",
    operation_id = "listDeliveries",
    params(
        ("channel" = Option<String>, Query, description = "`email`, `telegram` or `notion`; all if absent."),
        ("limit" = Option<u32>, Query, description = "Entries of a page; 50 if absent.", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "What `next` said on the page before."),
    ),
    responses((status = 200, description = "A page of it.", body = DeliveriesPart)),
    security((), ("token" = []), ("session" = [])),
)]
pub(super) async fn list(request: HttpRequest, state: web::Data<WebState>) -> Result<HttpResponse, Problem> {
    let access = state.to_see(&request)?.access;
    let query = Query::read(request.query_string(), &["channel", "limit", "cursor"])?;
    let known = |name: &str| CHANNELS.into_iter().find(|channel| *channel == name);
    let channel = query.read_as("channel", known, || CHANNELS.join(" or "))?;
    let page = state.ask(state.store.deliveries_page(channel, query.get("cursor"), query.limit()?)).await?;
    let deliveries = page.items.iter().map(|record| part(record, access)).collect();
    json(StatusCode::OK, &DeliveriesPart { deliveries, next: page.next.as_deref() })
}

/// What is shown of `record` to whoever has this `access`: what channels said is for holders of a token.
pub(super) fn part(record: &DeliveryRecord, access: Access) -> DeliveryPart<'_> {
    DeliveryPart {
        id: &record.id,
        channel: &record.channel,
        kind: &record.kind,
        state: record.state.name(),
        subject: &record.subject,
        created: timestamp(record.created),
        attempts: record.attempts,
        next_try: record.next_try.map(timestamp),
        delivered_at: record.delivered_at.map(timestamp),
        answer: record.answer.as_deref().filter(|_| access > Access::Nobody),
        last_error: record.last_error.as_deref().map(|error| reduced(error, access)),
        merged_into: record.merged_into.as_deref(),
        incidents: record.incidents.iter().map(subject).collect(),
        tries: record.tries.iter().map(|attempt| tried(attempt, access)).collect(),
    }
}

/// What is shown of an error.
fn reduced(error: &str, access: Access) -> &str {
    if access > Access::Nobody { error } else { error_kind(error) }
}

fn subject((id, step): &(String, String)) -> SubjectPart<'_> {
    SubjectPart { id, step }
}

fn tried(attempt: &Attempt, access: Access) -> TryPart<'_> {
    let said = attempt.answer.as_str();
    let answer = match attempt.outcome {
        Outcome::Delivered => Some(said).filter(|_| access > Access::Nobody),
        Outcome::Later | Outcome::Never => Some(reduced(said, access)),
    };
    TryPart { at: timestamp(attempt.at), outcome: attempt.outcome.name(), answer }
}
