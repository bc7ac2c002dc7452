//! Stories of what is told to whom, cycle by cycle.

use std::collections::HashMap;

use super::*;
use crate::domain::cycle::{self, Conditions};
use crate::domain::incident::Patience;
use crate::domain::issue::{Issue, IssueId};
use crate::domain::report::Report;

const PATIENCE: Patience = Patience { open_after: 1, resolve_after: 2 };
const FOUR_HOURS: Duration = Duration::from_secs(4 * 3_600);

/// The service in small: incidents and who was told, taken through cycles of an hour.
struct Watch {
    hour: i64,
    incidents: HashMap<IssueId, Incident>,
    told: Told,
    channels: Vec<&'static str>,
    fresh: bool,
}

impl Watch {
    fn new(channels: &[&'static str]) -> Self {
        Self { hour: 0, incidents: HashMap::new(), told: Told::new(), channels: channels.to_vec(), fresh: true }
    }

    /// One cycle in which `present` are seen; says what each channel hears.
    fn cycle(&mut self, present: &[IssueId]) -> Vec<String> {
        let now = DateTime::<Utc>::UNIX_EPOCH + chrono::TimeDelta::hours(self.hour);
        self.hour += 1;
        let issues = present.iter().map(|id| Issue::new(*id, id.to_string())).collect();
        let report = Report { cycle: 1, timestamp: now, sections: vec![], present: issues };
        let hour = self.hour;
        let mut number = 0;
        let known = self.incidents.drain().map(|(_, incident)| incident).collect();
        let conditions =
            Conditions { patience: PATIENCE, past: vec![], flapping_window: Duration::from_secs(3_600), woke: false };
        let mut stepped = cycle::advance(known, &report, &conditions, || {
            number += 1;
            format!("{hour}-{number}")
        });
        let terms = Terms { fresh: self.fresh, ..terms(now) };
        let announcements = plan(&stepped, &self.told, &self.channels, &terms);
        self.fresh = false;
        mark_told(&mut stepped, &announcements, now);
        for announcement in &announcements {
            for incident in &announcement.opened {
                let channels = self.told.entry(incident.id.clone()).or_default();
                channels.insert(announcement.channel.clone(), format!("notice of {}", incident.id));
            }
        }
        for (incident, _) in stepped {
            if incident.phase != Phase::Resolved {
                self.incidents.insert(incident.issue, incident);
            }
        }
        announcements.iter().map(describe).collect()
    }
}

fn terms(now: DateTime<Utc>) -> Terms {
    Terms { now, reminder: Some(FOUR_HOURS), silences: vec![], maintenance: None, fresh: false }
}

fn describe(announcement: &Announcement) -> String {
    let list = |sign: char, incidents: &[Incident]| -> String {
        incidents.iter().map(|incident| format!(" {sign}{}", incident.issue)).collect()
    };
    format!(
        "{} {}:{}{}{}",
        announcement.channel,
        announcement.kind.name(),
        list('+', &announcement.opened),
        list('=', &announcement.still_open),
        list('-', &announcement.resolved)
    )
}

const STUCK: IssueId = IssueId::StuckJobs;
const LOW: IssueId = IssueId::LowCompletion;
const OPENAI: IssueId = IssueId::OpenaiOffline;
const NOBODY: [&str; 0] = [];

#[test]
fn an_incident_is_told_once_reminded_of_and_told_to_be_over() {
    let mut watch = Watch::new(&["email"]);
    assert_eq!(watch.cycle(&[STUCK]), ["email alert: +stuck_jobs"]);
    for _ in 0..3 {
        assert_eq!(watch.cycle(&[STUCK]), NOBODY);
    }
    assert_eq!(watch.cycle(&[STUCK]), ["email reminder: =stuck_jobs"]);
    assert_eq!(watch.cycle(&[]), NOBODY, "one quiet cycle is not enough");
    assert_eq!(watch.cycle(&[]), ["email resolved: -stuck_jobs"]);
    assert_eq!(watch.cycle(&[]), NOBODY);
}

#[test]
fn what_opens_and_ends_in_one_cycle_goes_out_in_one_message() {
    let mut watch = Watch::new(&["email", "telegram"]);
    watch.cycle(&[STUCK]);
    watch.cycle(&[]);
    assert_eq!(
        watch.cycle(&[LOW]),
        ["email alert: +low_completion -stuck_jobs", "telegram alert: +low_completion -stuck_jobs"]
    );
}

#[test]
fn a_channel_that_could_not_be_told_is_told_when_a_reminder_is_due_and_after_a_restart() {
    let mut watch = Watch::new(&["email"]);
    watch.cycle(&[STUCK]);
    watch.channels.push("telegram");
    for _ in 0..3 {
        assert_eq!(watch.cycle(&[STUCK]), NOBODY);
    }
    assert_eq!(watch.cycle(&[STUCK]), ["email reminder: =stuck_jobs", "telegram alert: +stuck_jobs"]);
    assert_eq!(watch.cycle(&[STUCK]), NOBODY);
    watch.channels.push("pager");
    watch.fresh = true;
    assert_eq!(watch.cycle(&[STUCK]), ["pager alert: +stuck_jobs"]);
    watch.cycle(&[]);
    let resolved = ["email", "telegram", "pager"].map(|channel| format!("{channel} resolved: -stuck_jobs"));
    assert_eq!(watch.cycle(&[]), resolved);
}

#[test]
fn a_channel_that_was_not_told_hears_no_all_clear() {
    let mut watch = Watch::new(&["email"]);
    watch.cycle(&[STUCK]);
    watch.channels.push("telegram");
    assert_eq!(watch.cycle(&[STUCK]), NOBODY, "a new channel is not told of old incidents");
    watch.cycle(&[]);
    assert_eq!(watch.cycle(&[]), ["email resolved: -stuck_jobs"]);
}

#[test]
fn what_openai_explains_is_held_back_and_told_if_it_outlives_its_cause() {
    let mut watch = Watch::new(&["email"]);
    assert_eq!(watch.cycle(&[OPENAI, STUCK]), ["email alert: +openai_offline"]);
    assert_eq!(watch.cycle(&[OPENAI, STUCK]), NOBODY);
    assert_eq!(watch.cycle(&[STUCK]), NOBODY);
    assert_eq!(watch.cycle(&[STUCK]), ["email resolved: -openai_offline"]);
    assert_eq!(watch.cycle(&[STUCK]), ["email alert: +stuck_jobs"]);
}

#[test]
fn what_is_over_before_it_was_told_is_never_told() {
    let mut watch = Watch::new(&["email"]);
    watch.cycle(&[OPENAI, STUCK]);
    watch.cycle(&[OPENAI]);
    assert_eq!(watch.cycle(&[OPENAI]), NOBODY);
}

#[test]
fn with_no_channel_nothing_counts_as_told() {
    let mut watch = Watch::new(&[]);
    watch.cycle(&[STUCK]);
    watch.channels.push("email");
    assert_eq!(watch.cycle(&[STUCK]), ["email alert: +stuck_jobs"]);
}

#[test]
fn a_message_about_a_known_incident_belongs_to_the_notice_that_told_it() {
    let mut watch = Watch::new(&["email"]);
    watch.cycle(&[STUCK]);
    let incident = watch.incidents[&STUCK].clone();
    let resolved = Incident { phase: Phase::Resolved, ..incident.clone() };
    let announcements = plan(&[(resolved, Change::Resolved)], &watch.told, &["email"], &terms(incident.since));
    assert_eq!(announcements[0].thread.as_deref(), Some("notice of 1-1"));
}
