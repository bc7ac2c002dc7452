//! Who is to be told what, and why: one message a channel for all that opened, ended or is due again in one cycle.
//!
//! An incident is told once when it opens, again after each reminder interval, and once when it is over, to exactly
//! the channels that were told of it. What is held back by its cause is not told before it has outlived the cause.
//!
//! A channel that could not be told (its token was revoked, it was not configured yet) is told when the next reminder is
//! due, and in the first cycle of a process: somebody may have mended it.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::incident::{Change, Held, Incident, Phase, Telling};

/// Why a message goes out; the most urgent reason names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    /// Something opened.
    Alert,
    /// Something is still open.
    Reminder,
    /// Something is over, and nothing opened.
    Resolved,
    /// The state of things, for a channel that shows it instead of telling it.
    Status,
}

impl NoticeKind {
    /// The name in the store and the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Reminder => "reminder",
            Self::Resolved => "resolved",
            Self::Status => "status",
        }
    }

    /// The kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Alert, Self::Reminder, Self::Resolved, Self::Status].into_iter().find(|kind| kind.name() == name)
    }
}

/// What an incident has to do with a notice that is about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The notice tells that it opened.
    Opened,
    /// The notice tells that it is still there.
    Reminded,
    /// The notice tells that it is over.
    Resolved,
}

impl Step {
    /// The name in the store.
    pub fn name(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Reminded => "reminded",
            Self::Resolved => "resolved",
        }
    }
}

/// Which channels were told of which live incidents: incident id → channel → id of the notice that told it first.
///
/// A notice that can never be delivered has told nobody.
pub type Told = HashMap<String, HashMap<String, String>>;

/// What one channel is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// The channel.
    pub channel: String,
    /// Why.
    pub kind: NoticeKind,
    /// What opened.
    pub opened: Vec<Incident>,
    /// What is over.
    pub resolved: Vec<Incident>,
    /// What this channel knows of and was seen in this cycle, too. What is recovering is left out: it may be over.
    pub still_open: Vec<Incident>,
    /// The notice that began the conversation about the first of these incidents, if there was one.
    pub thread: Option<String>,
}

impl Announcement {
    /// The incidents that it is about, and what it tells of each.
    pub fn subjects(&self) -> impl Iterator<Item = (&Incident, Step)> {
        let opened = self.opened.iter().map(|incident| (incident, Step::Opened));
        let reminded = self.still_open.iter().map(|incident| (incident, Step::Reminded));
        opened.chain(reminded).chain(self.resolved.iter().map(|incident| (incident, Step::Resolved)))
    }
}

/// Decides what each of `channels` is to be told after a cycle that left `incidents` behind.
///
/// `reminder` is `None` when reminders are off; `fresh` says that it is the first cycle of a process.
pub fn plan(
    incidents: &[(Incident, Change)],
    told: &Told,
    channels: &[&str],
    now: DateTime<Utc>,
    reminder: Option<Duration>,
    fresh: bool,
) -> Vec<Announcement> {
    channels.iter().filter_map(|channel| announcement(incidents, told, channel, now, reminder, fresh)).collect()
}

fn announcement(
    incidents: &[(Incident, Change)],
    told: &Told,
    channel: &str,
    now: DateTime<Utc>,
    reminder: Option<Duration>,
    fresh: bool,
) -> Option<Announcement> {
    let first_notice = |incident: &Incident| told.get(&incident.id).and_then(|channels| channels.get(channel));
    let collect = |wanted: &dyn Fn(&Incident, Change) -> bool| -> Vec<Incident> {
        let chosen = incidents.iter().filter(|(incident, change)| wanted(incident, *change));
        chosen.map(|(incident, _)| incident.clone()).collect()
    };
    let opened = collect(&|incident, _| {
        let missed = first_notice(incident).is_none() && (fresh || is_due(incident, now, reminder));
        is_tellable(incident) && (incident.told.is_none() || missed)
    });
    let resolved = collect(&|incident, change| change == Change::Resolved && first_notice(incident).is_some());
    let still_open = collect(&|incident, _| incident.phase == Phase::Open && first_notice(incident).is_some());
    let reminder_due = still_open.iter().any(|incident| is_due(incident, now, reminder));
    let kind = match (opened.is_empty(), resolved.is_empty(), reminder_due) {
        (false, _, _) => NoticeKind::Alert,
        (true, false, _) => NoticeKind::Resolved,
        (true, true, true) => NoticeKind::Reminder,
        (true, true, false) => return None,
    };
    let thread = resolved.iter().chain(&still_open).find_map(first_notice).cloned();
    Some(Announcement { channel: channel.into(), kind, opened, resolved, still_open, thread })
}

/// Whether people are to know of it.
fn is_tellable(incident: &Incident) -> bool {
    incident.phase == Phase::Open && incident.held == Held::No
}

fn is_due(incident: &Incident, now: DateTime<Utc>, reminder: Option<Duration>) -> bool {
    let (Some(interval), Some(told)) = (reminder, &incident.told) else { return false };
    is_tellable(incident) && now - told.at >= chrono_delta(interval)
}

/// A span that cannot overflow: settings allow a year at most.
fn chrono_delta(span: Duration) -> chrono::TimeDelta {
    chrono::TimeDelta::from_std(span).unwrap_or(chrono::TimeDelta::MAX)
}

/// Writes down that the incidents which `announcements` tell of were told at `now`.
pub fn mark_told(incidents: &mut [(Incident, Change)], announcements: &[Announcement], now: DateTime<Utc>) {
    for (incident, _) in incidents {
        let mentioned = announcements.iter().flat_map(Announcement::subjects).any(|(told, _)| told.id == incident.id);
        if mentioned {
            let (text, magnitude) = (incident.text.clone(), incident.magnitude);
            incident.told = Some(Telling { at: now, text, magnitude });
        }
    }
}

#[cfg(test)]
#[path = "notice_tests.rs"]
mod tests;
