//! The web: the status page, the report, whether we are alive and ready, the history of incidents and deliveries, and orders.
//!
//! Invariants:
//! - Nothing here asks a party outside. Only who shows `OPS_TOKEN` makes anything happen: a cycle now, a fresh actor, an
//!   acknowledgement, a silence. (In the demo, and only there, everybody may do harm to an actor.)
//! - The newest report comes through a watch channel that the Escalator publishes to, not by a message to an actor: so
//!   a hung actor cannot hang the web, and a request costs no message. How old the report is and which
//!   actors keep failing is judged when serving: without a cycle nobody else would say so.
//! - Every answer of ours is built in `answer`, with its security headers; every error is a `problem::Problem`.
//!   Only what never becomes a request (garbage, a head that is too large or too slow) is answered by actix-http
//!   itself, with an empty 400, 431 or 408.
//! - The history is read from the store, also by those who do not lead; the report never is. What is asked for there has
//!   a bound, and takes turns (`turns`).
//! - Every wait has a deadline: a request's head, its body, a connection without requests (`connection`), a cycle, the database.

mod actor_orders;
mod address;
mod answer;
mod auth;
mod badge;
mod body;
mod connection;
mod deliveries;
mod feed;
mod guard;
mod health;
mod identity;
mod incidents;
mod metrics;
mod openapi;
mod ops_report;
mod problem;
mod prometheus;
mod query;
mod rendered;
mod report_handler;
mod session;
mod silences;
mod standing;
mod status_page;
#[cfg(test)]
mod tests;
mod throttle;
mod turns;

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::http::Method;
use actix_web::{App, HttpServer, Resource, guard as guards, web};
use tokio::sync::{Semaphore, watch};

use crate::actors::acknowledgements::Acknowledgements;
use crate::actors::delivery_board::DeliveryBoard;
use crate::actors::leadership::Leadership;
use crate::actors::scheduler::RunCycle;
use crate::actors::telemetry::Telemetry;
use crate::domain::issue::Issue;
use crate::domain::report::Overview;
use crate::domain::rules::Thresholds;
use crate::secret::Secret;
use crate::store::Store;
use crate::supervision::{Sender, Supervisor};

use self::problem::Problem;

pub use self::health::Ping;
pub use self::ops_report::{actors, document};

/// How long a request may wait for a cycle: Heroku's router gives up on an answer that has not begun after 30 s (H12).
pub const PATIENCE: Duration = Duration::from_secs(25);

/// How long a connection may rest between two requests: longer than a router in front keeps it (Heroku's 90 s, AWS's
/// 60 s), so that it is never we who close a connection on which the router is just sending.
const KEEP_ALIVE: Duration = Duration::from_secs(100);

/// How long the head of a connection's first request may take.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// Connections at a time; further ones wait in the listener's backlog. Each has two descriptors (see `connection`),
/// and all of them together stay below the customary limit of 1,024, so that a flood of visitors cannot starve the
/// checks of theirs.
const MAX_CONNECTIONS: usize = 400;

/// How long requests may take to end after the server was told to stop: we have 5 s for everything.
const SHUTDOWN_SECONDS: u64 = 3;

/// One thread serves: most of an idle server's CPU is each worker's clock, and one answers far more than is asked.
const WORKERS: usize = 1;

/// Says which of our own actors keep failing at the moment.
pub type Degraded = Arc<dyn Fn() -> Vec<Issue> + Send + Sync>;

/// What the web needs to know.
pub struct WebSettings {
    /// The token for what changes something, and for details.
    pub ops_token: Option<Secret>,
    /// The token for reading; if there is one, reading needs it or the other.
    pub read_token: Option<Secret>,
    /// The name of the watched service.
    pub service: String,
    /// Our own address, for links that leave the host.
    pub public_url: Option<String>,
    /// From where on a figure is an issue, for whoever looks at the figures of the past.
    pub thresholds: Thresholds,
    /// The time between two cycles.
    pub interval: Duration,
    /// The deadline of one check.
    pub check_timeout: Duration,
    /// How long a request may wait for a cycle: [`PATIENCE`], less in tests.
    pub patience: Duration,
    /// The commit that runs, where the host says it.
    pub commit: Option<String>,
}

/// Where the web gets its answers from.
pub struct Sources {
    /// What is known after the newest cycle; nothing before the first.
    pub reports: watch::Receiver<Option<Arc<Overview>>>,
    /// Who runs a cycle on request.
    pub run_cycle: Sender<RunCycle>,
    /// Asks the database.
    pub ping: Ping,
    /// What is remembered, for the history and for what people say about incidents.
    pub store: Store,
    /// Which of our own actors keep failing by now.
    pub degraded: Degraded,
    /// How it is with the channels by now.
    pub deliveries: DeliveryBoard,
    /// What was acknowledged since the newest cycle.
    pub acknowledgements: Acknowledgements,
    /// What has happened since the start; the web counts there what it is asked.
    pub telemetry: Telemetry,
    /// Whether it is we who run cycles.
    pub leadership: Leadership,
    /// Who keeps the actors alive, and lives itself if we are of any use.
    pub supervisor: Supervisor,
    /// Whether anybody may do harm to an actor; in the demo only.
    pub chaos: bool,
}

/// Everything that the handlers share.
pub struct WebState {
    settings: WebSettings,
    reports: watch::Receiver<Option<Arc<Overview>>>,
    run_cycle: Sender<RunCycle>,
    degraded: Degraded,
    deliveries: DeliveryBoard,
    telemetry: Telemetry,
    leadership: Leadership,
    supervisor: Supervisor,
    chaos: bool,
    database: health::Database,
    store: Store,
    turns: Semaphore,
    door: auth::Door,
    acknowledgements: Acknowledgements,
    rendered: rendered::Cache,
    sessions: session::Sessions,
    past: status_page::Past,
}

impl WebState {
    /// Puts the parts together.
    pub fn new(settings: WebSettings, sources: Sources) -> Self {
        let Sources {
            reports,
            run_cycle,
            ping,
            store,
            degraded,
            deliveries,
            acknowledgements,
            telemetry,
            leadership,
            supervisor,
            chaos,
        } = sources;
        let door = auth::Door::new(settings.ops_token.as_ref(), settings.read_token.as_ref());
        let sessions = session::Sessions::new(settings.ops_token.as_ref(), settings.read_token.as_ref());
        let database = health::Database::new(ping);
        let rendered = rendered::Cache::default();
        Self {
            settings,
            reports,
            run_cycle,
            degraded,
            deliveries,
            telemetry,
            leadership,
            supervisor,
            chaos,
            database,
            store,
            turns: turns::turns(),
            door,
            acknowledgements,
            rendered,
            sessions,
            past: status_page::Past::default(),
        }
    }
}

/// The routes there are.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .service(readable("/ops-report").route(reading().to(report_handler::ops_report)))
        .service(readable("/healthz").route(reading().to(health::healthz)))
        .service(readable("/readyz").route(reading().to(health::readyz)))
        .service(readable("/metrics").route(reading().to(metrics::metrics)))
        .service(readable("/api/incidents").route(reading().to(incidents::list)))
        .service(readable("/api/incidents/{id}").route(reading().to(incidents::one)))
        .service(postable("/api/incidents/{id}/ack").route(web::post().to(incidents::acknowledge)))
        .service(
            resource("/api/silences", "GET, HEAD, POST", "This path can be read and added to: GET, HEAD or POST.")
                .route(reading().to(silences::list))
                .route(web::post().to(silences::create)),
        )
        .service(
            resource(
                "/api/silences/{id}",
                "GET, HEAD, DELETE",
                "This path can be read and ended: GET, HEAD or DELETE.",
            )
            .route(reading().to(silences::one))
            .route(web::delete().to(silences::end)),
        )
        .service(readable("/api/openapi.json").route(reading().to(openapi::openapi)))
        .service(readable("/api/deliveries").route(reading().to(deliveries::list)))
        .service(postable("/api/actors/{actor}/restart").route(web::post().to(actor_orders::restart)))
        .service(readable("/badge.svg").route(reading().to(badge::whole)))
        .service(readable("/badge/{part}.svg").route(reading().to(badge::part)))
        .service(readable("/icon/{standing}.svg").route(reading().to(badge::icon)))
        .service(readable("/feed.xml").route(reading().to(feed::feed)))
        .configure(status_page::routes)
        .service(postable("/demo/actors/{actor}/{way}").route(web::post().to(actor_orders::harm)))
        .default_service(web::to(problem::not_found));
}

fn readable(path: &str) -> Resource {
    resource(path, "GET, HEAD", "This path can only be read: GET or HEAD.")
}

fn postable(path: &str) -> Resource {
    resource(path, "POST", "This path takes orders: POST.")
}

/// What is at `path`; a method that it has no route for is refused with those it has.
fn resource(path: &str, allow: &'static str, detail: &'static str) -> Resource {
    web::resource(path).default_service(web::to(move || async move { Problem::not_allowed(allow, detail) }))
}

/// GET, and HEAD, for which actix leaves out the body.
fn reading() -> actix_web::Route {
    web::route().guard(guards::Any(guards::Get()).or(guards::Method(Method::HEAD)))
}

/// The server on `listener`: it serves once it is awaited or spawned, within an actix system, and is stopped by its
/// handle.
///
/// # Errors
/// When the listener cannot be used.
pub fn server(state: Arc<WebState>, listener: TcpListener) -> io::Result<Server> {
    let state = web::Data::from(state);
    let app = move || {
        let telemetry = state.telemetry.clone();
        let counted = move |request, service: &_| metrics::counted(telemetry.clone(), request, service);
        App::new().app_data(state.clone()).configure(routes).wrap_fn(guard::guarded).wrap_fn(counted)
    };
    let server = HttpServer::new(app)
        .workers(WORKERS)
        .max_connections(MAX_CONNECTIONS)
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(HEAD_TIMEOUT)
        .on_connect(connection::watch)
        .shutdown_timeout(SHUTDOWN_SECONDS)
        .disable_signals()
        .listen(listener)?;
    Ok(server.run())
}
