//! What people may do to an actor: have it replaced, and, in the demo, do harm to it.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use super::WebState;
use super::answer::{JSON, answer};
use super::problem::Problem;
use crate::supervision::{Chaos, UnknownChild};

/// `POST /api/actors/{actor}/restart`: a fresh actor takes its place, soon after the answer.
pub(super) async fn restart(
    request: HttpRequest,
    state: web::Data<WebState>,
    actor: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    state.door.to_operate(&request)?;
    log::info!("actor={actor} is restarted by request");
    accepted(state.supervisor.restart(&actor))
}

/// `POST /demo/actors/{actor}/{way}`: harm on purpose. Outside the demo there is no such thing.
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
    Ok(answer(StatusCode::ACCEPTED, &JSON, &br#"{"status":"accepted"}"#[..]))
}
