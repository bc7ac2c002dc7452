//! Every sentence that we say to people: alerts, reminders, all-clears, the notes of the Status Board.
//!
//! The texts follow the contract to the letter. No channel's markup is in here: escaping and cutting is the channel's.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};

use super::fault::Party;
use super::incident::Incident;
use super::issue::Issue;
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
        NoticeKind::Status => "Auto-Operator".into(),
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

/// The notes of a Status Board entry: the parties, then what is wrong.
pub fn notes(report: &Report) -> String {
    let party = |party: Party| {
        let state = match report.answers(party) {
            Some(true) => "OK",
            Some(false) => "offline",
            None => "unknown or not configured",
        };
        format!("{}: {state}", party.name())
    };
    let mut lines = vec![party(Party::OpenAi), party(Party::Notion)];
    let stuck = figure(report.stuck_jobs().map(|stuck| stuck.count));
    lines.push(format!("Stuck jobs: {stuck}"));
    lines.extend(report.issues().map(|issue| with_detail(&issue.line(), &issue.detail)));
    lines.join("\n")
}

/// The issues of a report as one comparable text: the Status Board gets a new entry when it changes.
pub fn issue_set(report: &Report) -> String {
    let ids: Vec<String> = report.issues().map(|issue: &Issue| issue.id.to_string()).collect();
    ids.join(",")
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
