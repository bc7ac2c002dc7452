//! `GET /ops-report`: the newest report, the first one as soon as it is there, or one made now.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::Utc;
use tokio::time::timeout;
use url::form_urlencoded;

use super::WebState;
use super::answer::{JSON, answer};
use super::auth::Access;
use super::ops_report::OpsReport;
use super::problem::{self, Problem};
use crate::actors::leadership::Standing;
use crate::actors::scheduler::RunCycle;
use crate::domain::message::duration;
use crate::domain::report::{self, Overview};
use crate::supervision::AskError;

/// When it is worth asking again after a wait for a cycle was in vain.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// What a cycle takes beyond the deadline of its checks.
const CYCLE_MARGIN: Duration = Duration::from_secs(5);

/// The newest report.
///
/// It starts no cycle and asks nobody outside, unless `refresh` is given. If no cycle has finished yet, it waits for the
/// first.
#[utoipa::path(
    get,
    path = "/ops-report",
    operation_id = "getReport",
    params(("refresh" = Option<u8>, Query, description = "`1`, with OPS_TOKEN: run a cycle now.", minimum = 1, maximum = 1)),
    responses(
        (status = 200, description = "All is well.", body = OpsReport),
        (
            status = 503,
            description = "All is not well, or there is no report yet.",
            content((OpsReport = "application/json"), (problem::Body = "application/problem+json")),
        ),
    ),
    security((), ("token" = []), ("session" = [])),
)]
pub(super) async fn ops_report(request: HttpRequest, state: web::Data<WebState>) -> Result<HttpResponse, Problem> {
    let refresh = wants_refresh(request.query_string())?;
    let access = if refresh { state.door.to_operate(&request)? } else { state.to_see(&request)?.access };
    let overview = if refresh { state.made_now().await } else { state.newest().await }?;
    state.report(&overview, access)
}

fn wants_refresh(query: &str) -> Result<bool, Problem> {
    match form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "refresh") {
        None => Ok(false),
        Some((_, value)) if value == "1" => Ok(true),
        Some(_) => Err(Problem::bad_request("refresh is either left out or 1.")),
    }
}

impl WebState {
    /// The newest report, or the first one once it is there.
    async fn newest(&self) -> Result<Arc<Overview>, Problem> {
        let newest = self.reports.borrow().clone();
        if let Some(newest) = newest {
            return Ok(newest);
        }
        let mut reports = self.reports.clone();
        let first = timeout(self.settings.patience, reports.wait_for(Option::is_some)).await;
        let first = first.ok().and_then(Result::ok).and_then(|first| first.clone());
        first.ok_or_else(|| Problem::unavailable("No cycle is complete yet.").retry_after(RETRY_AFTER))
    }

    /// The report of a cycle that is run now. When it takes too long for the asker, it goes on without them.
    pub(super) async fn made_now(&self) -> Result<Arc<Overview>, Problem> {
        if let Standing::Following { leader } = self.leadership.standing() {
            let leader = leader.as_deref().unwrap_or("another one");
            let detail = format!("This instance stands by, and cycles are run by the one that leads: {leader}.");
            return Err(Problem::unavailable(detail).retry_after(RETRY_AFTER));
        }
        let patience = self.settings.patience.min(self.settings.check_timeout + CYCLE_MARGIN);
        // A Scheduler that is replaced meanwhile is asked again: a cycle too many does no harm.
        let problem = match self.run_cycle.call(RunCycle, patience).await {
            Ok(Some(overview)) => return Ok(overview),
            Ok(None) => Problem::unavailable("The cycle could not be completed."),
            Err(AskError::Unavailable | AskError::Busy | AskError::Lost) => {
                Problem::unavailable("The Scheduler does not take orders at the moment.")
            }
            Err(AskError::Late) => Problem::unavailable(format!(
                "The cycle is still running after {}; ask again without refresh.",
                duration(patience)
            )),
        };
        Err(problem.retry_after(RETRY_AFTER))
    }

    /// The answer that shows `overview`, as old as it is by now.
    fn report(&self, overview: &Arc<Overview>, access: Access) -> Result<HttpResponse, Problem> {
        let settings = &self.settings;
        let stale = report::stale(overview.report.timestamp, Utc::now(), settings.interval, settings.check_timeout);
        let page = self.rendered.page(overview, stale, self, access > Access::Nobody).map_err(|error| {
            log::error!("the report cannot be written as JSON: {error}");
            Problem::internal()
        })?;
        let status = if page.ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        Ok(answer(status, &JSON, page.body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cycle_is_asked_for_by_exactly_refresh_1() {
        for (query, expected) in [
            ("", Some(false)),
            ("refresh=1", Some(true)),
            ("a=b&refresh=1", Some(true)),
            ("refresh=%31", Some(true)),
            ("refreshed=1", Some(false)),
            ("refresh", None),
            ("refresh=", None),
            ("refresh=0", None),
            ("refresh=yes", None),
        ] {
            assert_eq!(wants_refresh(query).ok(), expected, "{query:?}");
        }
    }
}
