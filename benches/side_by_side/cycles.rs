//! What a cycle costs, and how long it takes.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use auto_operator::demo::fault::Fault;
use auto_operator::demo::notion::JobRow;
use auto_operator::demo::world::World;
use chrono::{DateTime, TimeDelta, Utc};

use super::service::Service;
use super::table::{Bound, Row, median};

const DELAY: Duration = Duration::from_millis(200);

/// Seconds, each with a cycle: Notion is asked four times in each, and 120 times a minute at most.
const CYCLES: u64 = 20;

const OLD_JOBS: usize = 100_000;
const MANY_JOBS: usize = 10_000;

/// A cycle against parties that take 200 ms to answer, beside the questions of a check that wait for one another.
pub async fn at_200_ms(binary: &Path) -> io::Result<Vec<Row>> {
    let world = World::start()?;
    world.has_the_sample_jobs(Utc::now());
    world.notion.set_fault(Some(Fault::Delay(DELAY)));
    world.openai.set_fault(Some(Fault::Delay(DELAY)));
    let service = Service::start(binary, &world, &[])?;
    service.cycles_complete(1).await?;
    let first = service.cycles()?.first().copied().unwrap_or(f64::NAN);
    // Both checks of the jobs look up where the rows are and then ask once each.
    let chain = |asked: usize| asked as f64 / 2.0 * DELAY.as_secs_f64() * 1e3;
    let first_chain = chain(questions_about_jobs(&world));

    let before = questions_about_jobs(&world);
    let mut took = vec![];
    for _ in 0..5 {
        let began = Instant::now();
        service.cycle().await?;
        took.push(began.elapsed().as_secs_f64() * 1e3);
    }
    let later_chain = chain(questions_about_jobs(&world) - before) / took.len() as f64;
    let row = |what, took, chain| {
        let (must, aim) = (Bound::AtMost(1.3), Some(Bound::AtMost(1.05)));
        Row::beside(what, (took, "ms"), "longest chain of one check", chain, must, aim)
    };
    Ok(vec![
        row("the first cycle, parties answer after 200 ms", first, first_chain),
        row("a cycle, parties answer after 200 ms", median(&took), later_chain),
    ])
}

/// How often Notion was asked something about the database of jobs.
fn questions_about_jobs(world: &World) -> usize {
    let about = [world.job_log.to_string()].into_iter();
    let about: Vec<String> =
        about.chain(world.notion.data_sources(world.job_log).iter().map(ToString::to_string)).collect();
    let requests = world.notion.requests().all();
    requests.iter().filter(|request| about.iter().any(|id| request.path.contains(id))).count()
}

/// The CPU of a cycle, with and without 100,000 jobs that are over, side by side.
pub async fn cpu(binary: &Path) -> io::Result<Vec<Row>> {
    let now = Utc::now();
    let (small, large) = (World::start()?, World::start()?);
    large.notion.add_jobs(large.job_log, (0..OLD_JOBS).map(|number| old_job(number, now)));
    for world in [&small, &large] {
        world.has_the_sample_jobs(now);
    }
    let every_second = [("CHECK_INTERVAL", "1s")];
    let services = [&small, &large].map(|world| Service::start(binary, world, &every_second));
    let [small, large] = services;
    let (small, large) = (small?, large?);
    small.cycles_complete(2).await?;
    large.cycles_complete(2).await?;
    let sample = |service: &Service| Ok::<_, io::Error>((service.process.cpu()?, service.cycles()?.len()));
    let before = (sample(&small)?, sample(&large)?);
    tokio::time::sleep(Duration::from_secs(CYCLES)).await;
    let a_cycle = |before: (Duration, usize), after: (Duration, usize)| {
        (after.0 - before.0).as_secs_f64() * 1e3 / (after.1 - before.1) as f64
    };
    let (small, large) = (a_cycle(before.0, sample(&small)?), a_cycle(before.1, sample(&large)?));
    Ok(vec![
        Row::alone("CPU a cycle, 68 jobs", small, "ms", Bound::AtMost(10.0), Some(Bound::AtMost(2.0))),
        Row::beside(
            "CPU a cycle, 68 jobs and 100,000 that are over",
            (large, "ms"),
            "without those",
            small,
            Bound::AtMost(1.2),
            None,
        ),
    ])
}

/// Done months ago.
fn old_job(number: usize, now: DateTime<Utc>) -> JobRow {
    let created = now - TimeDelta::days(60) - TimeDelta::minutes(number as i64 / 4);
    JobRow {
        name: format!("Blog outline {number}"),
        status: Some("Done".to_owned()),
        qa: Some(85.0),
        created,
        last_edited: created + TimeDelta::minutes(20),
    }
}

/// The most memory that there ever was, after a cycle over 10,000 jobs of the window.
pub async fn memory(binary: &Path) -> io::Result<Vec<Row>> {
    let world = World::start()?;
    world.has_good_jobs(MANY_JOBS, Utc::now());
    let service = Service::start(binary, &world, &[])?;
    service.cycles_complete(1).await?;
    let report = service.ask("/ops-report", false).await?.body;
    if !String::from_utf8_lossy(&report).contains("\"total_24h\":10000,") {
        return Err(io::Error::other("not all of the 10,000 jobs were read"));
    }
    let (took, peak) = (service.cycles()?.first().copied().unwrap_or(f64::NAN), service.process.memory()?.peak);
    Ok(vec![Row::alone(
        format!("RSS at most while 10,000 jobs are read (in {took:.0} ms)"),
        peak,
        "MB",
        Bound::AtMost(64.0),
        Some(Bound::AtMost(24.0)),
    )])
}
