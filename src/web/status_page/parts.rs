//! What is watched, part by part: OpenAI, Notion, the jobs; and the jobs that are stuck by their names.

use chrono::{DateTime, Utc};

use super::super::auth::Access;
use super::super::standing::{Part, Present, Standing};
use super::past::Drawn;
use super::words::{When, cut, known, span};
use super::{detail, fingerprint};
use crate::domain::fault::Party;
use crate::domain::job::{StuckJob, StuckJobs, one_decimal};
use crate::domain::report::{CheckName, Report};

/// Stuck jobs that are shown by name.
const STUCK: usize = 30;

/// The longest name of a job that is shown, in characters.
const LONGEST_NAME: usize = 80;

/// A part of what is watched.
pub(super) struct PartView<'a> {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) standing: &'static str,
    pub(super) sign: &'static str,
    pub(super) word: &'static str,
    pub(super) detail: Option<String>,
    pub(super) facts: Vec<Fact>,
    pub(super) drawn: Option<&'a Drawn>,
}

/// A figure with its name.
pub(super) struct Fact {
    pub(super) name: &'static str,
    pub(super) value: String,
}

/// The jobs that are stuck.
pub(super) struct Stuck<'a> {
    pub(super) jobs: Vec<StuckRow<'a>>,
    pub(super) more: u64,
}

/// A job that is stuck.
pub(super) struct StuckRow<'a> {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) url: Option<&'a str>,
    pub(super) status: String,
    pub(super) since: When,
    pub(super) age: String,
}

/// A part, as it is by `present`. Its figures are those of `report`, however old that is.
pub(super) fn view<'a>(
    part: Part,
    present: &Present,
    report: Option<&Report>,
    drawn: Option<&'a Drawn>,
    access: Access,
) -> PartView<'a> {
    let standing = present.of(part);
    let is_off = standing == Standing::Unknown && report.is_some_and(|report| part.is_off(report));
    let word = match (part, standing) {
        _ if is_off => "not configured",
        (_, Standing::Unknown) => "unknown",
        (Part::Jobs, Standing::Up) => "well",
        (Part::Jobs, Standing::Issues) => "not well",
        (_, Standing::Up) => "answers",
        (_, Standing::Issues) => "does not answer",
    };
    PartView {
        id: part.id(),
        name: part.name(),
        standing: standing.name(),
        sign: if is_off { "–" } else { standing.sign() },
        word,
        detail: report.and_then(|report| fault(part, report, access)).filter(|_| !is_off),
        facts: if is_off { vec![] } else { facts(part, report) },
        drawn: drawn.filter(|_| !is_off),
    }
}

/// Why a part is not as it should be, or cannot be seen.
fn fault(part: Part, report: &Report, access: Access) -> Option<String> {
    let party = match part {
        Part::OpenAi => Some(Party::OpenAi),
        Part::Notion => Some(Party::Notion),
        Part::Jobs => None,
    };
    let of_part = |check| (check == CheckName::Health) == party.is_some();
    let sections = report.sections.iter().filter(|section| of_part(section.check));
    let mut faults = sections.flat_map(|section| section.faults());
    let fault = faults.find(|fault| party.is_none_or(|party| fault.party == party || fault.party == Party::Check))?;
    let said = detail(&fault.detail, access).map(|detail| format!(": {detail}")).unwrap_or_default();
    Some(format!("{fault}{said}"))
}

fn facts(part: Part, report: Option<&Report>) -> Vec<Fact> {
    let fact = |name, value| Fact { name, value };
    let percent = |figure: Option<f64>| figure.map(|figure| format!("{}%", one_decimal(figure)));
    match part {
        Part::OpenAi | Part::Notion => {
            let latency = report.map(Report::latency).unwrap_or_default();
            let took = if part == Part::OpenAi { latency.openai } else { latency.notion };
            vec![fact("Answered in", known(took.map(|took| format!("{} ms", took.as_millis()))))]
        }
        Part::Jobs => {
            let metrics = report.and_then(Report::metrics);
            let none = |figure: Option<String>| match metrics {
                Some(_) => figure.unwrap_or_else(|| "none yet".into()),
                None => "unknown".into(),
            };
            let done = metrics.map(|metrics| format!("{} of {}", metrics.done, metrics.total));
            vec![
                fact("Done", known(done)),
                fact("Completion rate", none(percent(metrics.and_then(|metrics| metrics.completion_percent())))),
                fact("Average QA", none(percent(metrics.and_then(|metrics| metrics.average())))),
                fact("Low QA", known(metrics.map(|metrics| metrics.low_qa))),
                fact("Stuck", known(report.and_then(Report::stuck_jobs).map(|stuck| stuck.count))),
            ]
        }
    }
}

/// The jobs that are stuck, the oldest first.
pub(super) fn stuck(stuck: &StuckJobs, now: DateTime<Utc>) -> Stuck<'_> {
    let jobs: Vec<StuckRow<'_>> = stuck.oldest.iter().take(STUCK).map(|job| row(job, now)).collect();
    Stuck { more: stuck.count.saturating_sub(jobs.len() as u64), jobs }
}

fn row(job: &StuckJob, now: DateTime<Utc>) -> StuckRow<'_> {
    let name = cut(job.name.trim(), LONGEST_NAME);
    let is_web = job.url.len() < 2_000 && (job.url.starts_with("https://") || job.url.starts_with("http://"));
    StuckRow {
        // Whoever has come to it by keyboard stays there when others come and go.
        id: format!("job-{:016x}", fingerprint(&format!("{} {}", job.url, job.name))),
        name: if name.is_empty() { "(without a name)".into() } else { name },
        url: Some(job.url.as_str()).filter(|_| is_web),
        status: job.status.as_deref().map_or_else(|| "none".into(), |status| cut(status, LONGEST_NAME)),
        since: When(job.last_edited),
        age: span(job.last_edited, now),
    }
}
