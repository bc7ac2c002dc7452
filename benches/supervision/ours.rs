//! This crate's supervision, on actix.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use actix::{Actor, Addr, AsyncContext, Handler, Message, MessageResult, System};
use auto_operator::supervision::{
    Backoff, Chaos, ChildSpec, Context, Handle, Intensity, LastResort, Limits, Supervisor, runtime,
};

use crate::clock::{LONG, Round, since_strike, strike};

struct Worker;

impl Actor for Worker {
    type Context = Context<Self>;
}

#[derive(Clone, Copy)]
struct Panic;

impl Message for Panic {
    type Result = ();
}

impl Handler<Panic> for Worker {
    type Result = ();

    fn handle(&mut self, Panic: Panic, _: &mut Self::Context) {
        strike();
        panic!("on purpose");
    }
}

#[derive(Clone, Copy)]
struct Ask;

impl Message for Ask {
    type Result = u64;
}

impl Handler<Ask> for Worker {
    type Result = u64;

    fn handle(&mut self, Ask: Ask, _: &mut Self::Context) -> u64 {
        7
    }
}

/// Asks for the bare address of the generation that answers.
struct Whereabouts;

impl Message for Whereabouts {
    type Result = Addr<Worker>;
}

impl Handler<Whereabouts> for Worker {
    type Result = MessageResult<Whereabouts>;

    fn handle(&mut self, Whereabouts: Whereabouts, ctx: &mut Self::Context) -> Self::Result {
        MessageResult(ctx.address())
    }
}

/// No backoff and no giving up.
fn limits() -> Limits {
    Limits {
        intensity: Intensity { restarts: 1_000_000, within: Duration::ZERO },
        root_intensity: Intensity { restarts: 1_000_000, within: Duration::ZERO },
        backoff: Backoff { first: Duration::ZERO, max: Duration::ZERO },
        quiet: Duration::ZERO,
        watchdog: LONG,
        ..Limits::default()
    }
}

fn on_system<T>(work: impl Future<Output = T>) -> T {
    let shared = runtime().unwrap();
    System::with_tokio_rt(|| shared).block_on(work)
}

fn unexpected(why: LastResort) {
    why.exit();
}

async fn panics(supervisor: Supervisor, spec: ChildSpec, count: usize) -> Round {
    let worker = supervisor.add(spec, |_| Worker).unwrap();
    let mut round = Round::default();
    worker.call(Ask, LONG).await.unwrap();
    for _ in 0..count {
        worker.cast(Panic).unwrap();
        worker.call(Ask, LONG).await.unwrap();
        round.note(since_strike());
    }
    supervisor.stop_all(LONG).await.unwrap();
    round
}

pub(crate) fn one_thread(count: usize) -> Round {
    on_system(async {
        let supervisor = Supervisor::start_here(limits(), unexpected).unwrap();
        panics(supervisor, ChildSpec::new("worker").beside_supervisor(), count).await
    })
}

pub(crate) fn thread_per_actor(count: usize) -> Round {
    on_system(async {
        let supervisor = Supervisor::start(limits(), unexpected).unwrap();
        panics(supervisor, ChildSpec::new("worker"), count).await
    })
}

/// Blocked threads and stuck mailboxes.
pub(crate) fn hangs(deadline: Duration, tick: Duration, count: usize) -> [(&'static str, Round); 2] {
    let hang = |chaos| {
        let limits = Limits { tick, block_after: deadline, stuck_after: deadline, ..limits() };
        on_system(async move {
            let supervisor = Supervisor::start(limits, unexpected).unwrap();
            let worker = supervisor.add(ChildSpec::new("worker"), |_| Worker).unwrap();
            let mut round = Round::default();
            for _ in 0..count {
                worker.call(Ask, LONG).await.unwrap();
                let generation = supervisor.children()[0].generation;
                strike();
                supervisor.harm("worker", chaos).unwrap();
                while supervisor.children()[0].generation == generation {
                    tokio::time::sleep(Duration::from_micros(100)).await;
                }
                worker.call(Ask, LONG).await.unwrap();
                round.note(since_strike());
            }
            supervisor.stop_all(LONG).await.unwrap();
            round
        })
    };
    [("a blocked thread", hang(Chaos::Block)), ("a mailbox left alone", hang(Chaos::Hang))]
}

/// Messages of one batch; all of them fit into the mailbox.
const BATCH: u32 = 4_096;
const BATCHES: u32 = 200;

pub(crate) fn messages() -> Vec<(&'static str, f64)> {
    on_system(async {
        let supervisor = Supervisor::start_here(limits(), unexpected).unwrap();
        let spec = ChildSpec::new("worker").beside_supervisor().mailbox(2 * BATCH as usize);
        let worker: Handle<Worker> = supervisor.add(spec, |_| Worker).unwrap();
        let bare = worker.ask(Whereabouts, LONG).await.unwrap();
        let sender = worker.sender::<Ask>();

        let mut casts = [Vec::new(), Vec::new(), Vec::new()];
        for _ in 0..BATCHES {
            casts[0].push(batch(|| black_box(&bare).try_send(Ask).is_ok()));
            worker.ask(Ask, LONG).await.unwrap();
            casts[1].push(batch(|| black_box(&worker).cast(Ask).is_ok()));
            worker.ask(Ask, LONG).await.unwrap();
            casts[2].push(batch(|| black_box(&sender).cast(Ask).is_ok()));
            worker.ask(Ask, LONG).await.unwrap();
        }

        let mut asks = [Vec::new(), Vec::new(), Vec::new(), Vec::new()];
        for _ in 0..BATCHES {
            let begun = Instant::now();
            for _ in 0..BATCH / 16 {
                black_box(bare.send(Ask).timeout(LONG).await.unwrap());
            }
            asks[0].push(begun.elapsed() * 16);
            let begun = Instant::now();
            for _ in 0..BATCH / 16 {
                black_box(worker.ask(Ask, LONG).await.unwrap());
            }
            asks[1].push(begun.elapsed() * 16);
            let begun = Instant::now();
            for _ in 0..BATCH / 16 {
                black_box(sender.ask(Ask, LONG).await.unwrap());
            }
            asks[2].push(begun.elapsed() * 16);
            let begun = Instant::now();
            for _ in 0..BATCH / 16 {
                black_box(worker.call(Ask, LONG).await.unwrap());
            }
            asks[3].push(begun.elapsed() * 16);
        }
        supervisor.stop_all(LONG).await.unwrap();
        let names = ["cast: bare address", "cast: handle", "cast: sender"];
        let names = names.into_iter().chain(["ask: bare address", "ask: handle", "ask: sender", "call: handle"]);
        names.zip(casts.into_iter().chain(asks).map(each)).collect()
    })
}

fn batch(mut cast: impl FnMut() -> bool) -> Duration {
    let begun = Instant::now();
    for _ in 0..BATCH {
        assert!(cast());
    }
    begun.elapsed()
}

/// Nanoseconds a message, in the median batch.
fn each(mut batches: Vec<Duration>) -> f64 {
    batches.sort_unstable();
    batches[batches.len() / 2].as_secs_f64() * 1e9 / f64::from(BATCH)
}
