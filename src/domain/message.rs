//! Every sentence that we say to people: alerts, reminders, all-clears, starts and stops, the notes of the Status Board.
//!
//! The texts follow the contract to the letter. No channel's markup is in here: escaping and cutting is the channel's.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use super::bulletin::{Bulletin, Line, News, Turn};
use super::fault::Party;
use super::job::one_decimal;
use super::notice::NoticeKind;
use super::report::Report;

/// A message for people: a subject and a body of plain text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// The text of a bulletin.
pub fn bulletin(bulletin: &Bulletin, wording: &Wording) -> Message {
    let mut blocks = vec![format!("Timestamp: {}", timestamp(bulletin.at))];
    if !bulletin.turns.is_empty() {
        let turns: Vec<String> = bulletin.turns.iter().map(|turn| turned(turn, bulletin.at)).collect();
        blocks.push(turns.join("\n"));
    }
    blocks.extend(sections(bulletin));
    if let Some(figures) = &bulletin.figures {
        blocks.push(block("Metrics:", figures.lines.iter().cloned()));
    }
    blocks.extend(bulletin.quotes.iter().map(|quote| format!("{}\n{}", quote.subject, quote.body)));
    if let Some(url) = &wording.public_url {
        blocks.push(format!("Report: {}/ops-report", url.trim_end_matches('/')));
    }
    Message { subject: subject(bulletin, &wording.service), body: blocks.join("\n\n") }
}

/// What is said of incidents, by what happened to them.
fn sections(bulletin: &Bulletin) -> impl Iterator<Item = String> {
    let lines = |news, say: &dyn Fn(&Line) -> String| -> Vec<String> { bulletin.lines_of(news).map(say).collect() };
    let mut gone = lines(News::Meanwhile, &|line| meanwhile(line, bulletin.at));
    if bulletin.left_out > 0 {
        gone.insert(0, format!("{} more, before these", bulletin.left_out));
    }
    let sections = [
        ("ISSUES DETECTED:", lines(News::Opened, &opened)),
        ("GETTING WORSE:", lines(News::Worsened, &|line| with_detail(&going_on(line), &line.detail))),
        ("RESOLVED:", lines(News::Resolved, &resolved)),
        ("MEANWHILE:", gone),
        ("STILL OPEN:", lines(News::StillOpen, &going_on)),
    ];
    sections.into_iter().filter(|(_, lines)| !lines.is_empty()).map(|(title, lines)| block(title, lines))
}

fn subject(bulletin: &Bulletin, service: &str) -> String {
    let last = bulletin.turns.last();
    let (sign, word) = match bulletin.kind() {
        NoticeKind::Alert => ("🚨", "Alert"),
        NoticeKind::Resolved => ("✅", "Resolved"),
        NoticeKind::Reminder => ("⏰", "Reminder"),
        NoticeKind::Lifecycle if last.is_some_and(|turn| !turn.started) => ("⏹️", "Stopped"),
        NoticeKind::Lifecycle if last.is_some_and(|turn| turn.took_over) => ("▶️", "Took Over"),
        NoticeKind::Lifecycle => ("▶️", "Started"),
        NoticeKind::Status => return STATUS_TITLE.into(),
    };
    format!("{sign} {service} Auto-Operator {word}")
}

fn block(title: &str, lines: impl IntoIterator<Item = String>) -> String {
    lines.into_iter().fold(title.to_owned(), |block, line| block + "\n  • " + &line)
}

/// The line, and below it what the party answered, if there is anything to add.
fn with_detail(line: &str, detail: &str) -> String {
    if detail.is_empty() { line.to_owned() } else { format!("{line}\n      {detail}") }
}

/// The text, and what there is to add to it in brackets.
fn with_remarks(text: String, remarks: impl IntoIterator<Item = Option<String>>) -> String {
    let remarks: Vec<String> = remarks.into_iter().flatten().collect();
    if remarks.is_empty() { text } else { format!("{text} ({})", remarks.join("; ")) }
}

/// Sign and text.
fn said(line: &Line) -> String {
    format!("{} {}", line.sign, line.text)
}

fn opened(line: &Line) -> String {
    with_detail(&with_remarks(said(line), [unstable(line), acknowledged(line)]), &line.detail)
}

fn resolved(line: &Line) -> String {
    with_remarks(said(line), [Some(format!("after {}", age(line))), unstable(line)])
}

fn going_on(line: &Line) -> String {
    let was = line.told.as_ref().filter(|told| **told != line.text).map(|told| format!("was: {told}"));
    with_remarks(said(line), [Some(format!("for {}", age(line))), was, unstable(line), acknowledged(line)])
}

/// `⚠️ 50 job(s) stuck >30 minutes: was down 12:01–12:09`, with the day where it is not that of the message.
fn meanwhile(line: &Line, at: DateTime<Utc>) -> String {
    let (since, until) = (line.since, line.at);
    let one_day = since.date_naive() == until.date_naive();
    let since = if one_day { clock(since, at) } else { since.format("%Y-%m-%d %H:%M").to_string() };
    let until = until.format(if one_day { "%H:%M" } else { "%Y-%m-%d %H:%M" });
    with_remarks(format!("{}: was down {since}–{until}", said(line)), [unstable(line)])
}

/// The time of the day, and the day if it is not that of `now`.
pub(super) fn clock(moment: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let is_today = moment.date_naive() == now.date_naive();
    moment.format(if is_today { "%H:%M" } else { "%Y-%m-%d %H:%M" }).to_string()
}

fn turned(turn: &Turn, now: DateTime<Utc>) -> String {
    let what = match (turn.started, turn.took_over) {
        (false, _) => "Stopped",
        (true, false) => "Started",
        (true, true) => "Took over",
    };
    let at = (turn.at != now).then(|| format!("at {}", clock(turn.at, now)));
    with_remarks(format!("{what}: {}", turn.text), [at])
}

fn unstable(line: &Line) -> Option<String> {
    line.unstable.then(|| "unstable: it comes and goes".into())
}

fn acknowledged(line: &Line) -> Option<String> {
    line.acknowledged_by.as_ref().map(|by| format!("acknowledged by {by}"))
}

fn age(line: &Line) -> String {
    lasted(line.since, line.at)
}

/// How long it is from `since` to `until`.
pub(super) fn lasted(since: DateTime<Utc>, until: DateTime<Utc>) -> String {
    let age = (until - since).to_std().unwrap_or_default();
    // Seconds are noise in the age of an incident, but not in one that is younger than a minute.
    let minutes = Duration::from_secs(age.as_secs() / 60 * 60);
    duration(if minutes.is_zero() { age } else { minutes })
}

/// The figures of a report, a line each.
pub(super) fn figures(report: &Report, wording: &Wording) -> [String; 4] {
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
    /// Whether all is well; none in an entry that does not say.
    pub ok: Option<bool>,
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
            ok: Some(report.overall_ok()),
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
