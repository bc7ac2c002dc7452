//! What follows from a cycle: for the incidents, for those who are to be told, and for what is written down.
//!
//! Nothing here is asked or sent. The Escalator has it decided within the transaction of the store that writes it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use tokio::time::timeout;

use super::delivery_board::DeliveryBoard;
use super::leadership::Footing;
use crate::domain::bulletin::Bulletin;
use crate::domain::cycle::{self, Conditions};
use crate::domain::delivery::ChannelDelivery;
use crate::domain::flapping;
use crate::domain::heartbeat;
use crate::domain::history;
use crate::domain::incident::{Change, Incident, Patience};
use crate::domain::issue::{Issue, IssueId};
use crate::domain::maintenance::Windows;
use crate::domain::message::{self, StatusEntry, Wording, timestamp};
use crate::domain::notice::{self, Announcement, NoticeKind, Terms};
use crate::domain::report::{self, CheckName, Gap, Overview, Report};
use crate::store::{Decision, Known, Ledger, Notice, Recorded, Sample, StoreError, StoredReport};

/// For how long a report tells of a time in which nobody looked.
const GAPS_SHOWN: TimeDelta = TimeDelta::days(1);

/// How long a cycle waits for what it can do without.
const BESIDE: Duration = Duration::from_secs(1);

/// How often it looks by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The time from one cycle to the next.
    pub interval: Duration,
    /// The deadline of one check.
    pub check_timeout: Duration,
    /// Whether it ticks by itself: only then is a time without a cycle one in which nobody looked.
    pub ticks: bool,
}

/// What the Escalator needs to know to decide.
#[derive(Clone)]
pub struct Policy {
    /// The checks whose sections a cycle waits for.
    pub checks: Vec<CheckName>,
    /// How long it waits.
    pub gather_timeout: Duration,
    /// How often it looks.
    pub pace: Pace,
    /// How many cycles it takes to open and to resolve.
    pub patience: Patience,
    /// After how long an open incident is told again; `None`: never.
    pub reminder: Option<Duration>,
    /// When nothing is told.
    pub maintenance: Windows,
    /// Whether people are told that the service has started, and which version of it.
    pub announces_start: Option<&'static str>,
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

/// Which cycle it is of those who settle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// The first one of the process.
    First,
    /// The first one since it leads again.
    Fresh,
    /// A later one.
    Later,
}

/// A cycle that is to be settled.
#[derive(Clone)]
struct Gathered {
    /// What the checks saw.
    report: Report,
    /// The times without a cycle that are known.
    gaps: Vec<Gap>,
    turn: Turn,
}

/// What came of a cycle.
#[derive(Clone, Debug)]
pub(super) struct Settled {
    /// What is known now.
    pub(super) overview: Overview,
    /// What is wrong with the watch itself.
    pub(super) ailment: Option<String>,
}

impl Settled {
    /// The same, written into memory only. That may not have been known yet when it was decided: the database failed over
    /// what it was to write.
    fn in_memory(mut self, why: &StoreError) -> Self {
        let report = &self.overview.report;
        if !report.present.iter().any(|issue| issue.id == IssueId::DatabaseFailing) {
            self.overview.report = self.overview.report.with([failing(why)]);
        }
        let ailment = self.ailment.or_else(|| Some("the incidents are kept in memory".into()));
        Self { ailment, ..self }
    }
}

fn failing(why: &StoreError) -> Issue {
    Issue::database_failing(&why.to_string())
}

/// Settles cycles, one after the other, whichever Escalator gathered them. Clones are the same.
#[derive(Clone)]
pub struct Settling {
    ledger: Ledger,
    board: DeliveryBoard,
    /// Under what a cycle was settled last.
    last: Arc<Mutex<Option<Footing>>>,
}

impl Settling {
    /// Writes down in `ledger`, and has `board` show what waits by then.
    pub fn new(ledger: Ledger, board: DeliveryBoard) -> Self {
        Self { ledger, board, last: Arc::default() }
    }

    /// The ledger for those who act on `footing`.
    pub(super) fn ledger(&self, footing: Footing) -> Ledger {
        footing.epoch().map_or_else(|| self.ledger.clone(), |epoch| self.ledger.under(epoch))
    }

    /// Takes the incidents through the cycle that `report` tells of and writes down what follows; says what is known then,
    /// which is nothing if another instance leads by now.
    pub(super) async fn settle(
        &self,
        policy: &Policy,
        footing: Footing,
        report: Report,
        previous: Option<&Overview>,
    ) -> Option<Settled> {
        let cycle = report.cycle;
        let gathered = self.gathered(footing, report, previous).await;
        let overview = gathered.report.clone();
        let written = self.write(policy, footing, gathered).await;
        self.board.refresh(&self.ledger).await;
        match written {
            Ok((settled, decision)) => {
                self.last_footing().replace(footing);
                log_decision(policy, cycle, &decision);
                Some(settled)
            }
            Err(StoreError::NotLeading) => {
                log::warn!("cycle={cycle} is left to the instance that leads by now");
                None
            }
            Err(error) => {
                log::error!("cycle={cycle}: the incidents could not be written, the next cycle tries again: {error}");
                let known = previous.map(|overview| (overview.incidents.clone(), overview.gaps.clone()));
                let (incidents, gaps) = known.unwrap_or_default();
                let overview = Overview { report: overview, incidents, gaps };
                Some(Settled { overview, ailment: Some("the incidents could not be written".into()) })
            }
        }
    }

    async fn gathered(&self, footing: Footing, report: Report, previous: Option<&Overview>) -> Gathered {
        let turn = match *self.last_footing() {
            None => Turn::First,
            Some(last) if last != footing => Turn::Fresh,
            Some(_) => Turn::Later,
        };
        let known = previous.map(|overview| overview.gaps.clone()).unwrap_or_default();
        let gaps = match turn {
            Turn::Later => known,
            // Others may have looked before us. Nothing depends on it.
            Turn::First | Turn::Fresh => {
                let stored = self.ledger.store().gaps(report.timestamp - GAPS_SHOWN);
                timeout(BESIDE, stored).await.ok().and_then(Result::ok).unwrap_or(known)
            }
        };
        Gathered { report, gaps, turn }
    }

    async fn write(
        &self,
        policy: &Policy,
        footing: Footing,
        gathered: Gathered,
    ) -> Result<(Settled, Decision), StoreError> {
        if policy.dry_run {
            return Ok(conclude(policy, gathered, self.ledger.store().known().await?));
        }
        let (settled, policy) = (Arc::new(Mutex::new(None)), policy.clone());
        let place = Arc::clone(&settled);
        let decide = move |known: Known| {
            let (settled, decision) = conclude(&policy, gathered.clone(), known);
            *unpoisoned(&place) = Some(settled);
            decision
        };
        let written = self.ledger(footing).settle(decide).await?;
        let settled = unpoisoned(&settled).take().ok_or(StoreError::Closed)?;
        let settled = match &written.from_memory {
            Some(why) => settled.in_memory(why),
            None => settled,
        };
        Ok((settled, written.decision))
    }

    fn last_footing(&self) -> MutexGuard<'_, Option<Footing>> {
        unpoisoned(&self.last)
    }
}

/// What is in there is replaced as a whole, so that a panic elsewhere cannot have left it half written.
fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What follows from what was `gathered` for what is `known`.
fn conclude(policy: &Policy, gathered: Gathered, known: Known) -> (Settled, Decision) {
    let Gathered { report, gaps, turn } = gathered;
    let report = report.with(known.from_memory.as_ref().map(failing));
    let report = with_deliveries(report, &known.deliveries, policy);
    let (now, Pace { interval, check_timeout, ticks }) = (report.timestamp, policy.pace);
    let gap = known.last_cycle.filter(|_| ticks).and_then(|last| report::gap(last, now, interval, check_timeout));

    let conditions = Conditions {
        patience: policy.patience,
        past: known.past,
        flapping_window: flapping::window(interval),
        woke: gap.is_some(),
    };
    let mut stepped = cycle::advance(known.incidents.clone(), &report, &conditions, new_id);
    let terms = Terms {
        now,
        reminder: policy.reminder,
        silences: known.silences,
        maintenance: policy.maintenance.until(now),
        fresh: turn != Turn::Later,
    };
    let announcements = notice::plan(&stepped, &known.told, &policy.told, &terms);
    notice::mark_told(&mut stepped, &announcements, now);

    let started = start(policy, &report, turn, &terms);
    let announced = announcements.iter().map(|announcement| announced(announcement, &report, &policy.wording));
    let shown = policy.shown.iter().map(|channel| shown(channel, &report));
    let notices = started.chain(announced).chain(shown).collect();

    let mut gaps: Vec<Gap> = gaps.into_iter().chain(gap).filter(|gap| gap.until > now - GAPS_SHOWN).collect();
    gaps.dedup();
    let ailment = heartbeat::ailment(&report, &known.deliveries, &policy.told, &policy.maintenance);
    let entries = entries(&known.incidents, &stepped, &report);
    let sample = Some(sample(&report));
    let overview = Overview { incidents: live(&stepped), report, gaps };
    let report = Some(StoredReport { at: now, body: overview.to_json() });
    (Settled { overview, ailment }, Decision { stepped, entries, notices, report, sample, gap })
}

/// The report, and which channels do not get what they are to be told.
fn with_deliveries(report: Report, deliveries: &[ChannelDelivery], policy: &Policy) -> Report {
    let configured = |channel: &str| policy.told.iter().chain(&policy.shown).any(|known| *known == channel);
    let now = report.timestamp;
    let deliveries = deliveries.iter().filter(|delivery| configured(&delivery.channel));
    let failing: Vec<_> = deliveries
        .filter_map(|delivery| {
            let delivery = delivery.clone().at(now);
            Some((Issue::undelivered(&delivery)?, delivery.is_being_tried(now)))
        })
        .collect();
    let undecided = failing.iter().filter(|(_, is_being_tried)| *is_being_tried).map(|(issue, _)| issue.id).collect();
    report.with(failing.into_iter().map(|(issue, _)| issue)).undecided(undecided)
}

/// The incidents that are there, the oldest first.
fn live(stepped: &[(Incident, Change)]) -> Vec<Incident> {
    let mut live: Vec<_> = stepped.iter().map(|(incident, _)| incident).filter(|i| i.is_live()).cloned().collect();
    live.sort_by_key(|incident| incident.since);
    live
}

fn entries(before: &[Incident], stepped: &[(Incident, Change)], report: &Report) -> Vec<Recorded> {
    let story = stepped.iter().flat_map(|(after, change)| {
        let before = before.iter().find(|before| before.id == after.id);
        let entries = history::entries(before, after, *change).into_iter();
        entries.map(|entry| Recorded {
            incident_id: after.id.clone(),
            at: report.timestamp,
            what: entry.what,
            text: entry.text,
            by: None,
        })
    });
    story.collect()
}

/// The figures of a cycle, as they are kept.
fn sample(report: &Report) -> Sample {
    use crate::domain::fault::Party;
    let (metrics, health) = (report.metrics(), report.sections.iter().find(|it| it.check == CheckName::Health));
    let tenths = |average: f64| (average * 10.0).round() as u64;
    Sample {
        at: report.timestamp,
        ok: report.overall_ok(),
        openai: report.answers(Party::OpenAi),
        notion: report.answers(Party::Notion),
        jobs: metrics.map(|metrics| metrics.total),
        done: metrics.map(|metrics| metrics.done),
        low_qa: metrics.map(|metrics| metrics.low_qa),
        avg_qa_tenths: metrics.and_then(|metrics| metrics.average()).map(tenths),
        stuck: report.stuck_jobs().map(|stuck| stuck.count),
        health_ms: health.map(|health| u64::try_from(health.took.as_millis()).unwrap_or(u64::MAX)),
    }
}

fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

fn announced(announcement: &Announcement, report: &Report, wording: &Wording) -> Notice {
    let bulletin = Bulletin::of(announcement, report, wording);
    let message = message::bulletin(&bulletin, wording);
    Notice {
        id: new_id(),
        channel: announcement.channel.clone(),
        kind: announcement.kind,
        subject: message.subject,
        body: message.body,
        thread: announcement.thread.clone(),
        created: report.timestamp,
        incidents: announcement.subjects().map(|(incident, step)| (incident.id.clone(), step)).collect(),
        content: Some(bulletin.to_json()),
        not_before: announcement.not_before,
    }
}

/// That the service has started, for those who are told things, if they want to know and it is no maintenance.
fn start<'p>(policy: &'p Policy, report: &Report, turn: Turn, terms: &Terms) -> impl Iterator<Item = Notice> + use<'p> {
    let version = policy.announces_start.filter(|_| turn == Turn::First && terms.maintenance.is_none());
    let started = version.map(|version| Bulletin::started(version, policy.pace.interval, report.timestamp));
    started.into_iter().flat_map(|bulletin| of_lifecycle(&bulletin, &policy.told, &policy.wording))
}

/// What is to be told of a start or a stop, to each of `channels`.
pub fn of_lifecycle(bulletin: &Bulletin, channels: &[&str], wording: &Wording) -> Vec<Notice> {
    let message = message::bulletin(bulletin, wording);
    let notice = |channel: &&str| Notice {
        id: new_id(),
        channel: (*channel).into(),
        kind: NoticeKind::Lifecycle,
        subject: message.subject.clone(),
        body: message.body.clone(),
        thread: None,
        created: bulletin.at,
        incidents: vec![],
        content: Some(bulletin.to_json()),
        not_before: None,
    };
    channels.iter().map(notice).collect()
}

fn shown(channel: &str, report: &Report) -> Notice {
    Notice {
        id: new_id(),
        channel: channel.into(),
        kind: NoticeKind::Status,
        subject: message::STATUS_TITLE.into(),
        body: StatusEntry::of(report).to_json(),
        thread: None,
        created: report.timestamp,
        incidents: vec![],
        content: None,
        not_before: None,
    }
}

fn log_decision(policy: &Policy, cycle: u64, decision: &Decision) {
    for (incident, change) in &decision.stepped {
        let what = match (change, incident.held.cause()) {
            (Change::None | Change::Forgotten, _) => continue,
            (Change::Opened, Some(cause)) => format!("opened, held back by {cause}"),
            (Change::Opened, None) => "opened".into(),
            (Change::Worsened, _) => "worsened".into(),
            (Change::Resolved, _) => "resolved".into(),
        };
        log::info!("cycle={cycle} incident={} {} {what}: {}", incident.id, incident.issue, incident.text);
    }
    if let Some(gap) = decision.gap {
        let (since, until) = (timestamp(gap.since), timestamp(gap.until));
        log::warn!("cycle={cycle} nobody looked from {since} to {until}");
    }
    for notice in decision.notices.iter().filter(|_| policy.dry_run) {
        log::info!("dry run: {} would be told: {}\n{}", notice.channel, notice.subject, notice.body);
    }
}
