//! What came of an order, in words: what was done, what was not, and what nobody knows.
//!
//! An order may be about several things, each of which is written down by itself: if the database fails in the middle,
//! those before it stand, and whoever gave the order is told which.

use chrono::{DateTime, Utc};

use super::answer::{Answer, LONGEST_NAME, LONGEST_TEXT, plain, silenced, silent};
use super::command::clipped;
use super::incident::Incident;
use super::issue::IssueId;
use super::silence::{self, Silence};

/// What is said if nothing was done.
pub const NO_DATABASE: &str = "The database does not answer: nothing was done. Try again later.";

const OVER: &str = "It is over by now.";
const TRY_AGAIN: &str = "The database does not answer: try again later.";
const BE_SURE: &str = "The database did not answer in time: repeat it later to be sure.";

/// What came of one of the things that were to be written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// It is written down.
    Done,
    /// It is not.
    NotDone(Hindrance),
    /// It may be, or not: nobody has heard what became of it.
    Unknown,
}

/// Why something is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hindrance {
    /// The database does not answer.
    Database,
    /// There are as many silences as there may be.
    TooManySilences,
}

impl Hindrance {
    /// What is said if it kept all from being done.
    fn words(self) -> String {
        match self {
            Self::Database => NO_DATABASE.into(),
            Self::TooManySilences => too_many_silences(),
        }
    }
}

fn too_many_silences() -> String {
    format!("There are {} silences already: end some of them first.", silence::MOST)
}

/// What kept all of it from being done; nothing, if a part was done or may have been.
fn nothing_done(deeds: impl IntoIterator<Item = Deed>) -> Option<String> {
    let mut all = deeds.into_iter().map(|deed| match deed {
        Deed::NotDone(hindrance) => Some(hindrance),
        Deed::Done | Deed::Unknown => None,
    });
    let first = all.next()??;
    all.all(|other| other.is_some()).then(|| first.words())
}

/// Why a part was not done, and what to do about that.
fn reason(deeds: &[Deed]) -> Option<String> {
    let reasons = [
        (Deed::NotDone(Hindrance::TooManySilences), too_many_silences()),
        (Deed::Unknown, BE_SURE.into()),
        (Deed::NotDone(Hindrance::Database), TRY_AGAIN.into()),
    ];
    reasons.into_iter().find(|(deed, _)| deeds.contains(deed)).map(|(_, reason)| reason)
}

/// What came of a press, issue by issue, in a few words; `all` is said if all was done, and `done` stands before that
/// part which was.
fn briefly(of: &[(IssueId, Deed)], all: &str, done: &str) -> String {
    let deeds: Vec<Deed> = of.iter().map(|(_, deed)| *deed).collect();
    if deeds.iter().all(|deed| *deed == Deed::Done) {
        return all.into();
    }
    if let Some(words) = nothing_done(deeds.iter().copied()) {
        return words;
    }
    let part = |head: &str, belongs: fn(Deed) -> bool| {
        let names: Vec<String> =
            of.iter().filter(|(_, deed)| belongs(*deed)).map(|(issue, _)| issue.to_string()).collect();
        (!names.is_empty()).then(|| format!("{head}: {}.", names.join(", ")))
    };
    let parts = [
        part(done, |deed| deed == Deed::Done),
        part("Not", |deed| matches!(deed, Deed::NotDone(_))),
        part("Perhaps", |deed| deed == Deed::Unknown),
    ];
    parts.into_iter().flatten().chain(reason(&deeds)).collect::<Vec<_>>().join(" ")
}

/// What came of taking on one incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is theirs now.
    Now(Incident),
    /// It was somebody's already.
    Already(Incident),
    /// It is over.
    Over(Incident),
    /// It is not taken on, or perhaps not.
    Failed(Incident, Deed),
}

impl Taken {
    /// The incident, as it is by now if that is known.
    pub fn incident(&self) -> &Incident {
        match self {
            Self::Now(incident) | Self::Already(incident) | Self::Over(incident) | Self::Failed(incident, _) => {
                incident
            }
        }
    }

    fn deed(&self) -> Deed {
        match self {
            Self::Now(_) | Self::Already(_) | Self::Over(_) => Deed::Done,
            Self::Failed(_, deed) => *deed,
        }
    }
}

/// What came of taking on incidents.
pub fn taken(taken: &[Taken]) -> Answer {
    if taken.is_empty() {
        return plain("Nothing is open that nobody has taken on.");
    }
    let deeds: Vec<Deed> = taken.iter().map(Taken::deed).collect();
    if let Some(words) = nothing_done(deeds.iter().copied()) {
        return plain(words);
    }
    plain(taken.iter().map(of_taken).chain(reason(&deeds)).collect::<Vec<_>>().join("\n"))
}

fn of_taken(taken: &Taken) -> String {
    let line = clipped(&taken.incident().line(), LONGEST_TEXT);
    let by = || {
        let by = taken.incident().acknowledged.as_ref().map_or("somebody", |taken| &taken.by);
        clipped(by, LONGEST_NAME)
    };
    match taken {
        Taken::Now(_) => format!("✔️ Acknowledged by {}: {line}", by()),
        Taken::Already(_) => format!("Acknowledged by {} already: {line}", by()),
        Taken::Over(_) => format!("Over by now: {line}"),
        Taken::Failed(_, Deed::Unknown) => format!("❔ Perhaps acknowledged: {line}"),
        Taken::Failed(..) => format!("❌ Not acknowledged: {line}"),
    }
}

/// The same in a few words, for whoever pressed a button.
pub fn taken_briefly(taken: &[Taken]) -> String {
    let now = taken.iter().filter(|taken| matches!(taken, Taken::Now(_))).count();
    let already = taken.iter().find_map(|taken| match taken {
        Taken::Already(incident) => incident.acknowledged.as_ref().map(|taken| clipped(&taken.by, LONGEST_NAME)),
        _ => None,
    });
    let all = match (now, already) {
        (0, Some(by)) => format!("Acknowledged by {by} already."),
        (0, None) => OVER.into(),
        (_, _) => "Acknowledged. There are no more reminders.".into(),
    };
    let still_there = taken.iter().filter(|taken| !matches!(taken, Taken::Over(_)));
    let of: Vec<(IssueId, Deed)> = still_there.map(|taken| (taken.incident().issue, taken.deed())).collect();
    briefly(&of, &all, "Acknowledged")
}

/// What came of beginning a silence.
pub fn begun(silence: &Silence, deed: Deed, now: DateTime<Utc>) -> String {
    match deed {
        Deed::Done => silent(silence, now),
        Deed::NotDone(hindrance) => hindrance.words(),
        Deed::Unknown => format!("❔ Perhaps: {}\n{BE_SURE}", silent(silence, now)),
    }
}

/// What came of silencing the issues of an alert until then, in a few words.
pub fn silenced_briefly(until: DateTime<Utc>, of: &[(IssueId, Deed)]) -> String {
    if of.is_empty() {
        return OVER.into();
    }
    let silence = format!("Silence until {} UTC", until.format("%H:%M"));
    briefly(of, &format!("{silence}."), &silence)
}

/// What came of ending silences, and which others still hold.
pub fn ended(meant: &[(Silence, Deed)], left: &[Silence], now: DateTime<Utc>) -> String {
    let deeds: Vec<Deed> = meant.iter().map(|(_, deed)| *deed).collect();
    if let Some(words) = nothing_done(deeds.iter().copied()) {
        return words;
    }
    let over: Vec<String> =
        meant.iter().filter(|(_, deed)| *deed == Deed::Done).map(|(silence, _)| silenced(silence)).collect();
    let mut lines = vec![];
    if meant.is_empty() {
        lines.push("🔔 There was no such silence.".into());
    } else if !over.is_empty() {
        lines.push(format!("🔔 No more silence of {}.", over.join(", ")));
    }
    lines.extend(meant.iter().filter_map(|(silence, deed)| match deed {
        Deed::Done => None,
        Deed::NotDone(_) => Some(format!("❌ Not ended: {}", silent(silence, now))),
        Deed::Unknown => Some(format!("❔ Perhaps ended: {}", silent(silence, now))),
    }));
    lines.extend(reason(&deeds));
    lines.extend(left.iter().map(|silence| silent(silence, now)));
    lines.join("\n")
}

#[cfg(test)]
#[path = "deed_tests.rs"]
mod tests;
