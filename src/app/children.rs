//! The actors, started in order under one supervisor.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::Mode;
use crate::actors::check_actor::{CheckActor, Desk, Looker};
use crate::actors::conclusion::{Cadence, Policy};
use crate::actors::courier::Route;
use crate::actors::delivery_board::DeliveryBoard;
use crate::actors::escalator::{Circle, Escalator, Looked};
use crate::actors::heart::Heart;
use crate::actors::leadership::Leadership;
use crate::actors::notifier::Notifier;
use crate::actors::pace::Pace;
use crate::actors::rhythm::Rhythm;
use crate::actors::scheduler::{Neighbours, RunCycle, Scheduler, Ticking};
use crate::actors::settling::Settling;
use crate::actors::telemetry::Telemetry;
use crate::channels::ChannelSpec;
use crate::checks::CheckSpec;
use crate::domain::report::Overview;
use crate::parties;
use crate::settings::Settings;
use crate::store::Ledger;
use crate::supervision::{ChildSpec, Handle, Sender, Supervisor};

/// How long a cycle may take beyond the deadline of its checks: gathering, and writing down what follows, which takes a
/// while where the database does not answer.
const SETTLING: Duration = Duration::from_secs(13);

/// What one letter may cost in requests: the Status Board asks for its schema, then updates, then creates.
const REQUESTS_A_LETTER: u32 = 3;

/// What all actors are given.
pub(super) struct Children<'a> {
    pub(super) supervisor: &'a Supervisor,
    pub(super) ledger: &'a Ledger,
    pub(super) leadership: &'a Leadership,
    pub(super) heart: &'a Heart,
    pub(super) board: &'a DeliveryBoard,
    pub(super) telemetry: &'a Telemetry,
    /// How each channel is spared.
    pub(super) paces: &'a BTreeMap<&'static str, Pace>,
}

/// Starts a Notifier for each channel; none in a dry run.
pub(super) fn start_notifiers(
    with: &Children<'_>,
    channels: &[ChannelSpec],
    settings: &Settings,
    mode: Mode,
) -> anyhow::Result<Vec<(&'static str, Handle<Notifier>)>> {
    let owner = uuid::Uuid::now_v7().to_string();
    let deadline = settings.timing.request_timeout * REQUESTS_A_LETTER;
    let active = channels.iter().filter(|_| !mode.dry_run).cloned();
    let started = active.map(|channel| {
        let name = channel.name;
        let vacancy = ChildSpec::new(format!("notifier:{name}")).vacancy::<Notifier>();
        let returned = vacancy.handle().sender();
        let route = Route {
            pace: with.paces.get(name).cloned().unwrap_or_else(|| Pace::new(channel.pace)),
            channel,
            ledger: with.ledger.clone(),
            owner: owner.clone(),
            deadline,
            leadership: with.leadership.clone(),
            maintenance: settings.maintenance.clone(),
            wording: parties::wording(settings),
            board: with.board.clone(),
            telemetry: with.telemetry.clone(),
        };
        let notifier = with.supervisor.add(vacancy, move |_| Notifier::new(route.clone(), returned.clone()))?;
        Ok((name, notifier))
    });
    started.collect()
}

/// Starts the checks, the Escalator and, last of all, the Scheduler.
pub(super) fn start_cycles(
    with: &Children<'_>,
    checks: Vec<CheckSpec>,
    notifiers: &[(&'static str, Handle<Notifier>)],
    policy: &Policy,
    published: watch::Sender<Option<Arc<Overview>>>,
) -> anyhow::Result<Sender<RunCycle>> {
    let scheduler = ChildSpec::new("scheduler").vacancy::<Scheduler>();
    let escalator = ChildSpec::new("escalator").vacancy::<Escalator>();
    let Cadence { interval, check_timeout, ticks } = policy.cadence;
    let checks = start_checks(with, checks, check_timeout, &escalator.handle().sender())?;

    let neighbours = Neighbours {
        checks,
        escalator: escalator.handle().sender(),
        completed: scheduler.handle().sender(),
        leadership: with.leadership.clone(),
        heart: with.heart.clone(),
    };
    let circle = Circle {
        notifiers: notifiers.iter().map(|(_, notifier)| notifier.sender()).collect(),
        scheduler: scheduler.handle().sender(),
        published,
        heart: with.heart.clone(),
    };
    let settling = Settling::new(with.ledger.clone(), with.board.clone(), with.telemetry.clone());
    let policy = policy.clone();
    with.supervisor.add(escalator, move |_| Escalator::new(policy.clone(), settling.clone(), circle.clone()))?;

    let ticking = if ticks { Ticking::Every(interval) } else { Ticking::OnDemand };
    let rhythm = Rhythm::starting_now();
    let scheduler = with.supervisor.add(scheduler, move |_| {
        Scheduler::new(ticking, rhythm.clone(), check_timeout + SETTLING, neighbours.clone())
    })?;
    Ok(scheduler.sender())
}

fn start_checks(
    with: &Children<'_>,
    checks: Vec<CheckSpec>,
    timeout: Duration,
    escalator: &Sender<Looked>,
) -> anyhow::Result<Vec<Looker>> {
    let started = checks.into_iter().map(|spec| {
        let (name, told, desk) = (spec.name, escalator.clone(), Desk::empty());
        let kept = desk.clone();
        let check = with.supervisor.add(ChildSpec::new(name.name()), move |_| {
            CheckActor::new((spec.build)(), timeout, told.clone(), desk.clone())
        })?;
        Ok(Looker::new(name, kept, check.sender(), escalator.clone()))
    });
    started.collect()
}
