//! The life of an incident: suspected, open, recovering, resolved.
//!
//! ```text
//!            present × OPEN_AFTER            absent × RESOLVE_AFTER
//! suspected ─────────────────────▶ open ──▶ recovering ─────────────▶ resolved
//!     └── absent: forgotten          ▲  absent   │
//!                                    └──present──┘
//! ```
//! [`step`] is total: each phase meets each observation. What was not seen changes nothing: neither does a blind
//! check resolve an incident, nor does it open one.
//!
//! An incident that is *unstable* comes and goes: it takes `UNSTABLE_PATIENCE` times as long to be resolved.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::issue::{Issue, IssueId};

/// Where an incident is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Seen, but not yet often enough.
    Suspected,
    /// There.
    Open,
    /// No longer seen, but not yet long enough.
    Recovering,
    /// Over.
    Resolved,
}

impl Phase {
    /// The name in the store.
    pub fn name(self) -> &'static str {
        match self {
            Self::Suspected => "suspected",
            Self::Open => "open",
            Self::Recovering => "recovering",
            Self::Resolved => "resolved",
        }
    }

    /// The phase of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Suspected, Self::Open, Self::Recovering, Self::Resolved].into_iter().find(|phase| phase.name() == name)
    }
}

/// Whether an incident is kept quiet about because another one explains it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Held {
    /// Nothing explains it.
    No,
    /// That one does.
    By(IssueId),
    /// That one did until the last cycle. If the incident is still there in the next one, it has outlived its cause.
    Released(IssueId),
}

impl Held {
    /// The cause that keeps the incident from being told.
    pub fn cause(self) -> Option<IssueId> {
        match self {
            Self::No => None,
            Self::By(cause) | Self::Released(cause) => Some(cause),
        }
    }

    fn step(self, cause: Option<IssueId>) -> Self {
        match (self, cause) {
            (_, Some(cause)) => Self::By(cause),
            (Self::By(cause), None) => Self::Released(cause),
            (Self::Released(_) | Self::No, None) => Self::No,
        }
    }
}

/// What was last told of an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Telling {
    /// When: as an alert, as a reminder, or beside another one.
    pub at: DateTime<Utc>,
    /// In which words, without the sign.
    pub text: String,
    /// How much of it there was, where that can be counted.
    pub magnitude: Option<u64>,
}

/// Somebody has taken an incident on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// Who.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// One incident: an issue from when it was first seen until it is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// Unique, and sortable by time.
    pub id: String,
    /// What it is about.
    pub issue: IssueId,
    /// What was last said of it, without the sign.
    pub text: String,
    /// What the party last answered, or what to do.
    pub detail: String,
    /// How much of it there is, where that can be counted: the stuck jobs.
    pub magnitude: Option<u64>,
    /// When it was first seen.
    pub since: DateTime<Utc>,
    /// Where it is in its life.
    pub phase: Phase,
    /// For how many cycles in a row it has been seen while suspected, or not seen while recovering.
    pub streak: u32,
    /// Whether another incident explains it.
    pub held: Held,
    /// Whether it comes and goes: one incident then stands for all its comings.
    pub unstable: bool,
    /// What was last told of it.
    pub told: Option<Telling>,
    /// Who has taken it on.
    pub acknowledged: Option<Acknowledgement>,
    /// When it was over.
    pub resolved_at: Option<DateTime<Utc>>,
}

/// An unstable incident is resolved after so many times the usual number of quiet cycles.
const UNSTABLE_PATIENCE: u32 = 4;

/// Below that, twice as much is not much more.
const WORSE_FROM: u64 = 10;

impl Incident {
    /// Whether it is there: open, or not yet surely over.
    pub fn is_live(&self) -> bool {
        matches!(self.phase, Phase::Open | Phase::Recovering)
    }

    /// Whether people are to know of it: it was seen, and nothing explains it.
    pub fn is_tellable(&self) -> bool {
        self.phase == Phase::Open && self.held == Held::No
    }

    /// Whether there is twice as much of it as was last told, and nothing explains that.
    pub fn is_worse_than_told(&self) -> bool {
        let told = self.told.as_ref().and_then(|told| told.magnitude);
        let doubled = |(now, told): (u64, u64)| now >= WORSE_FROM && now >= told.saturating_mul(2);
        self.is_live() && self.held == Held::No && self.magnitude.zip(told).is_some_and(doubled)
    }

    /// The line that says it: sign and text.
    pub fn line(&self) -> String {
        format!("{} {}", self.issue.sign(), self.text)
    }

    fn suspected(id: String, issue: &Issue, now: DateTime<Utc>) -> Self {
        Self {
            id,
            issue: issue.id,
            text: issue.text.clone(),
            detail: issue.detail.clone(),
            magnitude: issue.magnitude,
            since: now,
            phase: Phase::Suspected,
            streak: 0,
            held: Held::No,
            unstable: false,
            told: None,
            acknowledged: None,
            resolved_at: None,
        }
    }
}

/// What a cycle says about an issue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observation<'a> {
    /// It is there.
    Present(&'a Issue),
    /// It is not there.
    Absent,
    /// It cannot be said: the check that would see it was blind.
    Unseen,
}

/// How many cycles in a row it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// To open an incident; at least 1.
    pub open_after: u32,
    /// To resolve one; at least 1.
    pub resolve_after: u32,
}

/// What a step goes by, beside what was observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Circumstances {
    /// The moment of the cycle.
    pub now: DateTime<Utc>,
    /// How many cycles it takes.
    pub patience: Patience,
    /// The live incident that explains what was observed.
    pub cause: Option<IssueId>,
    /// Whether the issue has come and gone so often of late that one incident is to stand for all its comings.
    pub unstable: bool,
    /// Whether what is seen may be nothing but the trace of a time in which nobody looked: then nothing opens that was not
    /// seen often enough before, and nothing gets worse.
    pub woke: bool,
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing that anybody is to be told.
    None,
    /// It is now open.
    Opened,
    /// There is now twice as much of it as was told.
    Worsened,
    /// It is now over.
    Resolved,
    /// It was only suspected, and is gone.
    Forgotten,
}

/// Takes an incident, or the place where one could be, through one cycle. `id` names a new incident.
pub fn step(
    incident: Option<Incident>,
    observation: Observation<'_>,
    circumstances: &Circumstances,
    id: impl FnOnce() -> String,
) -> Option<(Incident, Change)> {
    match (incident, observation) {
        (None, Observation::Absent | Observation::Unseen) => None,
        (None, Observation::Present(issue)) => {
            Some(present(Incident::suspected(id(), issue, circumstances.now), issue, circumstances))
        }
        (Some(incident), Observation::Present(issue)) => Some(present(incident, issue, circumstances)),
        (Some(incident), Observation::Absent) => Some(absent(incident, circumstances)),
        (Some(incident), Observation::Unseen) => Some((incident, Change::None)),
    }
}

fn present(incident: Incident, issue: &Issue, circumstances: &Circumstances) -> (Incident, Change) {
    let was_worse = incident.is_worse_than_told();
    // How much of it there is shows only when the time in which nobody looked is over for those who are looked at, too.
    let incident = if circumstances.woke && incident.is_live() { incident } else { seen(incident, issue) };
    let incident = Incident { held: incident.held.step(circumstances.cause), ..incident };
    match incident.phase {
        Phase::Suspected => suspected(incident, circumstances),
        Phase::Open | Phase::Recovering => {
            let incident = Incident { phase: Phase::Open, streak: 0, ..incident };
            if was_worse || !incident.is_worse_than_told() {
                return (incident, Change::None);
            }
            // Whoever took it on took on less than that.
            (Incident { acknowledged: None, ..incident }, Change::Worsened)
        }
        Phase::Resolved => (incident, Change::None),
    }
}

/// The incident in the words and figures of what was seen.
fn seen(incident: Incident, issue: &Issue) -> Incident {
    Incident { text: issue.text.clone(), detail: issue.detail.clone(), magnitude: issue.magnitude, ..incident }
}

fn suspected(mut incident: Incident, circumstances: &Circumstances) -> (Incident, Change) {
    incident.streak += 1;
    // On waking it takes one look more, and not the next one at any price: a host that sleeps between all cycles would
    // never hear of it otherwise.
    let looks = circumstances.patience.open_after.saturating_add(u32::from(circumstances.woke));
    if incident.streak < looks {
        return (incident, Change::None);
    }
    let unstable = circumstances.unstable;
    (Incident { phase: Phase::Open, streak: 0, unstable, ..incident }, Change::Opened)
}

fn absent(mut incident: Incident, circumstances: &Circumstances) -> (Incident, Change) {
    match incident.phase {
        Phase::Suspected => (incident, Change::Forgotten),
        Phase::Open | Phase::Recovering => {
            incident.phase = Phase::Recovering;
            incident.streak += 1;
            let times = if incident.unstable { UNSTABLE_PATIENCE } else { 1 };
            if incident.streak < circumstances.patience.resolve_after.saturating_mul(times) {
                return (incident, Change::None);
            }
            let resolved_at = Some(circumstances.now);
            (Incident { phase: Phase::Resolved, resolved_at, ..incident }, Change::Resolved)
        }
        Phase::Resolved => (incident, Change::None),
    }
}

#[cfg(test)]
#[path = "incident_tests.rs"]
mod tests;
