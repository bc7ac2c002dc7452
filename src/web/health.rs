//! Alive, and ready: for the platform that decides whether to restart us or to send us requests.
//!
//! Both are open to everybody, whatever token is shown, and give no details: what a database said is in the log.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use futures_util::future::BoxFuture;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::WebState;
use super::answer::{Word, word};
use super::problem::Problem;

/// Asks the database whether it answers; the error is for the log.
///
/// It is awaited on the web's own runtime, so that it must not hold a connection of another one: it hands the question
/// over and waits for the answer.
pub type Ping = Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// How long the database may take to say that it is there.
const PING_TIMEOUT: Duration = Duration::from_secs(2);

/// How long its answer is taken for granted: readiness is open to everybody, and the database is not to feel it.
const PING_FRESH: Duration = Duration::from_secs(1);

/// When it is worth asking again whether we are ready.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// The database, as far as the web is concerned: does it answer? Asked by one at a time; the others share the answer.
pub(super) struct Database {
    ping: Ping,
    last: Mutex<Option<(Instant, bool)>>,
}

impl Database {
    /// A database that has not been asked yet.
    pub(super) fn new(ping: Ping) -> Self {
        Self { ping, last: Mutex::default() }
    }

    async fn answers(&self) -> bool {
        let mut last = self.last.lock().await;
        if let Some((_, answers)) = last.filter(|(asked, _)| asked.elapsed() < PING_FRESH) {
            return answers;
        }
        let answers = match timeout(PING_TIMEOUT, (self.ping)()).await {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                log::debug!("not ready: the database does not answer: {error}");
                false
            }
            Err(_) => {
                log::debug!("not ready: the database has not answered within {PING_TIMEOUT:?}");
                false
            }
        };
        *last = Some((Instant::now(), answers));
        answers
    }
}

/// Alive: the process can serve, and what must live does. Open to everybody.
#[utoipa::path(get, path = "/healthz", operation_id = "getLiveness", responses((status = 200, description = "It is.", body = Word)))]
pub(super) async fn healthz(state: web::Data<WebState>) -> Result<HttpResponse, Problem> {
    if state.supervisor.is_alive() {
        word(StatusCode::OK, "ok")
    } else {
        Err(Problem::unavailable("The supervisor of the actors does not live."))
    }
}

/// Ready: a cycle is complete, and the database answers. Open to everybody.
#[utoipa::path(get, path = "/readyz", operation_id = "getReadiness", responses((status = 200, description = "It is.", body = Word)))]
pub(super) async fn readyz(state: web::Data<WebState>) -> Result<HttpResponse, Problem> {
    let cycle = state.reports.borrow().is_some();
    let database = state.database.answers().await;
    let (detail, missing): (_, &[_]) = match (cycle, database) {
        (true, true) => return word(StatusCode::OK, "ok"),
        (false, true) => ("No cycle is complete yet.", &["cycle"]),
        (true, false) => ("The database does not answer.", &["database"]),
        (false, false) => ("No cycle is complete yet, and the database does not answer.", &["cycle", "database"]),
    };
    Err(Problem::unavailable(detail).missing(missing).retry_after(RETRY_AFTER))
}
