//! What is fixed about a child before it is started.

use std::{sync::Arc, time::Duration};

use actix::Actor;

use super::{context::Context, handle::Handle, limits::Limits, probe::Patience, seat::Seat, vitals::Vitals};

/// Which ends of an actor are followed by a fresh one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restart {
    /// All of them.
    Permanent,
    /// All but a stop of its own accord.
    Transient,
    /// None.
    Temporary,
}

/// How one child is kept.
#[derive(Debug, Clone)]
pub struct ChildSpec {
    id: Arc<str>,
    mailbox: usize,
    asks: usize,
    pub(super) restart: Restart,
    block_after: Option<Duration>,
    stuck_after: Option<Duration>,
    pub(super) shutdown: Duration,
    pub(super) essential: Option<Duration>,
    pub(super) own_thread: bool,
}

impl ChildSpec {
    /// A permanent child on a thread of its own, with a mailbox of 64 messages, at most 256 asks in flight, and 1 s for
    /// an orderly end. `id` is unique under its supervisor; it is what people read in logs and reports.
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self {
            id: id.into(),
            mailbox: 64,
            asks: 256,
            restart: Restart::Permanent,
            block_after: None,
            stuck_after: None,
            shutdown: Duration::from_secs(1),
            essential: None,
            own_thread: true,
        }
    }

    /// Which ends are followed by a fresh actor.
    pub fn restart(mut self, restart: Restart) -> Self {
        self.restart = restart;
        self
    }

    /// How many messages wait in the mailbox before `cast` refuses; at least one.
    pub fn mailbox(mut self, messages: usize) -> Self {
        // Zero means "no bound" to actix.
        self.mailbox = messages.max(1);
        self
    }

    /// How many asks may be under way before `ask` refuses.
    pub fn asks(mut self, in_flight: usize) -> Self {
        self.asks = in_flight;
        self
    }

    /// Another patience with its thread than [`Limits::block_after`].
    pub fn block_after(mut self, after: Duration) -> Self {
        self.block_after = Some(after);
        self
    }

    /// Another patience with its mailbox than [`Limits::stuck_after`].
    pub fn stuck_after(mut self, after: Duration) -> Self {
        self.stuck_after = Some(after);
        self
    }

    /// How long it has to end in order before it is cut off.
    pub fn shutdown(mut self, within: Duration) -> Self {
        self.shutdown = within;
        self
    }

    /// Nothing works without it: degraded for longer than this, it makes the supervisor escalate.
    pub fn essential(mut self, degraded_at_most: Duration) -> Self {
        self.essential = Some(degraded_at_most);
        self
    }

    /// Puts it on the supervisor's own thread: for light actors that never block, since only the watchdog sees that
    /// thread blocked.
    pub fn beside_supervisor(mut self) -> Self {
        self.own_thread = false;
        self
    }

    /// The open place for an actor `A`: its handle is valid before the actor is started.
    pub fn vacancy<A: Actor<Context = Context<A>>>(self) -> Vacancy<A> {
        let vitals = Arc::new(Vitals::new(Arc::clone(&self.id), self.asks));
        Vacancy { seat: Seat::new(vitals, self.mailbox), spec: self }
    }

    pub(super) fn patience(&self, limits: &Limits) -> Patience {
        Patience {
            block_after: self.block_after.unwrap_or(limits.block_after),
            stuck_after: self.stuck_after.unwrap_or(limits.stuck_after),
        }
    }
}

/// A child's place, not yet filled. What is sent to its handle waits in the mailbox until it is, so that actors which
/// need each other can have each other's handles.
#[derive(Debug)]
pub struct Vacancy<A: Actor<Context = Context<A>>> {
    pub(super) spec: ChildSpec,
    pub(super) seat: Arc<Seat<A>>,
}

impl<A: Actor<Context = Context<A>>> Vacancy<A> {
    /// The stable handle of whoever fills it.
    pub fn handle(&self) -> Handle<A> {
        Handle::new(Arc::clone(&self.seat))
    }
}

impl<A: Actor<Context = Context<A>>> From<ChildSpec> for Vacancy<A> {
    fn from(spec: ChildSpec) -> Self {
        spec.vacancy()
    }
}
