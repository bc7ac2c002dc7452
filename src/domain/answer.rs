//! What is said to whoever orders something in a chat. Like alerts, these are texts for people who may see details; what
//! comes from outside is shortened to a line, and nothing but the address of a job becomes a link.

use chrono::{DateTime, Utc};

use super::command::{COMMANDS, clipped};
use super::delivery::{ChannelDelivery, DeliveryState};
use super::fault::Party;
use super::incident::{Incident, Phase};
use super::issue::{Issue, IssueId};
use super::job::StuckJob;
use super::message::{self, Wording, clock, lasted, timestamp};
use super::report::{Answer as PartyAnswer, CheckName, Figures, Overview, Report, Sight};
use super::silence::Silence;

/// So many of the stuck jobs are named.
const JOBS_NAMED: usize = 10;

/// The longest name of a job, detail, and text of an issue that is shown, in characters.
pub(super) const LONGEST_NAME: usize = 80;
const LONGEST_DETAIL: usize = 300;
pub(super) const LONGEST_TEXT: usize = 200;

/// The longest address to which a link leads, in bytes.
const LONGEST_ADDRESS: usize = 2_000;

/// How an answer begins that is not about how things are now.
const STALE: &str = "⚪ Not current:";

/// What is said while nobody has looked yet.
pub const NOTHING_YET: &str = "No cycle is complete yet: ask again in a minute.";

/// A line of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// What it says.
    pub text: String,
    /// What it ends with.
    pub link: Option<Link>,
}

/// Words of somebody else, which lead to an address of ours or nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// What one sees.
    pub shown: String,
    /// Where it leads, if anywhere.
    pub url: Option<String>,
}

/// An answer, line by line.
pub type Answer = Vec<Line>;

impl From<String> for Line {
    fn from(text: String) -> Self {
        Self { text, link: None }
    }
}

/// An answer of these words.
pub fn plain(text: impl Into<String>) -> Answer {
    text.into().lines().map(|line| line.to_owned().into()).collect()
}

/// What the last cycle saw. If that was long ago, nobody may take it for how things are now.
#[derive(Clone, Copy, Debug)]
pub struct Looked<'a> {
    /// As of that cycle.
    pub overview: &'a Overview,
    /// Whether it is too old.
    pub is_stale: bool,
    /// The moment of asking.
    pub now: DateTime<Utc>,
}

impl Looked<'_> {
    /// `2026-11-27T12:00:00Z, 2m ago`.
    fn when(&self) -> String {
        let at = self.overview.report.timestamp;
        format!("{}, {} ago", timestamp(at), lasted(at, self.now))
    }

    /// That something `is` so by the last look, or `was` if that is too old; and when that was.
    fn said(&self, sign: &str, is: &str, was: &str) -> String {
        let when = self.when();
        if self.is_stale { format!("{STALE} {was} (as of {when})") } else { format!("{sign} {is} (as of {when})") }
    }

    /// Up to when something has lasted that is there.
    fn until(&self) -> DateTime<Utc> {
        if self.is_stale { self.overview.report.timestamp } else { self.now }
    }
}

/// What is known at the moment of asking.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// By the last cycle.
    pub looked: Looked<'a>,
    /// What is wrong by now and no cycle could say: that it is too old, that one of our actors keeps failing.
    pub since: &'a [Issue],
    /// How it is with the channels.
    pub deliveries: &'a [ChannelDelivery],
    /// The silences that are not over; `None` if they cannot be read.
    pub silences: Option<&'a [Silence]>,
}

const SILENCES_UNKNOWN: &str = "⚪ What is silent is unknown: the database cannot be read";

/// How it is.
pub fn status(known: &Known<'_>, wording: &Wording) -> Answer {
    let Looked { overview, is_stale, now } = known.looked;
    let report = &overview.report;
    let mut issues: Vec<String> = report.issues().map(|issue| clipped(&issue.line(), LONGEST_TEXT)).collect();
    let is_news = |issue: &&Issue| !report.issues().any(|other| other.id == issue.id);
    issues.extend(known.since.iter().filter(is_news).map(|issue| clipped(&issue.line(), LONGEST_TEXT)));
    let is_ok = report.overall_ok() && known.since.is_empty();
    let head = if is_ok { "✅ All is well" } else { "🚨 Not all is well" };
    let mut lines = vec![
        format!("{head}: {}", wording.service),
        format!("As of {}{}", known.looked.when(), if is_stale { ": not current" } else { "" }),
    ];
    if !issues.is_empty() {
        lines.extend([String::new(), "Issues:".into()]);
        lines.extend(issues.iter().map(|issue| format!("  • {issue}")));
    }
    lines.push(String::new());
    lines.extend([Party::OpenAi, Party::Notion].into_iter().filter_map(|party| of_party(report, party)));
    lines.extend(message::figures(report, wording));
    let troubled = known.deliveries.iter().filter(|delivery| delivery.state != DeliveryState::Ok);
    lines.extend(troubled.map(|delivery| {
        let (channel, state, pending) = (&delivery.channel, delivery.state.name(), delivery.pending);
        format!("Channel {channel}: {state}, {pending} waiting")
    }));
    match known.silences {
        Some(silences) => lines.extend(silences.iter().map(|silence| silent(silence, now))),
        None => lines.push(SILENCES_UNKNOWN.into()),
    }
    plain(lines.join("\n"))
}

/// Whether a party answers; nothing of one that is not configured.
fn of_party(report: &Report, party: Party) -> Option<String> {
    let health = report.sections.iter().find(|section| section.check == CheckName::Health)?;
    let answer = match &health.sight {
        Sight::Seen { figures: Figures::Health { openai, notion, .. }, .. } => {
            match if party == Party::OpenAi { openai } else { notion } {
                PartyAnswer::NotConfigured => return None,
                PartyAnswer::Yes => "answers".into(),
                PartyAnswer::No(fault) => format!("offline ({})", clipped(&fault.to_string(), LONGEST_TEXT)),
            }
        }
        _ => "unknown".into(),
    };
    Some(format!("{}: {answer}", party.name()))
}

/// The jobs that are stuck, the oldest first.
pub fn stuck(looked: &Looked<'_>) -> Answer {
    let report = &looked.overview.report;
    let Some(stuck) = report.stuck_jobs() else {
        let blind = report.sections.iter().find(|section| section.check == CheckName::StuckJobs);
        let why = blind.and_then(|section| match &section.sight {
            Sight::Blind(fault) => Some(format!(": {}", clipped(&fault.to_string(), LONGEST_TEXT))),
            Sight::Seen { .. } => None,
        });
        return plain(format!(
            "⚪ It is unknown whether jobs are stuck{} (as of {})",
            why.unwrap_or_default(),
            looked.when()
        ));
    };
    if stuck.count == 0 {
        return plain(looked.said("✅", "No job is stuck", "no job was stuck"));
    }
    let count = stuck.count;
    let head = looked.said("⚠️", &format!("{count} job(s) stuck"), &format!("{count} job(s) were stuck"));
    let mut lines = plain(format!("{head}, untouched for longest:"));
    lines.extend(stuck.oldest.iter().take(JOBS_NAMED).map(|job| of_job(job, report.timestamp)));
    let more = count.saturating_sub(stuck.oldest.len().min(JOBS_NAMED) as u64);
    if more > 0 {
        lines.push(format!("  … and {more} more").into());
    }
    lines
}

/// `• 2h 5m, Processing: Blog outline 3`, the name being the link.
fn of_job(job: &StuckJob, now: DateTime<Utc>) -> Line {
    let status = clipped(job.status.as_deref().unwrap_or("no status"), LONGEST_NAME);
    let text = format!("  • {}, {status}: ", lasted(job.last_edited, now));
    let shown = Some(clipped(&job.name, LONGEST_NAME)).filter(|name| !name.is_empty());
    let shown = shown.unwrap_or_else(|| "a job without a name".into());
    let is_address = job.url.starts_with("https://") || job.url.starts_with("http://");
    let url = Some(job.url.clone()).filter(|url| is_address && url.len() <= LONGEST_ADDRESS);
    Line { text, link: Some(Link { shown, url }) }
}

/// The incidents that are open.
pub fn incidents(looked: &Looked<'_>) -> Answer {
    let open = &looked.overview.incidents;
    if open.is_empty() {
        return plain(looked.said("✅", "No incident is open", "no incident was open"));
    }
    let count = open.len();
    let head = looked.said("🚨", &format!("{count} incident(s) open"), &format!("{count} incident(s) were open"));
    plain(format!("{head}:\n{}", all_of(open, looked.until(), looked.now)))
}

fn all_of(incidents: &[Incident], until: DateTime<Utc>, now: DateTime<Utc>) -> String {
    incidents.iter().map(|incident| of_incident(incident, until, now)).collect::<Vec<_>>().join("\n")
}

/// An incident: what is said of it, its name and what else is known, and what its party said.
fn of_incident(incident: &Incident, until: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let until = incident.resolved_at.unwrap_or(until);
    let mut known = vec![incident.issue.to_string(), format!("for {}", lasted(incident.since, until))];
    known.extend(incident.held.cause().map(|cause| format!("explained by {cause}")));
    known.extend(incident.unstable.then(|| "unstable".into()));
    known.extend((incident.phase == Phase::Recovering).then(|| "perhaps over".into()));
    known.extend(incident.resolved_at.map(|at| format!("over since {}", clock(at, now))));
    known.push(match &incident.acknowledged {
        Some(taken) => format!("acknowledged by {}", clipped(&taken.by, LONGEST_NAME)),
        None => "acknowledged by nobody".into(),
    });
    let said = format!("• {}\n   {}", clipped(&incident.line(), LONGEST_TEXT), known.join(", "));
    match clipped(&incident.detail, LONGEST_DETAIL) {
        detail if detail.is_empty() => said,
        detail => format!("{said}\n   {detail}"),
    }
}

/// More about the incidents of an alert: what is known of them, and of the jobs if those are what it is about.
pub fn shown(of: &[Incident], looked: Option<&Looked<'_>>, now: DateTime<Utc>) -> Answer {
    let mut answer = plain(all_of(of, looked.map_or(now, Looked::until), now));
    // Nobody else has looked at them since, either.
    if let Some(stale) = looked.filter(|looked| looked.is_stale) {
        answer.insert(0, format!("{STALE} as of {}", stale.when()).into());
    }
    let is_about_jobs = of.iter().any(|incident| incident.issue == IssueId::StuckJobs && incident.is_live());
    if let Some(looked) = looked.filter(|_| is_about_jobs) {
        answer.push(Line::default());
        answer.extend(stuck(looked));
    }
    answer
}

/// A silence that holds.
pub fn silent(silence: &Silence, now: DateTime<Utc>) -> String {
    let of = silenced(silence);
    format!("🔕 Silence of {of} until {} UTC, by {}", clock(silence.until, now), clipped(&silence.by, LONGEST_NAME))
}

/// What a silence is of.
pub(super) fn silenced(silence: &Silence) -> String {
    silence.issue.map_or_else(|| "everything".into(), |issue| issue.to_string())
}

/// What was done about the incidents of an alert, for below it.
pub fn aftermath(incidents: &[Incident], silences: &[Silence], now: DateTime<Utc>) -> String {
    let several = incidents.len() > 1;
    let of = |issue: IssueId| if several { format!("{issue}: ") } else { String::new() };
    let acknowledged = incidents.iter().filter_map(|incident| {
        let taken = incident.acknowledged.as_ref()?;
        let by = clipped(&taken.by, LONGEST_NAME);
        Some(format!("✔️ {}acknowledged by {by} at {} UTC", of(incident.issue), clock(taken.at, now)))
    });
    let live = |silence: &&Silence| {
        let covers = |incident: &Incident| incident.is_live() && silence.covers(incident.issue, now);
        incidents.iter().any(covers)
    };
    let silent = silences.iter().filter(live).map(|silence| silent(silence, now));
    acknowledged.chain(silent).collect::<Vec<_>>().join("\n")
}

/// What can be ordered.
pub fn help() -> Answer {
    let commands = COMMANDS.iter().map(|(name, does)| format!("/{name} – {does}"));
    plain(commands.collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
