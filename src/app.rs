//! Composition: settings → store → clients → actors → web. The only file that knows everybody.

use std::net::TcpListener;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actix::prelude::*;
use actix_rt::System;
use anyhow::{Context as _, anyhow};
use futures_util::FutureExt;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use crate::actors::check_actor::{CheckActor, Look};
use crate::actors::escalator::{Begin, Escalator, Looked, Policy};
use crate::actors::notifier::{Finish, Flush, Notifier, Pass, Wake};
use crate::actors::scheduler::{RunCycle, Scheduler, Ticking};
use crate::channels::{Audience, ChannelSpec};
use crate::checks::CheckSpec;
use crate::clients::notion::pace;
use crate::domain::report::Overview;
use crate::logging::Scrubber;
use crate::parties::{self, Parties};
use crate::settings::{Database, Settings};
use crate::store::{Location, Store};
use crate::web::{self, Sources, WebState};

/// How long a cycle may take beyond the deadline of its checks: gathering, and writing down what follows.
const SETTLING: Duration = Duration::from_secs(4);

/// What one letter may cost in requests: the Status Board asks for its schema, then updates, then creates.
const REQUESTS_A_LETTER: u32 = 3;

/// The one runtime that drives the I/O and the timers of all actors.
///
/// A connection belongs to the runtime that opened it: with a runtime for each thread, an actor that hangs would take
/// the connections that others share with it. It is never dropped, for there is no moment at which nobody uses it.
///
/// # Errors
/// The system refuses us threads.
pub fn runtime() -> anyhow::Result<&'static Runtime> {
    static RUNTIME: OnceLock<&'static Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let built = Builder::new_multi_thread().worker_threads(2).thread_name("runtime").enable_all().build();
    let runtime = Box::leak(Box::new(built.context("the runtime cannot be started")?));
    Ok(RUNTIME.get_or_init(|| runtime))
}

/// Runs `main` in an actix system on the shared runtime.
///
/// # Errors
/// Those of `main`, and that of [`runtime`].
pub fn run<T>(main: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = runtime()?;
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
}

impl Mode {
    /// The service in earnest.
    pub const SERVICE: Self = Self { ticks: true, dry_run: false, notion_pace: pace::LIMIT };
}

/// The watch: every actor but the web.
pub struct Watch {
    /// What is known, as of the last cycle.
    pub overview: watch::Receiver<Option<Arc<Overview>>>,
    /// Runs cycles.
    pub scheduler: Recipient<RunCycle>,
    /// What is remembered.
    pub store: Store,
    notifiers: Vec<(&'static str, Addr<Notifier>)>,
}

impl Watch {
    /// Opens the store and starts the actors; `scrubber` keeps out of the log what is secret.
    ///
    /// # Errors
    /// The store cannot be opened.
    pub async fn start(settings: &Settings, scrubber: Scrubber, mode: Mode) -> anyhow::Result<Self> {
        let location = location(&settings.database, mode)?;
        let store = Store::open(&location, runtime()?.handle().clone()).await?;
        let parties = Parties::new(settings, mode.notion_pace, move |secret| scrubber.learn(secret));
        let (channels, checks) = (parties.channels(settings).list(), parties.checks(settings).list());
        let owner = uuid::Uuid::now_v7().to_string();
        let deadline = settings.timing.request_timeout * REQUESTS_A_LETTER;

        let notifiers = start_notifiers(&channels, &store, &owner, deadline, mode)?;
        let (published, overview) = watch::channel(None);
        let wakes = notifiers.iter().map(|(_, notifier)| notifier.clone().recipient::<Wake>()).collect();
        let policy = policy(settings, &checks, &channels, mode);
        let gatherer = Escalator::new(policy, store.clone(), wakes, published);
        let escalator = on_thread(move || gatherer)?;
        let looks = start_checks(checks, settings.timing.check_timeout, &escalator.clone().recipient())?;
        let scheduler = start_scheduler(settings, mode, looks, escalator.recipient())?;
        Ok(Self { overview, scheduler: scheduler.recipient(), store, notifiers })
    }

    /// Lets each channel try once what is due for it, within `limit`; says what came of it.
    pub async fn flush(&self, limit: Duration) -> Vec<(&'static str, Option<Pass>)> {
        let passes = self.notifiers.iter().map(|(name, notifier)| async move {
            let asked = tokio::time::timeout(limit, notifier.send(Flush)).await;
            (*name, asked.ok().and_then(Result::ok))
        });
        futures_util::future::join_all(passes).await
    }

    /// Finishes what is being sent, and closes the store.
    pub async fn stop(&self) {
        let finished = self.notifiers.iter().map(|(_, notifier)| notifier.send(Finish));
        futures_util::future::join_all(finished).await;
        if let Err(error) = self.store.close().await {
            log::warn!("the database was not closed in order: {error}");
        }
    }
}

/// Where the store is. A dry run writes nothing, not even an empty database.
fn location(database: &Database, mode: Mode) -> anyhow::Result<Location> {
    match database {
        Database::SqliteFile(path) if mode.dry_run && !path.exists() => Ok(Location::Memory),
        Database::SqliteFile(path) => Ok(Location::File(path.clone())),
        Database::SqliteMemory => Ok(Location::Memory),
        Database::Postgres(_) => Err(anyhow!("PostgreSQL is not there yet: set DATABASE_URL=sqlite://FILE")),
    }
}

fn policy(settings: &Settings, checks: &[CheckSpec], channels: &[ChannelSpec], mode: Mode) -> Policy {
    let names = |audience| channels.iter().filter(move |spec| spec.audience == audience).map(|spec| spec.name);
    Policy {
        checks: checks.iter().map(|check| check.name).collect(),
        gather_timeout: settings.timing.check_timeout + Duration::from_secs(1),
        patience: parties::patience(settings),
        reminder: settings.patience.reminder_interval,
        wording: parties::wording(settings),
        told: names(Audience::Told).collect(),
        shown: names(Audience::Shown).collect(),
        dry_run: mode.dry_run,
    }
}

fn start_notifiers(
    channels: &[ChannelSpec],
    store: &Store,
    owner: &str,
    deadline: Duration,
    mode: Mode,
) -> anyhow::Result<Vec<(&'static str, Addr<Notifier>)>> {
    let active = channels.iter().filter(|_| !mode.dry_run).cloned();
    let started = active.map(|spec| {
        let (name, store, owner) = (spec.name, store.clone(), owner.to_owned());
        let notifier = on_thread(move || Notifier::new(name, (spec.build)(), store, owner, deadline))?;
        Ok((name, notifier))
    });
    started.collect()
}

fn start_checks(
    checks: Vec<CheckSpec>,
    timeout: Duration,
    escalator: &Recipient<Looked>,
) -> anyhow::Result<Vec<Recipient<Look>>> {
    let started = checks.into_iter().map(|spec| {
        let escalator = escalator.clone();
        let check = on_thread(move || CheckActor::new((spec.build)(), timeout, escalator))?;
        Ok(check.recipient())
    });
    started.collect()
}

fn start_scheduler(
    settings: &Settings,
    mode: Mode,
    checks: Vec<Recipient<Look>>,
    escalator: Recipient<Begin>,
) -> anyhow::Result<Addr<Scheduler>> {
    let ticking = if mode.ticks { Ticking::Every(settings.timing.interval) } else { Ticking::OnDemand };
    let cycle_timeout = settings.timing.check_timeout + SETTLING;
    on_thread(move || Scheduler::new(ticking, cycle_timeout, checks, escalator))
}

/// Starts an actor on a thread of its own, on the shared runtime: one that blocks stops nobody else.
fn on_thread<A: Actor<Context = Context<A>>>(factory: impl FnOnce() -> A + Send + 'static) -> anyhow::Result<Addr<A>> {
    let runtime = runtime()?;
    let arbiter = Arbiter::with_tokio_rt(move || runtime);
    Ok(A::start_in_arbiter(&arbiter.handle(), |_| factory()))
}

/// Starts the web on `listener`.
///
/// # Errors
/// The listener cannot be used.
pub fn serve_web(settings: &Settings, watch: &Watch, listener: TcpListener) -> anyhow::Result<actix_web::dev::Server> {
    let store = watch.store.clone();
    let sources = Sources {
        reports: watch.overview.clone(),
        run_cycle: watch.scheduler.clone(),
        ping: Arc::new(move || {
            let store = store.clone();
            async move { store.ping().await.map_err(|error| error.to_string()) }.boxed()
        }),
        alive: Arc::new(|| true),
    };
    let state = Arc::new(WebState::new(parties::web(settings), sources));
    web::server(state, listener).context("the web cannot be started")
}
