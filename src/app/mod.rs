//! Composition: settings → store → clients → actors → web. The only room that knows everybody.

mod children;
mod watch;

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_rt::System;
use anyhow::Context as _;
use futures_util::FutureExt;

use crate::clients::notion::pace;
use crate::parties;
use crate::settings::Settings;
use crate::supervision::{self, Limits};
use crate::web::{self, Sources, WebState};

pub use watch::{Watch, location};

/// Runs `main` in an actix system on the one runtime that drives the I/O and the timers of all actors.
///
/// # Errors
/// Those of `main`, and that the system refuses us threads.
pub fn run<T>(main: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = supervision::runtime().context("the runtime cannot be started")?;
    System::with_tokio_rt(|| runtime).block_on(main)
}

/// What is different from one command to the other.
#[derive(Clone, Copy)]
pub struct Mode {
    /// Whether it ticks by itself.
    pub ticks: bool,
    /// Whether it decides everything but writes and sends nothing.
    pub dry_run: bool,
    /// How many requests a minute Notion gets at most.
    pub notion_pace: usize,
    /// How actors are kept; `None` stands for the limits of the service.
    pub limits: Option<Limits>,
    /// Whether anybody may do harm to an actor, to see it replaced.
    pub chaos: bool,
}

impl Mode {
    /// The service in earnest.
    pub const SERVICE: Self =
        Self { ticks: true, dry_run: false, notion_pace: pace::LIMIT, limits: None, chaos: false };

    /// No actor of ours awaits anything while its mailbox waits, so that one which does not answer is stuck. Each round of
    /// pings wakes every thread, and a service that looks every five minutes is idle otherwise: with a round every 500 ms
    /// it used 41 ms of CPU a minute, most of it for that. A hang is found within half a minute or so, in time for the
    /// cycle that it would hold up; a panic or a stop does not wait for a round.
    fn limits(self) -> Limits {
        self.limits.unwrap_or_else(|| Limits {
            tick: Duration::from_secs(10),
            block_after: Duration::from_secs(10),
            stuck_after: Duration::from_secs(20),
            watchdog: Duration::from_secs(60),
            ..Limits::default()
        })
    }
}

/// Starts the web on `listener`.
///
/// # Errors
/// The listener cannot be used.
pub fn serve_web(settings: &Settings, watch: &Watch, listener: TcpListener) -> anyhow::Result<actix_web::dev::Server> {
    let ledger = watch.ledger.clone();
    let sources = Sources {
        reports: watch.overview.clone(),
        run_cycle: watch.scheduler.clone(),
        ping: Arc::new(move || {
            let ledger = ledger.clone();
            // One that is full lets nothing be written but what takes no room: what the last cycle met counts, too.
            async move {
                match ledger.fault().await {
                    Some(fault) => Err(fault.to_string()),
                    None => ledger.store().ping().await.map_err(|error| error.to_string()),
                }
            }
            .boxed()
        }),
        store: watch.ledger.store().clone(),
        degraded: Arc::clone(&watch.degraded),
        deliveries: watch.board.clone(),
        acknowledgements: watch.acknowledgements.clone(),
        telemetry: watch.telemetry.clone(),
        leadership: watch.leadership.clone(),
        supervisor: watch.supervisor.clone(),
        chaos: watch.chaos,
    };
    let state = Arc::new(WebState::new(parties::web(settings), sources));
    web::server(state, listener).context("the web cannot be started")
}
