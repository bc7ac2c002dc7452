//! Harm and the process: a line of the log for each end, restarts on request, the ordered stop, the last resort.

use std::time::{Duration, Instant};

use auto_operator::demo::Fault;
use auto_operator::domain::issue::ACTORS;
use auto_operator::supervision::{Chaos, Intensity, Limits};
use serde_json::Value;
use tokio::time::timeout;

use crate::support::channels::{ALERT, mails, subjects, telegrams};
use crate::support::inside::{in_own_process, inside, quick, row};
use crate::support::service::bearer;
use crate::support::{Home, Inside, OPS_TOKEN, SOON, Service, now};

/// What the contract allows between the signal and the end.
const END_LIMIT: Duration = Duration::from_secs(5);

/// The demo, with its log.
async fn demo() -> Service {
    let mut home = Home::new();
    home.set("RUST_LOG", "info");
    let demo = Service::start(home.command(&["demo"])).await;
    demo.get("/ops-report").await;
    demo
}

async fn harm(demo: &Service, actor: &str, way: Chaos) {
    let answer = demo.ask("POST", &format!("/demo/actors/{actor}/{way}"), &[]).await;
    assert_eq!(answer.status, 202, "{actor} {way}");
}

/// Waits until every actor has had so many restarts and is at work again; the report then.
async fn restarted(service: &Service, restarts: u64) -> Value {
    let restarted = async {
        loop {
            let report = service.get("/ops-report").await.json();
            if ACTORS.iter().all(|actor| {
                let row = row(&report, actor);
                row["state"] == "running" && row["restarts"] == restarts
            }) {
                return report;
            }
        }
    };
    timeout(SOON, restarted).await.unwrap_or_else(|_| panic!("not restarted:\n{}", service.log.all().join("\n")))
}

#[actix_rt::test]
async fn each_end_of_an_actor_is_one_line_of_the_log_with_its_reason() {
    let demo = demo().await;
    for (number, way) in (1..).zip(Chaos::ALL) {
        for actor in ACTORS {
            harm(&demo, actor, way).await;
        }
        let report = restarted(&demo, number).await;
        let reason = ["panic", "stopped", "stuck", "blocked"][number as usize - 1];
        assert!(ACTORS.iter().all(|actor| row(&report, actor)["last_failure"] == reason), "{report:#}");
    }
    let (status, log) = demo.signal("TERM").await;
    assert_eq!(status.code(), Some(0), "{log}");
    for actor in ACTORS {
        let lines = log.lines().filter(|line| line.contains(actor) && line.contains("a fresh one starts"));
        let reasons: Vec<_> = lines.filter_map(|line| line.split(&format!("{actor}: ")).nth(1)).collect();
        let expected = [
            "panic at src/supervision/chaos.rs:",
            "stopped; ",
            "stuck: took no message for 1s; ",
            "blocked: its thread did not answer for 1s; ",
        ];
        assert_eq!(reasons.len(), 4, "{reasons:#?}");
        assert!(reasons.iter().zip(expected).all(|(reason, expected)| reason.starts_with(expected)), "{reasons:#?}");
    }
    assert_eq!(log.matches("chaos.rs:").count(), ACTORS.len(), "{log}");
}

#[actix_rt::test]
async fn the_owner_has_every_actor_replaced_and_nothing_is_told_twice() {
    let home = Home::well();
    let world = &home.world;
    world.jobs_get_stuck(3, now());
    let service = home.serve().await;
    service.cycle().await;
    let token = bearer(OPS_TOKEN);
    for actor in ACTORS {
        let path = format!("/api/actors/{actor}/restart");
        assert_eq!(service.ask("POST", &path, &[("authorization", &token)]).await.status, 202);
    }
    let report = restarted(&service, 1).await;
    assert!(ACTORS.iter().all(|actor| row(&report, actor)["last_failure"].is_null()), "{report:#}");
    service.cycles(2).await;
    world.all_is_well_again(20, now());
    service.cycles(3).await;
    telegrams(world, 2).await;
    mails(world, 2).await;
}

#[actix_rt::test]
async fn a_signal_ends_the_process_in_time_while_actors_hang_and_block() {
    let demo = demo().await;
    for (actor, way) in ACTORS.into_iter().zip([Chaos::Hang, Chaos::Block].into_iter().cycle()) {
        harm(&demo, actor, way).await;
    }
    demo.tell("TERM").await;
    let begun = Instant::now();
    let (status, log) = demo.end().await;
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(begun.elapsed() < END_LIMIT, "{:?}", begun.elapsed());
}

#[test]
fn the_ordered_stop_waits_for_nobody_who_hangs_or_blocks() {
    inside(async {
        let home = Home::well();
        let patience = SOON * 2;
        let limits = Limits { block_after: patience, stuck_after: patience, ..quick() };
        let service = Inside::start(&home, limits).await;
        for (actor, way) in ACTORS.into_iter().zip([Chaos::Hang, Chaos::Block].into_iter().cycle()) {
            service.watch.supervisor.harm(actor, way).expect("there is such an actor");
        }
        let begun = Instant::now();
        service.watch.finish(Duration::from_millis(500)).await;
        service.stop().await;
        assert!(begun.elapsed() < END_LIMIT, "{:?}", begun.elapsed());
    });
}

#[actix_rt::test]
async fn a_second_signal_ends_the_service_at_once() {
    let mut home = Home::well();
    home.set("REQUEST_TIMEOUT", "20s");
    home.set("CHECK_TIMEOUT", "40s");
    home.world.jobs_get_stuck(3, now());
    home.world.telegram.set_fault(Some(Fault::Hang));
    let service = home.serve().await;
    assert!(home.world.telegram.requests().wait_for_count(1, SOON).await);
    service.tell("TERM").await;
    service.line("SIGTERM: ").await;
    let (status, log) = service.signal("TERM").await;
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(!log.contains("[AutoOperator] stopped") && !log.contains("too long"), "{log}");
}

#[test]
fn a_service_that_gives_up_exits_with_70_and_the_next_one_tells_what_was_left() {
    let name = "last_resort::a_service_that_gives_up_exits_with_70_and_the_next_one_tells_what_was_left";
    let mut home = Home::well();
    home.set("REQUEST_TIMEOUT", "300ms");
    let world = &home.world;
    world.jobs_get_stuck(3, now());
    world.telegram.set_fault(Some(Fault::status(500)));
    let variables = [home.variables(), [("RUST_LOG".to_owned(), "info".to_owned())].into()].into_iter().flatten();
    let (code, said) = in_own_process(name, &variables.collect(), gives_up());
    assert_eq!(code, Some(70), "{said}");
    assert!(said.contains("exit 70: more than 3 failures of all actors in 60s"), "{said}");

    world.telegram.set_fault(None);
    inside(async {
        let service = home.serve().await;
        service.cycle().await;
        assert_eq!(subjects(&telegrams(world, 1).await), [ALERT]);
        mails(world, 1).await;
    });
}

/// A service of the environment's variables, of which every check fails over and over once one channel was told.
async fn gives_up() {
    let root_intensity = Intensity { restarts: 3, within: Duration::from_secs(60) };
    let service = Inside::start_with(&std::env::vars().collect(), Limits { root_intensity, ..quick() }).await;
    while service.watch.ledger.next_due("email", now()).await.expect("the store answers").is_some() {
        tokio::task::yield_now().await;
    }
    for actor in ["health", "metrics", "stuck_jobs", "scheduler"] {
        service.watch.supervisor.harm(actor, Chaos::Panic).expect("there is such an actor");
    }
    std::future::pending::<()>().await;
}
