//! The same with kameo, whose supervised actors keep their mailbox and address.

use std::{convert::Infallible, time::Duration};

use kameo::{
    actor::{Actor, ActorRef, Spawn},
    message::{Context, Message},
    supervision::RestartPolicy,
};
use tokio::runtime::Builder;

use crate::clock::{LONG, Round, since_strike, strike};

#[derive(Clone)]
struct Worker;

impl Actor for Worker {
    type Args = Self;
    type Error = Infallible;

    async fn on_start(worker: Self, _: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(worker)
    }
}

struct Panic;

impl Message<Panic> for Worker {
    type Reply = ();

    async fn handle(&mut self, Panic: Panic, _: &mut Context<Self, ()>) {
        strike();
        panic!("on purpose");
    }
}

struct Ask;

impl Message<Ask> for Worker {
    type Reply = u64;

    async fn handle(&mut self, Ask: Ask, _: &mut Context<Self, u64>) -> u64 {
        7
    }
}

struct Boss;

impl Actor for Boss {
    type Args = ();
    type Error = Infallible;

    async fn on_start((): (), _: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(Self)
    }
}

async fn panics(count: usize, in_thread: bool) -> Round {
    let boss = Boss::spawn(());
    boss.wait_for_startup().await;
    let worker = Worker::supervise(&boss, Worker)
        .restart_policy(RestartPolicy::Permanent)
        .restart_limit(u32::MAX, Duration::from_secs(3_600));
    let worker = if in_thread { worker.spawn_in_thread().await } else { worker.spawn().await };
    worker.wait_for_startup().await;
    let mut round = Round::default();
    for _ in 0..count {
        worker.tell(Panic).await.unwrap();
        // An ask that comes while it is restarting fails, and is repeated.
        while worker.ask(Ask).reply_timeout(LONG).await.is_err() {
            tokio::task::yield_now().await;
        }
        round.note(since_strike());
    }
    boss.stop_gracefully().await.unwrap();
    boss.wait_for_shutdown().await;
    round
}

pub(crate) fn one_thread(count: usize) -> Round {
    Builder::new_current_thread().enable_all().build().unwrap().block_on(panics(count, false))
}

pub(crate) fn thread_per_actor(count: usize) -> Round {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(panics(count, true))
}
