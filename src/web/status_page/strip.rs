//! A strip of cells: how it was with a part, half-hour by half-hour or day by day. What nobody knows is a cell of its own
//! kind, and the kinds differ in their shape, not only in their colour.

use std::fmt::Write;

use chrono::{DateTime, TimeDelta, Utc};

use super::super::standing::Part;
use super::days::Days;
use crate::domain::rules::Thresholds;
use crate::store::Sample;

/// Cells of the last day.
const HALF_HOURS: i64 = 48;

/// Cells of the last months.
const DAYS: i64 = 90;

const HALF_HOUR: i64 = 1_800;

const DAY: i64 = 86_400;

/// How it was in the time of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Good,
    Mixed,
    Bad,
    Unknown,
}

impl Level {
    fn of(yes: u64, no: u64) -> Self {
        match (yes, no) {
            (0, 0) => Self::Unknown,
            (_, 0) => Self::Good,
            (yes, no) if no > yes => Self::Bad,
            _ => Self::Mixed,
        }
    }

    fn class(self) -> char {
        match self {
            Self::Good => 'g',
            Self::Mixed => 'm',
            Self::Bad => 'b',
            Self::Unknown => 'u',
        }
    }
}

/// A strip that is ready to be shown.
#[derive(Clone, Debug)]
pub(super) struct Strip {
    /// Of which time it is.
    pub(super) title: &'static str,
    /// What it adds up to.
    pub(super) summary: String,
    /// The cells, as markup.
    pub(super) html: String,
}

/// What a sample says of a part: well, not well, or nothing.
pub(super) fn judge(part: Part, sample: &Sample, thresholds: &Thresholds) -> Option<bool> {
    match part {
        Part::OpenAi => sample.openai,
        Part::Notion => sample.notion,
        Part::Jobs => {
            let stuck = sample.stuck.map(|stuck| stuck == 0);
            let jobs = sample.jobs.zip(sample.done).map(|(jobs, done)| {
                let low = jobs >= thresholds.completion_min_jobs
                    && jobs > 0
                    && 100.0 * done as f64 / (jobs as f64) < thresholds.completion_min_percent;
                let none = jobs >= thresholds.no_completion_min_jobs.max(1) && done == 0;
                let poor = sample.avg_qa_tenths.is_some_and(|tenths| (tenths as f64) < thresholds.qa_avg_min * 10.0);
                !low && !none && !poor
            });
            match (stuck, jobs) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            }
        }
    }
}

/// How many of these looks found the part well, and how many not.
pub(super) fn count<'a>(part: Part, samples: impl Iterator<Item = &'a Sample>, thresholds: &Thresholds) -> (u64, u64) {
    samples.fold((0, 0), |(yes, no), sample| match judge(part, sample, thresholds) {
        Some(true) => (yes + 1, no),
        Some(false) => (yes, no + 1),
        None => (yes, no),
    })
}

/// The strip of the last 24 hours until `now`.
pub(super) fn of_hours(part: Part, samples: &[Sample], thresholds: &Thresholds, now: DateTime<Utc>) -> Strip {
    let end = (now.timestamp().div_euclid(HALF_HOUR) + 1) * HALF_HOUR;
    let begin = end - HALF_HOURS * HALF_HOUR;
    let mut counts = vec![(0, 0); 48];
    for sample in samples {
        let place = usize::try_from((sample.at.timestamp() - begin).div_euclid(HALF_HOUR)).ok();
        let Some((yes, no)) = place.and_then(|place| counts.get_mut(place)) else { continue };
        match judge(part, sample, thresholds) {
            Some(true) => *yes += 1,
            Some(false) => *no += 1,
            None => {}
        }
    }
    let cells = counts.into_iter().zip(0..).map(|((yes, no), place)| {
        let from = DateTime::from_timestamp(begin + place * HALF_HOUR, 0).unwrap_or(now);
        let until = from + TimeDelta::seconds(HALF_HOUR);
        (format!("{}–{} UTC", from.format("%-d %b %H:%M"), until.format("%H:%M")), yes, no)
    });
    strip("Last 24 hours", cells, of_looks)
}

/// The strip of the last 90 days until `now`, by UTC: today by its looks, which are among `samples`, the other ones by what
/// is kept of `days`.
pub(super) fn of_days(
    part: Part,
    days: &Days,
    samples: &[Sample],
    thresholds: &Thresholds,
    now: DateTime<Utc>,
) -> Strip {
    let today = now.timestamp().div_euclid(DAY);
    let of_today = samples.iter().filter(|sample| sample.at.timestamp().div_euclid(DAY) == today);
    let cells = (today - DAYS + 1..=today).map(|number| {
        let day = days.kept.iter().find(|day| day.day.timestamp().div_euclid(DAY) == number);
        let (yes, no) = match day {
            _ if number == today => count(part, of_today.clone(), thresholds),
            Some(day) => days.looks(part, day, thresholds),
            None => (0, 0),
        };
        let began = DateTime::from_timestamp(number * DAY, 0).unwrap_or(now);
        (began.format("%-d %b UTC").to_string(), yes, no)
    });
    strip("Last 90 days", cells, whole_days)
}

/// What the cells add up to, each of which knows how many looks were good, and how many not.
type Summary = fn(&[(u64, u64)]) -> String;

fn of_looks(cells: &[(u64, u64)]) -> String {
    let (yes, no) = cells.iter().fold((0, 0), |(yes, no), cell| (yes + cell.0, no + cell.1));
    if yes + no == 0 {
        return "not known".into();
    }
    // What is not whole is not to be rounded up to it.
    let share = (1_000.0 * yes as f64 / (yes + no) as f64).floor() / 10.0;
    format!("{share}% of looks well")
}

fn whole_days(cells: &[(u64, u64)]) -> String {
    let of = |level| cells.iter().filter(|(yes, no)| Level::of(*yes, *no) == level).count();
    let known = cells.len() - of(Level::Unknown);
    if known == 0 { "not known".into() } else { format!("{} of {known} days all well", of(Level::Good)) }
}

fn strip(title: &'static str, cells: impl Iterator<Item = (String, u64, u64)>, summary: Summary) -> Strip {
    let (mut inner, mut counts) = (String::new(), vec![]);
    for (when, yes, no) in cells {
        let level = Level::of(yes, no);
        counts.push((yes, no));
        let words = match level {
            Level::Good => "all well",
            Level::Mixed => "partly well",
            Level::Bad => "mostly not well",
            Level::Unknown => "not known",
        };
        // Writing to a text does not fail.
        let _ = write!(inner, "<i class=\"{}\" title=\"{when}: {words}\"></i>", level.class());
    }
    let summary = summary(&counts);
    let unknown = counts.iter().filter(|cell| **cell == (0, 0)).count();
    let gaps =
        if (1..counts.len()).contains(&unknown) { format!(", {unknown} cells not known") } else { String::new() };
    let html = format!("<div class=\"cells\" role=\"img\" aria-label=\"{title}: {summary}{gaps}\">{inner}</div>");
    Strip { title, summary, html }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::SampleDay;
    use crate::web::tests::sample::thresholds;

    fn sample(minute: i64) -> Sample {
        Sample {
            at: DateTime::UNIX_EPOCH + TimeDelta::minutes(minute),
            ok: true,
            openai: Some(true),
            notion: Some(true),
            jobs: Some(20),
            done: Some(18),
            low_qa: Some(0),
            avg_qa_tenths: Some(860),
            stuck: Some(0),
            health_ms: Some(120),
            openai_ms: Some(120),
            notion_ms: Some(60),
        }
    }

    #[test]
    fn what_nobody_knows_is_a_cell_of_its_own_kind() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::minutes(24 * 60 - 1);
        let down = Sample { openai: Some(false), ..sample(61) };
        let samples = [sample(1), sample(31), Sample { openai: Some(false), ..sample(32) }, down];
        let strip = of_hours(Part::OpenAi, &samples, &thresholds(), now);
        let kinds: String = strip.html.split("class=\"").skip(2).filter_map(|cell| cell.chars().next()).collect();
        assert_eq!(kinds, format!("gmb{}", "u".repeat(45)));
        assert!(strip.html.contains("aria-label=\"Last 24 hours: 50% of looks well, 45 cells not known\""));
    }

    #[test]
    fn jobs_are_judged_by_the_thresholds_of_the_rules() {
        let judged = |sample: Sample| judge(Part::Jobs, &sample, &thresholds());
        assert_eq!(judged(sample(0)), Some(true));
        assert_eq!(judged(Sample { stuck: Some(1), ..sample(0) }), Some(false));
        assert_eq!(judged(Sample { done: Some(9), ..sample(0) }), Some(false));
        assert_eq!(judged(Sample { jobs: Some(4), done: Some(1), ..sample(0) }), Some(true), "too few to judge");
        assert_eq!(judged(Sample { avg_qa_tenths: Some(749), ..sample(0) }), Some(false));
        assert_eq!(judged(Sample { jobs: None, done: None, avg_qa_tenths: None, ..sample(0) }), None);
        assert_eq!(judged(Sample { jobs: None, stuck: Some(3), ..sample(0) }), Some(false));
    }

    #[test]
    fn a_day_that_nobody_knows_is_no_good_day() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(100);
        let mut day = SampleDay { day: now - TimeDelta::days(1), ..SampleDay::default() };
        day.add(&sample(0));
        for part in Part::ALL {
            let strip = of_days(part, &of(&day), &[], &thresholds(), now);
            assert_eq!(strip.html.matches("class=\"u\"").count(), 89);
            assert_eq!(
                (strip.html.matches("class=\"g\"").count(), strip.summary.as_str()),
                (1, "1 of 1 days all well")
            );
        }
    }

    fn of(day: &SampleDay) -> Days {
        Days { kept: vec![day.clone()], ..Days::default() }
    }

    /// The kind of the cell so many before the last one.
    fn kind(strip: &Strip, before: usize) -> Option<&str> {
        strip.html.rsplit("<i class=\"").nth(before).and_then(|cell| cell.get(..1))
    }

    #[test]
    fn today_is_judged_look_by_look_and_no_bad_one_is_averaged_away() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(100) + TimeDelta::hours(12);
        let at = |minutes| now.signed_duration_since(DateTime::UNIX_EPOCH).num_minutes() - minutes;
        let well: Vec<Sample> = (1..720).rev().map(|minutes| sample(at(minutes))).collect();
        // What is known of the day from before the newest look.
        let mut day = SampleDay { day: now - TimeDelta::hours(12), ..SampleDay::default() };
        well.iter().for_each(|sample| day.add(sample));
        for (part, bad) in [
            (Part::Jobs, Sample { done: Some(2), ..sample(at(0)) }),
            (Part::Jobs, Sample { avg_qa_tenths: Some(700), ..sample(at(0)) }),
            (Part::Notion, Sample { notion: Some(false), ..sample(at(0)) }),
        ] {
            let looks = [well.clone(), vec![bad]].concat();
            let [hours, days] =
                [of_hours(part, &looks, &thresholds(), now), of_days(part, &of(&day), &looks, &thresholds(), now)];
            assert_eq!((kind(&hours, 0), hours.summary.as_str()), (Some("b"), "99.8% of looks well"), "{part:?}");
            assert_eq!((kind(&days, 0), days.summary.as_str()), (Some("m"), "0 of 1 days all well"), "{part:?}");
        }
    }

    #[test]
    fn a_day_is_judged_by_what_its_looks_saw() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(100);
        let blind = |stuck| Sample { jobs: None, done: None, avg_qa_tenths: None, stuck, ..sample(0) };
        let stuck = |stuck| Sample { stuck: Some(stuck), ..sample(0) };
        for (what, samples, expected) in [
            ("stuck all day", vec![stuck(1); 10], "b"),
            ("many stuck all day", vec![stuck(40); 10], "b"),
            ("stuck for a while", [vec![stuck(40); 3], vec![sample(0); 7]].concat(), "m"),
            ("stuck for most of the day", [vec![stuck(40); 7], vec![sample(0); 3]].concat(), "b"),
            ("stuck, and the figures are not known", vec![blind(Some(2)); 10], "b"),
            ("none stuck, and the figures are not known", vec![blind(Some(0)); 10], "u"),
            ("nothing known", vec![blind(None); 10], "u"),
            ("too few done", vec![Sample { done: Some(2), stuck: None, ..sample(0) }; 10], "b"),
            ("all well", vec![sample(0); 10], "g"),
        ] {
            let mut day = SampleDay { day: now - TimeDelta::days(1), ..SampleDay::default() };
            samples.iter().for_each(|sample| day.add(sample));
            let strip = of_days(Part::Jobs, &of(&day), &[], &thresholds(), now);
            assert_eq!(kind(&strip, 1), Some(expected), "{what}");
            assert!(strip.html.contains(" UTC: "), "{}", strip.html);
        }
    }
}
