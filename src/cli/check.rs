//! `check`: one full cycle, and the report on stdout.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;

use super::NOT_OK;
use crate::actors::notifier::Pass;
use crate::actors::scheduler::RunCycle;
use crate::app::{self, Mode, Watch};
use crate::domain::message::timestamp;
use crate::logging::Scrubber;
use crate::settings::Settings;
use crate::web;

/// What a cycle may take beyond the deadline of its checks.
const GRACE: Duration = Duration::from_secs(15);

/// How long to wait until each notice was delivered or has failed once, in requests.
const FLUSH_REQUESTS: u32 = 6;

/// How long the last heartbeat may take beyond the deadline of its request.
const LAST_BEAT: Duration = Duration::from_secs(1);

/// Runs one cycle; the exit code says whether all is well.
pub(super) fn run(settings: &Settings, scrubber: Scrubber, dry_run: bool) -> anyhow::Result<ExitCode> {
    app::run(async {
        let watch = Watch::start(settings, scrubber, Mode { ticks: false, dry_run, ..Mode::SERVICE }).await?;
        let outcome = look(settings, &watch).await;
        watch.heart.rest(settings.timing.request_timeout + LAST_BEAT).await;
        watch.stop().await;
        outcome
    })
}

async fn look(settings: &Settings, watch: &Watch) -> anyhow::Result<ExitCode> {
    let limit = settings.timing.check_timeout + GRACE;
    let cycle = watch.scheduler.call(RunCycle, limit).await;
    let overview = cycle.context("the Scheduler has no answer")?.context("the cycle did not come to an end")?;
    for (channel, pass) in watch.flush(settings.timing.request_timeout * FLUSH_REQUESTS).await {
        match pass {
            Some(Pass { delivered, failed, waiting: None }) => {
                log::info!("{channel}: {delivered} delivered, {failed} not");
            }
            Some(Pass { delivered, failed, waiting: Some(next) }) => log::warn!(
                "{channel}: {delivered} delivered, {failed} not; what is left waits in the outbox, until {} at least",
                timestamp(next)
            ),
            None => log::warn!("{channel}: still sending; what is unsent waits in the outbox"),
        }
    }
    let actors = web::actors(&watch.supervisor);
    let deliveries = watch.board.known();
    let channels = watch.board.each(&deliveries);
    let report = web::document(&overview, &[], &actors, &channels, &settings.service_name, true);
    let json = serde_json::to_string_pretty(&report).context("the report cannot be written")?;
    writeln!(std::io::stdout(), "{json}").context("the report cannot be printed")?;
    Ok(if overview.report.overall_ok() { ExitCode::SUCCESS } else { ExitCode::from(NOT_OK) })
}
