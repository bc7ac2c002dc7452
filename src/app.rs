//! Composition: settings → store → clients → actors → web. The only file that knows everybody.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_rt::System;
use anyhow::Context as _;
use futures_util::FutureExt;
use tokio::sync::watch;

use crate::actors::check_actor::{CheckActor, Desk, Looker};
use crate::actors::courier::Route;
use crate::actors::escalator::{Escalator, Looked, Policy};
use crate::actors::notifier::{Finish, Flush, Notifier, Pass, Wake};
use crate::actors::scheduler::{Rhythm, RunCycle, Scheduler, Ticking};
use crate::channels::{Audience, ChannelSpec};
use crate::checks::CheckSpec;
use crate::clients::notion::pace;
use crate::clients::redact;
use crate::domain::issue::Issue;
use crate::domain::report::Overview;
use crate::logging::Scrubber;
use crate::parties::{self, Parties};
use crate::settings::{Database, Settings};
use crate::store::{Ledger, Location, Store};
use crate::supervision::{self, ChildInfo, ChildSpec, Handle, LastResort, Limits, Sender, State, Supervisor, Vacancy};
use crate::web::{self, Sources, WebState};

/// How long a cycle may take beyond the deadline of its checks: gathering, and writing down what follows.
const SETTLING: Duration = Duration::from_secs(4);

/// What one letter may cost in requests: the Status Board asks for its schema, then updates, then creates.
const REQUESTS_A_LETTER: u32 = 3;

/// How long the actors have to end in order.
const STOPPING: Duration = Duration::from_secs(1);

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

/// The watch: every actor but the web.
pub struct Watch {
    /// What is known, as of the last cycle.
    pub overview: watch::Receiver<Option<Arc<Overview>>>,
    /// Runs cycles.
    pub scheduler: Sender<RunCycle>,
    /// What is remembered.
    pub ledger: Ledger,
    /// Who keeps the actors alive.
    pub supervisor: Supervisor,
    degraded: web::Degraded,
    chaos: bool,
    notifiers: Vec<(&'static str, Handle<Notifier>)>,
}

impl Watch {
    /// Opens the store and starts the actors; `scrubber` keeps out of the log what is secret.
    ///
    /// # Errors
    /// The store cannot be opened, or the system refuses us threads.
    pub async fn start(settings: &Settings, scrubber: Scrubber, mode: Mode) -> anyhow::Result<Self> {
        let ledger = Ledger::new(open_store(&settings.database, mode).await?);
        let parties = Parties::new(settings, mode.notion_pace, move |secret| scrubber.learn(secret));
        let (channels, checks) = (parties.channels(settings).list(), parties.checks(settings).list());

        supervision::install_panic_hook();
        let supervisor = Supervisor::start(mode.limits(), |why: LastResort| why.exit()).context("no supervisor")?;
        let scheduler = ChildSpec::new("scheduler").vacancy::<Scheduler>();
        let escalator = ChildSpec::new("escalator").vacancy::<Escalator>();
        let checking = checks.iter().map(|check| check.name).collect();

        let notifiers = start_notifiers(&supervisor, &channels, &ledger, settings, mode)?;
        let looks = start_checks(&supervisor, checks, settings, &escalator.handle().sender())?;
        let (published, overview) = watch::channel(None);
        let degraded = degraded(&supervisor, mode.limits());
        let policy = Policy { checks: checking, degraded: Arc::clone(&degraded), ..policy(settings, &channels, mode) };
        let escalates = escalator.handle();
        let wakes: Vec<Sender<Wake>> = notifiers.iter().map(|(_, notifier)| notifier.sender()).collect();
        let kept = ledger.clone();
        let lost = scheduler.handle().sender();
        supervisor.add(escalator, move |_| {
            Escalator::new(policy.clone(), kept.clone(), wakes.clone(), lost.clone(), published.clone())
        })?;
        let scheduler = start_scheduler(&supervisor, scheduler, settings, mode, looks, &escalates)?;
        Ok(Self { overview, scheduler: scheduler.sender(), ledger, supervisor, degraded, chaos: mode.chaos, notifiers })
    }

    /// Lets each channel try once what is due for it, within `limit`; says what came of it.
    pub async fn flush(&self, limit: Duration) -> Vec<(&'static str, Option<Pass>)> {
        let passes =
            self.notifiers.iter().map(|(name, notifier)| async move { (*name, notifier.ask(Flush, limit).await.ok()) });
        futures_util::future::join_all(passes).await
    }

    /// Lets what is being sent be finished, within `limit`, and begins nothing more.
    pub async fn finish(&self, limit: Duration) {
        let finished = self.notifiers.iter().map(|(_, notifier)| notifier.ask(Finish, limit));
        futures_util::future::join_all(finished).await;
    }

    /// Ends the actors in order and closes the store.
    pub async fn stop(&self) {
        match self.supervisor.stop_all(STOPPING).await.as_deref() {
            Some([]) => {}
            Some(cut_off) => log::warn!("cut off, since they did not end in order: {}", cut_off.join(", ")),
            None => log::warn!("the supervisor did not say whether the actors have ended"),
        }
        if let Err(error) = self.ledger.close().await {
            log::warn!("the database was not closed in order: {error}");
        }
    }
}

/// Opens the store; for the service, also if the database cannot be had just now. A dry run makes no empty database and writes no incident; the schema of a database that is there is
/// brought up to date all the same.
async fn open_store(database: &Database, mode: Mode) -> anyhow::Result<Store> {
    let runtime = supervision::runtime()?.handle().clone();
    let location = match database {
        Database::SqliteFile(path) => Location::File(path.clone()),
        Database::SqliteMemory => Location::Memory,
        Database::Postgres(url) => Location::Postgres(url.url.clone()),
    };
    if mode.dry_run && !Store::is_there(&location, &runtime).await? {
        return Ok(Store::open(&Location::Memory, runtime).await?);
    }
    let opened = if mode.ticks {
        Store::open_patiently(&location, runtime).await
    } else {
        Store::open(&location, runtime).await
    };
    Ok(opened?)
}

/// The issues of the actors that are degraded at the moment of asking.
fn degraded(supervisor: &Supervisor, limits: Limits) -> web::Degraded {
    let supervisor = supervisor.clone();
    let issue = move |child: &ChildInfo| {
        // What a panic says may hold anything.
        let detail = child.last_failure.as_ref().map(|exit| redact::clean(&exit.to_string(), &[])).unwrap_or_default();
        Issue::degraded(&child.id, limits.intensity.restarts, limits.intensity.within, detail)
    };
    Arc::new(move || {
        let children = supervisor.children();
        children.iter().filter(|child| child.state == State::Degraded).filter_map(&issue).collect()
    })
}

fn policy(settings: &Settings, channels: &[ChannelSpec], mode: Mode) -> Policy {
    let names = |audience| channels.iter().filter(move |spec| spec.audience == audience).map(|spec| spec.name);
    Policy {
        checks: vec![],
        gather_timeout: settings.timing.check_timeout + Duration::from_secs(1),
        patience: parties::patience(settings),
        reminder: settings.patience.reminder_interval,
        wording: parties::wording(settings),
        told: names(Audience::Told).collect(),
        shown: names(Audience::Shown).collect(),
        degraded: Arc::new(Vec::new),
        dry_run: mode.dry_run,
    }
}

fn start_notifiers(
    supervisor: &Supervisor,
    channels: &[ChannelSpec],
    ledger: &Ledger,
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
        let route = Route { channel, ledger: ledger.clone(), owner: owner.clone(), deadline };
        let notifier = supervisor.add(vacancy, move |_| Notifier::new(route.clone(), returned.clone()))?;
        Ok((name, notifier))
    });
    started.collect()
}

fn start_checks(
    supervisor: &Supervisor,
    checks: Vec<CheckSpec>,
    settings: &Settings,
    escalator: &Sender<Looked>,
) -> anyhow::Result<Vec<Looker>> {
    let timeout = settings.timing.check_timeout;
    let started = checks.into_iter().map(|spec| {
        let (name, told, desk) = (spec.name, escalator.clone(), Desk::empty());
        let kept = desk.clone();
        let check = supervisor.add(ChildSpec::new(name.name()), move |_| {
            CheckActor::new((spec.build)(), timeout, told.clone(), desk.clone())
        })?;
        Ok(Looker::new(name, kept, check.sender(), escalator.clone()))
    });
    started.collect()
}

fn start_scheduler(
    supervisor: &Supervisor,
    vacancy: Vacancy<Scheduler>,
    settings: &Settings,
    mode: Mode,
    checks: Vec<Looker>,
    escalator: &Handle<Escalator>,
) -> anyhow::Result<Handle<Scheduler>> {
    let ticking = if mode.ticks { Ticking::Every(settings.timing.interval) } else { Ticking::OnDemand };
    let cycle_timeout = settings.timing.check_timeout + SETTLING;
    let (begin, completed) = (escalator.sender(), vacancy.handle().sender());
    let rhythm = Rhythm::starting_now();
    let scheduler = supervisor.add(vacancy, move |_| {
        let (checks, begin, completed) = (checks.clone(), begin.clone(), completed.clone());
        Scheduler::new(ticking, rhythm.clone(), cycle_timeout, checks, begin, completed)
    })?;
    Ok(scheduler)
}

/// Starts the web on `listener`.
///
/// # Errors
/// The listener cannot be used.
pub fn serve_web(settings: &Settings, watch: &Watch, listener: TcpListener) -> anyhow::Result<actix_web::dev::Server> {
    let store = watch.ledger.store().clone();
    let sources = Sources {
        reports: watch.overview.clone(),
        run_cycle: watch.scheduler.clone(),
        ping: Arc::new(move || {
            let store = store.clone();
            async move { store.ping().await.map_err(|error| error.to_string()) }.boxed()
        }),
        store: watch.store.clone(),
        degraded: Arc::clone(&watch.degraded),
        supervisor: watch.supervisor.clone(),
        chaos: watch.chaos,
    };
    let state = Arc::new(WebState::new(parties::web(settings), sources));
    web::server(state, listener).context("the web cannot be started")
}
