//! A patient that comes to harm on request, and the ward in which one patient follows another.

use std::{
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use actix::prelude::{
    Actor, ActorContext, ActorFutureExt, Arbiter, AsyncContext, AtomicResponse, Handler, Message, ResponseActFuture,
    Running, WrapFuture,
};
use auto_operator::supervision::{Context, Env};

use super::support::PATIENCE;

/// A door that is opened once.
#[derive(Default)]
pub(crate) struct Gate(Mutex<bool>, Condvar);

impl Gate {
    pub(crate) fn open(&self) {
        *self.0.lock().unwrap() = true;
        self.1.notify_all();
    }

    /// Blocks the thread.
    pub(crate) fn pass(&self) {
        drop(self.1.wait_while(self.0.lock().unwrap(), |open| !*open).unwrap());
    }
}

/// How a patient comes to harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Harm {
    PanicInHandler,
    PanicInActFuture,
    PanicInSpawned,
    PanicInInterval,
    PanicInStarted,
    PanicInStopping,
    PanicInStopped,
    PanicInDrop,
    PanicInHandlerAndDrop,
    PanicInFactory,
    Fail,
    FailAfterCancel,
    FailInWait,
    Stop,
    Terminate,
    WaitForEver,
    AtomicForEver,
    BlockInHandler,
    BlockInFuture,
    BlockInFactory,
    BlockDetached,
    EndThread,
}

/// What outlives the patients.
#[derive(Default)]
pub(crate) struct Ward {
    /// Harm for the next patient.
    pub(crate) next: Mutex<Option<Harm>>,
    /// Lets the blocked threads go.
    pub(crate) gate: Gate,
    /// Set by whoever stands before the gate in a handler.
    pub(crate) blocked: AtomicBool,
    /// Set by whoever passed the gate.
    pub(crate) woken: AtomicBool,
    pub(crate) starts: AtomicU64,
    pub(crate) visits: AtomicU64,
    /// Futures that ran after a block.
    pub(crate) futures: AtomicU64,
}

pub(crate) struct Patient {
    env: Env,
    ward: Arc<Ward>,
    spiteful: Option<Harm>,
}

impl Patient {
    pub(crate) fn admit(env: Env, ward: Arc<Ward>) -> Self {
        let next = *ward.next.lock().unwrap();
        match next {
            Some(Harm::PanicInFactory) => {
                ward.next.lock().unwrap().take();
                panic!("in the factory")
            }
            Some(Harm::BlockInFactory) => {
                ward.next.lock().unwrap().take();
                ward.gate.pass();
            }
            _ => {}
        }
        Self { env, ward, spiteful: None }
    }
}

impl Actor for Patient {
    type Context = Context<Self>;

    fn started(&mut self, _: &mut Self::Context) {
        self.ward.starts.fetch_add(1, SeqCst);
        if self.ward.next.lock().unwrap().take() == Some(Harm::PanicInStarted) {
            panic!("in started");
        }
    }

    fn stopping(&mut self, _: &mut Self::Context) -> Running {
        if self.spiteful == Some(Harm::PanicInStopping) {
            panic!("in stopping");
        }
        Running::Stop
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        if self.spiteful == Some(Harm::PanicInStopped) {
            panic!("in stopped");
        }
    }
}

impl Drop for Patient {
    fn drop(&mut self) {
        if matches!(self.spiteful, Some(Harm::PanicInDrop | Harm::PanicInHandlerAndDrop)) {
            panic!("in drop");
        }
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Suffer(pub(crate) Harm);

impl Message for Suffer {
    type Result = ();
}

impl Handler<Suffer> for Patient {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, Suffer(harm): Suffer, ctx: &mut Self::Context) -> Self::Result {
        let ward = Arc::clone(&self.ward);
        match harm {
            Harm::PanicInHandler => panic!("in a handler"),
            Harm::PanicInActFuture => return Box::pin(async {}.into_actor(self).map(|(), _, _| panic!("in a future"))),
            Harm::PanicInSpawned => drop(ctx.spawn(async { panic!("in a spawned future") }.into_actor(self))),
            Harm::PanicInInterval => {
                ctx.run_interval(Duration::from_millis(1), |_, _| panic!("in an interval"));
            }
            Harm::PanicInStarted | Harm::PanicInFactory | Harm::BlockInFactory => {
                *ward.next.lock().unwrap() = Some(harm);
                ctx.stop();
            }
            Harm::PanicInStopping | Harm::PanicInStopped | Harm::PanicInDrop => {
                self.spiteful = Some(harm);
                ctx.stop();
            }
            Harm::PanicInHandlerAndDrop => {
                self.spiteful = Some(harm);
                panic!("in a handler, and once more");
            }
            Harm::Fail => ctx.fail("given up"),
            Harm::FailAfterCancel => {
                // In plain actix these three together never come to an end.
                ctx.run_interval(PATIENCE, |_, _| {});
                let timer = ctx.run_later(PATIENCE, |_, _| {});
                ctx.cancel_future(timer);
                ctx.fail("given up");
            }
            Harm::FailInWait => {
                let fail = async {}.into_actor(self).map(|(), _, ctx: &mut Context<Self>| ctx.fail("given up"));
                ctx.wait(fail.then(|(), act, _| std::future::pending::<()>().into_actor(act)));
            }
            Harm::Stop => ctx.stop(),
            Harm::Terminate => ctx.terminate(),
            Harm::WaitForEver => ctx.wait(std::future::pending().into_actor(self)),
            Harm::AtomicForEver => ctx.notify(Hold),
            Harm::BlockInHandler => {
                let afterwards = Arc::clone(&ward);
                ctx.spawn(async move { afterwards.futures.fetch_add(1, SeqCst) }.into_actor(self).map(|_, _, _| ()));
                ward.blocked.store(true, SeqCst);
                ward.gate.pass();
                ward.woken.store(true, SeqCst);
            }
            Harm::BlockInFuture => {
                let block = async move {
                    ward.gate.pass();
                    ward.woken.store(true, SeqCst);
                };
                ctx.spawn(block.into_actor(self));
            }
            Harm::EndThread => drop(Arbiter::current().stop()),
            Harm::BlockDetached => {
                actix_rt::spawn(async move {
                    ward.gate.pass();
                    ward.woken.store(true, SeqCst);
                });
            }
        }
        Box::pin(async {}.into_actor(self))
    }
}

/// Holds the mailbox until an answer comes that never comes.
struct Hold;

impl Message for Hold {
    type Result = ();
}

impl Handler<Hold> for Patient {
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, Hold: Hold, _: &mut Self::Context) -> Self::Result {
        AtomicResponse::new(Box::pin(std::future::pending().into_actor(self)))
    }
}

/// Asks for the generation of whoever answers.
#[derive(Clone, Copy)]
pub(crate) struct WhoAreYou;

impl Message for WhoAreYou {
    type Result = u64;
}

impl Handler<WhoAreYou> for Patient {
    type Result = u64;

    fn handle(&mut self, WhoAreYou: WhoAreYou, _: &mut Self::Context) -> u64 {
        self.env.generation()
    }
}

/// Is counted.
#[derive(Clone, Copy)]
pub(crate) struct Visit;

impl Message for Visit {
    type Result = ();
}

impl Handler<Visit> for Patient {
    type Result = ();

    fn handle(&mut self, Visit: Visit, _: &mut Self::Context) {
        self.ward.visits.fetch_add(1, SeqCst);
    }
}
