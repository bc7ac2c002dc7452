//! Every sentence that we say to people: alerts, reminders, all-clears, the notes of the Status Board.
//!
//! The texts follow the contract to the letter. No channel's markup is in here: escaping and cutting is the channel's.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use super::fault::Party;
use super::incident::Incident;
use super::job::one_decimal;
use super::notice::{Announcement, NoticeKind};
use super::report::Report;

/// A message for people: a subject and a body of plain text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// One line.
    pub subject: String,
    /// Lines; the last one ends without a newline.
    pub body: String,
}

/// What a message needs to know of the service.
#[derive(Clone, Debug)]
pub struct Wording {
    /// The name of the watched service.
    pub service: String,
    /// Our own address, for a link to the report.
    pub public_url: Option<String>,
    /// The window over which jobs are counted.
    pub window: Duration,
}

/// The text of an announcement, with the figures of the report that caused it.
pub fn announcement(announcement: &Announcement, report: &Report, wording: &Wording) -> Message {
    let now = report.timestamp;
    let mut blocks = vec![format!("Timestamp: {}", timestamp(now))];
    if !announcement.opened.is_empty() {
        blocks.push(block("ISSUES DETECTED:", announcement.opened.iter().map(opened)));
    }
    if !announcement.resolved.is_empty() {
        blocks.push(block("RESOLVED:", announcement.resolved.iter().map(|incident| resolved(incident, now))));
    }
    if !announcement.still_open.is_empty() {
        blocks.push(block("STILL OPEN:", announcement.still_open.iter().map(|incident| still_open(incident, now))));
    }
    blocks.push(block("Metrics:", figures(report, wording)));
    if let Some(url) = &wording.public_url {
        blocks.push(format!("Report: {}/ops-report", url.trim_end_matches('/')));
    }
    Message { subject: subject(announcement.kind, &wording.service), body: blocks.join("\n\n") }
}

fn subject(kind: NoticeKind, service: &str) -> String {
    match kind {
        NoticeKind::Alert => format!("🚨 {service} Auto-Operator Alert"),
        NoticeKind::Resolved => format!("✅ {service} Auto-Operator Resolved"),
        NoticeKind::Reminder => format!("⏰ {service} Auto-Operator Reminder"),
        NoticeKind::Status => STATUS_TITLE.into(),
    }
}

fn block(title: &str, lines: impl IntoIterator<Item = String>) -> String {
    lines.into_iter().fold(title.to_owned(), |block, line| block + "\n  • " + &line)
}

fn opened(incident: &Incident) -> String {
    with_detail(&incident.line(), &incident.detail)
}

/// The line, and below it what the party answered, if there is anything to add.
fn with_detail(line: &str, detail: &str) -> String {
    if detail.is_empty() { line.to_owned() } else { format!("{line}\n      {detail}") }
}

fn resolved(incident: &Incident, now: DateTime<Utc>) -> String {
    format!("{} (after {})", incident.line(), age(incident, now))
}

fn still_open(incident: &Incident, now: DateTime<Utc>) -> String {
    format!("{} (for {})", incident.line(), age(incident, now))
}

fn age(incident: &Incident, now: DateTime<Utc>) -> String {
    let age = (now - incident.since).to_std().unwrap_or_default();
    // Seconds are noise in the age of an incident, but not in one that is younger than a minute.
    let minutes = Duration::from_secs(age.as_secs() / 60 * 60);
    duration(if minutes.is_zero() { age } else { minutes })
}

fn figures(report: &Report, wording: &Wording) -> [String; 4] {
    let metrics = report.metrics();
    let average = metrics.and_then(|metrics| metrics.average());
    [
        format!("Total jobs ({}): {}", duration(wording.window), figure(metrics.map(|metrics| metrics.total))),
        format!("Done jobs: {}", figure(metrics.map(|metrics| metrics.done))),
        format!("Avg QA: {}", figure(average.map(|average| format!("{:.1}%", one_decimal(average))))),
        format!("Stuck jobs: {}", figure(report.stuck_jobs().map(|stuck| stuck.count))),
    ]
}

fn figure(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "unknown".into(), |value| value.to_string())
}

/// The figures of a report in one line of the log.
pub fn figures_line(report: &Report) -> String {
    let metrics = report.metrics();
    let average = metrics.and_then(|metrics| metrics.average()).map(one_decimal);
    format!(
        "jobs={} done={} avg_qa={} stuck={}",
        figure(metrics.map(|metrics| metrics.total)),
        figure(metrics.map(|metrics| metrics.done)),
        figure(average),
        figure(report.stuck_jobs().map(|stuck| stuck.count))
    )
}

/// The name of an entry on the Status Board, by which the users look for it.
pub const STATUS_TITLE: &str = "Auto-Operator";

/// One entry of the Status Board. It waits in the outbox as JSON, so that names and types are kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatusEntry {
    /// The moment to which it refers.
    pub when: DateTime<Utc>,
    /// Whether all is well.
    pub ok: bool,
    /// Jobs of the window.
    pub jobs: Option<u64>,
    /// Their average score, one decimal.
    pub avg_qa: Option<f64>,
    /// How many of them have a low score.
    pub low_qa: Option<u64>,
    /// The parties, then what is wrong.
    pub notes: String,
    /// The names of the issues; a new entry is due when they change.
    pub issues: String,
}

impl StatusEntry {
    /// The entry that shows `report`.
    pub fn of(report: &Report) -> Self {
        let metrics = report.metrics();
        let ids: Vec<String> = report.issues().map(|issue| issue.id.to_string()).collect();
        Self {
            when: report.timestamp,
            ok: report.overall_ok(),
            jobs: metrics.map(|metrics| metrics.total),
            avg_qa: metrics.and_then(|metrics| metrics.average()).map(one_decimal),
            low_qa: metrics.map(|metrics| metrics.low_qa),
            notes: notes(report),
            issues: ids.join(","),
        }
    }

    /// The entry as it waits in the outbox.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The notes of an entry: the parties, the stuck jobs, then what is wrong.
fn notes(report: &Report) -> String {
    let party = |party: Party| {
        let state = match report.answers(party) {
            Some(true) => "OK",
            Some(false) => "offline",
            None => "unknown or not configured",
        };
        format!("{}: {state}", party.name())
    };
    let mut lines = vec![party(Party::OpenAi), party(Party::Notion)];
    lines.push(format!("Stuck jobs: {}", figure(report.stuck_jobs().map(|stuck| stuck.count))));
    lines.extend(report.issues().map(|issue| with_detail(&issue.line(), &issue.detail)));
    lines.join("\n")
}

/// `2025-10-17T13:58:48Z`.
pub fn timestamp(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// `45s`, `30m`, `2h 30m`, `24h`, `3d 4h`: the largest unit and the next one, as the settings write durations.
pub fn duration(span: Duration) -> String {
    let seconds = span.as_secs();
    let (large, small) = match seconds {
        0..60 => return format!("{seconds}s"),
        60..3_600 => ((seconds / 60, "m"), (seconds % 60, "s")),
        3_600..172_800 => ((seconds / 3_600, "h"), (seconds % 3_600 / 60, "m")),
        _ => ((seconds / 86_400, "d"), (seconds % 86_400 / 3_600, "h")),
    };
    let rest = if small.0 > 0 { format!(" {}{}", small.0, small.1) } else { String::new() };
    format!("{}{}{rest}", large.0, large.1)
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
