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
