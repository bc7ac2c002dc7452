//! What it costs to answer, to be there, and to start.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use auto_operator::demo::world::World;
use chrono::Utc;

use super::bare::Bare;
use super::http::load;
use super::process::Process;
use super::service::{Service, until_answered};
use super::table::{Bound, Row, median};

const ROUNDS: usize = 6;
const ROUND: Duration = Duration::from_secs(2);
const IDLE: Duration = Duration::from_secs(60);
const STARTS: usize = 20;

/// Cycles before the memory is looked at.
const CYCLES: usize = 20;

/// Serving and idling, side by side with the bare server.
pub async fn measure(binary: &Path) -> io::Result<Vec<Row>> {
    let world = World::start()?;
    world.has_the_sample_jobs(Utc::now());
    let service = Service::start(binary, &world, &[])?;
    service.cycles_complete(1).await?;
    let body = service.ask("/ops-report", false).await?.body;
    let bare = Bare::start(&body)?;

    let (mut ours, mut theirs) = (vec![], vec![]);
    for _ in 0..ROUNDS {
        ours.push(cpu_a_request(&service.process, service.port).await?);
        theirs.push(cpu_a_request(&bare.process, bare.port).await?);
    }
    // More memory is taken for a cycle than for serving it, and each channel has been used then.
    for _ in 1..CYCLES {
        service.cycle().await?;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (ours_before, theirs_before) = (service.process.cpu()?, bare.process.cpu()?);
    tokio::time::sleep(IDLE).await;
    let milliseconds = |after: Duration, before: Duration| (after - before).as_secs_f64() * 1e3;
    let idle = milliseconds(service.process.cpu()?, ours_before);
    let idle_bare = milliseconds(bare.process.cpu()?, theirs_before);
    let (resident, resident_bare) = (service.process.memory()?.resident, bare.process.memory()?.resident);
    Ok(vec![
        Row::beside(
            format!("CPU a `/ops-report` request ({} bytes)", body.len()),
            (median(&ours), "µs"),
            "bare actix-web",
            median(&theirs),
            Bound::AtMost(1.2),
            Some(Bound::AtMost(1.05)),
        ),
        Row::alone(
            format!("idle RSS after {CYCLES} cycles, SQLite file, all channels (bare actix-web: {resident_bare:.1})"),
            resident,
            "MB",
            Bound::AtMost(24.0),
            Some(Bound::AtMost(12.9)),
        ),
        Row::beside(
            "idle CPU a minute",
            (idle, "ms"),
            "bare actix-web",
            idle_bare,
            Bound::AtMost(1.5),
            // Gatus's 7.8 ms to the 17 ms of bare actix-web with one worker.
            Some(Bound::AtMost(0.46)),
        ),
    ])
}

async fn cpu_a_request(process: &Process, port: u16) -> io::Result<f64> {
    let before = process.cpu()?;
    let answers = load(port, "/ops-report", ROUND).await?;
    Ok((process.cpu()? - before).as_secs_f64() * 1e6 / answers as f64)
}

/// From the start of the process to its first answer, with a new database each time, beside the bare server.
pub async fn starting(binary: &Path) -> io::Result<Vec<Row>> {
    let world = World::start()?;
    world.has_the_sample_jobs(Utc::now());
    let (mut ours, mut theirs) = (vec![], vec![]);
    for _ in 0..STARTS {
        let began = Instant::now();
        let service = Service::start(binary, &world, &[])?;
        service.up().await?;
        ours.push(began.elapsed().as_secs_f64() * 1e3);
        drop(service);
        let began = Instant::now();
        let bare = Bare::start(b"{}")?;
        until_answered(bare.port, "/ops-report").await?;
        theirs.push(began.elapsed().as_secs_f64() * 1e3);
    }
    Ok(vec![Row::alone(
        format!("start → first `/healthz`, new database (bare actix-web: {:.1})", median(&theirs)),
        median(&ours),
        "ms",
        Bound::AtMost(60.0),
        Some(Bound::AtMost(10.0)),
    )])
}
