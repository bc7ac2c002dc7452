//! What the page shows of the past: read from the store once a cycle and every few seconds, however many visitors there
//! are, and drawn once for all of them. It is never older than the report that it is shown with.
//!
//! A store that does not answer in time leaves what was read before, or nothing: the page has the present from memory.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::super::WebState;
use super::super::problem::Problem;
use super::super::standing::Part;
use super::chart::{self, Chart};
use super::days::Days;
use super::strip::{self, Strip};
use crate::domain::incident::Incident;
use crate::domain::silence::Silence;
use crate::store::{IncidentFilter, Sample};

/// How long it is taken for what is.
const FRESH: Duration = Duration::from_secs(5);

/// How long days are: one that is over changes no more, and today's looks are read one by one.
const DAYS_FRESH: Duration = Duration::from_secs(60);

/// How long visitors wait for the store.
const PATIENCE: Duration = Duration::from_secs(2);

/// Past incidents on the page.
const INCIDENTS: u32 = 40;

/// The history as it was last read.
#[derive(Default)]
pub(in crate::web) struct Past(Mutex<Memory>);

#[derive(Default)]
struct Memory {
    asked: Option<Instant>,
    /// Of when the newest report was then.
    report: Option<DateTime<Utc>>,
    /// Whether the last question was answered.
    answered: bool,
    read: Option<Arc<Read>>,
    days: Option<(Instant, Arc<Days>)>,
}

/// What was read of the history.
pub(super) struct Read {
    /// What is drawn of each part, in the order of [`Part::ALL`].
    pub(super) drawn: Vec<Drawn>,
    /// Incidents that are over, the newest first.
    pub(super) resolved: Vec<Incident>,
    /// Where older ones begin, if there are any.
    pub(super) older: Option<String>,
    /// Silences that were not over then.
    pub(super) silences: Vec<Silence>,
    /// When somebody first looked, within the last day.
    pub(super) first: Option<DateTime<Utc>>,
    /// The first look after the last one within the day that found not all well.
    pub(super) well_since: Option<DateTime<Utc>>,
}

/// What is drawn of a part.
#[derive(Clone, Debug)]
pub(super) struct Drawn {
    /// Of the last day, and of the last months.
    pub(super) strips: [Strip; 2],
    /// Of its figures.
    pub(super) charts: Vec<Chart>,
}

impl Past {
    /// Has the next visitor see what was just changed.
    pub(in crate::web) async fn forget(&self) {
        self.0.lock().await.asked = None;
    }
}

impl WebState {
    /// The history with the looks until that of `report`, as far as it could be read; and whether it could be just now.
    pub(super) async fn history(&self, now: DateTime<Utc>, report: Option<DateTime<Utc>>) -> (Option<Arc<Read>>, bool) {
        // Of many visitors one asks, and the others share the answer.
        let Ok(mut memory) = timeout(PATIENCE, self.past.0.lock()).await else { return (None, false) };
        if memory.report < report || memory.asked.is_none_or(|asked| asked.elapsed() > FRESH) {
            let read = timeout(PATIENCE, self.read_history(&mut memory.days, now)).await;
            (memory.asked, memory.report) = (Some(Instant::now()), report);
            memory.answered = matches!(read, Ok(Ok(_)));
            if let Ok(Ok(read)) = read {
                memory.read = Some(Arc::new(read));
            }
        }
        (memory.read.clone(), memory.answered)
    }

    async fn read_history(&self, days: &mut Option<(Instant, Arc<Days>)>, now: DateTime<Utc>) -> Result<Read, Problem> {
        let store = &self.store;
        let over = IncidentFilter { open: Some(false), issue: None };
        let resolved = self.ask(store.incidents_page(over, None, INCIDENTS)).await?;
        let silences = self.ask(store.silences(now)).await?;
        let samples = self.ask(store.samples(now - TimeDelta::days(1), now + TimeDelta::minutes(1))).await?;
        let fresh = days.as_ref().filter(|(read, _)| read.elapsed() < DAYS_FRESH).map(|(_, days)| Arc::clone(days));
        let days = match fresh {
            Some(fresh) => fresh,
            None => {
                let before = days.as_ref().map(|(_, days)| &**days);
                let read = Arc::new(self.days(before, now - TimeDelta::days(90), now).await?);
                *days = Some((Instant::now(), Arc::clone(&read)));
                read
            }
        };
        let (thresholds, step) = (&self.settings.thresholds, chart::step(self.settings.interval.as_secs()));
        let drawn = |part| Drawn {
            strips: [
                strip::of_hours(part, &samples, thresholds, now),
                strip::of_days(part, &days, &samples, thresholds, now),
            ],
            charts: match part {
                Part::OpenAi => chart::of_openai(&samples, now, step).into_iter().collect(),
                Part::Notion => chart::of_notion(&samples, now, step).into_iter().collect(),
                Part::Jobs => chart::of_jobs(&samples, thresholds, now, step),
            },
        };
        Ok(Read {
            drawn: Part::ALL.into_iter().map(drawn).collect(),
            resolved: resolved.items,
            older: resolved.next,
            silences,
            first: samples.first().map(|sample| sample.at),
            well_since: well_since(&samples),
        })
    }
}

/// The first look after the last one that found not all well.
fn well_since(samples: &[Sample]) -> Option<DateTime<Utc>> {
    let last = samples.iter().rposition(|sample| !sample.ok)?;
    samples.get(last + 1).or(samples.get(last)).map(|sample| sample.at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::tests::sample;

    #[test]
    fn it_is_well_since_the_first_good_look_after_the_last_bad_one() {
        let at = |minute| DateTime::UNIX_EPOCH + TimeDelta::minutes(minute);
        let looks = |well: &[bool]| -> Vec<Sample> {
            let sample = |(ok, minute): (&bool, i64)| Sample { ok: *ok, ..sample::look(at(minute)) };
            well.iter().zip(0..).map(sample).collect()
        };
        for (well, expected) in [
            (&[][..], None),
            (&[true, true], None),
            (&[false, true, false, true, true], Some(3)),
            (&[true, false], Some(1)),
        ] {
            assert_eq!(well_since(&looks(well)), expected.map(at), "{well:?}");
        }
    }
}
