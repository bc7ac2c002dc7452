//! The one place where an actor's code runs, from its factory to its `Drop`.
//!
//! Whatever happens in there ends here: the runner catches it, opens the next mailbox, drops what is left of the actor
//! and tells the supervisor why. An actor that has ended by a panic or was replaced runs none of its hooks any more,
//! only its `Drop`, under a guard of its own: a second panic while the first one unwinds would end the process.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context as TaskContext, Poll},
};

use actix::{
    Actor, ActorContext, ActorFutureExt, Addr, AsyncContext,
    dev::{ContextFut, channel::AddressReceiver},
    fut,
};
use tokio::sync::broadcast;

use super::{
    context::Context,
    env::Env,
    event::Event,
    exit::{Exit, Reason},
    orders::{Order, Orders},
    panic_hook::{Caught, guarded},
    root::{ChildKey, Ended, Root},
    seat::Seat,
};

/// Makes the actors of one place.
pub(super) type Factory<A> = Arc<dyn Fn(Env) -> A + Send + Sync>;

/// How a child's news travels.
pub(super) struct Line {
    pub(super) root: Addr<Root>,
    pub(super) child: ChildKey,
    pub(super) events: broadcast::Sender<Event>,
}

/// A runner that is not on its thread yet: all of it can be sent there.
pub(super) struct Ticket<A: Actor<Context = Context<A>>> {
    pub(super) seat: Arc<Seat<A>>,
    pub(super) factory: Factory<A>,
    pub(super) receiver: AddressReceiver<A>,
    pub(super) env: Env,
    pub(super) line: Arc<Line>,
    pub(super) orders: Arc<Orders>,
}

impl<A: Actor<Context = Context<A>>> Ticket<A> {
    /// Runs the actor on the current thread.
    pub(super) fn run(self) {
        let Self { seat, factory, receiver, env, line, orders } = self;
        let body = Body::Unborn(factory, receiver);
        #[expect(clippy::disallowed_methods, reason = "this is what is supervised")]
        actix_rt::spawn(Runner { seat, env, line, orders, body, ping: None, told_to_stop: false });
    }
}

/// One actor at work.
struct Runner<A: Actor<Context = Context<A>>> {
    seat: Arc<Seat<A>>,
    env: Env,
    line: Arc<Line>,
    orders: Arc<Orders>,
    body: Body<A>,
    /// To be answered once the turn is over: a thread that never comes back from it must not have answered.
    ping: Option<u64>,
    told_to_stop: bool,
}

enum Body<A: Actor<Context = Context<A>>> {
    Unborn(Factory<A>, AddressReceiver<A>),
    Alive(Box<ContextFut<A, Context<A>>>),
    Gone,
}

impl<A: Actor<Context = Context<A>>> Runner<A> {
    /// Makes the actor.
    fn bear(&mut self) -> Result<(), Exit> {
        let Body::Unborn(factory, receiver) = std::mem::replace(&mut self.body, Body::Gone) else { return Ok(()) };
        match guarded(|| factory(self.env.clone())) {
            Ok(actor) => {
                self.body = Body::Alive(Box::new(Context::body(actor, receiver, self.env.clone())));
                Ok(())
            }
            Err(caught) => Err(self.exit(Reason::StartFailed, caught)),
        }
    }

    fn obey(&mut self, order: Order) {
        let Body::Alive(body) = &mut self.body else { return };
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

    /// One turn of the actor; its exit, if it was the last.
    fn turn(&mut self, cx: &mut TaskContext<'_>) -> Option<Exit> {
        let first = matches!(self.body, Body::Unborn(..));
        if first && let Err(exit) = self.bear() {
            return Some(exit);
        }
        for order in self.orders.take(cx.waker()) {
            self.obey(order);
        }
        let Body::Alive(body) = &mut self.body else { return None };
        body.ctx().open_turn();
        match guarded(|| Pin::new(body.as_mut()).poll(cx)) {
            Ok(Poll::Pending) => {
                if let Some(number) = self.ping.take() {
                    self.env.vitals().thread.answer(number);
                }
                if first && self.env.is_current() {
                    self.began();
                }
                None
            }
            Ok(Poll::Ready(())) => Some(match body.ctx().take_failure() {
                Some(failure) => {
                    let exit = Exit::new(Reason::Error, self.env.generation(), failure.message);
                    exit.at_place(Some(failure.place))
                }
                None if self.told_to_stop => Exit::new(Reason::Shutdown, self.env.generation(), ""),
                None => Exit::new(Reason::Stopped, self.env.generation(), ""),
            }),
            Err(caught) => Some(self.exit(Reason::Panic, caught)),
        }
    }

    fn began(&self) {
        self.env.vitals().began();
        if self.line.events.receiver_count() > 0 {
            let event = Event::Started { id: self.env.vitals().id().clone(), generation: self.env.generation() };
            // An error means that nobody listens any more.
            let _ = self.line.events.send(event);
        }
    }

    fn exit(&self, reason: Reason, caught: Caught) -> Exit {
        Exit::new(reason, self.env.generation(), caught.message).at_place(caught.place)
    }

    /// Buries what is left and, if it still was the one at its place, tells of its end.
    fn finish(&mut self, exit: Exit) {
        let body = std::mem::replace(&mut self.body, Body::Gone);
        let was_current = self.env.is_current();
        self.seat.advance(self.env.generation());
        let exit = match bury(body) {
            Err(caught) if exit.reason != Reason::Panic => self.exit(Reason::Panic, caught),
            _ => exit,
        };
        if was_current {
            self.line.root.do_send(Ended { child: self.line.child, exit });
        }
    }
}

/// Drops an actor without another call of its hooks.
fn bury<A: Actor<Context = Context<A>>>(mut body: Body<A>) -> Result<(), Caught> {
    if let Body::Alive(body) = &mut body {
        body.ctx().terminate();
    }
    guarded(move || drop(body))
}

impl<A: Actor<Context = Context<A>>> Future for Runner<A> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<()> {
        let this = self.get_mut();
        let exit = match this.env.is_current() {
            true => this.turn(cx),
            false => Some(Exit::new(Reason::Stopped, this.env.generation(), "")),
        };
        match exit {
            None => Poll::Pending,
            Some(exit) => {
                this.finish(exit);
                Poll::Ready(())
            }
        }
    }
}

impl<A: Actor<Context = Context<A>>> Drop for Runner<A> {
    fn drop(&mut self) {
        self.finish(Exit::new(Reason::ThreadLost, self.env.generation(), ""));
    }
}
