//! `GET /metrics`: what there is to know, for Prometheus. And the count of what the web itself is asked.

use std::time::Instant;

use actix_web::dev::{Service, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderValue;
use actix_web::{Error, HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};

use super::WebState;
use super::answer::answer;
use super::ops_report::actors;
use super::problem::Problem;
use super::prometheus::{Snapshot, text};
use crate::actors::telemetry::Telemetry;

/// The text format of Prometheus.
static TEXT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// The version that runs.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The handler of a request for which there is none.
const NO_HANDLER: &str = "none";

/// Metrics in the text format of Prometheus.
///
/// It asks nobody, not even the database.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "getMetrics",
    responses((status = 200, description = "Version 0.0.4 of the format.", body = String, content_type = "text/plain")),
    security((), ("token" = [])),
)]
pub(super) async fn metrics(request: HttpRequest, state: web::Data<WebState>) -> Result<HttpResponse, Problem> {
    state.door.to_read(&request)?;
    let now = Utc::now();
    let present = state.present(now);
    let (deliveries, actors) = (state.deliveries.known(), actors(&state.supervisor));
    let age = |moment: DateTime<Utc>| (now - moment).to_std().unwrap_or_default();
    let snapshot = Snapshot {
        last_cycle: present.overview.as_ref().map(|overview| age(overview.report.timestamp)),
        last_complete_cycle: state.telemetry.last_complete_cycle().map(age),
        // What an old report says is not known any more.
        overview: present.overview.as_deref().filter(|_| !present.is_stale()),
        is_well: present.overview.as_ref().map(|known| known.report.overall_ok() && present.since.is_empty()),
        deliveries: &deliveries,
        actors: &actors,
        leads: state.leadership.footing().is_some(),
        version: VERSION,
        commit: state.settings.commit.as_deref(),
    };
    let text = text(state.telemetry.gather(), &snapshot).map_err(|error| {
        log::error!("the metrics cannot be written: {error}");
        Problem::internal()
    })?;
    Ok(answer(StatusCode::OK, &TEXT, text))
}

/// Lets `service` answer, and counts it.
pub(super) fn counted<S, B>(
    telemetry: Telemetry,
    request: ServiceRequest,
    service: &S,
) -> impl Future<Output = Result<S::Response, Error>> + use<S, B>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
{
    let began = Instant::now();
    let handler = request.match_pattern();
    let called = service.call(request);
    async move {
        let answered = called.await;
        let status = match &answered {
            Ok(answer) => answer.status(),
            Err(error) => error.as_response_error().status_code(),
        };
        telemetry.answered(handler.as_deref().unwrap_or(NO_HANDLER), class(status), began.elapsed());
        answered
    }
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        100..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        _ => "5xx",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use actix_web::App;
    use actix_web::test::{TestRequest, call_service, init_service, try_call_service};

    use super::*;
    use crate::web::guard::guarded;

    async fn ill() -> HttpResponse {
        panic!("on purpose")
    }

    #[actix_web::test]
    async fn answers_are_counted_by_pattern_and_class_also_those_of_a_panic() {
        let telemetry = Telemetry::new(Utc::now(), &[]).unwrap();
        let counting = telemetry.clone();
        let app = App::new()
            .route("/well/{id}", web::get().to(HttpResponse::NoContent))
            .route("/ill/{id}", web::get().to(ill))
            .wrap_fn(guarded)
            .wrap_fn(move |request, service| counted(counting.clone(), request, service));
        let app = init_service(app).await;
        for path in ["/well/1", "/well/2%2F3", "/nowhere"] {
            call_service(&app, TestRequest::with_uri(path).to_request()).await;
        }
        assert!(try_call_service(&app, TestRequest::with_uri("/ill/1").to_request()).await.is_err());
        let counted = ::prometheus::TextEncoder::new().encode_to_string(&telemetry.gather()).unwrap();
        for expected in [
            r#"http_requests_total{handler="/well/{id}",status="2xx"} 2"#,
            r#"http_requests_total{handler="/ill/{id}",status="5xx"} 1"#,
            r#"http_requests_total{handler="none",status="4xx"} 1"#,
            r#"http_request_duration_seconds_count{handler="/ill/{id}"} 1"#,
        ] {
            assert!(counted.contains(&format!("auto_operator_{expected}\n")), "{expected} in {counted}");
        }
        assert!(!counted.contains("/well/1") && !counted.contains("nowhere"), "{counted}");
    }
}
