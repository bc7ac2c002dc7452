//! The Scheduler: ticks at a fixed rate while we lead, numbers the cycles, and starts them one at a time.
//!
//! It does not know what the checks are. A tick that falls into a running cycle is skipped and said; ticks are counted
//! from the start, so that a late one does not move those after it. Whoever takes the lead begins a cycle at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::prelude::*;
use chrono::{SubsecRound, Utc};
use tokio::sync::oneshot;

use super::check_actor::{Looker, Order};
use super::escalator::Begin;
use super::heart::{Beat, Heart};
use super::leadership::{Footing, Leadership};
use super::rhythm::Rhythm;
use crate::domain::message::duration;
use crate::domain::report::Overview;
use crate::supervision::{Context, Sender};

/// After so long a tick is tried again for which there was no footing: the term ran out, and the database has not yet
/// said whether there is another.
const WITHOUT_FOOTING: Duration = Duration::from_secs(1);

/// Runs a cycle now; whoever asks while one is running shares that one. The answer comes when it is complete, and is
/// `None` when it did not come to an end, or when another instance leads.
#[derive(Clone, Copy, Message)]
#[rtype(result = "Option<Arc<Overview>>")]
pub struct RunCycle;

/// A cycle is over.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Completed {
    /// Which.
    pub cycle: u64,
    /// What is known now; nothing if another instance leads by now.
    pub overview: Option<Arc<Overview>>,
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

/// Whom a Scheduler deals with.
#[derive(Clone)]
pub struct Neighbours {
    /// The ways to the checks.
    pub checks: Vec<Looker>,
    /// Who gathers what they saw.
    pub escalator: Sender<Begin>,
    /// The Scheduler's own stable handle, for who says that a cycle is over.
    pub completed: Sender<Completed>,
    /// Whether we lead.
    pub leadership: Leadership,
    /// Who hears of a cycle that never ends.
    pub heart: Heart,
}

/// The Scheduler.
pub struct Scheduler {
    ticking: Ticking,
    /// After so long a cycle is given up, so that a hung Escalator does not stop the ticks.
    cycle_timeout: Duration,
    neighbours: Neighbours,
    rhythm: Rhythm,
    ticks: u32,
    timer: Option<SpawnHandle>,
    stands_by: bool,
    running: Option<Running>,
    /// On what the last cycle began, if nobody settled it since another term had begun.
    unsettled: Option<Footing>,
}

struct Running {
    cycle: u64,
    footing: Footing,
    since: Instant,
    waiting: Vec<oneshot::Sender<Option<Arc<Overview>>>>,
}

impl Scheduler {
    /// Starts cycles among its `neighbours`. A cycle takes `cycle_timeout` at most.
    pub fn new(ticking: Ticking, rhythm: Rhythm, cycle_timeout: Duration, neighbours: Neighbours) -> Self {
        let (ticks, timer, stands_by, running, unsettled) = (0, None, true, None, None);
        Self { ticking, cycle_timeout, neighbours, rhythm, ticks, timer, stands_by, running, unsettled }
    }

    fn tick(&mut self, interval: Duration, ctx: &mut Context<Self>) {
        match (&self.running, self.neighbours.leadership.footing()) {
            (Some(running), _) => log::warn!(
                "cycle={} is still running after {}: this tick is skipped",
                running.cycle,
                duration(running.since.elapsed())
            ),
            (None, Some(footing)) => self.begin(footing, ctx),
            (None, None) => return self.tick_in(WITHOUT_FOOTING, interval, ctx),
        }
        self.wait(interval, ctx);
    }

    /// Until the next tick.
    fn wait(&mut self, interval: Duration, ctx: &mut Context<Self>) {
        let (ticks, wait) = self.rhythm.next_tick(interval, self.ticks);
        if self.ticks > 0 && ticks > self.ticks + 1 {
            log::warn!("{} tick(s) were missed: the process did not run", ticks - self.ticks - 1);
        }
        self.ticks = ticks;
        self.tick_in(wait, interval, ctx);
    }

    fn tick_in(&mut self, wait: Duration, interval: Duration, ctx: &mut Context<Self>) {
        self.timer = Some(ctx.run_later(wait, move |actor, ctx| actor.tick(interval, ctx)));
    }

    fn begin(&mut self, footing: Footing, ctx: &mut Context<Self>) {
        let cycle = self.rhythm.begin();
        let now = Utc::now().trunc_subsecs(0);
        self.running = Some(Running { cycle, footing, since: Instant::now(), waiting: vec![] });
        self.unsettled = None;
        ctx.run_later(self.cycle_timeout, move |actor, _| actor.give_up(cycle));
        let Neighbours { checks, escalator, completed, .. } = &self.neighbours;
        if let Err(refused) = escalator.cast(Begin { cycle, now, footing, done: completed.clone() }) {
            log::error!("cycle={cycle} cannot begin: the Escalator does not take it: {refused}");
            return;
        }
        checks.iter().for_each(|check| check.order(Order { cycle, now }));
    }

    fn give_up(&mut self, cycle: u64) {
        if self.running.as_ref().is_some_and(|running| running.cycle == cycle) {
            let limit = duration(self.cycle_timeout);
            log::error!("cycle={cycle} did not come to an end within {limit}");
            self.neighbours.heart.beat(Beat::Ill(format!("a cycle did not come to an end within {limit}")));
            self.finish(None);
        }
    }

    fn finish(&mut self, overview: Option<&Arc<Overview>>) {
        if let Some(running) = self.running.take() {
            answer(running.waiting, overview);
        }
    }

    /// Does what follows from how we stand now.
    fn stand(&mut self, ctx: &mut Context<Self>) {
        let stood_by = std::mem::replace(&mut self.stands_by, self.neighbours.leadership.stands_by());
        if self.stands_by {
            // What is running is settled by nobody any more.
            self.finish(None);
            self.timer.take().map(|timer| ctx.cancel_future(timer));
        } else if stood_by && let Ticking::Every(interval) = self.ticking {
            self.rhythm.restart();
            self.ticks = 0;
            self.tick(interval, ctx);
        } else {
            self.make_up(ctx);
        }
    }

    /// Looks again for a cycle that was not settled, now that another term has begun: the next tick may be minutes away.
    fn make_up(&mut self, ctx: &mut Context<Self>) {
        let footing = self.neighbours.leadership.footing();
        if let (Some(before), Some(footing), None) = (self.unsettled, footing, &self.running)
            && before != footing
            && matches!(self.ticking, Ticking::Every(_))
        {
            self.begin(footing, ctx);
        }
    }

    /// Waits for the next step of our standing.
    fn attend(&self, mut leadership: Leadership, ctx: &mut Context<Self>) {
        let step = async move {
            leadership.changed().await;
            leadership
        };
        ctx.spawn(step.into_actor(self).map(|leadership, actor, ctx| {
            actor.stand(ctx);
            actor.attend(leadership, ctx);
        }));
    }
}

fn answer(waiting: Vec<oneshot::Sender<Option<Arc<Overview>>>>, overview: Option<&Arc<Overview>>) {
    for waiting in waiting {
        // Who no longer waits needs no answer.
        let _ = waiting.send(overview.cloned());
    }
}

impl Actor for Scheduler {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.attend(self.neighbours.leadership.clone(), ctx);
        self.stands_by = self.neighbours.leadership.stands_by();
        if let Ticking::Every(interval) = self.ticking {
            log::info!("Auto-operator monitoring started (checks every {})", every(interval));
            // The Scheduler before this one may have begun a cycle for this tick, which goes on without it. To look again
            // at once would cost Notion twice the requests, and a large job log then does not fit into its pace.
            match (self.stands_by, self.rhythm.is_missed(interval)) {
                (true, _) => {}
                (false, true) => self.tick(interval, ctx),
                (false, false) => self.wait(interval, ctx),
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
        if let (None, Some(footing)) = (&self.running, self.neighbours.leadership.footing()) {
            self.begin(footing, ctx);
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

    fn handle(&mut self, completed: Completed, ctx: &mut Self::Context) {
        let Some(over) = self.running.take_if(|running| running.cycle == completed.cycle) else { return };
        self.unsettled = completed.overview.is_none().then_some(over.footing);
        self.make_up(ctx);
        match &mut self.running {
            // Whoever waits for one that nobody settled gets the one that makes up for it.
            Some(running) => running.waiting = over.waiting,
            None => answer(over.waiting, completed.overview.as_ref()),
        }
    }
}

impl Handler<GatheringLost> for Scheduler {
    type Result = ();

    fn handle(&mut self, _: GatheringLost, ctx: &mut Self::Context) {
        // The next tick may be minutes away. Whoever waits for the lost cycle gets the one that takes its place.
        if let Some(lost) = self.running.take() {
            let Some(footing) = self.neighbours.leadership.footing() else { return };
            log::warn!("cycle={} was lost with its Escalator, another one takes its place", lost.cycle);
            self.begin(footing, ctx);
            if let Some(running) = &mut self.running {
                running.waiting = lost.waiting;
            }
        }
    }
}

#[cfg(test)]
#[path = "scheduler_tests.rs"]
mod tests;
