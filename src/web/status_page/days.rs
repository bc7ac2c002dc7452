//! The days before today: judged by what is kept of them, and where that hides a bad look, by their looks one by one.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::super::WebState;
use super::super::problem::Problem;
use super::super::standing::Part;
use super::strip::count;
use crate::domain::rules::Thresholds;
use crate::store::SampleDay;

/// How many days are looked into at a time.
const AT_A_TIME: usize = 8;

/// What is known of the days.
#[derive(Clone, Debug, Default)]
pub(super) struct Days {
    /// What is kept of each.
    pub(super) kept: Vec<SampleDay>,
    /// How many looks at the jobs were good and how many not, on days that were looked into.
    pub(super) jobs: BTreeMap<DateTime<Utc>, (u64, u64)>,
}

impl Days {
    /// How many looks of `day` found the part well, and how many not.
    pub(super) fn looks(&self, part: Part, day: &SampleDay, thresholds: &Thresholds) -> (u64, u64) {
        let looked_into = self.jobs.get(&day.day).filter(|_| part == Part::Jobs);
        looked_into.copied().unwrap_or_else(|| judge(part, day, thresholds))
    }
}

impl WebState {
    /// The days since that of `since`; `before` is what was known of them.
    pub(super) async fn days(
        &self,
        before: Option<&Days>,
        since: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Days, Problem> {
        let (store, thresholds) = (&self.store, &self.settings.thresholds);
        let mut jobs = before.map(|before| before.jobs.clone()).unwrap_or_default();
        jobs.retain(|day, _| *day >= since);
        let mut kept = self.ask(store.sample_days(since)).await?;
        let recent = self.ask(store.recent_days(since)).await?;
        let day = TimeDelta::days(1);
        let is_unclear =
            |it: &&SampleDay| it.day + day <= now && !jobs.contains_key(&it.day) && hides_some(it, thresholds);
        let unclear: Vec<_> = recent.iter().rev().filter(is_unclear).take(AT_A_TIME).map(|it| it.day).collect();
        for begin in unclear {
            let looks = self.ask(store.samples(begin, begin + day)).await?;
            jobs.insert(begin, count(Part::Jobs, looks.iter(), thresholds));
        }
        kept.extend(recent);
        Ok(Days { kept, jobs })
    }
}

/// Whether some looks at the jobs may have been bad on a day on which, all together, they seem to be good.
fn hides_some(day: &SampleDay, thresholds: &Thresholds) -> bool {
    day.ok < day.samples && judge(Part::Jobs, day, thresholds).1 == 0
}

/// How many looks of a day found the part well, and how many not. Of jobs a day only knows what its looks add up to.
fn judge(part: Part, day: &SampleDay, thresholds: &Thresholds) -> (u64, u64) {
    match part {
        Part::OpenAi => (day.openai.yes, day.openai.no),
        Part::Notion => (day.notion.yes, day.notion.no),
        Part::Jobs => {
            let below = |part: f64, whole: f64, least: f64| whole > 0.0 && part / whole < least;
            let many = day.jobs.sum >= thresholds.completion_min_jobs.saturating_mul(day.jobs.known);
            let low =
                many && below(100.0 * day.done_sum as f64, day.jobs.sum as f64, thresholds.completion_min_percent);
            let qa = &day.avg_qa_tenths;
            let poor = below(qa.sum as f64, qa.known as f64, thresholds.qa_avg_min * 10.0);
            // As look by look: one bad figure is enough, and well is only what both figures say.
            let bad_figures = if low || poor { day.jobs.known } else { 0 };
            // As many looks at least have seen some: the others may have seen none.
            let stuck = if day.stuck_max > 0 { day.stuck.sum.div_ceil(day.stuck_max) } else { 0 };
            let bad = stuck.max(bad_figures);
            (day.jobs.known.min(day.stuck.known).saturating_sub(bad), bad)
        }
    }
}
