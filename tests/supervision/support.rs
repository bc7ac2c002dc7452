//! Supervisors under which everything happens soon, and waiting on events.

use std::{sync::Arc, time::Duration};

use actix::System;
use auto_operator::supervision::{
    Backoff, ChildInfo, ChildSpec, Event, Exit, Handle, Intensity, LastResort, Limits, Supervisor, runtime,
};
use tokio::sync::{broadcast, mpsc};

use super::patient::{Patient, Ward};

/// Longer than anything takes even on a machine that is busy with something else. A test that waits so long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Runs a test on a system of its own, on the shared runtime.
pub(crate) fn run(test: impl Future<Output = ()>) {
    let shared = runtime().unwrap();
    System::with_tokio_rt(|| shared).block_on(async {
        tokio::time::timeout(PATIENCE * 2, test).await.expect("the test hangs");
    });
}

/// Limits under which everything happens soon, except that nobody is taken for stuck or blocked.
pub(crate) fn quick() -> Limits {
    Limits {
        tick: Duration::from_millis(10),
        block_after: PATIENCE,
        stuck_after: PATIENCE,
        intensity: Intensity { restarts: 5, within: PATIENCE },
        backoff: Backoff { first: Duration::from_millis(2), max: Duration::from_millis(20) },
        quiet: PATIENCE,
        retry_degraded: Duration::from_millis(50),
        recover_after: Duration::from_millis(100),
        root_intensity: Intensity { restarts: 1_000, within: PATIENCE },
        abandoned_threads: 16,
        escalation_stop: PATIENCE,
        watchdog: PATIENCE,
    }
}

pub(crate) fn supervisor(limits: Limits) -> Supervisor {
    Supervisor::start(limits, |why: LastResort| panic!("not expected: {why}")).unwrap()
}

/// A supervisor whose last resort is told instead of taken.
pub(crate) fn resorting(limits: Limits) -> (Supervisor, mpsc::UnboundedReceiver<LastResort>) {
    let (resort, resorted) = mpsc::unbounded_channel();
    (Supervisor::start(limits, move |why| drop(resort.send(why))).unwrap(), resorted)
}

/// Comes back to it until it holds; for what is told by no event.
pub(crate) async fn until(mut holds: impl FnMut() -> bool) {
    while !holds() {
        tokio::task::yield_now().await;
    }
}

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

pub(crate) fn admit(supervisor: &Supervisor, spec: ChildSpec) -> (Handle<Patient>, Arc<Ward>) {
    let ward = Arc::new(Ward::default());
    let factory = {
        let ward = Arc::clone(&ward);
        move |env| Patient::admit(env, Arc::clone(&ward))
    };
    (supervisor.add(spec, factory).unwrap(), ward)
}

pub(crate) fn info(supervisor: &Supervisor, id: &str) -> ChildInfo {
    supervisor.children().into_iter().find(|child| &*child.id == id).unwrap()
}

/// Events, waited for.
pub(crate) struct News(broadcast::Receiver<Event>);

impl News {
    pub(crate) fn of(supervisor: &Supervisor) -> Self {
        Self(supervisor.events())
    }

    /// The first event from here on of which `pick` makes something.
    pub(crate) async fn wait<T>(&mut self, mut pick: impl FnMut(Event) -> Option<T>) -> T {
        let search = async {
            loop {
                if let Some(found) = pick(self.0.recv().await.unwrap()) {
                    return found;
                }
            }
        };
        tokio::time::timeout(PATIENCE, search).await.expect("the event does not come")
    }

    pub(crate) async fn exit_of(&mut self, child: &str) -> Exit {
        self.wait(|event| match event {
            Event::Exited { id, exit } if &*id == child => Some(exit),
            _ => None,
        })
        .await
    }
}
