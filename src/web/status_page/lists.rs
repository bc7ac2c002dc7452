//! Incidents that are open, silences, and incidents that are over.

use chrono::{DateTime, Utc};

use super::super::auth::Access;
use super::detail;
use super::incident::severity;
use super::words::{When, cut, span};
use crate::domain::incident::{Incident, Phase};
use crate::domain::issue::IssueId;
use crate::domain::silence::Silence;

/// An incident that is open.
pub(super) struct Open<'a> {
    pub(super) id: &'a str,
    pub(super) severity: &'static str,
    pub(super) line: String,
    pub(super) since: When,
    pub(super) age: String,
    /// For how long it has not been seen, in words, if it is not yet over all the same.
    pub(super) unseen: Option<String>,
    pub(super) unstable: bool,
    pub(super) cause: Option<String>,
    pub(super) acknowledged_by: Option<String>,
    pub(super) silenced: Option<When>,
    pub(super) acknowledge: String,
    pub(super) acknowledge_label: String,
    pub(super) silence_1h: String,
    pub(super) silence_1h_label: String,
    pub(super) silence_4h: String,
    pub(super) silence_4h_label: String,
}

/// A silence.
pub(super) struct Quiet<'a> {
    pub(super) id: &'a str,
    pub(super) what: String,
    pub(super) until: When,
    pub(super) by: String,
    pub(super) reason: Option<String>,
    pub(super) end: String,
    pub(super) end_label: String,
}

/// The incidents of a day that are over.
pub(super) struct Day<'a> {
    pub(super) name: String,
    pub(super) incidents: Vec<Over<'a>>,
}

/// An incident that is over.
pub(super) struct Over<'a> {
    pub(super) id: &'a str,
    pub(super) severity: &'static str,
    pub(super) line: String,
    pub(super) since: When,
    pub(super) until: When,
    pub(super) lasted: String,
}

/// The issue that keeps the incident from being told, as long as there is an incident of it among those of the report.
pub(super) fn held_back_by<'a>(
    incident: &Incident,
    incidents: impl IntoIterator<Item = &'a Incident>,
) -> Option<String> {
    let cause = incident.held.cause().filter(|_| incident.is_live())?;
    incidents.into_iter().any(|other| other.issue == cause).then(|| cause.to_string())
}

/// Until when nothing is told of `issue`, if it is silenced.
pub(super) fn silenced<'a>(
    issue: IssueId,
    silences: impl IntoIterator<Item = &'a Silence>,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    silences.into_iter().filter(|silence| silence.covers(issue, now)).map(|silence| silence.until).max()
}

/// The incidents that are open.
pub(super) fn open<'a>(incidents: &'a [Incident], silences: &[&Silence], now: DateTime<Utc>) -> Vec<Open<'a>> {
    incidents.iter().map(|incident| one_open(incident, incidents, silences, now)).collect()
}

fn one_open<'a>(incident: &'a Incident, incidents: &[Incident], silences: &[&Silence], now: DateTime<Utc>) -> Open<'a> {
    let (id, issue) = (&incident.id, incident.issue);
    let line = incident.line();
    Open {
        id,
        severity: severity(incident),
        since: When(incident.since),
        age: span(incident.since, now),
        unseen: unseen(incident),
        unstable: incident.unstable,
        cause: held_back_by(incident, incidents),
        acknowledged_by: incident.acknowledged.as_ref().map(|acknowledged| cut(&acknowledged.by, 100)),
        silenced: silenced(issue, silences.iter().copied(), now).map(When),
        acknowledge: format!("/incidents/{id}/acknowledge"),
        acknowledge_label: format!("Acknowledge: {line}"),
        silence_1h: format!("/silences/{issue}/1h"),
        silence_1h_label: format!("Silence 1 h: {line}"),
        silence_4h: format!("/silences/{issue}/4h"),
        silence_4h_label: format!("Silence 4 h: {line}"),
        line,
    }
}

fn unseen(incident: &Incident) -> Option<String> {
    (incident.phase == Phase::Recovering).then(|| match incident.streak {
        0 | 1 => "not seen in the newest cycle".into(),
        cycles => format!("not seen in the last {cycles} cycles"),
    })
}

/// A silence.
pub(super) fn quiet(silence: &Silence, access: Access) -> Quiet<'_> {
    let what = silence.issue.map_or_else(|| "Everything".into(), |issue| issue.to_string());
    Quiet {
        id: &silence.id,
        until: When(silence.until),
        by: cut(&silence.by, 100),
        reason: detail(&silence.reason, access),
        end: format!("/silences/{}/end", silence.id),
        end_label: format!("End it: the silence of {what}"),
        what,
    }
}

/// Incidents that are over by the day, of UTC, on which they began, the newest first.
pub(super) fn by_day(resolved: &[Incident]) -> Vec<Day<'_>> {
    let days = resolved.chunk_by(|one, other| one.since.date_naive() == other.since.date_naive());
    let name = |day: &[Incident]| day.first().map(|first| first.since.format("%A, %-d %B %Y (UTC)").to_string());
    days.map(|day| Day { name: name(day).unwrap_or_default(), incidents: day.iter().map(over).collect() }).collect()
}

fn over(incident: &Incident) -> Over<'_> {
    let until = incident.resolved_at.unwrap_or(incident.since);
    Over {
        id: &incident.id,
        severity: severity(incident),
        line: incident.line(),
        since: When(incident.since),
        until: When(until),
        lasted: span(incident.since, until),
    }
}
