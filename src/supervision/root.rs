//! The supervisor itself: an actor without I/O and without foreign code, so that it can neither hang nor fail.
//!
//! Here is what follows an end; the regular rounds are in `rounds`, what people ask for in `wishes`, the end of it all in
//! `closing`.

use std::{
    sync::{Arc, atomic::AtomicUsize},
    time::{Duration, Instant},
};

use actix::{Actor, AsyncContext, Context, Handler, Message};
use actix_rt::ArbiterHandle;
use arc_swap::ArcSwap;
use tokio::sync::broadcast;

use super::{
    child::{Child, Life, Wish},
    event::Event,
    exit::{Exit, Reason},
    intensity::{Intensity, Window},
    last_resort::LastResort,
    limits::Limits,
    verdict::{End, Verdict},
    vitals::{Phase, Vitals},
    watchdog::Heart,
};

/// Which child; grows in the order of the starts.
pub(super) type ChildKey = u64;

/// The vital signs of all children, in the order of their starts.
pub(super) type Registry = ArcSwap<Vec<Arc<Vitals>>>;

/// What the supervisor shares with those who hold it.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) registry: Arc<Registry>,
    pub(super) events: broadcast::Sender<Event>,
    pub(super) heart: Arc<Heart>,
    /// How many threads were given up and are not back yet.
    pub(super) abandoned: Arc<AtomicUsize>,
    pub(super) last_resort: Arc<dyn Fn(LastResort) + Send + Sync>,
}

/// See the module.
pub(super) struct Root {
    pub(super) limits: Limits,
    pub(super) shared: Shared,
    pub(super) children: Vec<Child>,
    /// Whether the supervisor has a thread of its own, which ends with it.
    pub(super) own_thread: bool,
    pub(super) closing: bool,
    pub(super) last_tick: Instant,
    /// Threads that were given up and are not back yet.
    pub(super) abandoned: Vec<ArbiterHandle>,
    pub(super) keys: ChildKey,
    failures: Window,
}

impl Root {
    pub(super) fn new(limits: Limits, shared: Shared, own_thread: bool) -> Self {
        Self {
            limits,
            shared,
            children: Vec::new(),
            own_thread,
            closing: false,
            last_tick: Instant::now(),
            abandoned: Vec::new(),
            keys: 0,
            failures: Window::default(),
        }
    }

    pub(super) fn child(&mut self, key: ChildKey) -> Option<&mut Child> {
        self.children.iter_mut().find(|child| child.key == key)
    }

    pub(super) fn tell(&self, event: impl FnOnce() -> Event) {
        if self.shared.events.receiver_count() > 0 {
            // An error means that nobody listens any more.
            let _ = self.shared.events.send(event());
        }
    }

    /// Starts a fresh actor; `after` is what ended the one before.
    pub(super) fn fill(&mut self, key: ChildKey, after: Option<Reason>, ctx: &mut Context<Self>) {
        let Some(child) = self.child(key) else { return };
        if let Some(reason) = after {
            child.vitals().restarted(reason);
        }
        child.vitals().enter(if child.degraded_since.is_some() { Phase::Trial } else { Phase::Starting });
        if let Err(why) = child.fill() {
            let exit = Exit::new(Reason::StartFailed, child.vitals().generation(), why);
            self.ended(key, None, exit, ctx);
        }
    }

    /// An actor has ended, or was cut off; `life` is what it had, if it ever began.
    pub(super) fn ended(&mut self, key: ChildKey, life: Option<Life>, mut exit: Exit, ctx: &mut Context<Self>) {
        let (now, closing, limits) = (Instant::now(), self.closing, self.limits);
        let Some(child) = self.child(key) else { return };
        let wish = life.as_ref().and_then(|life| life.wish);
        if wish == Some(Wish::Fresh) && exit.reason == Reason::Shutdown {
            exit.reason = Reason::Manual;
        }
        let exit = Arc::new(exit);
        if !exit.reason.is_wanted() {
            child.vitals().failed(Arc::clone(&exit));
        }
        let verdict = match wish {
            _ if closing => Verdict::Finish,
            Some(Wish::Over) => Verdict::Finish,
            Some(Wish::Fresh) => Verdict::Restart(Duration::ZERO),
            None => {
                let end = End {
                    reason: exit.reason,
                    lived: life.map_or(Duration::ZERO, |life| now.saturating_duration_since(life.since)),
                    on_trial: child.degraded_since.is_some(),
                };
                child.record.judge(end, child.spec.restart, &limits, now, fastrand::f64() * 2.0 - 1.0)
            }
        };
        let id = child.id();
        self.tell(|| Event::Exited { id, exit: exit.as_ref().clone() });
        self.carry_out(key, verdict, &exit, now, ctx);
        if wish.is_none() && verdict != Verdict::Finish && self.failures.exceeded(now, limits.root_intensity) {
            let Intensity { restarts, within } = limits.root_intensity;
            self.escalate(format!("more than {restarts} failures of all actors in {within:?}"), ctx);
        }
    }

    fn carry_out(&mut self, key: ChildKey, verdict: Verdict, exit: &Exit, now: Instant, ctx: &mut Context<Self>) {
        let id = self.id_of(key);
        let Some(child) = self.child(key) else { return };
        match verdict {
            Verdict::Finish => {
                log::info!("{id}: {exit}; over");
                self.over(key);
            }
            Verdict::Restart(Duration::ZERO) => {
                log::warn!("{id}: {exit}; a fresh one starts at once");
                self.tell(|| Event::Restarting { id, delay: Duration::ZERO });
                self.fill(key, Some(exit.reason), ctx);
            }
            Verdict::Restart(delay) => {
                log::warn!("{id}: {exit}; a fresh one starts in {delay:.1?}");
                child.vitals().enter(Phase::Resting);
                self.fill_later(key, delay, exit.reason, ctx);
                self.tell(|| Event::Restarting { id, delay });
            }
            Verdict::Degrade(retry_in) => {
                log::error!("{id}: {exit}; it keeps failing, the next try is in {retry_in:.0?}");
                child.degraded_since.get_or_insert(now);
                child.vitals().enter(Phase::Degraded);
                child.post.shed();
                self.fill_later(key, retry_in, exit.reason, ctx);
                self.tell(|| Event::Degraded { id, retry_in });
            }
        }
    }

    fn fill_later(&mut self, key: ChildKey, delay: Duration, after: Reason, ctx: &mut Context<Self>) {
        let Some(child) = self.child(key) else { return };
        child.plan += 1;
        let plan = child.plan;
        ctx.run_later(delay, move |root, ctx| {
            let still_wanted = !root.closing && root.child(key).is_some_and(|child| child.plan == plan);
            if still_wanted {
                root.fill(key, Some(after), ctx);
            }
        });
    }

    /// A child is over for good.
    pub(super) fn over(&mut self, key: ChildKey) {
        let Some(child) = self.child(key) else { return };
        child.plan += 1;
        child.vitals().enter(Phase::Stopped);
        child.post.shed();
        let (id, leaving) = (child.id(), child.leaving);
        if leaving {
            self.forget(key);
        }
        self.tell(|| Event::Stopped { id });
    }

    /// Takes a child off every list.
    fn forget(&mut self, key: ChildKey) {
        let Some(index) = self.children.iter().position(|child| child.key == key) else { return };
        let child = self.children.remove(index);
        if let Some(arbiter) = &child.arbiter {
            arbiter.stop();
        }
        self.shared.registry.rcu(|vitals| {
            vitals.iter().filter(|other| !Arc::ptr_eq(other, child.vitals())).cloned().collect::<Vec<_>>()
        });
    }

    pub(super) fn id_of(&mut self, key: ChildKey) -> Arc<str> {
        self.child(key).map_or_else(|| "".into(), |child| child.id())
    }
}

impl Actor for Root {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(self.limits.tick, Self::round);
    }
}

/// What a runner tells at the end.
pub(super) struct Ended {
    pub(super) child: ChildKey,
    pub(super) exit: Exit,
}

impl Message for Ended {
    type Result = ();
}

impl Handler<Ended> for Root {
    type Result = ();

    fn handle(&mut self, Ended { child: key, exit }: Ended, ctx: &mut Self::Context) {
        let life = self.child(key).filter(|child| child.lives(exit.generation)).and_then(|child| child.life.take());
        // What is told of an actor that was replaced meanwhile is no news.
        if life.is_some() {
            self.ended(key, life, exit, ctx);
        }
    }
}
