//! The same with ractor: its supervisors decide for themselves, so this one starts a fresh worker and tells its address.

use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort, SupervisionEvent};
use tokio::{runtime::Builder, sync::watch};

use crate::clock::{LONG, Round, since_strike, strike};

struct Worker;

enum Errand {
    Panic,
    Ask(RpcReplyPort<u64>),
}

impl Actor for Worker {
    type Msg = Errand;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Errand>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle(&self, _: ActorRef<Errand>, errand: Errand, (): &mut ()) -> Result<(), ActorProcessingErr> {
        match errand {
            Errand::Panic => {
                strike();
                panic!("on purpose");
            }
            Errand::Ask(reply) => drop(reply.send(7)),
        }
        Ok(())
    }
}

struct Boss(watch::Sender<Option<ActorRef<Errand>>>);

impl Boss {
    async fn hire(&self, myself: &ActorRef<()>) -> Result<(), ActorProcessingErr> {
        let (worker, _) = Actor::spawn_linked(None, Worker, (), myself.get_cell()).await?;
        self.0.send_replace(Some(worker));
        Ok(())
    }
}

impl Actor for Boss {
    type Msg = ();
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, myself: ActorRef<()>, (): ()) -> Result<(), ActorProcessingErr> {
        self.hire(&myself).await
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<()>,
        event: SupervisionEvent,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        if matches!(event, SupervisionEvent::ActorFailed(..)) {
            self.hire(&myself).await?;
        }
        Ok(())
    }
}

async fn panics(count: usize) -> Round {
    let (hired, mut workers) = watch::channel(None);
    let (boss, ended) = Actor::spawn(None, Boss(hired), ()).await.unwrap();
    let mut round = Round::default();
    for _ in 0..count {
        let worker = workers.borrow_and_update().clone().unwrap();
        worker.cast(Errand::Panic).unwrap();
        workers.changed().await.unwrap();
        let next = workers.borrow().clone().unwrap();
        next.call(Errand::Ask, Some(LONG)).await.unwrap().unwrap();
        round.note(since_strike());
    }
    boss.stop(None);
    ended.await.unwrap();
    round
}

pub(crate) fn one_thread(count: usize) -> Round {
    Builder::new_current_thread().enable_all().build().unwrap().block_on(panics(count))
}

pub(crate) fn two_workers(count: usize) -> Round {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(panics(count))
}
