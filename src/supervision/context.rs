//! The context of a supervised actor: actix's own, with a fence.
//!
//! It does what [`actix::Context`] does and adds two things. *Failing*, with a reason. *The fence*: once the actor has
//! been replaced, no message, timer or future of it is run any more, even if its blocked thread wakes up in the middle
//! of a handler with a full mailbox behind it. And it mends a fault of actix 0.13.5, which turns in a circle for ever
//! when a future was cancelled and the context terminated in the same turn.

use std::{fmt::Display, panic::Location};

use actix::{
    Actor, ActorContext, ActorFuture, ActorState, Addr, AsyncContext, Handler, Message, SpawnHandle,
    dev::{AsyncContextParts, ContextFut, ContextParts, Envelope, Mailbox, ToEnvelope, channel},
};

use super::env::Env;

/// `type Context = supervision::Context<Self>;` is all that an actor needs in order to be supervised.
pub struct Context<A: Actor<Context = Self>> {
    parts: ContextParts<A>,
    /// Untouched parts, to which `terminate` changes over: those in use may hold cancelled handles, over which actix
    /// would loop for ever.
    spare: Option<ContextParts<A>>,
    env: Env,
    failure: Option<Failure>,
    /// The next look at `parts` is the first of a turn. Terminated at that point, actix would call `started` again.
    turn_opens: bool,
}

/// Why an actor gave up.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) message: String,
    pub(super) place: String,
}

impl<A: Actor<Context = Self>> Context<A> {
    /// Gives up with an error: the actor ends here and now, and its supervisor is told why. Of its hooks only `stopped`
    /// runs. The first error of a turn is the one that is told.
    #[track_caller]
    pub fn fail(&mut self, error: impl Display) {
        let place = Location::caller().to_string();
        self.failure.get_or_insert_with(|| Failure { message: error.to_string(), place });
        self.terminate();
    }

    /// The actor's environment.
    pub fn env(&self) -> &Env {
        &self.env
    }

    /// Runs `actor` on the current arbiter with nobody to supervise it: for tests of one actor alone.
    pub fn alone(actor: A) -> Addr<A> {
        let (sender, receiver) = channel::channel(16);
        #[expect(clippy::disallowed_methods, reason = "an actor alone is supervised by nobody")]
        actix_rt::spawn(Self::body(actor, receiver, Env::alone()));
        Addr::new(sender)
    }

    /// The actor with its mailbox, ready to be polled. Before each poll comes [`open_turn`](Self::open_turn).
    pub(super) fn body(actor: A, receiver: channel::AddressReceiver<A>, env: Env) -> ContextFut<A, Self> {
        let mailbox = Mailbox::new(receiver);
        let parts = || ContextParts::new(mailbox.sender_producer());
        let context = Self { parts: parts(), spare: Some(parts()), env, failure: None, turn_opens: false };
        ContextFut::new(context, actor, mailbox)
    }

    pub(super) fn open_turn(&mut self) {
        self.turn_opens = true;
    }

    pub(super) fn take_failure(&mut self) -> Option<Failure> {
        self.failure.take()
    }
}

impl<A: Actor<Context = Self>> ActorContext for Context<A> {
    fn stop(&mut self) {
        self.parts.stop();
    }

    fn terminate(&mut self) {
        if let Some(spare) = self.spare.take() {
            self.parts = spare;
        }
        self.parts.terminate();
    }

    fn state(&self) -> ActorState {
        self.parts.state()
    }
}

impl<A: Actor<Context = Self>> AsyncContext<A> for Context<A> {
    /// The address of this generation alone. What is to outlive a restart is a handle.
    fn address(&self) -> Addr<A> {
        self.parts.address()
    }

    fn spawn<F>(&mut self, fut: F) -> SpawnHandle
    where
        F: ActorFuture<A, Output = ()> + 'static,
    {
        self.parts.spawn(fut)
    }

    fn wait<F>(&mut self, fut: F)
    where
        F: ActorFuture<A, Output = ()> + 'static,
    {
        self.parts.wait(fut);
    }

    fn waiting(&self) -> bool {
        self.parts.waiting() || !self.env.is_current()
    }

    fn cancel_future(&mut self, handle: SpawnHandle) -> bool {
        self.parts.cancel_future(handle)
    }
}

impl<A: Actor<Context = Self>> AsyncContextParts<A> for Context<A> {
    fn parts(&mut self) -> &mut ContextParts<A> {
        let first = std::mem::take(&mut self.turn_opens);
        if !first && !self.env.is_current() && self.spare.is_some() {
            self.terminate();
        }
        &mut self.parts
    }
}

impl<A, M> ToEnvelope<A, M> for Context<A>
where
    A: Actor<Context = Self> + Handler<M>,
    M: Message + Send + 'static,
    M::Result: Send,
{
    fn pack(msg: M, tx: Option<tokio::sync::oneshot::Sender<M::Result>>) -> Envelope<A> {
        Envelope::new(msg, tx)
    }
}
