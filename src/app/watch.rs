//! The watch: every actor but the web, the lease under which they work, and the heart that beats for them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use chrono::Utc;
use futures_util::FutureExt;
use tokio::sync::watch;
use tokio::time::timeout;

use super::Mode;
use super::children::{self, Children};
use crate::actors::acknowledgements::Acknowledgements;
use crate::actors::conclusion::{Cadence, Policy};
use crate::actors::delivery_board::DeliveryBoard;
use crate::actors::heart::Heart;
use crate::actors::keeper::{Keeper, Otherwise};
use crate::actors::leadership::{Footing, Leadership, Standing};
use crate::actors::listener::{Listener, Office};
use crate::actors::notices;
use crate::actors::notifier::{Finish, Flush, Notifier, Pass};
use crate::actors::pace::Pace;
use crate::actors::scheduler::RunCycle;
use crate::actors::telemetry::Telemetry;
use crate::channels::telegram::console::Console;
use crate::channels::{Audience, ChannelSpec};
use crate::clients::redact;
use crate::domain::bulletin::Bulletin;
use crate::domain::issue::Issue;
use crate::domain::report::Overview;
use crate::logging::Scrubber;
use crate::parties::{self, Parties};
use crate::settings::{Database, Settings};
use crate::store::{Ledger, Location, Store, StoreError};
use crate::supervision::{self, ChildInfo, Handle, LastResort, Limits, Sender, State, Supervisor};
use crate::web;

/// How long the actors have to end in order.
const STOPPING: Duration = Duration::from_secs(1);

/// How long the database has to write down that we are stopped, or that we lead no more.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// The version that runs.
const VERSION: &str = env!("CARGO_PKG_VERSION");

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
    /// Whether we lead.
    pub leadership: Leadership,
    /// Who hears after each cycle how we are.
    pub heart: Heart,
    /// How it is with the channels by now.
    pub board: DeliveryBoard,
    /// What was acknowledged since the newest cycle.
    pub acknowledgements: Acknowledgements,
    /// What has happened since the start.
    pub telemetry: Telemetry,
    pub(super) degraded: web::Degraded,
    pub(super) chaos: bool,
    notifiers: Vec<(&'static str, Handle<Notifier>)>,
    keeper: Option<Keeper>,
    listener: Listener,
    policy: Policy,
    says_goodbye: bool,
}

impl Watch {
    /// Opens the store, finds out whether we lead, and starts the actors; `scrubber` keeps out of the log what is secret.
    ///
    /// # Errors
    /// The store cannot be opened, or the system refuses us threads.
    pub async fn start(settings: &Settings, scrubber: Scrubber, mode: Mode) -> anyhow::Result<Self> {
        let ledger = Ledger::new(open_store(&settings.database, mode).await?);
        let parties = Parties::new(settings, mode.notion_pace, move |secret| scrubber.learn(secret));
        let channels = parties.channels(settings);
        let commanded = channels.telegram.clone().filter(|_| mode.ticks && !mode.dry_run);
        let (channels, checks) = (channels.list(), parties.checks(settings).list());
        let paces: BTreeMap<_, _> = channels.iter().map(|channel| (channel.name, Pace::new(channel.pace))).collect();
        let board = DeliveryBoard::new(channels.iter().map(|channel| channel.name));
        let (published, overview) = watch::channel(None);
        let keeper = keeper(&ledger, mode, &published, &board).await?;
        let leadership = keeper.as_ref().map_or_else(|| Leadership::fixed(Standing::Beside), Keeper::leadership);
        let standing = leadership.clone();
        ledger.go_on_if(Arc::new(move |epoch| {
            let footing = epoch.map_or(Footing::Beside, Footing::Epoch);
            standing.clone().goes_on(footing).boxed()
        }));
        let heart = heart(settings, mode);

        supervision::install_panic_hook();
        let supervisor = Supervisor::start(mode.limits(), |why: LastResort| why.exit()).context("no supervisor")?;
        let degraded = degraded(&supervisor, mode.limits());
        let policy = Policy {
            checks: checks.iter().map(|check| check.name).collect(),
            degraded: Arc::clone(&degraded),
            ..policy(settings, &channels, mode)
        };
        let names: Vec<_> = channels.iter().map(|channel| channel.name).collect();
        let telemetry = Telemetry::new(Utc::now(), &names).context("the counters cannot be set up")?;
        let children = Children {
            supervisor: &supervisor,
            ledger: &ledger,
            leadership: &leadership,
            heart: &heart,
            board: &board,
            telemetry: &telemetry,
            paces: &paces,
        };
        let notifiers = children::start_notifiers(&children, &channels, settings, mode)?;
        let scheduler = children::start_cycles(&children, checks, &notifiers, &policy, published)?;
        let acknowledgements = Acknowledgements::default();
        let office = Office {
            ledger: ledger.clone(),
            leadership: leadership.clone(),
            overview: overview.clone(),
            scheduler: scheduler.clone(),
            board: board.clone(),
            acknowledgements: acknowledgements.clone(),
            degraded: Arc::clone(&degraded),
            pace: paces.get("telegram").cloned().unwrap_or_else(|| Pace::new(None)),
            wording: parties::wording(settings),
            cadence: policy.cadence,
        };
        let listener = match commanded {
            Some(config) => Listener::start(Console::new(config), office),
            None => Listener::none(),
        };
        Ok(Self {
            overview,
            scheduler,
            ledger,
            supervisor,
            leadership,
            heart,
            board,
            acknowledgements,
            telemetry,
            degraded,
            chaos: mode.chaos,
            notifiers,
            keeper,
            listener,
            policy,
            says_goodbye: settings.lifecycle_notices && mode.ticks,
        })
    }

    /// Lets each channel try once what is due for it, within `limit`; says what came of it.
    pub async fn flush(&self, limit: Duration) -> Vec<(&'static str, Option<Pass>)> {
        let passes =
            self.notifiers.iter().map(|(name, notifier)| async move { (*name, notifier.ask(Flush, limit).await.ok()) });
        futures_util::future::join_all(passes).await
    }

    /// Says good-bye, lets what is being sent be finished, within `limit`, and begins nothing more.
    pub async fn finish(&self, limit: Duration) {
        let deadline = Instant::now() + limit;
        if let Some(keeper) = &self.keeper {
            keeper.leave();
        }
        self.listener.hush();
        if self.says_goodbye && self.say_goodbye().await {
            // The rest of the time is for a channel that is still busy with what came before.
            self.flush(limit / 2).await;
        }
        let limit = deadline.saturating_duration_since(Instant::now());
        let finished = self.notifiers.iter().map(|(_, notifier)| notifier.ask(Finish, limit));
        tokio::join!(futures_util::future::join_all(finished), self.listener.rest(limit));
    }

    /// Posts that we are stopped, if we lead; says whether there is something to send.
    async fn say_goodbye(&self) -> bool {
        let (Policy { maintenance, told, wording, .. }, now) = (&self.policy, Utc::now());
        let Some(Footing::Epoch(epoch)) = self.leadership.footing() else { return false };
        let stopped = Bulletin::stopped(VERSION, now);
        let notices = notices::of_lifecycle(&stopped, told, wording, maintenance.until(now));
        let why = match timeout(LAST_WORDS, self.ledger.under(epoch).post(notices)).await {
            Ok(Ok(())) => return !told.is_empty(),
            Ok(Err(error)) => error,
            Err(_) => StoreError::Timeout,
        };
        log::warn!("nobody is told that the service is stopped: {why}");
        false
    }

    /// Ends the actors in order, lets another instance lead, and closes the store.
    pub async fn stop(&self) {
        match self.supervisor.stop_all(STOPPING).await.as_deref() {
            Some([]) => {}
            Some(cut_off) => log::warn!("cut off, since they did not end in order: {}", cut_off.join(", ")),
            None => log::warn!("the supervisor did not say whether the actors have ended"),
        }
        if let Some(keeper) = &self.keeper {
            // Whoever leads next has to know what happened while the database failed; if it still does, the ledger says so
            // when it is closed.
            let _ = timeout(LAST_WORDS, self.ledger.recover()).await;
            keeper.release(LAST_WORDS).await;
        }
        if let Err(error) = self.ledger.close().await {
            log::warn!("the database was not closed in order: {error}");
        }
    }
}

/// Opens the store; for the service, also if the database cannot be had just now. A dry run makes no empty database and
/// writes no incident; the schema of a database that is there is brought up to date all the same.
async fn open_store(database: &Database, mode: Mode) -> anyhow::Result<Store> {
    let runtime = supervision::runtime()?.handle().clone();
    let location = location(database);
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

/// Where the database of the settings is.
pub fn location(database: &Database) -> Location {
    match database {
        Database::SqliteFile(path) => Location::File(path.clone()),
        Database::SqliteMemory => Location::Memory,
        Database::Postgres(url) => Location::Postgres(url.url.clone()),
    }
}

/// Asks for the lease, unless nothing is to be written.
async fn keeper(
    ledger: &Ledger,
    mode: Mode,
    published: &watch::Sender<Option<Arc<Overview>>>,
    board: &DeliveryBoard,
) -> anyhow::Result<Option<Keeper>> {
    if mode.dry_run {
        return Ok(None);
    }
    let otherwise = if mode.ticks { Otherwise::Follow } else { Otherwise::Beside };
    let runtime = supervision::runtime()?.handle();
    Ok(Some(Keeper::start(ledger.clone(), holder(), otherwise, published.clone(), board.clone(), runtime).await))
}

/// What the other instances call this process: no other has that name, and a person finds the process by it.
fn holder() -> String {
    let host = std::env::var("DYNO").or_else(|_| std::env::var("HOSTNAME")).ok();
    let host = host.or_else(|| std::fs::read_to_string("/proc/sys/kernel/hostname").ok());
    let host = host.as_deref().map(str::trim).filter(|host| !host.is_empty()).unwrap_or("host");
    let unique = uuid::Uuid::now_v7().simple().to_string();
    let host: String = host.chars().filter(|letter| !letter.is_control()).take(60).collect();
    format!("{host}-{}-{}", std::process::id(), &unique[unique.len() - 8..])
}

/// Who is pinged after each cycle; nobody in a dry run.
fn heart(settings: &Settings, mode: Mode) -> Heart {
    match parties::heartbeat(settings).filter(|_| !mode.dry_run) {
        None => Heart::none(),
        Some(heartbeat) => {
            let heartbeat = std::rc::Rc::new(heartbeat);
            Heart::start(move |well| {
                let heartbeat = std::rc::Rc::clone(&heartbeat);
                async move { heartbeat.ping(well).await.map_err(|error| error.to_string()) }
            })
        }
    }
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
    let (interval, check_timeout) = (settings.timing.interval, settings.timing.check_timeout);
    Policy {
        checks: vec![],
        gather_timeout: check_timeout + Duration::from_secs(1),
        cadence: Cadence { interval, check_timeout, ticks: mode.ticks },
        patience: parties::patience(settings),
        reminder: settings.patience.reminder_interval,
        maintenance: settings.maintenance.clone(),
        announces_start: (settings.lifecycle_notices && mode.ticks).then_some(VERSION),
        wording: parties::wording(settings),
        told: names(Audience::Told).collect(),
        shown: names(Audience::Shown).collect(),
        degraded: Arc::new(Vec::new),
        dry_run: mode.dry_run,
    }
}
