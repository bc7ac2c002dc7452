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

use super::notifier::Wake;
use super::scheduler::{Completed, GatheringLost};
use crate::domain::bulletin::Bulletin;
use crate::domain::cycle::{self, Conditions};
use crate::domain::fault::{Fault, FaultKind, Party};
use crate::domain::flapping;
use crate::domain::incident::{Change, Incident, Patience};
use crate::domain::issue::Issue;
use crate::domain::message::{self, StatusEntry, Wording, duration};
use crate::domain::notice::{self, Announcement, NoticeKind, Terms};
use crate::domain::report::{CheckName, Overview, Report, Section, Sight};
use crate::store::{Decision, Known, Ledger, Notice, StoreError};
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

/// What the Escalator needs to know to decide.
#[derive(Clone)]
pub struct Policy {
    /// The checks whose sections a cycle waits for.
    pub checks: Vec<CheckName>,
    /// How long it waits.
    pub gather_timeout: Duration,
    /// How many cycles it takes to open and to resolve.
    pub patience: Patience,
    /// After how long an open incident is told again; `None`: never.
    pub reminder: Option<Duration>,
    /// How things are said.
    pub wording: Wording,
    /// The channels that are told what changed.
    pub told: Vec<&'static str>,
    /// The channels that show how things are, after each cycle.
    pub shown: Vec<&'static str>,
    /// Which of our own actors keep failing.
    pub degraded: Arc<dyn Fn() -> Vec<Issue> + Send + Sync>,
    /// Decide everything, but write nothing and wake nobody.
    pub dry_run: bool,
}

/// The Escalator.
pub struct Escalator {
    policy: Policy,
    ledger: Ledger,
    notifiers: Vec<Sender<Wake>>,
    scheduler: Sender<GatheringLost>,
    published: watch::Sender<Option<Arc<Overview>>>,
    gathering: Option<Gathering>,
}

struct Gathering {
    cycle: u64,
    now: DateTime<Utc>,
    since: Instant,
    sections: Vec<Section>,
    done: Sender<Completed>,
}

impl Escalator {
    /// Keeps incidents in `ledger`, wakes `notifiers` when there is something to tell, and publishes what is known; tells
    /// `scheduler` when a gathering was lost.
    pub fn new(
        policy: Policy,
        ledger: Ledger,
        notifiers: Vec<Sender<Wake>>,
        scheduler: Sender<GatheringLost>,
        published: watch::Sender<Option<Arc<Overview>>>,
    ) -> Self {
        Self { policy, ledger, notifiers, scheduler, published, gathering: None }
    }

    /// There may be something to send.
    fn wake(&self) {
        // A mailbox that is full holds a `Wake` already; one that is closed belongs to an actor that looks by itself
        // when it comes back.
        self.notifiers.iter().for_each(|notifier| drop(notifier.cast(Wake)));
    }

    /// Ends the gathering of `cycle`, if it is still under way, and carries out what follows from it.
    fn conclude(&mut self, cycle: u64, ctx: &mut Context<Self>) {
        let Some(gathering) = self.gathering.take_if(|gathering| gathering.cycle == cycle) else { return };
        let sections = complete(gathering.sections, &self.policy);
        let degraded = (self.policy.degraded)();
        let report = Report::assemble(gathering.cycle, gathering.now, sections).with(degraded);
        let (policy, ledger) = (self.policy.clone(), self.ledger.clone());
        let previous = self.published.borrow().clone();
        let settled = async move { settle(&policy, &ledger, report, previous.as_deref()).await };
        let told = settled.into_actor(self).map(move |overview, actor, ctx| {
            log_cycle(&overview.report, gathering.since.elapsed());
            let now = overview.report.timestamp;
            let overview = Arc::new(overview);
            actor.published.send_replace(Some(Arc::clone(&overview)));
            if !actor.policy.dry_run {
                actor.wake();
            }
            if let Err(refused) = gathering.done.cast(Completed { cycle, overview }) {
                log::error!("cycle={cycle}: the Scheduler does not hear that it is complete: {refused}");
            }
            // Nobody waits for that: all have been told by now.
            if !actor.policy.dry_run && cycle % TIDY_EVERY == 1 {
                let ledger = actor.ledger.clone();
                ctx.spawn(async move { tidy(&ledger, cycle, now).await }.into_actor(actor));
            }
        });
        ctx.spawn(told);
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
        if let Err(refused) = self.scheduler.cast(GatheringLost) {
            log::error!("the Scheduler does not hear that a cycle may be lost: {refused}");
        }
    }
}

impl Handler<Begin> for Escalator {
    type Result = ();

    fn handle(&mut self, begin: Begin, ctx: &mut Self::Context) {
        let Begin { cycle, now, done } = begin;
        self.gathering = Some(Gathering { cycle, now, since: Instant::now(), sections: vec![], done });
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

/// Takes the incidents through the cycle and writes down what follows; says what is known then.
async fn settle(policy: &Policy, ledger: &Ledger, report: Report, previous: Option<&Overview>) -> Overview {
    let cycle = report.cycle;
    match escalate(policy, ledger, &report).await {
        Ok(incidents) => Overview { report, incidents, gaps: vec![] },
        Err(error) => {
            log::error!("cycle={cycle}: the incidents could not be written, the next cycle tries again: {error}");
            let incidents = previous.map(|overview| overview.incidents.clone()).unwrap_or_default();
            Overview { report, incidents, gaps: vec![] }
        }
    }
}

async fn escalate(policy: &Policy, ledger: &Ledger, report: &Report) -> Result<Vec<Incident>, StoreError> {
    let decide = {
        let (policy, report) = (policy.clone(), report.clone());
        move |known: Known| decide(&policy, &report, known)
    };
    let Decision { stepped, notices, .. } =
        if policy.dry_run { decide(ledger.store().known().await?) } else { ledger.settle(decide).await?.decision };
    log_changes(report.cycle, &stepped);
    for notice in notices.iter().filter(|_| policy.dry_run) {
        log::info!("dry run: {} would be told: {}\n{}", notice.channel, notice.subject, notice.body);
    }
    let mut live: Vec<Incident> = stepped.into_iter().map(|(incident, _)| incident).filter(Incident::is_live).collect();
    live.sort_by_key(|incident| incident.since);
    Ok(live)
}

/// What follows from `report` for the incidents that are known, and for those who are to be told.
fn decide(policy: &Policy, report: &Report, known: Known) -> Decision {
    let (patience, now) = (policy.patience, report.timestamp);
    let conditions = Conditions { patience, past: vec![], flapping_window: flapping::WINDOW, woke: false };
    let terms = Terms { now, reminder: policy.reminder, silences: vec![], maintenance: None, fresh: report.cycle == 1 };
    let mut stepped = cycle::advance(known.incidents, report, &conditions, new_id);
    let announcements = notice::plan(&stepped, &known.told, &policy.told, &terms);
    notice::mark_told(&mut stepped, &announcements, now);
    let announced = announcements.iter().map(|announcement| notice(announcement, report, &policy.wording));
    let shown = policy.shown.iter().map(|channel| status_notice(channel, report));
    let notices = announced.chain(shown).collect();
    Decision { stepped, notices, ..Decision::default() }
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

fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

fn notice(announcement: &Announcement, report: &Report, wording: &Wording) -> Notice {
    let message = message::bulletin(&Bulletin::of(announcement, report, wording), wording);
    Notice {
        id: new_id(),
        channel: announcement.channel.clone(),
        kind: announcement.kind,
        subject: message.subject,
        body: message.body,
        thread: announcement.thread.clone(),
        created: report.timestamp,
        incidents: announcement.subjects().map(|(incident, step)| (incident.id.clone(), step)).collect(),
        content: None,
        not_before: announcement.not_before,
    }
}

fn status_notice(channel: &str, report: &Report) -> Notice {
    let entry = StatusEntry::of(report);
    Notice {
        id: new_id(),
        channel: channel.into(),
        kind: NoticeKind::Status,
        subject: message::STATUS_TITLE.into(),
        body: entry.to_json(),
        thread: None,
        created: report.timestamp,
        incidents: vec![],
        content: None,
        not_before: None,
    }
}

fn log_changes(cycle: u64, stepped: &[(Incident, Change)]) {
    for (incident, change) in stepped {
        let what = match (change, incident.held.cause()) {
            (Change::None | Change::Forgotten, _) => continue,
            (Change::Opened, Some(cause)) => format!("opened, held back by {cause}"),
            (Change::Opened, None) => "opened".into(),
            (Change::Worsened, _) => "worsened".into(),
            (Change::Resolved, _) => "resolved".into(),
        };
        log::info!("cycle={cycle} incident={} {} {what}: {}", incident.id, incident.issue, incident.text);
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
