//! What is promised to people, whatever comes: nobody hears of an incident twice unless a reminder is due or it got much
//! worse, nobody hears an all-clear for what they were not told, and nothing that was told is left without one.
//!
//! A world in small plays random stories, and checks each message by what it has itself seen of the messages before.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::subsequence;
use proptest::test_runner::RngSeed;

use super::cycle::{self, Conditions};
use super::fault::{Fault, FaultKind, Party};
use super::flapping::{self, Past};
use super::incident::{Acknowledgement, Change, Held, Incident, Observation, Patience, Phase};
use super::issue::{Issue, IssueId};
use super::job::{Metrics, StuckJobs};
use super::notice::{self, Announcement, NoticeKind, Step, Terms, Told};
use super::report::{Answer, CheckName, Figures, Latency, Report, Section, Sight};
use super::silence::Silence;

const REMINDER: TimeDelta = TimeDelta::hours(4);

/// It gets everything.
const SOUND: &str = "email";
/// It gets some of what it is sent, and refuses the rest for good.
const FICKLE: &str = "telegram";
/// It refuses everything for good.
const BROKEN: &str = "pager";
/// It gets everything, but is not configured before the first restart.
const LATE: &str = "sms";

/// What is to be seen for some cycles, and what happens before the first of them.
#[derive(Clone, Debug)]
struct Scene {
    cycles: u32,
    /// How far the cycles are apart, in minutes.
    apart: i64,
    /// The stuck jobs; `None`: the check is blind.
    stuck: Option<u64>,
    /// Whether too few jobs are done; `None`: the check is blind.
    low: Option<bool>,
    /// Which parties are offline, OpenAI and Notion; `None`: nobody can say. Without Notion the other checks are blind.
    offline: Option<(bool, bool)>,
    happening: Happening,
}

#[derive(Clone, Debug)]
enum Happening {
    Nothing,
    /// A new process.
    Restart,
    /// Nobody looked for so many minutes.
    Sleep(i64),
    /// Nobody looks between the cycles: each of them is on waking.
    Doze,
    /// The clock is set back by so many minutes.
    SetBack(i64),
    /// Somebody takes on everything.
    Acknowledge,
    /// Somebody wants to hear nothing of an issue, or of any, for so many minutes.
    Silence(Option<IssueId>, i64),
    /// For so many minutes.
    Maintenance(i64),
    /// The cycles are never written down.
    Lost,
    /// The fickle channel refuses what it is sent.
    Refusal,
}

fn scene() -> impl Strategy<Value = Scene> {
    let stuck = prop_oneof![3 => Just(Some(0)), 4 => (1_u64..200).prop_map(Some), 1 => Just(None)];
    let low = prop_oneof![3 => Just(Some(false)), 2 => Just(Some(true)), 1 => Just(None)];
    let apart = prop_oneof![4 => Just(5), 2 => 30_i64..300];
    let silenced = prop_oneof![Just(None), Just(Some(IssueId::StuckJobs)), Just(Some(IssueId::LowCompletion))];
    let happening = prop_oneof![
        4 => Just(Happening::Nothing),
        2 => Just(Happening::Restart),
        1 => (5_i64..600).prop_map(Happening::Sleep),
        1 => Just(Happening::Doze),
        1 => (1_i64..2_000).prop_map(Happening::SetBack),
        2 => Just(Happening::Acknowledge),
        2 => (silenced, 5_i64..600).prop_map(|(issue, minutes)| Happening::Silence(issue, minutes)),
        2 => (5_i64..600).prop_map(Happening::Maintenance),
        1 => Just(Happening::Lost),
        2 => Just(Happening::Refusal),
    ];
    let offline = prop_oneof![
        6 => Just(Some((false, false))),
        3 => Just(Some((true, false))),
        2 => Just(Some((false, true))),
        1 => Just(Some((true, true))),
        1 => Just(None)
    ];
    let scene = (1_u32..6, apart, stuck, low, offline, happening);
    scene.prop_map(|(cycles, apart, stuck, low, offline, happening)| Scene {
        cycles,
        apart,
        stuck,
        low,
        offline,
        happening,
    })
}

fn patience() -> impl Strategy<Value = Patience> {
    (1_u32..=3, 1_u32..=3).prop_map(|(open_after, resolve_after)| Patience { open_after, resolve_after })
}

impl Scene {
    /// Nothing is wrong, for so many cycles.
    fn quiet(cycles: u32) -> Self {
        let happening = Happening::Nothing;
        Self { cycles, apart: 5, stuck: Some(0), low: Some(false), offline: Some((false, false)), happening }
    }

    fn report(&self, now: DateTime<Utc>) -> Report {
        let without_notion = self.offline.is_some_and(|(_, notion)| notion);
        let blamed = if without_notion { Party::Notion } else { Party::Check };
        let blind = |check| Sight::Blind(Fault::new(blamed, FaultKind::Timeout, check));
        let seen = |figures, issue: Option<Issue>| Sight::Seen { figures, issues: issue.into_iter().collect() };
        let issue = |id: IssueId, there: bool| there.then(|| Issue::new(id, id.to_string()));
        let health = |(openai, notion)| {
            let issues = [issue(IssueId::OpenaiOffline, openai), issue(IssueId::NotionOffline, notion)];
            let figures = Figures::Health { openai: Answer::Yes, notion: Answer::Yes, latency: Latency::default() };
            Sight::Seen { figures, issues: issues.into_iter().flatten().collect() }
        };
        let stuck = |jobs| {
            let issue = Issue { magnitude: Some(jobs), ..Issue::new(IssueId::StuckJobs, format!("{jobs} job(s)")) };
            seen(Figures::StuckJobs(StuckJobs::default()), (jobs > 0).then_some(issue))
        };
        let low = |low| seen(Figures::Metrics(Metrics::default()), issue(IssueId::LowCompletion, low));
        let sights = [
            (CheckName::Health, self.offline.map_or_else(|| blind("health"), health)),
            (CheckName::Metrics, self.low.filter(|_| !without_notion).map_or_else(|| blind("metrics"), low)),
            (CheckName::StuckJobs, self.stuck.filter(|_| !without_notion).map_or_else(|| blind("stuck"), stuck)),
        ];
        let sections = sights.map(|(check, sight)| Section { check, took: Duration::ZERO, sight });
        Report::assemble(1, now, sections.into())
    }
}

/// What was last posted of an incident, to whomever.
#[derive(Clone, Copy)]
struct Posted {
    at: DateTime<Utc>,
    magnitude: Option<u64>,
}

/// The service in small, and the ears of all channels.
struct World {
    patience: Patience,
    now: DateTime<Utc>,
    incidents: Vec<Incident>,
    past: Vec<Past>,
    told: Told,
    silences: Vec<Silence>,
    maintenance: DateTime<Utc>,
    channels: Vec<&'static str>,
    fresh: bool,
    woke: bool,
    /// Whether stuck jobs were last seen on waking.
    seen_on_waking: bool,
    ids: u32,
    /// Incident and channel: who has heard of it.
    heard: HashSet<(String, String)>,
    /// Incident and channel: to whom an all-clear was posted.
    cleared: HashSet<(String, String)>,
    posted: HashMap<String, Posted>,
}

impl World {
    fn new(patience: Patience, channels: Vec<&'static str>) -> Self {
        Self {
            patience,
            now: DateTime::UNIX_EPOCH,
            incidents: vec![],
            past: vec![],
            told: Told::new(),
            silences: vec![],
            maintenance: DateTime::UNIX_EPOCH,
            channels,
            fresh: true,
            woke: false,
            seen_on_waking: false,
            ids: 0,
            heard: HashSet::new(),
            cleared: HashSet::new(),
            posted: HashMap::new(),
        }
    }

    fn play(&mut self, scene: &Scene) -> Result<(), TestCaseError> {
        self.happens(&scene.happening);
        for _ in 0..scene.cycles {
            self.now += TimeDelta::minutes(scene.apart);
            self.woke |= matches!(scene.happening, Happening::Doze);
            self.cycle(scene)?;
        }
        Ok(())
    }

    fn happens(&mut self, happening: &Happening) {
        let by = String::from("ada");
        match happening {
            Happening::Nothing | Happening::Lost | Happening::Refusal | Happening::Doze => {}
            Happening::Restart => {
                self.fresh = true;
                self.channels.retain(|channel| *channel != LATE);
                self.channels.push(LATE);
            }
            Happening::Sleep(minutes) => {
                self.woke = true;
                self.now += TimeDelta::minutes(*minutes);
            }
            Happening::SetBack(minutes) => self.now -= TimeDelta::minutes(*minutes),
            Happening::Acknowledge => {
                for incident in self.incidents.iter_mut().filter(|incident| incident.is_live()) {
                    incident.acknowledged = Some(Acknowledgement { by: by.clone(), at: self.now });
                }
            }
            Happening::Silence(issue, minutes) => {
                let (created, until) = (self.now, self.now + TimeDelta::minutes(*minutes));
                let (id, reason) = (String::new(), String::new());
                self.silences.push(Silence { id, issue: *issue, created, until, by, reason });
            }
            Happening::Maintenance(minutes) => self.maintenance = self.now + TimeDelta::minutes(*minutes),
        }
    }

    fn cycle(&mut self, scene: &Scene) -> Result<(), TestCaseError> {
        let (now, report) = (self.now, scene.report(self.now));
        let conditions = Conditions {
            patience: self.patience,
            past: self.past.clone(),
            flapping_window: flapping::WINDOW,
            woke: self.woke,
        };
        let terms = Terms {
            now,
            reminder: REMINDER.to_std().ok(),
            silences: self.silences.clone(),
            maintenance: Some(self.maintenance).filter(|end| now < *end),
            unseen: report.unseen(),
            fresh: self.fresh,
        };
        let ids = &mut self.ids;
        let mut stepped = cycle::advance(self.incidents.clone(), &report, &conditions, || {
            *ids += 1;
            ids.to_string()
        });
        let announcements = notice::plan(&stepped, &self.told, &self.channels, &terms);
        if matches!(scene.happening, Happening::Lost) {
            return Ok(());
        }
        for announcement in &announcements {
            self.check(announcement, &terms)?;
        }
        for announcement in &announcements {
            self.deliver(announcement, scene);
        }
        notice::mark_told(&mut stepped, &announcements, now);
        self.check_that_nothing_is_missing(&stepped, &terms)?;
        self.check_that_it_is_reasonable(&stepped, &report)?;
        (self.fresh, self.woke) = (false, false);
        let over = stepped.iter().filter_map(|(incident, _)| incident.resolved_at.zip(Some(incident)));
        self.past.extend(over.map(|(at, it)| Past { issue: it.issue, since: it.since, resolved_at: at }));
        let is_kept = |incident: &Incident, change| change != Change::Forgotten && incident.phase != Phase::Resolved;
        stepped.retain(|(incident, change)| is_kept(incident, *change));
        self.incidents = stepped.into_iter().map(|(incident, _)| incident).collect();
        Ok(())
    }

    /// The channel gets the message, or never will; either way it was posted.
    fn deliver(&mut self, announcement: &Announcement, scene: &Scene) {
        let channel = &announcement.channel;
        let refuses = channel == BROKEN || channel == FICKLE && matches!(scene.happening, Happening::Refusal);
        for (incident, step) in announcement.subjects() {
            let key = (incident.id.clone(), channel.clone());
            if step == Step::Opened && !refuses {
                self.heard.insert(key.clone());
                self.told.entry(incident.id.clone()).or_default().insert(channel.clone(), String::new());
            }
            if step == Step::Resolved {
                self.cleared.insert(key);
            }
            let before = self.posted.get(&incident.id).filter(|_| incident.held != Held::No);
            let magnitude = before.map_or(incident.magnitude, |before| before.magnitude);
            self.posted.insert(incident.id.clone(), Posted { at: self.now, magnitude });
        }
    }

    /// Whether the message has a reason, and says nothing that it must not say.
    fn check(&self, announcement: &Announcement, terms: &Terms) -> Result<(), TestCaseError> {
        let channel = &announcement.channel;
        let Announcement { opened, worsened, resolved, still_open, .. } = announcement;
        for (incident, step) in announcement.subjects() {
            let key = (incident.id.clone(), channel.clone());
            prop_assert_eq!(self.heard.contains(&key), step != Step::Opened, "{} to {:?}", step.name(), key);
            prop_assert!(!self.cleared.contains(&key), "{} after the all-clear: {:?}", step.name(), key);
            let silenced = terms.silences.iter().any(|silence| silence.covers(incident.issue, self.now));
            let quiet = silenced || terms.maintenance.is_some() || terms.unseen.contains(&incident.issue);
            prop_assert!(step == Step::Resolved || !quiet, "{} in spite of silence: {:?}", step.name(), key);
            prop_assert!(matches!(step, Step::Resolved | Step::Reminded) || incident.held == Held::No);
        }
        for incident in worsened {
            let before = self.posted[&incident.id].magnitude.unwrap_or(u64::MAX);
            let now = incident.magnitude.unwrap_or_default();
            prop_assert!(now >= 10 && now / 2 >= before, "{} is not much more than {}", now, before);
        }
        let is_due = |incident: &Incident| {
            self.is_long_ago(&self.posted[&incident.id]) && incident.acknowledged.is_none() && incident.held == Held::No
        };
        let expected = if !opened.is_empty() || !worsened.is_empty() {
            Some(NoticeKind::Alert)
        } else if !resolved.is_empty() {
            Some(NoticeKind::Resolved)
        } else {
            still_open.iter().any(is_due).then_some(NoticeKind::Reminder)
        };
        prop_assert_eq!(Some(announcement.kind), expected, "a message without a reason to {}", channel);
        prop_assert_eq!(announcement.not_before, terms.maintenance);
        Ok(())
    }

    /// Whether the all-clear went to all who had heard, and what is to be known is known.
    fn check_that_nothing_is_missing(
        &self,
        stepped: &[(Incident, Change)],
        terms: &Terms,
    ) -> Result<(), TestCaseError> {
        for (incident, change) in stepped {
            let informed = self.heard.iter().filter(|(id, _)| *id == incident.id);
            let left_out = informed.filter(|key| !self.cleared.contains(*key)).count();
            prop_assert!(*change != Change::Resolved || left_out == 0, "no all-clear of {}", incident.id);
            let silenced = terms.silences.iter().any(|silence| silence.covers(incident.issue, self.now));
            let is_hushed = silenced || terms.maintenance.is_some() || terms.unseen.contains(&incident.issue);
            let is_quiet = is_hushed || !incident.is_tellable();
            let key = (incident.id.clone(), SOUND.to_owned());
            if is_quiet {
                continue;
            }
            prop_assert!(self.heard.contains(&key), "{} was told to nobody", incident.id);
            let posted = &self.posted[&incident.id];
            let is_taken_on = incident.acknowledged.is_some();
            prop_assert!(is_taken_on || !self.is_long_ago(posted), "no reminder of {}", incident.id);
            let doubled = incident.magnitude.zip(posted.magnitude).is_some_and(|(now, then)| now >= 10.max(then * 2));
            prop_assert!(!doubled, "nobody heard that {} got worse", incident.id);
        }
        Ok(())
    }

    /// Whether it is time for a reminder. A clock that was set back by less puts that off by no more than as long again.
    fn is_long_ago(&self, posted: &Posted) -> bool {
        (self.now - posted.at).abs() >= REMINDER
    }

    /// Whether what is held back is so by a cause that is there, and no stuck jobs are believed on waking.
    fn check_that_it_is_reasonable(
        &mut self,
        stepped: &[(Incident, Change)],
        report: &Report,
    ) -> Result<(), TestCaseError> {
        let sees = |issue| matches!(report.observe(issue), Observation::Present(_));
        for (incident, _) in stepped.iter().filter(|(incident, _)| sees(incident.issue)) {
            if let Held::By(cause) = incident.held {
                let is_there = stepped.iter().any(|(other, _)| other.issue == cause && other.is_live());
                prop_assert!(is_there, "{} is held back by {}, of which nobody knows", incident.issue, cause);
            }
        }
        let stuck = stepped.iter().find(|(incident, _)| incident.issue == IssueId::StuckJobs);
        if let Some((now, change)) = stuck.filter(|_| self.woke) {
            let before = self.incidents.iter().find(|before| before.id == now.id && before.is_live());
            prop_assert!(before.is_none_or(|before| before.magnitude == now.magnitude), "other figures on waking");
            prop_assert!(self.seen_on_waking || *change != Change::Opened, "open on waking");
        }
        match report.observe(IssueId::StuckJobs) {
            Observation::Present(_) => self.seen_on_waking = self.woke,
            Observation::Absent => self.seen_on_waking = false,
            Observation::Unseen => {}
        }
        Ok(())
    }
}

/// The same stories in each run, unless `PROPTEST_RNG_SEED` and `PROPTEST_CASES` ask for others or more; and nothing is
/// written beside the code when one of them fails.
fn config() -> ProptestConfig {
    let asked = ProptestConfig::default();
    let rng_seed = if asked.rng_seed == RngSeed::Random { RngSeed::Fixed(4) } else { asked.rng_seed };
    ProptestConfig { cases: asked.cases.max(512), rng_seed, failure_persistence: None, ..asked }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn people_hear_what_is_new_once_and_the_end_of_what_they_heard(
        patience in patience(),
        scenes in vec(scene(), 1..25),
        others in subsequence(vec![FICKLE, BROKEN], 0..=2),
    ) {
        let channels = [&[SOUND], others.as_slice()].concat();
        let mut world = World::new(patience, channels);
        for scene in &scenes {
            world.play(scene)?;
        }
        // Whatever is there is over then, also what is unstable.
        world.play(&Scene::quiet(patience.resolve_after * 4))?;
        prop_assert!(world.incidents.is_empty());
        prop_assert_eq!(&world.heard, &world.cleared);
    }
}
