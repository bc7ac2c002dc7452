//! One job of the pipeline, and what many of them add up to.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Notion rounds the times of a row down to the minute, so that a row may be up to this much younger than it says.
pub const TIME_ROUNDING: Duration = Duration::from_secs(60);

/// The names of statuses that mean something to us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusNames {
    /// Finished well.
    pub done: Vec<String>,
    /// Finished, one way or another: never stuck. Holds those of `done` too.
    pub terminal: Vec<String>,
}

impl StatusNames {
    /// Whether a job of this status is finished well. A job without a status is not.
    pub fn is_done(&self, status: Option<&str>) -> bool {
        status.is_some_and(|status| self.done.iter().any(|name| name == status))
    }

    /// Whether nothing more will happen to a job of this status. A job without a status is waiting like any other.
    pub fn is_terminal(&self, status: Option<&str>) -> bool {
        status.is_some_and(|status| self.terminal.iter().any(|name| name == status))
    }
}

/// Since when a job must have been untouched to be stuck: before this moment, by the time that its row shows.
///
/// The rounding is given in the job's favour: it may have been edited up to a minute later than its row says.
pub fn stuck_before(now: DateTime<Utc>, stuck_after: Duration) -> DateTime<Utc> {
    now - stuck_after - TIME_ROUNDING
}

/// From which creation time on a job lies in the window: the rounding is given in favour of counting it.
pub fn window_start(now: DateTime<Utc>, window: Duration) -> DateTime<Utc> {
    now - window - TIME_ROUNDING
}

/// A job that nobody has touched for too long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StuckJob {
    /// Its title; may be empty, and may hold anything that a person can type.
    pub name: String,
    /// Its status, if it has one.
    pub status: Option<String>,
    /// When it was last touched, rounded down to the minute.
    pub last_edited: DateTime<Utc>,
    /// Where to look at it.
    pub url: String,
}

/// The longest name of a job, of a status, and the longest address, that are kept, in characters: a title may be as long
/// as a book, and a thousand of them are in each report.
const NAME_LIMIT: usize = 200;
const STATUS_LIMIT: usize = 100;
const URL_LIMIT: usize = 2_000;

impl StuckJob {
    /// A job with these properties. What is too long is cut off, with an ellipsis; an address is of use only as a whole.
    pub fn new(name: &str, status: Option<&str>, last_edited: DateTime<Utc>, url: &str) -> Self {
        Self {
            name: cut(name, NAME_LIMIT),
            status: status.map(|status| cut(status, STATUS_LIMIT)),
            last_edited,
            url: if url.len() > URL_LIMIT { String::new() } else { url.into() },
        }
    }
}

fn cut(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.into(),
    }
}

/// How many stuck jobs are shown by name. The count is always of all of them.
pub const STUCK_SHOWN: usize = 1_000;

/// The stuck jobs: all of them counted, those untouched for longest by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StuckJobs {
    /// How many there are.
    pub count: u64,
    /// The longest untouched first, [`STUCK_SHOWN`] at most.
    pub oldest: Vec<StuckJob>,
}

impl StuckJobs {
    /// Adds one job.
    pub fn add(&mut self, job: StuckJob) {
        self.count += 1;
        let place = self.oldest.partition_point(|other| other.last_edited <= job.last_edited);
        if place < STUCK_SHOWN {
            self.oldest.insert(place, job);
            self.oldest.truncate(STUCK_SHOWN);
        }
    }
}

/// What the jobs of the window add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// All jobs created in the window.
    pub total: u64,
    /// Those finished well.
    pub done: u64,
    /// Those with a score below the mark.
    pub low_qa: u64,
    /// Those that have a score at all.
    pub scored: u64,
    score_sum: f64,
}

impl Metrics {
    /// Adds one job. A score that is no finite number does not count as one.
    pub fn add(&mut self, done: bool, score: Option<f64>, qa_low: f64) {
        self.total += 1;
        self.done += u64::from(done);
        if let Some(score) = score.filter(|score| score.is_finite()) {
            self.scored += 1;
            self.score_sum += score;
            self.low_qa += u64::from(score < qa_low);
        }
    }

    /// The mean over the jobs that have a score; none if no job has one.
    pub fn average(&self) -> Option<f64> {
        (self.scored > 0).then(|| self.score_sum / self.scored as f64)
    }

    /// The share of jobs finished well, in percent; none if there are no jobs.
    pub fn completion_percent(&self) -> Option<f64> {
        (self.total > 0).then(|| 100.0 * self.done as f64 / self.total as f64)
    }
}

/// A figure with one decimal, as the report shows it.
pub fn one_decimal(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> StatusNames {
        StatusNames { done: vec!["Done".into()], terminal: vec!["Done".into(), "Failed".into()] }
    }

    #[test]
    fn a_name_like_a_book_is_cut_off_and_so_is_no_address() {
        let now = DateTime::UNIX_EPOCH;
        let job = StuckJob::new(&"🦀".repeat(10_000), Some("Processing"), now, "https://www.notion.so/1");
        assert_eq!((job.name.chars().count(), job.name.ends_with("🦀…")), (NAME_LIMIT + 1, true));
        assert_eq!((job.status.as_deref(), job.url.as_str()), (Some("Processing"), "https://www.notion.so/1"));
        assert_eq!(
            StuckJob::new(&"a".repeat(NAME_LIMIT), None, now, &"u".repeat(URL_LIMIT + 1)),
            StuckJob { name: "a".repeat(NAME_LIMIT), status: None, last_edited: now, url: String::new() }
        );
    }

    #[test]
    fn a_status_is_done_or_terminal_by_its_exact_name() {
        for (status, done, terminal) in [
            (Some("Done"), true, true),
            (Some("Failed"), false, true),
            (Some("Processing"), false, false),
            (Some("done"), false, false),
            (Some(""), false, false),
            (None, false, false),
        ] {
            assert_eq!((names().is_done(status), names().is_terminal(status)), (done, terminal), "{status:?}");
        }
    }

    #[test]
    fn the_average_is_over_the_jobs_that_have_a_score() {
        let mut metrics = Metrics::default();
        for score in [Some(90.0), None, Some(70.0), Some(f64::NAN), Some(f64::INFINITY)] {
            metrics.add(false, score, 80.0);
        }
        assert_eq!((metrics.total, metrics.scored, metrics.low_qa), (5, 2, 1));
        assert_eq!(metrics.average(), Some(80.0));
    }

    #[test]
    fn no_job_and_no_score_is_not_a_zero() {
        let mut metrics = Metrics::default();
        assert_eq!((metrics.average(), metrics.completion_percent()), (None, None));
        metrics.add(true, None, 80.0);
        assert_eq!((metrics.average(), metrics.completion_percent()), (None, Some(100.0)));
    }

    #[test]
    fn a_score_of_zero_is_a_score() {
        let mut metrics = Metrics::default();
        metrics.add(false, Some(0.0), 80.0);
        assert_eq!((metrics.average(), metrics.low_qa), (Some(0.0), 1));
    }

    #[test]
    fn all_stuck_jobs_are_counted_and_the_oldest_are_shown() {
        let start = DateTime::<Utc>::UNIX_EPOCH;
        let mut stuck = StuckJobs::default();
        for minute in (0..STUCK_SHOWN as i64 + 37).rev() {
            stuck.add(StuckJob {
                name: format!("job {minute}"),
                status: None,
                last_edited: start + chrono::TimeDelta::minutes(minute),
                url: String::new(),
            });
        }
        assert_eq!(stuck.count, STUCK_SHOWN as u64 + 37);
        assert_eq!(stuck.oldest.len(), STUCK_SHOWN);
        assert_eq!(stuck.oldest[0].name, "job 0");
        assert_eq!(stuck.oldest[STUCK_SHOWN - 1].name, format!("job {}", STUCK_SHOWN - 1));
    }

    #[test]
    fn a_rounded_time_is_read_in_the_jobs_favour() {
        let now = DateTime::<Utc>::UNIX_EPOCH + chrono::TimeDelta::days(1);
        let half_an_hour = Duration::from_secs(1_800);
        assert_eq!(now - stuck_before(now, half_an_hour), chrono::TimeDelta::seconds(1_860));
        assert_eq!(now - window_start(now, half_an_hour), chrono::TimeDelta::seconds(1_860));
    }
}
