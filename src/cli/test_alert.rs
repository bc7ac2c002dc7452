//! `test-alert`: one test message to each channel, through the same code that carries alerts, and what each answered.
//!
//! It goes past the outbox: no incident is opened, no database is needed, and the service may run meanwhile.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use chrono::{DateTime, Utc};
use futures_util::stream::{FuturesOrdered, StreamExt};

use super::findings::Printer;
use super::{BAD_CONFIGURATION, NOT_OK, fail};
use crate::app::{self, Mode};
use crate::channels::{Audience, ChannelSpec, Letter};
use crate::diagnosis::{Asked, Finding, Question, Remedy, Verdict};
use crate::domain::message::{Message, StatusEntry, timestamp};
use crate::domain::notice::NoticeKind;
use crate::logging::Scrubber;
use crate::parties::Parties;
use crate::settings::Settings;

/// What one letter may cost in requests: the Status Board asks for its schema, then creates.
const REQUESTS: u32 = 3;

const UNPRINTABLE: &str = "the answers cannot be printed";

/// Sends to all channels, or to the one that is named. The exit code says whether all of them took it.
pub(super) fn run(settings: &Settings, scrubber: Scrubber, only: Option<&str>) -> anyhow::Result<ExitCode> {
    let learned = scrubber.clone();
    let parties = Parties::new(settings, Mode::SERVICE.notion_pace, move |secret| learned.learn(secret));
    let mut channels = parties.channels(settings).list();
    if let Some(only) = only {
        let there: Vec<_> = channels.iter().map(|channel| channel.name).collect();
        if !there.contains(&only) {
            let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
            let reason = format_args!("no channel {only:?} is configured; configured are: {there}");
            return Ok(fail(BAD_CONFIGURATION, &reason));
        }
        channels.retain(|channel| channel.name == only);
    }
    if channels.is_empty() {
        return Ok(fail(NOT_OK, &format_args!("no channel is configured. Do this: {}", Remedy::NobodyTold)));
    }
    app::run(async {
        let test = Test::new(&settings.service_name, &host(), Utc::now());
        let mut printer = Printer::new(anstream::stdout(), scrubber);
        let limit = settings.timing.request_timeout * REQUESTS;
        let mut answers: FuturesOrdered<_> = channels.iter().map(|channel| send(channel, &test, limit)).collect();
        let mut refused = 0;
        while let Some(asked) = answers.next().await {
            printer.show(&asked, false).context(UNPRINTABLE)?;
            refused += usize::from(asked.finding.verdict == Verdict::Fail);
        }
        let all = channels.len();
        let (summary, code) = match refused {
            0 => (format!("{all} of {all} took it."), ExitCode::SUCCESS),
            _ => (format!("{refused} of {all} did not take it, or not for everybody."), ExitCode::from(NOT_OK)),
        };
        printer.say(&summary).context(UNPRINTABLE)?;
        Ok(code)
    })
}

/// Sends the test to one channel. If it is refused, the channel is asked what to do about that.
async fn send(spec: &ChannelSpec, test: &Test, limit: Duration) -> Asked {
    let channel = (spec.build)();
    let advice = |answer: &str| channel.advice(answer).unwrap_or(Remedy::TestAgain { channel: spec.name });
    let (kind, subject, body) = match spec.audience {
        Audience::Told => (NoticeKind::Lifecycle, test.message.subject.as_str(), test.message.body.as_str()),
        Audience::Shown => (NoticeKind::Status, test.message.subject.as_str(), test.entry.as_str()),
    };
    let letter = Letter::new(&test.id, kind, subject, body);
    let question = Question::put(spec.name, "a test message");
    let refusal = match channel.send(letter, limit).await {
        Ok(receipt) if receipt.leaves_somebody_out() => {
            let advice = advice(&receipt.answer);
            return question.found(Finding::fail(receipt.answer, advice));
        }
        Ok(receipt) => return question.found(Finding::ok(receipt.answer)),
        Err(refusal) => refusal.text,
    };
    let advice = advice(&refusal);
    let mut refused = question.found(Finding::fail(refusal, advice));
    let examined = channel.examine(Instant::now() + limit).await;
    let failed = examined.into_iter().find(|asked| asked.finding.verdict == Verdict::Fail);
    if let Some(better) = failed.and_then(|asked| asked.finding.remedy) {
        refused.finding.remedy = Some(better);
    }
    refused
}

/// What is sent.
struct Test {
    id: String,
    /// For those who are told.
    message: Message,
    /// For those who are shown how things are.
    entry: String,
}

impl Test {
    fn new(service: &str, host: &str, now: DateTime<Utc>) -> Self {
        let body = format!(
            "Timestamp: {}\n\nThis is a test, nothing is wrong: somebody ran `auto-operator test-alert` to see whether \
             alerts arrive here.\n\n  • Service: {service}\n  • Host: {host}\n  • Version: {}",
            timestamp(now),
            env!("CARGO_PKG_VERSION")
        );
        let entry = StatusEntry {
            when: now,
            ok: None,
            jobs: None,
            avg_qa: None,
            low_qa: None,
            notes: format!(
                "Test, nothing was looked at: somebody ran `auto-operator test-alert` for {service} on {host}. This \
                 entry may be deleted."
            ),
            issues: String::new(),
        };
        let message = Message { subject: format!("🧪 {service} Auto-Operator Test"), body };
        Self { id: uuid::Uuid::now_v7().to_string(), message, entry: entry.to_json() }
    }
}

/// What this machine is called, as far as it says so.
fn host() -> String {
    let said = || std::env::var("DYNO").or_else(|_| std::env::var("HOSTNAME")).ok();
    let known = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let names = said().into_iter().chain(known());
    names.map(|name| name.trim().to_owned()).find(|name| !name.is_empty()).unwrap_or_else(|| "this machine".to_owned())
}
