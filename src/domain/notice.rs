//! Who is to be told what, and why: one message a channel for all that opened, worsened, ended or is due again in one
//! cycle.
//!
//! An incident is told once when it opens, again after each reminder interval, when it has become much more than was
//! told, and once when it is over, to exactly the channels that were told of it. What is held back by its cause is not
//! told before it has outlived the cause. Nor is what is silenced, or falls into maintenance: what is still there when
//! that is over is told then. The all-clear is never silenced; it only waits for the end of the maintenance. What nobody
//! could see in a cycle is not told in it either: what is known of it may be long over.
//!
//! A channel that could not be told (its token was revoked, it was not configured yet) is told with the next message that
//! goes there anyway, when the next reminder is due, when it worsens, and in the first cycle of a process: somebody may
//! have mended it.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::incident::{Change, Held, Incident, Phase, Telling};
use super::issue::IssueId;
use super::silence::Silence;

/// Why a message goes out; the most urgent reason, which comes first, names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// Something opened, or worsened.
    Alert,
    /// Something is over, and nothing opened.
    Resolved,
    /// Something is still open.
    Reminder,
    /// The service was started or stopped.
    Lifecycle,
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
            Self::Lifecycle => "lifecycle",
            Self::Status => "status",
        }
    }

    /// The kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        let all = [Self::Alert, Self::Reminder, Self::Resolved, Self::Lifecycle, Self::Status];
        all.into_iter().find(|kind| kind.name() == name)
    }
}

/// What an incident has to do with a notice that is about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The notice tells that it opened.
    Opened,
    /// The notice tells that it has become much more than was told.
    Worsened,
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
            Self::Worsened => "worsened",
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
    /// What this channel knows of and has become much more than was told.
    pub worsened: Vec<Incident>,
    /// What is over.
    pub resolved: Vec<Incident>,
    /// What else this channel knows of and was seen in this cycle, too. What is recovering is left out: it may be over.
    pub still_open: Vec<Incident>,
    /// The notice that began the conversation about the first of these incidents, if there was one.
    pub thread: Option<String>,
    /// Not to be sent before then: the end of the maintenance.
    pub not_before: Option<DateTime<Utc>>,
}

impl Announcement {
    /// The incidents that it is about, and what it tells of each.
    pub fn subjects(&self) -> impl Iterator<Item = (&Incident, Step)> {
        let parts = [
            (&self.opened, Step::Opened),
            (&self.worsened, Step::Worsened),
            (&self.still_open, Step::Reminded),
            (&self.resolved, Step::Resolved),
        ];
        parts.into_iter().flat_map(|(incidents, step)| incidents.iter().map(move |incident| (incident, step)))
    }
}

/// What decides about telling, beside the incidents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The moment of the cycle.
    pub now: DateTime<Utc>,
    /// After how long an open incident is told again; `None`: never.
    pub reminder: Option<Duration>,
    /// The silences; what is over of them does not matter.
    pub silences: Vec<Silence>,
    /// The end of the maintenance that `now` falls into.
    pub maintenance: Option<DateTime<Utc>>,
    /// What nobody could see in this cycle.
    pub unseen: Vec<IssueId>,
    /// Whether this is the first cycle of a process, or of a process that leads.
    pub fresh: bool,
}

impl Terms {
    /// Whether nothing but its end is to be told of the incident.
    fn hush(&self, incident: &Incident) -> bool {
        let is_silenced = self.silences.iter().any(|silence| silence.covers(incident.issue, self.now));
        is_silenced || self.maintenance.is_some() || self.unseen.contains(&incident.issue)
    }

    /// Whether it is time to tell the incident again. Nobody is reminded of what somebody has taken on.
    fn is_due(&self, incident: &Incident) -> bool {
        let (Some(interval), Some(told)) = (self.reminder, &incident.told) else { return false };
        // A clock that was far ahead when it was told has not told it for as long as that.
        let age = (self.now - told.at).abs().to_std().unwrap_or(interval);
        incident.is_tellable() && incident.acknowledged.is_none() && age >= interval
    }
}

/// Decides what each of `channels` is to be told after a cycle that left `incidents` behind.
pub fn plan(incidents: &[(Incident, Change)], told: &Told, channels: &[&str], terms: &Terms) -> Vec<Announcement> {
    let with_what_was_missed = |channel: &&str| {
        announcement(incidents, told, channel, terms, false)?;
        announcement(incidents, told, channel, terms, true)
    };
    channels.iter().filter_map(with_what_was_missed).collect()
}

/// What there is to tell `channel`; `anyway` says that a message goes there in any case.
fn announcement(
    incidents: &[(Incident, Change)],
    told: &Told,
    channel: &str,
    terms: &Terms,
    anyway: bool,
) -> Option<Announcement> {
    let first_notice = |incident: &Incident| told.get(&incident.id).and_then(|channels| channels.get(channel));
    let part = |step| -> Vec<Incident> {
        let news = |incident, change| news(incident, change, first_notice(incident).is_some(), terms, anyway);
        let chosen = incidents.iter().filter(|(incident, change)| news(incident, *change) == Some(step));
        chosen.map(|(incident, _)| incident.clone()).collect()
    };
    let (opened, worsened, resolved) = (part(Step::Opened), part(Step::Worsened), part(Step::Resolved));
    let still_open = part(Step::Reminded);
    let kind = if !opened.is_empty() || !worsened.is_empty() {
        NoticeKind::Alert
    } else if !resolved.is_empty() {
        NoticeKind::Resolved
    } else if still_open.iter().any(|incident| terms.is_due(incident)) {
        NoticeKind::Reminder
    } else {
        return None;
    };
    let known = resolved.iter().chain(&worsened).chain(&still_open);
    let thread = known.into_iter().find_map(first_notice).cloned();
    let (channel, not_before) = (channel.into(), terms.maintenance);
    Some(Announcement { channel, kind, opened, worsened, resolved, still_open, thread, not_before })
}

/// What a message to a channel would say of the incident, whether or not there is reason for one; `knows` says that the
/// channel was told of it, `anyway` that a message goes there in any case.
fn news(incident: &Incident, change: Change, knows: bool, terms: &Terms, anyway: bool) -> Option<Step> {
    if change == Change::Resolved {
        return knows.then_some(Step::Resolved);
    }
    if incident.phase != Phase::Open || terms.hush(incident) {
        return None;
    }
    let worse = incident.is_tellable() && incident.is_worse_than_told();
    let again = anyway || terms.fresh || terms.is_due(incident) || worse;
    match (knows, worse) {
        (true, true) => Some(Step::Worsened),
        (true, false) => Some(Step::Reminded),
        (false, _) if incident.is_tellable() && (incident.told.is_none() || again) => Some(Step::Opened),
        (false, _) => None,
    }
}

/// Writes down that the incidents which `announcements` tell of were told at `now`.
///
/// What is held back is only mentioned: that it worsened is told when it has outlived its cause.
pub fn mark_told(incidents: &mut [(Incident, Change)], announcements: &[Announcement], now: DateTime<Utc>) {
    for (incident, _) in incidents {
        let mentioned = announcements.iter().flat_map(Announcement::subjects).any(|(told, _)| told.id == incident.id);
        if mentioned {
            let (text, magnitude) = (incident.text.clone(), incident.magnitude);
            incident.told = match incident.told.take() {
                Some(told) if incident.held != Held::No => Some(Telling { at: now, ..told }),
                _ => Some(Telling { at: now, text, magnitude }),
            };
        }
    }
}

#[cfg(test)]
#[path = "notice_tests.rs"]
mod tests;
