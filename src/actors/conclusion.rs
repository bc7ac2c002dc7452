//! What follows from a cycle: for the incidents, for those who are to be told, and for what is written down.
//!
//! Nothing here is asked, written or sent: it is decided within the transaction of the store that writes it.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::leadership::Footing;
use super::notices;
use crate::domain::bulletin::Bulletin;
use crate::domain::cycle::{self, Conditions};
use crate::domain::delivery::ChannelDelivery;
use crate::domain::fault::Party;
use crate::domain::flapping;
use crate::domain::heartbeat;
use crate::domain::history;
use crate::domain::incident::{Change, Incident, Patience};
use crate::domain::issue::{Issue, IssueId};
use crate::domain::maintenance::Windows;
use crate::domain::message::Wording;
use crate::domain::notice::{self, Terms};
use crate::domain::report::{self, CheckName, Gap, Overview, Report};
use crate::store::{Decision, Known, Notice, Recorded, Sample, StoreError, StoredReport};

/// For how long a report tells of a time in which nobody looked.
pub(super) const GAPS_SHOWN: TimeDelta = TimeDelta::days(1);

/// How often it looks by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cadence {
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
    pub cadence: Cadence,
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
pub(super) enum Turn {
    /// The first one of a process that was started just now.
    First,
    /// The first one of a process that has stood by before.
    TookOver,
    /// The first one since it leads again.
    Fresh,
    /// A later one.
    Later,
}

/// How long after the start of a process its first cycle has been gathered, if it has not stood by: this, and what the
/// gathering takes. What it asks before that about the lease and the store is a matter of seconds.
const STARTING: Duration = Duration::from_secs(60);

impl Turn {
    /// The one on `footing` of a process that was started so `long` ago and settled its last cycle on that one, if any.
    pub(super) fn of(footing: Footing, last: Option<Footing>, long: Duration, gather_timeout: Duration) -> Self {
        match last {
            None if long <= STARTING.saturating_add(gather_timeout) => Self::First,
            None => Self::TookOver,
            Some(last) if last != footing => Self::Fresh,
            Some(_) => Self::Later,
        }
    }
}

/// A cycle that is to be settled.
#[derive(Clone)]
pub(super) struct Gathered {
    /// What the checks saw.
    pub(super) report: Report,
    /// The times without a cycle that are known.
    pub(super) gaps: Vec<Gap>,
    /// The last cycle before it that is known of beside what the store knows when it is settled.
    pub(super) last_cycle: Option<DateTime<Utc>>,
    /// Which one it is.
    pub(super) turn: Turn,
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
    pub(super) fn in_memory(mut self, why: &StoreError) -> Self {
        let report = &self.overview.report;
        if !report.present.iter().any(|issue| issue.id == IssueId::DatabaseFailing) {
            self.overview.report = self.overview.report.with([failing(why)]);
        }
        let ailment = self.ailment.or_else(|| Some("the incidents are kept in memory".into()));
        Self { ailment, ..self }
    }
}

fn failing(why: &StoreError) -> Issue {
    // What a server or a library says may name files and more: that is for those whom alerts reach, not for everybody.
    let (text, detail) = match why {
        StoreError::Locked | StoreError::Full | StoreError::DiskFault | StoreError::Timeout => {
            (why.to_string(), String::new())
        }
        StoreError::Unreachable(_) => ("the database cannot be reached".into(), why.to_string()),
        _ => ("the database reports a fault".into(), why.to_string()),
    };
    Issue { detail, ..Issue::database_failing(&text) }
}

/// What follows from what was `gathered` for what is `known`.
pub(super) fn conclude(policy: &Policy, gathered: Gathered, known: Known) -> (Settled, Decision) {
    let Gathered { report, gaps, last_cycle, turn } = gathered;
    let report = report.with(known.from_memory.as_ref().map(failing));
    let report = with_deliveries(report, &known.deliveries, policy);
    let (now, Cadence { interval, check_timeout, ticks }) = (report.timestamp, policy.cadence);
    // Not what a clock that was ahead has left: no gap would be seen before it is that late.
    let last = [known.last_cycle, last_cycle].into_iter().flatten().filter(|last| ticks && *last <= now).max();
    let gap = last.and_then(|last| report::gap(last, now, interval, check_timeout));

    let conditions = Conditions {
        patience: policy.patience,
        past: known.past,
        flapping_window: flapping::window(interval),
        woke: gap.is_some(),
    };
    let mut stepped = cycle::advance(known.incidents.clone(), &report, &conditions, notices::new_id);
    let terms = Terms {
        now,
        reminder: policy.reminder,
        silences: known.silences,
        maintenance: policy.maintenance.until(now),
        unseen: report.unseen(),
        fresh: turn != Turn::Later,
    };
    let announcements = notice::plan(&stepped, &known.told, &policy.told, &terms);
    notice::mark_told(&mut stepped, &announcements, now);

    let started = start(policy, &report, turn, &terms).into_iter();
    let announced = announcements.iter().map(|announcement| notices::announced(announcement, &report, &policy.wording));
    let shown = policy.shown.iter().map(|channel| notices::shown(channel, &report));
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

/// That the service has started, or goes on in another instance, for those who are told things, if they want to know.
fn start(policy: &Policy, report: &Report, turn: Turn, terms: &Terms) -> Vec<Notice> {
    let (interval, at) = (policy.cadence.interval, report.timestamp);
    let bulletin = match (policy.announces_start, turn) {
        (Some(version), Turn::First) => Bulletin::started(version, interval, at),
        (Some(version), Turn::TookOver) => Bulletin::took_over(version, interval, at),
        (None, _) | (_, Turn::Fresh | Turn::Later) => return vec![],
    };
    notices::of_lifecycle(&bulletin, &policy.told, &policy.wording, terms.maintenance)
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
    let (metrics, health) = (report.metrics(), report.sections.iter().find(|it| it.check == CheckName::Health));
    let tenths = |average: f64| (average * 10.0).round() as u64;
    let millis = |took: Duration| u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let latency = report.latency();
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
        health_ms: health.map(|health| millis(health.took)),
        openai_ms: latency.openai.map(millis),
        notion_ms: latency.notion.map(millis),
    }
}

#[cfg(test)]
#[path = "conclusion_tests.rs"]
mod tests;
