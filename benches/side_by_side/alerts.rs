//! How long it takes from the last question of a cycle, whose answer shows a change, until Telegram is asked to tell it:
//! the answer, the judgement, the incident and its notices in a SQLite file that is synced, and the notifier's claim.
//! At least two syncs are on the way, so that it is no faster than the disk, whose time for one is measured in between.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use auto_operator::demo::notion::JobRow;
use auto_operator::demo::world::World;
use chrono::{TimeDelta, Utc};

use super::service::Service;
use super::table::{Bound, Row, percentile};

/// The fourth opening within an hour would be told otherwise: as one incident that is unstable.
const CHANGES: usize = 6;
const PROCESSES: usize = 20;

/// A chat gets one message a second: what waits for that is not what is measured.
const BETWEEN: Duration = Duration::from_millis(1_100);

const SOON: Duration = Duration::from_secs(30);

/// A job gets stuck and is freed, over and over; each time somebody is told.
pub async fn measure(binary: &Path) -> io::Result<Vec<Row>> {
    let (mut took, mut syncs) = (vec![], vec![]);
    for _ in 0..PROCESSES {
        changes(binary, &mut took, &mut syncs).await?;
    }
    let p50_and_p99 = |values: &[f64]| (percentile(values, 0.5), percentile(values, 0.99));
    let ((p50, p99), (sync_p50, sync_p99)) = (p50_and_p99(&took), p50_and_p99(&syncs));
    Ok(vec![Row::alone(
        format!(
            "incident change → notice handed to Telegram, p99 of {} (p50: {p50:.1}; \
             one sync of the disk, p50 and p99: {sync_p50:.1}, {sync_p99:.1})",
            took.len()
        ),
        p99,
        "ms",
        Bound::AtMost(20.0),
        Some(Bound::AtMost(5.0)),
    )])
}

async fn changes(binary: &Path, took: &mut Vec<f64>, syncs: &mut Vec<f64>) -> io::Result<()> {
    let (world, now) = (World::start()?, Utc::now());
    world.has_good_jobs(68, now);
    let last_edited = now - TimeDelta::minutes(45);
    let job = JobRow {
        name: "Market summary".to_owned(),
        status: Some("Done".to_owned()),
        qa: Some(90.0),
        created: last_edited - TimeDelta::minutes(2),
        last_edited,
    };
    let job = world.notion.add_job(world.job_log, job);
    let service = Service::start(binary, &world, &[("RESOLVE_AFTER", "1")])?;
    service.cycles_complete(1).await?;
    let (told, asked) = (world.telegram.requests(), world.notion.requests());
    let mut file = tempfile::tempfile()?;
    for change in 0..CHANGES {
        let status = if change % 2 == 0 { "Processing" } else { "Done" };
        world.notion.edit_job(job, Some(status), last_edited);
        let before = told.count();
        service.cycle().await?;
        if !told.wait_for_count(before + 1, SOON).await {
            return Err(io::Error::other("nobody was told"));
        }
        let told = told.last().map(|request| request.at);
        let is_query = |path: &str| path.ends_with("/query");
        let asked = asked.all().iter().rfind(|request| is_query(&request.path)).map(|request| request.at);
        let (told, asked) = told.zip(asked).ok_or_else(|| io::Error::other("nobody was asked"))?;
        took.push((told - asked).num_microseconds().unwrap_or(i64::MAX) as f64 / 1e3);
        // The other channels, too, get their turn before the next change.
        tokio::time::sleep(BETWEEN).await;
        syncs.push(sync(&mut file)?);
    }
    Ok(())
}

/// How long it takes to append 4 KiB and to have them on the disk, in ms.
fn sync(file: &mut File) -> io::Result<f64> {
    let began = Instant::now();
    file.write_all(&[0; 4096])?;
    file.sync_data()?;
    Ok(began.elapsed().as_secs_f64() * 1e3)
}
