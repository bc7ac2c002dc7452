//! Harm is done to every actor in every way, while the service works: nobody else feels it.

use std::time::{Duration, Instant};

use auto_operator::actors::scheduler::RunCycle;
use auto_operator::demo::Fault;
use auto_operator::domain::issue::ACTORS;
use auto_operator::supervision::{Chaos, Reason, State};
use serde_json::Value;

use crate::support::channels::{ALERT, RESOLVED, mails, subjects, telegrams};
use crate::support::inside::{inside, quick, row};
use crate::support::{Home, Inside, SOON, now};

/// How long a notice is claimed that is being sent: three requests of 2 s, and 5 s to write down what came of it.
const CLAIM: Duration = Duration::from_secs(11);

/// Every actor meets `way` while an incident begins, and ends by `reason`.
async fn every_actor_meets(way: Chaos, reason: Reason) {
    let mut home = Home::well();
    home.set("RESOLVE_AFTER", "1");
    let service = Inside::start(&home, quick()).await;
    service
        .throughout(async {
            // The Scheduler last, when there have been cycles whose numbers its successor has to go on from.
            for (number, actor) in ACTORS.into_iter().rev().enumerate() {
                meets(&home, &service, actor, way, reason).await;
                told(&home, 2 * number + 1).await;
                home.world.all_is_well_again(20, now());
                told(&home, 2 * number + 2).await;
            }
        })
        .await;
    let messages = telegrams(&home.world, 16).await;
    assert_eq!(subjects(&messages), [ALERT, RESOLVED].repeat(8));
    let mails = mails(&home.world, 16).await;
    let mut ids: Vec<_> = mails.iter().filter_map(|mail| mail.header("Message-ID")).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 16, "each one once");
    let board = home.world.notion.pages(home.world.status_board);
    let verdicts: Vec<_> = board.iter().filter_map(|entry| entry.checkbox("OK")).collect();
    assert_eq!(verdicts, [&[true][..], &[false, true].repeat(8)].concat());
    service.stop().await;
}

async fn meets(home: &Home, service: &Inside, actor: &str, way: Chaos, reason: Reason) {
    let generations = || -> Vec<_> {
        let children = service.watch.supervisor.children().into_iter();
        children.filter(|child| &*child.id != actor).map(|child| (child.id, child.generation, child.state)).collect()
    };
    let others = generations();
    home.world.jobs_get_stuck(3, now());
    let exit = service.harm(actor, way).await;
    assert_eq!(exit.reason, reason, "{actor}: {exit}");
    assert_eq!(generations(), others, "nobody but {actor}");
    let child = service.child(actor);
    assert_eq!((child.state, child.restarts_by), (State::Running, vec![(reason, 1)]), "{actor}");

    let report = service.report().await;
    let row = row(&report, actor);
    assert_eq!((&row["state"], &row["restarts"]), (&Value::from("running"), &Value::from(1)), "{row}");
    let failure = row["last_failure"].as_str().unwrap_or_default();
    assert!(failure.starts_with(reason.as_str()) && failure.contains(&exit.message), "{row}");
    assert!(row["last_restart"].is_string(), "{row}");
}

/// Waits until so many messages are there on every channel, and so many entries on the board beside the first; there
/// must not be more.
async fn told(home: &Home, count: usize) {
    telegrams(&home.world, count).await;
    mails(&home.world, count).await;
    let entries = || home.world.notion.pages(home.world.status_board).len();
    let requests = home.world.notion.requests();
    while entries() < count + 1 {
        assert!(requests.wait_for_count(requests.count() + 1, SOON).await, "no entry {}", count + 1);
    }
    assert_eq!(entries(), count + 1);
}

#[test]
fn nobody_feels_it_when_an_actor_panics() {
    inside(every_actor_meets(Chaos::Panic, Reason::Panic));
}

#[test]
fn nobody_feels_it_when_an_actor_stops() {
    inside(every_actor_meets(Chaos::Stop, Reason::Stopped));
}

#[test]
fn nobody_feels_it_when_an_actor_hangs() {
    inside(every_actor_meets(Chaos::Hang, Reason::Stuck));
}

#[test]
fn nobody_feels_it_when_the_thread_of_an_actor_is_blocked() {
    inside(every_actor_meets(Chaos::Block, Reason::Blocked));
}

#[test]
fn what_is_being_sent_when_its_notifier_fails_is_sent_once_and_holds_up_nothing() {
    inside(async {
        let mut home = Home::well();
        home.set("RESOLVE_AFTER", "1");
        let world = &home.world;
        let service = Inside::start(&home, quick()).await;
        // Telegram has a message at once and says so later, when the next notifier is there.
        world.telegram.set_fault(Some(Fault::Delay(Duration::from_millis(1_500))));
        // One cycle at a time: nobody else wakes the notifier.
        let cycle = async || service.watch.scheduler.call(RunCycle, SOON).await.expect("a cycle").expect("a whole one");
        for (number, way) in Chaos::ALL.into_iter().enumerate() {
            let begun = Instant::now();
            world.jobs_get_stuck(3, now());
            cycle().await;
            telegrams(world, 2 * number + 1).await;
            service.harm("notifier:telegram", way).await;
            world.all_is_well_again(20, now());
            // What comes and goes for the fourth time within the hour has to be well for longer.
            for _ in 0..if number == 3 { 4 } else { 1 } {
                cycle().await;
            }
            telegrams(world, 2 * number + 2).await;
            assert!(begun.elapsed() < CLAIM, "{way}: the claim of the one before was waited for");
        }
        assert_eq!(subjects(&telegrams(world, 8).await), [ALERT, RESOLVED].repeat(4));
        service.stop().await;
    });
}
