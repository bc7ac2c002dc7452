//! What a message says, in its parts: it waits in the outbox like that, so that what waited for a channel that comes back
//! can be merged into one message.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::incident::Incident;
use super::message::{self, Wording, duration};
use super::notice::{Announcement, NoticeKind, Step};
use super::report::Report;

/// Of what came and went while nobody could be told, so many lines are kept: the newest.
const MEANWHILE_KEPT: usize = 50;

/// Of starts and stops likewise.
const TURNS_KEPT: usize = 20;

/// Of messages that are quoted likewise.
const QUOTES_KEPT: usize = 20;

/// Everything a message is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bulletin {
    /// The moment to which it refers.
    pub at: DateTime<Utc>,
    /// That the service was started or stopped, in order.
    pub turns: Vec<Turn>,
    /// One line for each incident.
    pub lines: Vec<Line>,
    /// The figures of the newest report; none if it is not about incidents.
    pub figures: Option<Figures>,
    /// How many lines were too many.
    pub left_out: usize,
    /// Whole messages that are quoted.
    pub quotes: Vec<Quote>,
}

/// A message of which only the words are known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// Why it was to go out.
    pub kind: NoticeKind,
    /// Its subject.
    pub subject: String,
    /// Its text.
    pub body: String,
}

/// The service was started or stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// When.
    pub at: DateTime<Utc>,
    /// Started, or stopped.
    pub started: bool,
    /// Whether it was not started just now, but has stood by for another instance until it took over.
    #[serde(default)]
    pub took_over: bool,
    /// What there is to say of it.
    pub text: String,
}

/// What a message says of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum News {
    /// It opened.
    Opened,
    /// It has become much more than was told.
    Worsened,
    /// What was told is over.
    Resolved,
    /// It came and went before this could be told.
    Meanwhile,
    /// It is still there.
    StillOpen,
}

/// What a message says of one incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The id of the incident.
    pub incident: String,
    /// What is said of it.
    pub news: News,
    /// The sign in front of it.
    pub sign: String,
    /// What was last said of it, without the sign.
    pub text: String,
    /// What the party answered, or what to do; may be empty.
    pub detail: String,
    /// When it was first seen.
    pub since: DateTime<Utc>,
    /// The moment for which this holds: that of the report, or when it was over.
    pub at: DateTime<Utc>,
    /// What was last told of it, without the sign.
    pub told: Option<String>,
    /// Who has taken it on.
    pub acknowledged_by: Option<String>,
    /// Whether it comes and goes.
    pub unstable: bool,
}

/// The figures of a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// The moment of the report.
    pub at: DateTime<Utc>,
    /// One line each.
    pub lines: Vec<String>,
}

impl Bulletin {
    /// What `announcement` says, with the figures of the report that caused it.
    pub fn of(announcement: &Announcement, report: &Report, wording: &Wording) -> Self {
        let at = report.timestamp;
        let figures = Figures { at, lines: message::figures(report, wording).into() };
        let lines = announcement.subjects().map(|(incident, step)| Line::of(incident, step, at)).collect();
        Self { lines, figures: Some(figures), ..Self::empty(at) }
    }

    /// The service was started in this version and looks each `interval`.
    pub fn started(version: &str, interval: Duration, at: DateTime<Utc>) -> Self {
        let text = format!("version {version}, checks every {}", duration(interval));
        Self { turns: vec![Turn { at, started: true, took_over: false, text }], ..Self::empty(at) }
    }

    /// Another instance looked until now, and this one, which stood by in this version, goes on each `interval`.
    pub fn took_over(version: &str, interval: Duration, at: DateTime<Utc>) -> Self {
        let text = format!("version {version}, in place of another instance, checks every {}", duration(interval));
        Self { turns: vec![Turn { at, started: true, took_over: true, text }], ..Self::empty(at) }
    }

    /// This process was stopped: nobody looks until it is started again, unless another instance does.
    pub fn stopped(version: &str, at: DateTime<Utc>) -> Self {
        let text = format!("version {version}, no checks until it or another instance goes on");
        Self { turns: vec![Turn { at, started: false, took_over: false, text }], ..Self::empty(at) }
    }

    /// A message of `at` that another version has left behind, of which only the words are known.
    pub fn quoting(kind: NoticeKind, subject: &str, body: &str, at: DateTime<Utc>) -> Self {
        let quote = Quote { kind, subject: subject.into(), body: body.into() };
        Self { quotes: vec![quote], ..Self::empty(at) }
    }

    fn empty(at: DateTime<Utc>) -> Self {
        Self { at, turns: vec![], lines: vec![], figures: None, left_out: 0, quotes: vec![] }
    }

    /// Why it goes out: the most urgent of what it says.
    pub fn kind(&self) -> NoticeKind {
        let says = |news| self.lines_of(news).next().is_some();
        let own = if says(News::Opened) || says(News::Worsened) {
            NoticeKind::Alert
        } else if says(News::Resolved) || says(News::Meanwhile) {
            NoticeKind::Resolved
        } else if says(News::StillOpen) {
            NoticeKind::Reminder
        } else {
            NoticeKind::Lifecycle
        };
        self.quotes.iter().map(|quote| quote.kind).chain([own]).min().unwrap_or(own)
    }

    /// The lines that say such a thing. That something is still open is said only where the newest report says so.
    pub fn lines_of(&self, news: News) -> impl Iterator<Item = &Line> {
        let reported = self.figures.as_ref().map(|figures| figures.at);
        self.lines.iter().filter(move |line| {
            line.news == news && (news != News::StillOpen || reported.is_none_or(|reported| line.at >= reported))
        })
    }

    /// One bulletin that says what those before it and the newest say, as things are by the newest.
    pub fn merge(earlier: &[Self], newest: Self) -> Self {
        let all = earlier.iter().cloned().chain([newest]);
        all.reduce(Self::followed_by).unwrap_or_else(|| Self::empty(DateTime::UNIX_EPOCH))
    }

    fn followed_by(self, mut newer: Self) -> Self {
        let mut lines: Vec<Line> = vec![];
        for line in self.lines {
            let next = newer.lines.iter().position(|next| next.incident == line.incident);
            lines.push(match next {
                Some(place) => line.followed_by(newer.lines.remove(place)),
                None => line,
            });
        }
        lines.append(&mut newer.lines);
        let left_out = keep_newest(&mut lines, MEANWHILE_KEPT, |line| line.news == News::Meanwhile);
        let (mut turns, mut quotes) = (self.turns, self.quotes);
        turns.append(&mut newer.turns);
        quotes.append(&mut newer.quotes);
        keep_newest(&mut turns, TURNS_KEPT, |_| true);
        keep_newest(&mut quotes, QUOTES_KEPT, |_| true);
        let (figures, left_out) = (newer.figures.or(self.figures), self.left_out + newer.left_out + left_out);
        Self { at: newer.at, turns, lines, figures, left_out, quotes }
    }

    /// Only that these incidents are over, and starts and stops: the rest was true when it was written.
    pub fn only_ends_of(self, incidents: &[String]) -> Self {
        let is_end = |line: &Line| line.news == News::Resolved && incidents.contains(&line.incident);
        let lines = self.lines.into_iter().filter(is_end).collect();
        Self { lines, figures: None, quotes: vec![], left_out: 0, ..self }
    }

    /// The bulletin as it waits in the outbox.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The bulletin that waits as `json`; none if another version has written what this one does not understand.
    pub fn parse(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }
}

/// Drops the first of those of a `sort` which are more than `kept`; says how many.
fn keep_newest<T>(list: &mut Vec<T>, kept: usize, sort: impl Fn(&T) -> bool) -> usize {
    let too_many = list.iter().filter(|item| sort(item)).count().saturating_sub(kept);
    let mut met = 0;
    list.retain(|item| {
        met += usize::from(sort(item));
        !sort(item) || met > too_many
    });
    too_many
}

impl Line {
    fn of(incident: &Incident, step: Step, at: DateTime<Utc>) -> Self {
        let news = match step {
            Step::Opened => News::Opened,
            Step::Worsened => News::Worsened,
            Step::Reminded => News::StillOpen,
            Step::Resolved => News::Resolved,
        };
        let told = incident.told.as_ref().filter(|_| news != News::Opened);
        Self {
            incident: incident.id.clone(),
            news,
            sign: incident.issue.sign().into(),
            text: incident.text.clone(),
            detail: incident.detail.clone(),
            since: incident.since,
            at,
            told: told.map(|told| told.text.clone()),
            acknowledged_by: incident.acknowledged.as_ref().map(|acknowledged| acknowledged.by.clone()),
            unstable: incident.unstable,
        }
    }

    /// What is to be said of the incident if this was not said before the newer line.
    fn followed_by(self, newer: Self) -> Self {
        match (self.news, newer.news) {
            // What is over stays over.
            (News::Resolved | News::Meanwhile, _) => self,
            (News::Opened, News::Resolved) => Self { news: News::Meanwhile, ..newer },
            (News::Opened, News::Worsened | News::StillOpen) => Self { news: News::Opened, told: None, ..newer },
            (News::Worsened, News::StillOpen) => Self { news: News::Worsened, told: self.told, ..newer },
            (News::Worsened | News::StillOpen, News::Worsened | News::StillOpen) => {
                Self { told: self.told.or(newer.told), ..newer }
            }
            (_, News::Opened | News::Resolved | News::Meanwhile) => newer,
        }
    }
}

#[cfg(test)]
#[path = "bulletin_tests.rs"]
mod tests;
