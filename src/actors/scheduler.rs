//! The Scheduler: ticks at a fixed rate, numbers the cycles, and starts them one at a time.
//!
//! It does not know what the checks are. A tick that falls into a running cycle is skipped and said; ticks are counted
//! from the start, so that a late one does not move those after it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use actix::prelude::*;
use chrono::{SubsecRound, Utc};
use tokio::sync::oneshot;

use super::check_actor::{Looker, Order};
use super::escalator::Begin;
use crate::domain::message::duration;
use crate::domain::report::Overview;
use crate::supervision::{Context, Sender};

/// Runs a cycle now; whoever asks while one is running shares that one. The answer comes when it is complete, and is
/// `None` when it did not come to an end.
#[derive(Clone, Copy, Message)]
#[rtype(result = "Option<Arc<Overview>>")]
pub struct RunCycle;

/// A cycle is complete.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Completed {
    /// Which.
    pub cycle: u64,
    /// What is known now.
    pub overview: Arc<Overview>,
}

/// A fresh Escalator has taken the place of one that failed: what that one was gathering is lost.
#[derive(Message)]
#[rtype(result = "()")]
pub struct GatheringLost;

/// When to tick.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Ticking {
    /// At once, and then at this interval.
    Every(Duration),
    /// Never by itself: only when asked.
    OnDemand,
}

/// What outlives a Scheduler: the next one goes on in its rhythm and with its numbers.
#[derive(Clone)]
pub struct Rhythm {
    /// When the first tick was.
    start: Instant,
    /// The number of the latest cycle.
    cycle: Arc<AtomicU64>,
    /// When it began, in milliseconds after the start.
    begun: Arc<AtomicU64>,
}

impl Rhythm {
    /// The first tick is now.
    pub fn starting_now() -> Self {
        Self { start: Instant::now(), cycle: Arc::default(), begun: Arc::default() }
    }
}

/// The Scheduler.
pub struct Scheduler {
    ticking: Ticking,
    /// After so long a cycle is given up, so that a hung Escalator does not stop the ticks.
    cycle_timeout: Duration,
    checks: Vec<Looker>,
    escalator: Sender<Begin>,
    completed: Sender<Completed>,
    rhythm: Rhythm,
    ticks: u32,
    running: Option<Running>,
}

struct Running {
    cycle: u64,
    since: Instant,
    waiting: Vec<oneshot::Sender<Option<Arc<Overview>>>>,
}

impl Scheduler {
    /// Starts cycles of `checks`, gathered by `escalator`, who says to `completed` (the Scheduler's own stable handle)
    /// when one is complete. A cycle takes `cycle_timeout` at most.
    pub fn new(
        ticking: Ticking,
        rhythm: Rhythm,
        cycle_timeout: Duration,
        checks: Vec<Looker>,
        escalator: Sender<Begin>,
        completed: Sender<Completed>,
    ) -> Self {
        Self { ticking, cycle_timeout, checks, escalator, completed, rhythm, ticks: 0, running: None }
    }

    fn tick(&mut self, interval: Duration, ctx: &mut Context<Self>) {
        match &self.running {
            Some(running) => log::warn!(
                "cycle={} is still running after {}: this tick is skipped",
                running.cycle,
                duration(running.since.elapsed())
            ),
            None => self.begin(ctx),
        }
        self.wait(interval, ctx);
    }

    /// Until the next tick.
    fn wait(&mut self, interval: Duration, ctx: &mut Context<Self>) {
        let (ticks, wait) = next_tick(self.rhythm.start.elapsed(), interval, self.ticks);
        if self.ticks > 0 && ticks > self.ticks + 1 {
            log::warn!("{} tick(s) were missed: the process did not run", ticks - self.ticks - 1);
        }
        self.ticks = ticks;
        ctx.run_later(wait, move |actor, ctx| actor.tick(interval, ctx));
    }

    fn begin(&mut self, ctx: &mut Context<Self>) {
        let cycle = self.rhythm.cycle.fetch_add(1, Relaxed) + 1;
        let now = Utc::now().trunc_subsecs(0);
        self.rhythm.begun.store(u64::try_from(self.rhythm.start.elapsed().as_millis()).unwrap_or(u64::MAX), Relaxed);
        self.running = Some(Running { cycle, since: Instant::now(), waiting: vec![] });
        ctx.run_later(self.cycle_timeout, move |actor, _| actor.give_up(cycle));
        if let Err(refused) = self.escalator.cast(Begin { cycle, now, done: self.completed.clone() }) {
            log::error!("cycle={cycle} cannot begin: the Escalator does not take it: {refused}");
            return;
        }
        self.checks.iter().for_each(|check| check.order(Order { cycle, now }));
    }

    fn give_up(&mut self, cycle: u64) {
        if self.running.as_ref().is_some_and(|running| running.cycle == cycle) {
            log::error!("cycle={cycle} did not come to an end within {}", duration(self.cycle_timeout));
            self.finish(None);
        }
    }

    fn finish(&mut self, overview: Option<&Arc<Overview>>) {
        for waiting in self.running.take().into_iter().flat_map(|running| running.waiting) {
            // Who no longer waits needs no answer.
            let _ = waiting.send(overview.cloned());
        }
    }
}

/// The number of the next tick and the wait until it, `elapsed` after the start, tick `last` being the latest.
fn next_tick(elapsed: Duration, interval: Duration, last: u32) -> (u32, Duration) {
    let passed = u32::try_from(elapsed.as_nanos() / interval.as_nanos().max(1)).unwrap_or(u32::MAX - 1);
    let next = last.max(passed) + 1;
    (next, (interval * next).saturating_sub(elapsed))
}

/// Whether no cycle has begun since the latest tick, `elapsed` after the start, the latest cycle having begun `begun` after
/// it.
fn is_missed(elapsed: Duration, interval: Duration, begun: Duration) -> bool {
    let passed = u32::try_from(elapsed.as_nanos() / interval.as_nanos().max(1)).unwrap_or(u32::MAX);
    begun < interval * passed
}

impl Actor for Scheduler {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        if let Ticking::Every(interval) = self.ticking {
            log::info!("Auto-operator monitoring started (checks every {})", every(interval));
            // The Scheduler before this one may have begun a cycle for this tick, which goes on without it. To look again
            // at once would cost Notion twice the requests, and a large job log then does not fit into its pace.
            let begun = Duration::from_millis(self.rhythm.begun.load(Relaxed));
            let is_first = self.rhythm.cycle.load(Relaxed) == 0;
            if is_first || is_missed(self.rhythm.start.elapsed(), interval, begun) {
                self.tick(interval, ctx);
            } else {
                self.wait(interval, ctx);
            }
        }
    }
}

/// `5min`, as the users' scripts look for it; other lengths than whole minutes as a duration.
fn every(interval: Duration) -> String {
    match (interval.as_secs(), interval.subsec_nanos()) {
        (seconds, 0) if seconds > 0 && seconds % 60 == 0 => format!("{}min", seconds / 60),
        _ => duration(interval),
    }
}

impl Handler<RunCycle> for Scheduler {
    type Result = ResponseActFuture<Self, Option<Arc<Overview>>>;

    fn handle(&mut self, _: RunCycle, ctx: &mut Self::Context) -> Self::Result {
        if self.running.is_none() {
            self.begin(ctx);
        }
        let (answer, waiting) = oneshot::channel();
        if let Some(running) = &mut self.running {
            running.waiting.push(answer);
        }
        Box::pin(async move { waiting.await.ok().flatten() }.into_actor(self))
    }
}

impl Handler<Completed> for Scheduler {
    type Result = ();

    fn handle(&mut self, completed: Completed, _: &mut Self::Context) {
        if self.running.as_ref().is_some_and(|running| running.cycle == completed.cycle) {
            self.finish(Some(&completed.overview));
        }
    }
}

impl Handler<GatheringLost> for Scheduler {
    type Result = ();

    fn handle(&mut self, _: GatheringLost, ctx: &mut Self::Context) {
        // The next tick may be minutes away. Whoever waits for the lost cycle gets the one that takes its place.
        if let Some(lost) = self.running.take() {
            log::warn!("cycle={} was lost with its Escalator, another one takes its place", lost.cycle);
            self.begin(ctx);
            if let Some(running) = &mut self.running {
                running.waiting = lost.waiting;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_counted_from_the_start_so_that_a_late_one_moves_no_other() {
        let minutes = |count: u64| Duration::from_secs(60 * count);
        for (elapsed, last, expected) in [
            (minutes(0), 0, (1, minutes(5))),
            (minutes(5), 1, (2, minutes(5))),
            (minutes(6), 1, (2, minutes(4))),
            (minutes(4), 1, (2, minutes(6))),
            (minutes(23), 1, (5, minutes(2))),
        ] {
            assert_eq!(next_tick(elapsed, minutes(5), last), expected, "{elapsed:?} after the start");
        }
    }

    #[test]
    fn after_a_restart_only_a_tick_that_was_missed_is_made_up_for() {
        let minutes = |count: u64| Duration::from_secs(60 * count);
        for (elapsed, begun, missed) in [
            (minutes(1), minutes(0), false),
            (minutes(7), minutes(5), false),
            (minutes(7), minutes(0), true),
            (minutes(11), minutes(6), true),
        ] {
            assert_eq!(
                is_missed(elapsed, minutes(5), begun),
                missed,
                "{elapsed:?} after the start, begun at {begun:?}"
            );
        }
    }

    #[test]
    fn the_line_of_the_start_is_the_one_that_scripts_look_for() {
        assert_eq!(every(Duration::from_secs(300)), "5min");
        assert_eq!(every(Duration::from_secs(30)), "30s");
        assert_eq!(every(Duration::from_secs(90)), "1m 30s");
    }
}
