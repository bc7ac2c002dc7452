//! Overviews to be shown: the guide's sample, and one that is all well.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::domain::incident::{Held, Incident, Phase};
use crate::domain::issue::{Issue, IssueId};
use crate::domain::job::{Metrics, StuckJob, StuckJobs};
use crate::domain::report::{Answer, CheckName, Figures, Latency, Overview, Report, Section, Sight};
use crate::domain::rules::{Thresholds, metrics_issues, stuck_issue};
use crate::store::Sample;

/// The moment of the guide's sample.
pub(in crate::web) fn moment() -> DateTime<Utc> {
    "2025-10-17T13:58:48Z".parse().unwrap()
}

/// The guide's sample with the figures of the contract: 68 jobs, 4 done, 3 low, an average of 82.3, 137 stuck.
pub(in crate::web) fn ill() -> Overview {
    let mut metrics = Metrics::default();
    for (number, score) in [88.0, 86.0, 84.0, 78.4, 78.5, 78.9].into_iter().enumerate() {
        metrics.add(number < 4, Some(score), 80.0);
    }
    (6..68).for_each(|_| metrics.add(false, None, 80.0));
    let job = StuckJob {
        name: "Summarise the interview".into(),
        status: Some("Processing".into()),
        last_edited: moment() - Duration::from_secs(2_460),
        url: "https://www.notion.so/0123456789abcdef0123456789abcdef".into(),
    };
    let stuck = StuckJobs { count: 137, oldest: vec![job, StuckJob { status: None, ..untitled() }] };
    let incident = |id: &str, issue| Incident {
        id: id.into(),
        issue,
        text: String::new(),
        detail: String::new(),
        since: moment() - Duration::from_secs(600),
        phase: Phase::Open,
        streak: 0,
        held: Held::No,
        magnitude: None,
        unstable: false,
        told: None,
        acknowledged: None,
        resolved_at: None,
    };
    let incidents = vec![incident("i-1", IssueId::StuckJobs), incident("i-2", IssueId::LowCompletion)];
    Overview { report: report(moment(), metrics, stuck), incidents, gaps: vec![] }
}

fn untitled() -> StuckJob {
    let url = "https://www.notion.so/00000000000000000000000000000000".into();
    StuckJob { name: String::new(), status: None, last_edited: moment() - Duration::from_secs(2_400), url }
}

/// All is well.
pub(in crate::web) fn well() -> Overview {
    well_at(moment())
}

/// All was well at `timestamp`.
pub(in crate::web) fn well_at(timestamp: DateTime<Utc>) -> Overview {
    let mut metrics = Metrics::default();
    metrics.add(true, Some(91.0), 80.0);
    Overview { report: report(timestamp, metrics, StuckJobs::default()), incidents: vec![], gaps: vec![] }
}

/// Jobs of these scores, none of them done.
pub(in crate::web) fn of_scores(scores: &[f64]) -> Overview {
    let mut metrics = Metrics::default();
    scores.iter().for_each(|score| metrics.add(false, Some(*score), 80.0));
    Overview { report: report(moment(), metrics, StuckJobs::default()), incidents: vec![], gaps: vec![] }
}

/// The thresholds of the contract.
pub(in crate::web) fn thresholds() -> Thresholds {
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

fn report(timestamp: DateTime<Utc>, metrics: Metrics, stuck: StuckJobs) -> Report {
    let thresholds = thresholds();
    let section = |check, took, figures, issues: Vec<Issue>| {
        let sight = Sight::Seen { figures, issues };
        Section { check, took: Duration::from_millis(took), sight }
    };
    let latency = Latency { openai: Some(Duration::from_millis(184)), notion: Some(Duration::from_millis(92)) };
    let health = Figures::Health { openai: Answer::Yes, notion: Answer::Yes, latency };
    let (low, many) = (metrics_issues(&metrics, &thresholds), stuck_issue(&stuck, &thresholds));
    let sections = vec![
        section(CheckName::Health, 231, health, vec![]),
        section(CheckName::Metrics, 398, Figures::Metrics(metrics), low),
        section(CheckName::StuckJobs, 412, Figures::StuckJobs(stuck), many.into_iter().collect()),
    ];
    Report::assemble(1, timestamp, sections)
}

/// A look of which nothing is known but how long the parties took to answer.
pub(in crate::web) fn look(at: DateTime<Utc>) -> Sample {
    Sample {
        at,
        ok: true,
        openai: None,
        notion: None,
        jobs: None,
        done: None,
        low_qa: None,
        avg_qa_tenths: None,
        stuck: None,
        health_ms: Some(70),
        openai_ms: Some(70),
        notion_ms: Some(40),
    }
}
