//! When a figure is an issue: one function a rule, with the thresholds of the settings and the words of the report.
//!
//! A rule sees only what a check has really seen. What a check could not see is never judged here.

use std::time::Duration;

use super::issue::{Issue, IssueId};
use super::job::{Metrics, StuckJobs};
use super::message::duration;

/// From where on a figure is an issue.
#[derive(Clone, Debug, PartialEq)]
pub struct Thresholds {
    /// An average score below it is an issue, in percent.
    pub qa_avg_min: f64,
    /// A score below it counts as low, in percent.
    pub qa_low: f64,
    /// A completion rate below it is an issue, in percent.
    pub completion_min_percent: f64,
    /// The completion rate is judged from so many jobs on.
    pub completion_min_jobs: u64,
    /// So many jobs and none done is an issue.
    pub no_completion_min_jobs: u64,
    /// The window over which jobs are counted.
    pub window: Duration,
    /// How long a job may be untouched.
    pub stuck_after: Duration,
}

/// A rule over the jobs of the window.
type MetricsRule = fn(&Metrics, &Thresholds) -> Option<Issue>;

/// The rules over the jobs of the window, in the order in which their issues are listed.
const METRICS_RULES: [MetricsRule; 3] = [no_completions, quality_dropping, low_completion];

/// Everything that is wrong with the jobs of the window.
pub fn metrics_issues(metrics: &Metrics, thresholds: &Thresholds) -> Vec<Issue> {
    METRICS_RULES.iter().filter_map(|rule| rule(metrics, thresholds)).collect()
}

fn no_completions(metrics: &Metrics, thresholds: &Thresholds) -> Option<Issue> {
    let active = metrics.total >= thresholds.no_completion_min_jobs.max(1);
    (active && metrics.done == 0).then(|| {
        let window = duration(thresholds.window);
        Issue::new(IssueId::NoCompletions, format!("No completed jobs in last {window} despite activity"))
    })
}

fn quality_dropping(metrics: &Metrics, thresholds: &Thresholds) -> Option<Issue> {
    let average = metrics.average().filter(|average| *average < thresholds.qa_avg_min)?;
    let shown = below(average, thresholds.qa_avg_min);
    let text = format!("Quality dropping: avg {shown:.1}% (threshold {}%)", thresholds.qa_avg_min);
    Some(Issue::new(IssueId::QualityDropping, text))
}

fn low_completion(metrics: &Metrics, thresholds: &Thresholds) -> Option<Issue> {
    let rate = metrics.completion_percent().filter(|rate| *rate < thresholds.completion_min_percent)?;
    (metrics.total >= thresholds.completion_min_jobs).then(|| {
        let shown = below(rate, thresholds.completion_min_percent);
        Issue::new(IssueId::LowCompletion, format!("Low completion rate: {shown:.1}%"))
    })
}

/// The issue of stuck jobs, if there are any.
pub fn stuck_issue(stuck: &StuckJobs, thresholds: &Thresholds) -> Option<Issue> {
    (stuck.count > 0).then(|| {
        let limit = minutes(thresholds.stuck_after);
        let issue = Issue::new(IssueId::StuckJobs, format!("{} job(s) stuck >{limit}", stuck.count));
        Issue { magnitude: Some(stuck.count), ..issue }
    })
}

/// The value with one decimal, but never rounded up to the threshold that it misses: "75.0% (threshold 75%)" would
/// look like a mistake of ours.
fn below(value: f64, threshold: f64) -> f64 {
    let rounded = super::job::one_decimal(value);
    if rounded < threshold { rounded } else { (value * 10.0).floor() / 10.0 }
}

/// `30 minutes`, as the contract writes the limit; other lengths than whole minutes as a duration.
fn minutes(limit: Duration) -> String {
    match limit.as_secs() {
        60 => "1 minute".into(),
        seconds if seconds % 60 == 0 => format!("{} minutes", seconds / 60),
        _ => duration(limit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thresholds() -> Thresholds {
        Thresholds {
            qa_avg_min: 75.0,
            qa_low: 80.0,
            completion_min_percent: 50.0,
            completion_min_jobs: 5,
            no_completion_min_jobs: 10,
            window: Duration::from_secs(86_400),
            stuck_after: Duration::from_secs(1_800),
        }
    }

    fn issues(total: u64, done: u64, scores: &[f64]) -> Vec<String> {
        let mut metrics = Metrics::default();
        for number in 0..total {
            metrics.add(number < done, scores.get(number as usize).copied(), 80.0);
        }
        metrics_issues(&metrics, &thresholds()).iter().map(Issue::line).collect()
    }

    #[test]
    fn the_jobs_of_the_window_are_judged_by_the_table_of_the_contract() {
        let none = "⚠️ No completed jobs in last 24h despite activity";
        for (total, done, scores, expected) in [
            (0, 0, &[][..], &[][..]),
            (4, 0, &[], &[]),
            (5, 2, &[], &["⚠️ Low completion rate: 40.0%"]),
            (4, 2, &[], &[]),
            (6, 3, &[], &[]),
            (9, 0, &[], &["⚠️ Low completion rate: 0.0%"]),
            (10, 0, &[], &[none, "⚠️ Low completion rate: 0.0%"]),
            (68, 4, &[], &["⚠️ Low completion rate: 5.9%"]),
            (2, 2, &[75.0, 75.0], &[]),
            (2, 2, &[71.2], &["⚠️ Quality dropping: avg 71.2% (threshold 75%)"]),
            (2, 2, &[0.0, 0.0], &["⚠️ Quality dropping: avg 0.0% (threshold 75%)"]),
            (2, 2, &[75.0, 74.9], &["⚠️ Quality dropping: avg 74.9% (threshold 75%)"]),
        ] {
            assert_eq!(issues(total, done, scores), expected, "{total} jobs, {done} done, scores {scores:?}");
        }
    }

    #[test]
    fn a_rate_just_below_the_threshold_is_not_rounded_up_to_it() {
        assert_eq!(issues(10_000, 4_996, &[]), ["⚠️ Low completion rate: 49.9%"]);
    }

    #[test]
    fn stuck_jobs_are_an_issue_from_the_first_on() {
        let stuck = |count| StuckJobs { count, oldest: vec![] };
        assert_eq!(stuck_issue(&stuck(0), &thresholds()), None);
        for (count, seconds, line) in [
            (137, 1_800, "⚠️ 137 job(s) stuck >30 minutes"),
            (1, 60, "⚠️ 1 job(s) stuck >1 minute"),
            (2, 7_200, "⚠️ 2 job(s) stuck >120 minutes"),
            (2, 90, "⚠️ 2 job(s) stuck >1m 30s"),
        ] {
            let thresholds = Thresholds { stuck_after: Duration::from_secs(seconds), ..thresholds() };
            assert_eq!(stuck_issue(&stuck(count), &thresholds).map(|issue| issue.line()), Some(line.into()));
        }
    }
}
