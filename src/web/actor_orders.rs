//! What people may do to an actor: have it replaced, and, in the demo, do harm to it.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use super::WebState;
use super::answer::{Word, word};
use super::identity::OPERATOR;
use super::problem::Problem;
use crate::supervision::{Chaos, UnknownChild};

/// Restarts an actor: a fresh one takes its place, soon after the answer.
#[utoipa::path(
    post,
    path = "/api/actors/{actor}/restart",
    operation_id = "restartActor",
    params(("actor" = String, Path, description = "A name as in the report, such as `notifier:email`.")),
    responses((status = 202, description = "Soon.", body = Word)),
    security(("token" = [])),
)]
pub(super) async fn restart(
    request: HttpRequest,
    state: web::Data<WebState>,
    actor: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    state.door.to_operate(&request)?;
    log::info!("actor={actor} is restarted by {OPERATOR}");
    accepted(state.supervisor.restart(&actor))
}

/// Does harm to an actor, on purpose; it is for the demo, and outside there is no such thing.
#[utoipa::path(
    post,
    path = "/demo/actors/{actor}/{way}",
    operation_id = "harmActor",
    params(
        ("actor" = String, Path, description = "A name as in the report, such as `notifier:email`."),
        ("way" = String, Path, description = "`panic`, `stop`, `hang` or `block`."),
    ),
    responses((status = 202, description = "Soon.", body = Word)),
)]
pub(super) async fn harm(
    state: web::Data<WebState>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    if !state.chaos {
        return Err(super::problem::not_found().await);
    }
    let (actor, way) = path.into_inner();
    let way: Chaos = way.parse().map_err(|_| Problem::unknown("The ways are panic, stop, hang and block."))?;
    accepted(state.supervisor.harm(&actor, way))
}

fn accepted(done: Result<(), UnknownChild>) -> Result<HttpResponse, Problem> {
    done.map_err(|UnknownChild| Problem::unknown("There is no such actor; the report lists those there are."))?;
    word(StatusCode::ACCEPTED, "accepted")
}
