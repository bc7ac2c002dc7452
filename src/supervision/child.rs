//! A child as its supervisor keeps it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actix::{Actor, Arbiter};
use actix_rt::ArbiterHandle;

use super::{
    context::Context,
    env::Env,
    orders::{Order, Orders},
    probe::{Answers, Probe},
    root::ChildKey,
    runner::{Factory, Line, Ticket},
    seat::Seat,
    spec::ChildSpec,
    verdict::Record,
    vitals::Vitals,
};

/// A place and who can fill it, with the actor's type erased.
pub(super) trait Post: Send {
    fn vitals(&self) -> &Arc<Vitals>;
    /// See [`Seat::advance`].
    fn advance(&self, ended: u64);
    /// See [`Seat::shed`].
    fn shed(&self);
    /// Has a fresh actor made, on the thread of an arbiter or on the current one. Fails if that thread has ended.
    fn fill(&self, thread: Option<&ArbiterHandle>, line: Arc<Line>) -> Option<Life>;
}

/// The post of an actor `A`.
pub(super) struct ActorPost<A: Actor<Context = Context<A>>> {
    pub(super) seat: Arc<Seat<A>>,
    pub(super) factory: Factory<A>,
}

impl<A: Actor<Context = Context<A>>> Post for ActorPost<A> {
    fn vitals(&self) -> &Arc<Vitals> {
        &self.seat.vitals
    }

    fn advance(&self, ended: u64) {
        self.seat.advance(ended);
    }

    fn shed(&self) {
        self.seat.shed();
    }

    fn fill(&self, thread: Option<&ArbiterHandle>, line: Arc<Line>) -> Option<Life> {
        let (receiver, generation) = self.seat.take();
        let orders = Arc::<Orders>::default();
        let ticket = Ticket {
            seat: Arc::clone(&self.seat),
            factory: Arc::clone(&self.factory),
            receiver,
            env: Env::new(Arc::clone(&self.seat.vitals), generation),
            line,
            orders: Arc::clone(&orders),
        };
        let accepted = match thread {
            Some(arbiter) => arbiter.spawn_fn(|| ticket.run()),
            None => {
                ticket.run();
                true
            }
        };
        accepted.then(|| Life { generation, orders, since: Instant::now(), wish: None })
    }
}

/// The actor that fills a place at present.
pub(super) struct Life {
    pub(super) generation: u64,
    pub(super) orders: Arc<Orders>,
    pub(super) since: Instant,
    pub(super) wish: Option<Wish>,
}

/// Why an actor was told to stop, and so what follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// A fresh one.
    Fresh,
    /// Nothing: it is over.
    Over,
}

/// See the module.
pub(super) struct Child {
    pub(super) key: ChildKey,
    pub(super) line: Arc<Line>,
    pub(super) post: Box<dyn Post>,
    pub(super) spec: ChildSpec,
    pub(super) arbiter: Option<Arbiter>,
    pub(super) life: Option<Life>,
    pub(super) probe: Probe,
    pub(super) record: Record,
    pub(super) degraded_since: Option<Instant>,
    /// The number of the latest plan to fill the place; a timer with an older one does nothing.
    pub(super) plan: u64,
    /// Taken off the list when it has ended.
    pub(super) leaving: bool,
}

impl Child {
    pub(super) fn new(line: Line, post: Box<dyn Post>, spec: ChildSpec) -> Self {
        Self {
            key: line.child,
            line: Arc::new(line),
            post,
            spec,
            arbiter: None,
            life: None,
            probe: Probe::default(),
            record: Record::default(),
            degraded_since: None,
            plan: 0,
            leaving: false,
        }
    }

    pub(super) fn vitals(&self) -> &Arc<Vitals> {
        self.post.vitals()
    }

    pub(super) fn id(&self) -> Arc<str> {
        Arc::clone(self.vitals().id())
    }

    /// Whether `generation` is the one at work.
    pub(super) fn lives(&self, generation: u64) -> bool {
        self.life.as_ref().is_some_and(|life| life.generation == generation)
    }

    /// Starts a fresh actor, beside the supervisor or on a thread of its own. Fails with what to say about it if there
    /// is no thread to be had.
    pub(super) fn fill(&mut self) -> Result<(), String> {
        let line = Arc::clone(&self.line);
        if self.spec.own_thread && !self.arbiter.as_ref().is_some_and(|arbiter| arbiter.handle().alive()) {
            self.arbiter = Some(fresh_arbiter().map_err(|error| format!("no thread: {error}"))?);
        }
        let life = self.post.fill(self.arbiter.as_ref().map(Arbiter::handle).as_ref(), line);
        self.life = Some(life.ok_or("its thread has ended")?);
        self.probe = Probe::default();
        self.ping(Answers { thread: true, actor: true });
        Ok(())
    }

    /// Asks again whoever has answered.
    pub(super) fn ping(&self, answered: Answers) {
        let Some(life) = &self.life else { return };
        let vitals = self.vitals();
        if answered.thread {
            let ping = Order::Ping { thread: vitals.thread.ask(), actor: answered.actor.then(|| vitals.actor.ask()) };
            life.orders.give(ping);
        }
    }

    /// Cuts the actor off: whatever it still does is fenced from here on.
    pub(super) fn cut_off(&mut self) -> Option<Life> {
        let life = self.life.take()?;
        self.post.advance(life.generation);
        life.orders.give(Order::Yield);
        Some(life)
    }

    /// How long it has been degraded beyond what it may, if it is essential.
    pub(super) fn missed_too_long(&self, now: Instant) -> Option<Duration> {
        let since = now.saturating_duration_since(self.degraded_since?);
        (since > self.spec.essential?).then_some(since)
    }
}

fn fresh_arbiter() -> std::io::Result<Arbiter> {
    let runtime = super::runtime()?;
    Arbiter::try_with_tokio_rt(move || Ok(runtime))
}
