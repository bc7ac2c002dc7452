//! The Escalator: gathers what the checks of a cycle saw, takes every incident one step, and lets people know.
//!
//! A section that does not come in time is blind. The change of an incident and the notices that it causes are written
//! in one transaction before anything is sent; if that fails, the incidents stay as they were and the next cycle takes
//! the same step again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::prelude::*;
use chrono::{DateTime, Utc};
use tokio::sync::watch;

use super::conclusion::{Policy, Settled};
use super::heart::{Beat, Heart};
use super::leadership::Footing;
use super::notifier::Wake;
use super::scheduler::{Completed, GatheringLost};
use super::settling::Settling;
use crate::domain::fault::{Fault, FaultKind, Party};
use crate::domain::issue::Issue;
use crate::domain::message::{self, duration};
use crate::domain::report::{Overview, Report, Section, Sight};
use crate::store::{Ledger, StoreError};
use crate::supervision::{Context, Sender};

/// How many cycles lie between two tidyings of the store: some hours at the usual interval.
const TIDY_EVERY: u64 = 50;

/// A cycle begins: its checks have been told to look.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Begin {
    /// Its number.
    pub cycle: u64,
    /// The moment to which it refers.
    pub now: DateTime<Utc>,
    /// What allows us to run it.
    pub footing: Footing,
    /// Who wants to know when it is complete.
    pub done: Sender<Completed>,
}

/// A check has looked.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Looked {
    /// For which cycle.
    pub cycle: u64,
    /// What came of it.
    pub section: Section,
}

/// Whom an Escalator deals with.
#[derive(Clone)]
pub struct Circle {
    /// Who sends what is to be told.
    pub notifiers: Vec<Sender<Wake>>,
    /// Who has to begin anew when a gathering was lost.
    pub scheduler: Sender<GatheringLost>,
    /// Everybody who wants to know how things are.
    pub published: watch::Sender<Option<Arc<Overview>>>,
    /// Who waits for a sign of life after each cycle.
    pub heart: Heart,
}

/// The Escalator.
pub struct Escalator {
    policy: Policy,
    settling: Settling,
    circle: Circle,
    gathering: Option<Gathering>,
    /// Under what the latest cycle began.
    footing: Option<Footing>,
}

struct Gathering {
    cycle: u64,
    now: DateTime<Utc>,
    footing: Footing,
    since: Instant,
    sections: Vec<Section>,
    done: Sender<Completed>,
}

impl Escalator {
    /// Decides by `policy`, writes down by `settling`, and lets its `circle` know.
    pub fn new(policy: Policy, settling: Settling, circle: Circle) -> Self {
        Self { policy, settling, circle, gathering: None, footing: None }
    }

    /// There may be something to send.
    fn wake(&self) {
        // A mailbox that is full holds a `Wake` already; one that is closed belongs to an actor that looks by itself
        // when it comes back.
        self.circle.notifiers.iter().for_each(|notifier| drop(notifier.cast(Wake)));
    }

    /// Ends the gathering of `cycle`, if it is still under way, and carries out what follows from it.
    fn conclude(&mut self, cycle: u64, ctx: &mut Context<Self>) {
        let Some(gathering) = self.gathering.take_if(|gathering| gathering.cycle == cycle) else { return };
        let Gathering { now, footing, since, sections, done, .. } = gathering;
        let sections = complete(sections, &self.policy);
        let report = Report::assemble(cycle, now, sections).with((self.policy.degraded)());
        let (policy, settling) = (self.policy.clone(), self.settling.clone());
        let previous = self.circle.published.borrow().clone();
        let settled = async move { settling.settle(&policy, footing, report, previous.as_deref()).await };
        let told = settled.into_actor(self).map(move |settled, actor, ctx| {
            let overview = settled.map(|settled| actor.publish(settled, since));
            let is_known = overview.is_some();
            if let Err(refused) = done.cast(Completed { cycle, overview }) {
                log::error!("cycle={cycle}: the Scheduler does not hear that it is complete: {refused}");
            }
            // Nobody waits for that: all have been told by now.
            if is_known && !actor.policy.dry_run && cycle % TIDY_EVERY == 1 {
                let ledger = actor.settling.ledger(footing);
                ctx.spawn(async move { tidy(&ledger, cycle, now).await }.into_actor(actor));
            }
        });
        ctx.spawn(told);
    }

    /// Lets everybody know what is known now.
    fn publish(&self, settled: Settled, since: Instant) -> Arc<Overview> {
        let Settled { overview, ailment } = settled;
        log_cycle(&overview.report, since.elapsed());
        let overview = Arc::new(overview);
        self.circle.published.send_replace(Some(Arc::clone(&overview)));
        if !self.policy.dry_run {
            self.wake();
        }
        self.circle.heart.beat(ailment.map_or(Beat::Well, Beat::Ill));
        overview
    }
}

impl Actor for Escalator {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        if ctx.env().generation() == 1 {
            return;
        }
        // The one before may have written notices and died before it could say so, and what it was gathering is lost.
        self.wake();
        if let Err(refused) = self.circle.scheduler.cast(GatheringLost) {
            log::error!("the Scheduler does not hear that a cycle may be lost: {refused}");
        }
    }
}

impl Handler<Begin> for Escalator {
    type Result = ();

    fn handle(&mut self, begin: Begin, ctx: &mut Self::Context) {
        let Begin { cycle, now, footing, done } = begin;
        if self.footing.replace(footing) != Some(footing) {
            // What whoever led before us has left behind.
            self.wake();
        }
        self.gathering = Some(Gathering { cycle, now, footing, since: Instant::now(), sections: vec![], done });
        ctx.run_later(self.policy.gather_timeout, move |actor, ctx| actor.conclude(cycle, ctx));
    }
}

impl Handler<Looked> for Escalator {
    type Result = ();

    fn handle(&mut self, looked: Looked, ctx: &mut Self::Context) {
        let Some(gathering) = self.gathering.as_mut().filter(|gathering| gathering.cycle == looked.cycle) else {
            log::warn!("cycle={} check={} came too late", looked.cycle, looked.section.check.name());
            return;
        };
        // A check that was replaced may have looked twice.
        gathering.sections.retain(|section| section.check != looked.section.check);
        gathering.sections.push(looked.section);
        if gathering.sections.len() >= self.policy.checks.len() {
            self.conclude(looked.cycle, ctx);
        }
    }
}

/// The sections of all checks: one that did not come is blind.
fn complete(mut sections: Vec<Section>, policy: &Policy) -> Vec<Section> {
    for &check in &policy.checks {
        if !sections.iter().any(|section| section.check == check) {
            let detail = format!("nothing came from it within {}", duration(policy.gather_timeout));
            let sight = Sight::Blind(Fault::new(Party::Check, FaultKind::Timeout, detail));
            sections.push(Section { check, took: policy.gather_timeout, sight });
        }
    }
    sections
}

/// Lets go of what is over for long. A fault is no reason for alarm: it comes up again.
async fn tidy(ledger: &Ledger, cycle: u64, now: DateTime<Utc>) {
    let tidied = match ledger.prune(now).await {
        Ok(_) => ledger.checkpoint().await,
        Err(error) => Err(error),
    };
    match tidied {
        // We are being stopped.
        Ok(()) | Err(StoreError::Closed) => {}
        Err(error) => log::warn!("cycle={cycle}: the store could not be tidied: {error}"),
    }
}

/// One line a cycle: what a person reads to see that all is well, or what is not.
fn log_cycle(report: &Report, took: Duration) {
    let checks: Vec<String> = report
        .sections
        .iter()
        .map(|section| format!("{}={} ({} ms)", section.check.name(), section.state().name(), section.took.as_millis()))
        .collect();
    let issues: Vec<String> = report.issues().map(Issue::line).collect();
    let verdict = if issues.is_empty() { "all is well".into() } else { issues.join("; ") };
    let (cycle, took, checks) = (report.cycle, took.as_millis(), checks.join(" "));
    let figures = message::figures_line(report);
    log::info!("cycle={cycle} took {took} ms: {verdict} [{checks}] {figures}");
    for fault in report.sections.iter().flat_map(Section::faults) {
        log::warn!("cycle={cycle} {fault}: {}", fault.detail);
    }
}
