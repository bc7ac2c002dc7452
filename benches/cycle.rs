//! What a cycle costs beyond its I/O: the judgement of what was seen, a step of every incident, who is to be told what
//! in which words, and the report as bytes.
//!
//! `cargo bench --bench cycle`; with `-- --test` it only checks that it works.

#![allow(missing_docs)]

use std::hint::black_box;
use std::time::Duration;

use auto_operator::domain::bulletin::Bulletin;
use auto_operator::domain::cycle::{Conditions, advance};
use auto_operator::domain::flapping;
use auto_operator::domain::incident::{Change, Incident, Patience};
use auto_operator::domain::job::{Metrics, StuckJob, StuckJobs};
use auto_operator::domain::message::{self, Message, Wording};
use auto_operator::domain::notice::{self, Terms, Told};
use auto_operator::domain::report::{Answer, CheckName, Figures, Latency, Overview, Report, Section, Sight};
use auto_operator::domain::rules::{self, Thresholds};
use auto_operator::web::document;
use chrono::{DateTime, TimeDelta, Utc};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

const MINUTE: Duration = Duration::from_secs(60);
const PATIENCE: Patience = Patience { open_after: 1, resolve_after: 2 };

/// The guide's sample: 68 jobs, 4 of them done, 50 stuck; two issues.
fn sections(now: DateTime<Utc>) -> Vec<Section> {
    let thresholds = Thresholds {
        qa_avg_min: 75.0,
        qa_low: 80.0,
        completion_min_percent: 50.0,
        completion_min_jobs: 5,
        no_completion_min_jobs: 10,
        window: MINUTE * 60 * 24,
        stuck_after: MINUTE * 30,
    };
    let (mut metrics, mut stuck) = (Metrics::default(), StuckJobs::default());
    for number in 0..68 {
        metrics.add(number < 4, (number < 10).then(|| 76.0 + f64::from(number)), thresholds.qa_low);
        if number >= 18 {
            stuck.add(StuckJob {
                name: format!("Blog outline {number}"),
                status: Some("Processing".to_owned()),
                last_edited: now - TimeDelta::minutes(45),
                url: "https://app.notion.com/p/Blog-outline-393abc1eedcd81f5ae94ec2d55fe0000".to_owned(),
            });
        }
    }
    let section = |check, figures, issues| Section {
        check,
        took: Duration::from_millis(400),
        sight: Sight::Seen { figures, issues },
    };
    let of_metrics = rules::metrics_issues(&metrics, &thresholds);
    let of_stuck = rules::stuck_issue(&stuck, &thresholds).into_iter().collect();
    vec![
        section(
            CheckName::Health,
            Figures::Health { openai: Answer::Yes, notion: Answer::Yes, latency: Latency::default() },
            vec![],
        ),
        section(CheckName::Metrics, Figures::Metrics(metrics), of_metrics),
        section(CheckName::StuckJobs, Figures::StuckJobs(stuck), of_stuck),
    ]
}

/// What happens to the incidents `known`, and what two channels are told of it.
fn step(known: Vec<Incident>, report: &Report, wording: &Wording) -> (Vec<(Incident, Change)>, Vec<Message>) {
    let mut number = 0;
    let conditions = Conditions { patience: PATIENCE, past: vec![], flapping_window: flapping::WINDOW, woke: false };
    let mut stepped = advance(known, report, &conditions, || {
        number += 1;
        number.to_string()
    });
    let channels = ["email", "telegram"];
    let terms = Terms {
        now: report.timestamp,
        reminder: Some(MINUTE * 240),
        silences: vec![],
        maintenance: None,
        unseen: report.unseen(),
        fresh: false,
    };
    let announcements = notice::plan(&stepped, &Told::new(), &channels, &terms);
    notice::mark_told(&mut stepped, &announcements, report.timestamp);
    let bulletins = announcements.iter().map(|announcement| Bulletin::of(announcement, report, wording));
    let messages = bulletins.map(|bulletin| message::bulletin(&bulletin, wording)).collect();
    (stepped, messages)
}

fn cycle(criterion: &mut Criterion) {
    let now = DateTime::<Utc>::UNIX_EPOCH + TimeDelta::days(20_000);
    let wording = Wording { service: "EchoPilot".to_owned(), public_url: None, window: MINUTE * 60 * 24 };
    let report = Report::assemble(1, now, sections(now));
    let (stepped, messages) = step(vec![], &report, &wording);
    assert_eq!((stepped.len(), messages.len()), (2, 2), "two incidents, told to two channels");
    let open: Vec<Incident> = stepped.into_iter().map(|(incident, _)| incident).collect();

    criterion.bench_function("judge 68 jobs", |bencher| bencher.iter(|| sections(black_box(now))));
    criterion.bench_function("two incidents open, two channels are told", |bencher| {
        bencher.iter(|| step(vec![], black_box(&report), &wording));
    });
    criterion.bench_function("two incidents go on", |bencher| {
        bencher.iter_batched(|| open.clone(), |known| step(known, black_box(&report), &wording), BatchSize::SmallInput);
    });
    let overview = Overview { report, incidents: open, gaps: vec![] };
    for (name, details) in [("the report as bytes", false), ("the report as bytes, with 50 jobs by name", true)] {
        criterion.bench_function(name, |bencher| {
            bencher.iter(|| serde_json::to_vec(&document(black_box(&overview), &[], &[], &[], "EchoPilot", details)));
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    targets = cycle
}
criterion_main!(benches);
