//! The supervisor, as its holders see it.

use std::{
    fmt, io,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use actix::{Actor, Addr, Arbiter};
use arc_swap::ArcSwap;
use tokio::sync::broadcast;

use super::{
    chaos::Chaos,
    child::ActorPost,
    closing::StopAll,
    context::Context,
    env::Env,
    event::Event,
    handle::Handle,
    info::ChildInfo,
    last_resort::LastResort,
    limits::Limits,
    root::{Root, Shared},
    spec::Vacancy,
    vitals::Vitals,
    watchdog::{self, Heart},
    wishes::{Deed, Do, Start},
};

/// Events that a slow listener may fall behind before it loses the oldest.
const EVENTS: usize = 256;

/// What [`Supervisor::stop_all`] waits beyond its deadline for the supervisor to say that it is done.
const GRACE: Duration = Duration::from_millis(100);

/// A running supervisor. Cheap to clone, usable from every thread. With the last clone goes the watchdog, not the
/// children: [`stop_all`](Self::stop_all) ends those.
#[derive(Clone)]
pub struct Supervisor {
    held: Arc<Held>,
}

struct Held {
    root: Addr<Root>,
    shared: Shared,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.shared.heart.rest();
    }
}

/// There is a child of that name already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuplicateChild(pub Arc<str>);

impl fmt::Display for DuplicateChild {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is an actor {} already", self.0)
    }
}

impl std::error::Error for DuplicateChild {}

/// There is no child of that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownChild;

impl fmt::Display for UnknownChild {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no such actor")
    }
}

impl std::error::Error for UnknownChild {}

impl Supervisor {
    /// Starts a supervisor on a thread of its own. The calling thread belongs to an `actix_rt::System`, or this panics.
    ///
    /// `last_resort` is called at most twice: after the ordered stop that follows an escalation, on the supervisor's
    /// thread, and by the watchdog, on its own. It is expected to end the process, which [`LastResort::exit`] does.
    pub fn start(limits: Limits, last_resort: impl Fn(LastResort) + Send + Sync + 'static) -> io::Result<Self> {
        let runtime = super::runtime()?;
        let arbiter = Arbiter::try_with_tokio_rt(move || Ok(runtime))?;
        let shared = Self::share(last_resort);
        let root = Root::start_in_arbiter(&arbiter.handle(), {
            let shared = shared.clone();
            move |_| Root::new(limits, shared, true)
        });
        Self::watched(root, shared, limits.watchdog)
    }

    /// The same on the calling thread, which belongs to an arbiter: everything that blocks it blocks the supervisor too.
    pub fn start_here(limits: Limits, last_resort: impl Fn(LastResort) + Send + Sync + 'static) -> io::Result<Self> {
        let shared = Self::share(last_resort);
        let root = Root::new(limits, shared.clone(), false).start();
        Self::watched(root, shared, limits.watchdog)
    }

    fn share(last_resort: impl Fn(LastResort) + Send + Sync + 'static) -> Shared {
        Shared {
            registry: Arc::new(ArcSwap::default()),
            events: broadcast::Sender::new(EVENTS),
            heart: Arc::new(Heart::default()),
            abandoned: Arc::default(),
            last_resort: Arc::new(last_resort),
        }
    }

    fn watched(root: Addr<Root>, shared: Shared, patience: Duration) -> io::Result<Self> {
        let last_resort = Arc::clone(&shared.last_resort);
        watchdog::watch(Arc::clone(&shared.heart), patience, move || last_resort(LastResort::SupervisorLost))?;
        Ok(Self { held: Arc::new(Held { root, shared }) })
    }

    /// Starts a child: from a [`ChildSpec`](super::ChildSpec), or from a [`Vacancy`] whose handle others have already.
    ///
    /// `factory` runs on the child's thread, at the start and for every fresh actor. What it needs, it holds: settings,
    /// a store, handles of neighbours, never anything of the actor before. It does no I/O; loading is for `started`.
    pub fn add<A, F>(&self, child: impl Into<Vacancy<A>>, factory: F) -> Result<Handle<A>, DuplicateChild>
    where
        A: Actor<Context = Context<A>>,
        F: Fn(Env) -> A + Send + Sync + 'static,
    {
        let vacancy = child.into();
        let vitals = &vacancy.seat.vitals;
        let known = |all: &Vec<Arc<Vitals>>| all.iter().any(|other| other.id() == vitals.id());
        let before = self.held.shared.registry.rcu(|all| match known(all) {
            true => Arc::clone(all),
            false => Arc::new(all.iter().chain([vitals]).cloned().collect()),
        });
        if known(&before) {
            return Err(DuplicateChild(Arc::clone(vitals.id())));
        }
        let handle = vacancy.handle();
        let post = Box::new(ActorPost::<A> { seat: vacancy.seat, factory: Arc::new(factory) });
        self.held.root.do_send(Start { post, spec: vacancy.spec });
        Ok(handle)
    }

    /// Has a child stop in order and a fresh one take its place, whatever state it is in. Counts against nobody.
    pub fn restart(&self, id: &str) -> Result<(), UnknownChild> {
        self.deed(id, Deed::Restart)
    }

    /// Has a child stop in order and forgets it; [`Event::Stopped`] tells when its name is free again.
    pub fn remove(&self, id: &str) -> Result<(), UnknownChild> {
        self.deed(id, Deed::Remove)
    }

    /// Does harm to a child on purpose. One that is not running at the moment is spared.
    pub fn harm(&self, id: &str, chaos: Chaos) -> Result<(), UnknownChild> {
        self.deed(id, Deed::Harm(chaos))
    }

    fn deed(&self, id: &str, deed: Deed) -> Result<(), UnknownChild> {
        let all = self.held.shared.registry.load();
        let id = all.iter().map(|vitals| vitals.id()).find(|known| ***known == *id).ok_or(UnknownChild)?;
        self.held.root.do_send(Do { id: Arc::clone(id), deed });
        Ok(())
    }

    /// All children in the order of their starts. Asks nobody: it answers while the supervisor hangs.
    pub fn children(&self) -> Vec<ChildInfo> {
        self.held.shared.registry.load().iter().map(|vitals| ChildInfo::of(vitals)).collect()
    }

    /// A number that changes whenever [`children`](Self::children) would tell something new about states, restarts or
    /// failures; costs a few atomic loads.
    pub fn revision(&self) -> u64 {
        self.held.shared.registry.load().iter().fold(0, |sum, vitals| sum.wrapping_add(vitals.revision()))
    }

    /// Whether the supervisor itself is alive, as far as the watchdog has seen; not after [`stop_all`](Self::stop_all).
    pub fn is_alive(&self) -> bool {
        self.held.shared.heart.is_beating()
    }

    /// How many blocked threads were given up and have not come back.
    pub fn abandoned_threads(&self) -> usize {
        self.held.shared.abandoned.load(Relaxed)
    }

    /// Everything that happens from now on.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.held.shared.events.subscribe()
    }

    /// Stops all children in the reverse order of their starts, each within its own time and all of them `within`, then
    /// the supervisor. Says who had to be cut off; nothing, if the supervisor itself did not answer.
    pub async fn stop_all(&self, within: Duration) -> Option<Vec<Arc<str>>> {
        let stopped = self.held.root.send(StopAll { within });
        tokio::time::timeout(within + GRACE, stopped).await.ok()?.ok()
    }
}

impl fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supervisor").field("children", &self.children()).finish()
    }
}
