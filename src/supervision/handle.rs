//! Stable handles: valid before the first start, over every restart, and after the end.

use std::{fmt, sync::Arc, time::Duration};

use actix::{
    Actor, Handler, Message,
    dev::{SendError, ToEnvelope},
};
use futures_util::{
    FutureExt,
    future::{BoxFuture, Either, ready},
};

use super::{
    context::Context,
    info::State,
    seat::Seat,
    sender::{AskError, Deliver, Refused, Sender},
    vitals::Vitals,
};

/// The stable handle of the actor at one place. Cheap to clone, usable from every thread and runtime.
pub struct Handle<A: Actor<Context = Context<A>>> {
    seat: Arc<Seat<A>>,
}

impl<A: Actor<Context = Context<A>>> Handle<A> {
    pub(super) fn new(seat: Arc<Seat<A>>) -> Self {
        Self { seat }
    }

    /// The child's name.
    pub fn id(&self) -> &str {
        self.seat.vitals.id()
    }

    /// The child's state at this moment.
    pub fn state(&self) -> State {
        self.seat.vitals.phase().into()
    }

    /// Puts a message into the mailbox; a message that is not taken comes back. A message that was taken is lost if the
    /// actor ends before it comes to it.
    pub fn cast<M>(&self, msg: M) -> Result<(), Refused<M>>
    where
        A: Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        self.seat.cast(msg)
    }

    /// Asks and waits for the answer, at most once and at most `within`. The message is sent when this is called.
    pub fn ask<M>(
        &self,
        msg: M,
        within: Duration,
    ) -> impl Future<Output = Result<M::Result, AskError>> + Send + use<A, M>
    where
        A: Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        self.seat.ask(msg, within)
    }

    /// Asks until there is an answer, over restarts, at most `within`: see [`Sender::call`].
    pub fn call<M>(
        &self,
        msg: M,
        within: Duration,
    ) -> impl Future<Output = Result<M::Result, AskError>> + Send + use<A, M>
    where
        A: Handler<M>,
        M: Message + Clone + Send + Sync + 'static,
        M::Result: Send,
    {
        self.sender().call(msg, within)
    }

    /// The same handle for one message alone, with the actor's type erased: what neighbours get.
    pub fn sender<M>(&self) -> Sender<M>
    where
        A: Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        Sender::new(Arc::clone(&self.seat) as Arc<dyn Deliver<M>>)
    }
}

impl<A: Actor<Context = Context<A>>> Clone for Handle<A> {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.seat))
    }
}

impl<A: Actor<Context = Context<A>>> fmt::Debug for Handle<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handle({})", self.id())
    }
}

impl<A: Actor<Context = Context<A>>> Seat<A> {
    fn ask<M>(&self, msg: M, within: Duration) -> impl Future<Output = Result<M::Result, AskError>> + Send + use<A, M>
    where
        A: Handler<M>,
        Context<A>: ToEnvelope<A, M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        let refused = |error| Either::Left(ready(Err(error)));
        if !self.vitals.is_open() {
            return refused(AskError::Unavailable);
        }
        let Some(in_flight) = self.vitals.ask_begins() else { return refused(AskError::Busy) };
        let request = self.address.load().send(msg).timeout(within);
        Either::Right(request.map(move |answer| {
            drop(in_flight);
            answer.map_err(AskError::from)
        }))
    }
}

impl<A, M> Deliver<M> for Seat<A>
where
    A: Actor<Context = Context<A>> + Handler<M>,
    M: Message + Send + 'static,
    M::Result: Send,
{
    fn cast(&self, mut msg: M) -> Result<(), Refused<M>> {
        loop {
            if !self.vitals.is_open() {
                return Err(Refused::Unavailable(msg));
            }
            let address = self.address.load();
            msg = match address.try_send(msg) {
                Ok(()) => return Ok(()),
                Err(SendError::Full(msg)) => return Err(Refused::Full(msg)),
                Err(SendError::Closed(msg)) => msg,
            };
            if Arc::ptr_eq(&address, &self.address.load()) {
                return Err(Refused::Unavailable(msg));
            }
        }
    }

    fn ask(&self, msg: M, within: Duration) -> BoxFuture<'static, Result<M::Result, AskError>> {
        Box::pin(Seat::ask(self, msg, within))
    }

    fn vitals(&self) -> Option<&Arc<Vitals>> {
        Some(&self.vitals)
    }
}
