//! How fast rows of Notion are judged, against serde_json skipping over the very same bytes: the least that a reader
//! of JSON can do. Prints rows per second of each, and their ratio, measured in alternating rounds.
//!
//! `cargo bench --bench notion_rows`; with `-- --test` it only checks that it works.

#![allow(missing_docs, unreachable_pub, clippy::print_stdout, clippy::unwrap_used)]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

#[path = "side_by_side/notion_pages.rs"]
mod notion_pages;

use notion_pages::{ROWS, judge, judged_beside_skipped, samples, skip};

fn rows(criterion: &mut Criterion) {
    // Cargo says `--bench` when it measures; among the tests, one round is enough.
    let said = |word: &str| std::env::args().any(|argument| argument == word);
    let measuring = said("--bench") && !said("--test");
    for (name, json, columns) in samples() {
        assert_eq!(judge(&json, columns).0, ROWS);
        let mut group = criterion.benchmark_group(format!("{name}, {} bytes a row", json.len() / ROWS));
        group.throughput(Throughput::Elements(ROWS as u64));
        group.bench_function("judged", |bencher| bencher.iter(|| judge(black_box(&json), columns)));
        group.bench_function("skipped", |bencher| bencher.iter(|| skip(black_box(&json))));
        group.finish();
        if measuring {
            let (judged, skipped) = judged_beside_skipped(&json, columns);
            println!("ratio {name}: {:.2} of IgnoredAny ({judged:.0} against {skipped:.0} rows/s)\n", judged / skipped);
        }
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    targets = rows
}
criterion_main!(benches);
