//! Around every handler: a panic is answered instead of cutting the connection.

use std::panic::{AssertUnwindSafe, catch_unwind};

use actix_web::Error;
use actix_web::dev::{Service, ServiceRequest};
use futures_util::FutureExt;

use super::connection;
use super::problem::Problem;

/// Lets `service` answer, and answers 500 in its place if it panics.
///
/// The request is not kept (actix wants to be its only holder while it is routed), so that the answer goes back as an
/// error, which needs none.
pub(super) fn guarded<S>(
    request: ServiceRequest,
    service: &S,
) -> impl Future<Output = Result<S::Response, Error>> + use<S>
where
    S: Service<ServiceRequest, Error = Error>,
{
    connection::beat(&request);
    let called = catch_unwind(AssertUnwindSafe(|| service.call(request)));
    async move {
        let answered = match called {
            Ok(answer) => AssertUnwindSafe(answer).catch_unwind().await,
            Err(panic) => Err(panic),
        };
        answered.unwrap_or_else(|_| {
            log::error!("a request's handler panicked; answered 500");
            Err(Problem::internal().into())
        })
    }
}
