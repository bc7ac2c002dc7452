//! `serve`: the service, until it is told to stop.

use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::app::{self, Mode, Watch};
use crate::logging::Scrubber;
use crate::settings::Settings;

/// After a signal the process is gone within 5 s, whatever hangs: what is unsent waits in the outbox.
const SHUTDOWN_LIMIT: Duration = Duration::from_millis(4_500);

/// How long what is being sent may take to finish.
const FINISHING: Duration = Duration::from_millis(2_500);

/// Serves until SIGTERM or SIGINT.
pub(super) fn run(settings: &Settings, scrubber: Scrubber) -> anyhow::Result<ExitCode> {
    app::run(async {
        let stop = Stop::listen()?;
        until(settings, listener(settings)?, scrubber, Mode::SERVICE, stop, |_| {}).await
    })
}

/// Where the web of `settings` listens from now on.
pub(super) fn listener(settings: &Settings) -> anyhow::Result<TcpListener> {
    let address = SocketAddr::new(settings.web.host, settings.web.port);
    TcpListener::bind(address)
        .with_context(|| format!("cannot listen on {address}: set HOST and PORT to an address that is free"))
}

/// The signals that end the service.
pub(super) struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    /// Listens from now on.
    pub(super) fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("signals cannot be received");
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    /// Waits for the next one and names it.
    pub(super) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// Starts everything, says so to `started`, serves on `listener` until `stop`, and ends in order.
pub(super) async fn until(
    settings: &Settings,
    listener: TcpListener,
    scrubber: Scrubber,
    mode: Mode,
    mut stop: Stop,
    started: impl FnOnce(&Watch),
) -> anyhow::Result<ExitCode> {
    let bound = listener.local_addr().context("it is not known where the web listens")?;
    let watch = tokio::select! {
        watch = Watch::start(settings, scrubber, mode) => watch?,
        signal = stop.next() => {
            log::info!("{signal}: nothing has begun yet");
            return Ok(ExitCode::SUCCESS);
        }
    };
    let server = app::serve_web(settings, &watch, listener)?;
    log::info!("listening on http://{bound}");
    started(&watch);
    let handle = server.handle();
    #[expect(clippy::disallowed_methods, reason = "the server is no part of an actor; its end is awaited below")]
    let web = actix_rt::spawn(server);
    let signal = tokio::select! {
        signal = stop.next() => signal,
        ended = web => {
            ended.context("the web panicked")?.context("the web ended")?;
            anyhow::bail!("the web ended by itself");
        }
    };
    log::info!("{signal}: finishing what is being sent");
    give_up_in_time(stop);
    // Side by side: a request that takes its time does not keep a notice from being finished.
    tokio::join!(handle.stop(true), watch.finish(FINISHING));
    watch.stop().await;
    log::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// Ends the process when stopping in order takes too long, and at once at a second signal.
fn give_up_in_time(mut stop: Stop) {
    // A thread, not a task: it has to work when the runtime is what hangs.
    #[expect(clippy::disallowed_methods, reason = "a thread that has nothing to do but wait")]
    std::thread::spawn(|| {
        std::thread::sleep(SHUTDOWN_LIMIT);
        log::warn!("stopping took too long; what is unsent waits in the outbox");
        std::process::exit(0);
    });
    let at_once = async move {
        stop.next().await;
        std::process::exit(0);
    };
    #[expect(clippy::disallowed_methods, reason = "it ends the process, and nothing else")]
    drop(actix_rt::spawn(at_once));
}
