//! Stories of what is told to whom, cycle by cycle.

use std::collections::HashMap;

use super::*;
use crate::domain::cycle::{self, Conditions};
use crate::domain::incident::{Acknowledgement, Patience};
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
    /// How many jobs are stuck, if they are.
    jobs: u64,
    silences: Vec<Silence>,
    maintenance: Option<DateTime<Utc>>,
    /// Nobody can see these.
    unseen: Vec<IssueId>,
}

impl Watch {
    fn new(channels: &[&'static str]) -> Self {
        Self {
            hour: 0,
            incidents: HashMap::new(),
            told: Told::new(),
            channels: channels.to_vec(),
            fresh: true,
            jobs: 7,
            silences: vec![],
            maintenance: None,
            unseen: vec![],
        }
    }

    /// For so many hours from now on nothing is to be told of `issue`, or of any.
    fn silence(&mut self, issue: Option<IssueId>, hours: i64) {
        let silence = Silence {
            id: "one".into(),
            issue,
            created: hour(self.hour),
            until: hour(self.hour + hours),
            by: "ada".into(),
            reason: String::new(),
        };
        self.silences = vec![silence];
    }

    fn acknowledge(&mut self, issue: IssueId) {
        let incident = self.incidents.get_mut(&issue).expect("an incident");
        incident.acknowledged = Some(Acknowledgement { by: "ada".into(), at: incident.since });
    }

    /// One cycle in which `present` are seen; says what each channel hears.
    fn cycle(&mut self, present: &[IssueId]) -> Vec<String> {
        let now = hour(self.hour);
        self.hour += 1;
        let magnitude = |id| (id == STUCK).then_some(self.jobs);
        let issue = |id: IssueId| Issue { magnitude: magnitude(id), ..Issue::new(id, id.to_string()) };
        let report = Report::assemble(1, now, vec![]).with(present.iter().map(|id| issue(*id)));
        let report = report.undecided(self.unseen.clone());
        let hour = self.hour;
        let mut number = 0;
        let known = self.incidents.drain().map(|(_, incident)| incident).collect();
        let conditions =
            Conditions { patience: PATIENCE, past: vec![], flapping_window: Duration::from_secs(3_600), woke: false };
        let mut stepped = cycle::advance(known, &report, &conditions, || {
            number += 1;
            format!("{hour}-{number}")
        });
        let (silences, maintenance) = (self.silences.clone(), self.maintenance);
        let unseen = report.unseen();
        let terms = Terms { fresh: self.fresh, silences, maintenance, unseen, ..terms(now) };
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

fn hour(number: i64) -> DateTime<Utc> {
    DateTime::<Utc>::UNIX_EPOCH + chrono::TimeDelta::hours(number)
}

fn terms(now: DateTime<Utc>) -> Terms {
    Terms { now, reminder: Some(FOUR_HOURS), silences: vec![], maintenance: None, unseen: vec![], fresh: false }
}

fn describe(announcement: &Announcement) -> String {
    let list = |sign: char, incidents: &[Incident]| -> String {
        incidents.iter().map(|incident| format!(" {sign}{}", incident.issue)).collect()
    };
    format!(
        "{} {}:{}{}{}{}",
        announcement.channel,
        announcement.kind.name(),
        list('+', &announcement.opened),
        list('!', &announcement.worsened),
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

#[test]
fn what_has_doubled_since_it_was_told_is_told_again_once() {
    let mut watch = Watch::new(&["email", "telegram"]);
    watch.cycle(&[STUCK, LOW]);
    watch.jobs = 14;
    let both = ["email", "telegram"].map(|channel| format!("{channel} alert: !stuck_jobs =low_completion"));
    assert_eq!(watch.cycle(&[STUCK, LOW]), both);
    assert_eq!(watch.cycle(&[STUCK, LOW]), NOBODY);
    watch.jobs = 28;
    watch.channels = vec!["email", "pager"];
    assert_eq!(
        watch.cycle(&[STUCK, LOW]),
        ["email alert: !stuck_jobs =low_completion", "pager alert: +stuck_jobs +low_completion"],
        "who does not know of it hears of it, and of the rest"
    );
}

#[test]
fn what_somebody_has_taken_on_is_told_when_it_worsens_and_when_it_is_over_and_not_before() {
    let mut watch = Watch::new(&["email"]);
    watch.cycle(&[STUCK]);
    watch.acknowledge(STUCK);
    for _ in 0..9 {
        assert_eq!(watch.cycle(&[STUCK]), NOBODY);
    }
    watch.jobs = 20;
    assert_eq!(watch.cycle(&[STUCK]), ["email alert: !stuck_jobs"]);
    for _ in 0..3 {
        assert_eq!(watch.cycle(&[STUCK]), NOBODY);
    }
    assert_eq!(watch.cycle(&[STUCK]), ["email reminder: =stuck_jobs"], "nobody has taken that on");
    watch.acknowledge(STUCK);
    watch.cycle(&[]);
    assert_eq!(watch.cycle(&[]), ["email resolved: -stuck_jobs"]);
}

#[test]
fn while_an_issue_is_silenced_nothing_but_its_end_is_told() {
    let mut watch = Watch::new(&["email"]);
    watch.cycle(&[STUCK]);
    watch.silence(Some(STUCK), 9);
    watch.jobs = 20;
    assert_eq!(watch.cycle(&[STUCK]), NOBODY, "it worsened");
    assert_eq!(watch.cycle(&[STUCK, LOW]), ["email alert: +low_completion"], "it is not even mentioned");
    for _ in 0..3 {
        assert_eq!(watch.cycle(&[STUCK, LOW]), NOBODY);
    }
    assert_eq!(watch.cycle(&[STUCK, LOW]), ["email reminder: =low_completion"]);
    watch.cycle(&[LOW]);
    assert_eq!(watch.cycle(&[LOW]), ["email resolved: =low_completion -stuck_jobs"]);
}

#[test]
fn what_is_still_there_when_a_silence_ends_is_told_then() {
    let mut watch = Watch::new(&["email"]);
    watch.cycle(&[LOW]);
    watch.silence(None, 3);
    for _ in 0..3 {
        assert_eq!(watch.cycle(&[STUCK, LOW]), NOBODY);
    }
    assert_eq!(watch.cycle(&[STUCK, LOW]), ["email alert: +stuck_jobs =low_completion"]);
    watch.jobs = 20;
    watch.silence(None, 2);
    for _ in 0..2 {
        assert_eq!(watch.cycle(&[STUCK, LOW]), NOBODY);
    }
    assert_eq!(watch.cycle(&[STUCK, LOW]), ["email alert: !stuck_jobs =low_completion"], "what worsened, too");
}

#[test]
fn in_maintenance_only_the_all_clear_is_told_when_it_is_over() {
    let mut watch = Watch::new(&["email"]);
    watch.cycle(&[STUCK, LOW]);
    watch.maintenance = Some(hour(6));
    for _ in 0..4 {
        assert_eq!(watch.cycle(&[STUCK, OPENAI]).len(), usize::from(watch.hour == 3), "only the all-clear");
    }
    watch.maintenance = None;
    assert_eq!(watch.cycle(&[STUCK, OPENAI]), ["email alert: +openai_offline =stuck_jobs"]);
}

#[test]
fn an_all_clear_in_maintenance_waits_for_its_end_and_says_nothing_else() {
    let known = |issue| {
        let mut watch = Watch::new(&["email"]);
        watch.cycle(&[issue]);
        watch.incidents[&issue].clone()
    };
    let (over, open) = (known(STUCK), Incident { id: "two".into(), ..known(LOW) });
    let over = Incident { phase: Phase::Resolved, ..over };
    let email = || HashMap::from([("email".to_owned(), "first".to_owned())]);
    let told = Told::from([(over.id.clone(), email()), (open.id.clone(), email())]);
    let end = hour(6);
    let terms = Terms { maintenance: Some(end), ..terms(hour(5)) };
    let stepped = [(over, Change::Resolved), (open, Change::None)];
    let announcements = plan(&stepped, &told, &["email"], &terms);
    let said: Vec<_> = announcements.iter().map(describe).collect();
    assert_eq!((said, announcements[0].not_before), (vec!["email resolved: -stuck_jobs".to_owned()], Some(end)));
}

#[test]
fn what_worsened_while_it_was_held_back_is_told_when_it_has_outlived_its_cause() {
    let mut watch = Watch::new(&["email"]);
    watch.cycle(&[STUCK]);
    watch.jobs = 20;
    assert_eq!(watch.cycle(&[OPENAI, STUCK]), ["email alert: +openai_offline =stuck_jobs"]);
    watch.cycle(&[STUCK]);
    assert_eq!(watch.cycle(&[STUCK]), ["email resolved: =stuck_jobs -openai_offline"]);
    assert_eq!(watch.cycle(&[STUCK]), ["email alert: !stuck_jobs"]);
}

#[test]
fn what_nobody_can_see_is_neither_mentioned_nor_reminded_of_until_it_is_seen_again() {
    let mut watch = Watch::new(&["email"]);
    watch.cycle(&[STUCK]);
    watch.unseen = vec![STUCK];
    assert_eq!(watch.cycle(&[LOW]), ["email alert: +low_completion"]);
    for _ in 0..3 {
        assert_eq!(watch.cycle(&[LOW]), NOBODY);
    }
    assert_eq!(watch.cycle(&[LOW]), ["email reminder: =low_completion"]);
    watch.unseen = vec![];
    assert_eq!(watch.cycle(&[STUCK, LOW]), ["email reminder: =stuck_jobs =low_completion"]);
}

#[test]
fn what_nobody_can_see_when_a_silence_ends_is_told_when_it_is_seen_again() {
    let mut watch = Watch::new(&["email"]);
    watch.silence(None, 2);
    watch.cycle(&[STUCK]);
    watch.unseen = vec![STUCK];
    for _ in 0..3 {
        assert_eq!(watch.cycle(&[]), NOBODY);
    }
    watch.unseen = vec![];
    assert_eq!(watch.cycle(&[STUCK]), ["email alert: +stuck_jobs"]);
}

#[test]
fn a_clock_that_was_ahead_when_something_was_told_does_not_put_off_the_reminder_for_as_long() {
    let mut watch = Watch::new(&["email"]);
    watch.hour = 24 * 365;
    watch.cycle(&[STUCK]);
    watch.hour = 0;
    assert_eq!(watch.cycle(&[STUCK]), ["email reminder: =stuck_jobs"]);
    // Two machines may differ a little: nothing is told twice for that.
    watch.hour = 0;
    for _ in 0..4 {
        assert_eq!(watch.cycle(&[STUCK]), NOBODY);
    }
    assert_eq!(watch.cycle(&[STUCK]), ["email reminder: =stuck_jobs"]);
}

#[test]
fn every_kind_is_found_again_by_its_name() {
    use NoticeKind::{Alert, Lifecycle, Reminder, Resolved, Status};
    for kind in [Alert, Resolved, Reminder, Lifecycle, Status] {
        assert_eq!(NoticeKind::parse(kind.name()), Some(kind));
    }
    assert_eq!(NoticeKind::parse("song"), None);
}
