//! The one place where an actor's code is polled.
//!
//! Whatever happens in there ends here: the runner catches it, opens the next mailbox, drops what is left of the actor
//! and tells the supervisor why. An actor that has ended by a panic or was replaced runs none of its hooks any more,
//! only its `Drop`, under a guard of its own: a second panic while the first one unwinds would end the process.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context as TaskContext, Poll},
};

use actix::{Actor, ActorContext, ActorFutureExt, Addr, AsyncContext, dev::ContextFut, fut};
use tokio::sync::mpsc;

use super::{
    chaos::Chaos,
    context::Context,
    env::Env,
    exit::{Exit, Reason},
    panic_hook::{Caught, guarded},
    root::{ChildKey, Report, Root},
    seat::Seat,
};

/// What the supervisor wants of a running actor.
#[derive(Debug, Clone, Copy)]
pub(super) enum Order {
    /// Answer with these numbers.
    Ping { thread: u64, actor: Option<u64> },
    /// Take what is in the mailbox, then stop.
    Stop,
    /// You have been replaced: look at the fence.
    Yield,
    /// Come to harm.
    Meet(Chaos),
}

/// How an actor's end is told.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) root: Addr<Root>,
    pub(super) child: ChildKey,
}

impl Line {
    fn ended(&self, exit: Exit) {
        self.root.do_send(Report::Ended { child: self.child, exit });
    }
}

/// One actor at work.
pub(super) struct Runner<A: Actor<Context = Context<A>>> {
    seat: Arc<Seat<A>>,
    env: Env,
    line: Line,
    orders: mpsc::Receiver<Order>,
    body: Option<ContextFut<A, Context<A>>>,
    /// To be answered once the turn is over: a thread that never comes back from it must not have answered.
    ping: Option<u64>,
    begun: bool,
    told_to_stop: bool,
}

/// A runner before its actor exists: all of it can be sent to the actor's thread.
pub(super) struct Ticket<A: Actor<Context = Context<A>>> {
    pub(super) seat: Arc<Seat<A>>,
    pub(super) receiver: actix::dev::channel::AddressReceiver<A>,
    pub(super) env: Env,
    pub(super) line: Line,
    pub(super) orders: mpsc::Receiver<Order>,
}

impl<A: Actor<Context = Context<A>>> Ticket<A> {
    /// Makes the actor, on its own thread, and spawns its runner there.
    pub(super) fn begin(self, factory: &(impl Fn(Env) -> A + ?Sized)) {
        let Self { seat, receiver, env, line, orders } = self;
        match guarded(|| factory(env.clone())) {
            Ok(actor) => {
                let body = Some(Context::body(actor, receiver, env.clone()));
                let (ping, begun, told_to_stop) = (None, false, false);
                actix_rt::spawn(Runner { seat, env, line, orders, body, ping, begun, told_to_stop });
            }
            Err(caught) => {
                let generation = env.generation();
                seat.advance(generation);
                line.ended(Exit::new(Reason::StartFailed, generation, caught.message).at_place(caught.place));
            }
        }
    }
}

impl<A: Actor<Context = Context<A>>> Runner<A> {
    fn obey(&mut self, order: Order) {
        let Some(body) = &mut self.body else { return };
        match order {
            Order::Ping { thread, actor } => {
                self.ping = Some(thread);
                if let Some(number) = actor {
                    let env = self.env.clone();
                    body.ctx().spawn(fut::ready(()).map(move |(), _, _| env.vitals().actor.answer(number)));
                }
            }
            Order::Stop => {
                self.told_to_stop = true;
                body.ctx().spawn(fut::ready(()).map(|(), _, ctx: &mut Context<A>| ctx.stop()));
            }
            Order::Yield => {}
            Order::Meet(chaos) => chaos.befall(body.ctx()),
        }
    }

    /// The exit of an actor that came to its end without a panic.
    fn ended(&mut self) -> Exit {
        let generation = self.env.generation();
        match self.body.as_mut().and_then(|body| body.ctx().take_failure()) {
            Some(failure) => Exit::new(Reason::Error, generation, failure.message).at_place(Some(failure.place)),
            None if self.told_to_stop => Exit::new(Reason::Shutdown, generation, ""),
            None => Exit::new(Reason::Stopped, generation, ""),
        }
    }

    fn panicked(&self, caught: Caught) -> Exit {
        Exit::new(Reason::Panic, self.env.generation(), caught.message).at_place(caught.place)
    }

    /// Buries the actor and, if it still was the one at its place, tells of its end.
    fn finish(&mut self, exit: Exit) {
        let Some(body) = self.body.take() else { return };
        let was_current = self.env.is_current();
        self.seat.advance(self.env.generation());
        let exit = match bury(body) {
            Err(caught) if exit.reason != Reason::Panic => self.panicked(caught),
            _ => exit,
        };
        if was_current {
            self.line.ended(exit);
        }
    }
}

/// Drops an actor without another call of its hooks.
fn bury<A: Actor<Context = Context<A>>>(mut body: ContextFut<A, Context<A>>) -> Result<(), Caught> {
    body.ctx().terminate();
    guarded(move || drop(body))
}

impl<A: Actor<Context = Context<A>>> Future for Runner<A> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<()> {
        let this = self.get_mut();
        while let Poll::Ready(Some(order)) = this.orders.poll_recv(cx) {
            this.obey(order);
        }
        let Some(body) = &mut this.body else { return Poll::Ready(()) };
        if !this.env.is_current() {
            let replaced = this.ended();
            this.finish(replaced);
            return Poll::Ready(());
        }
        body.ctx().open_turn();
        let turn = guarded(|| Pin::new(&mut *body).poll(cx));
        let exit = match turn {
            Ok(Poll::Pending) => {
                if let Some(number) = this.ping.take() {
                    this.env.vitals().thread.answer(number);
                }
                if !this.begun {
                    this.begun = true;
                    let generation = this.env.generation();
                    this.line.root.do_send(Report::Begun { child: this.line.child, generation });
                }
                return Poll::Pending;
            }
            Ok(Poll::Ready(())) => this.ended(),
            Err(caught) => this.panicked(caught),
        };
        this.finish(exit);
        Poll::Ready(())
    }
}

impl<A: Actor<Context = Context<A>>> Drop for Runner<A> {
    fn drop(&mut self) {
        self.finish(Exit::new(Reason::ThreadLost, self.env.generation(), ""));
    }
}
