//! An actor fails over and over: that is seen, told by those who can, and over once it lives again. The rest works.

use std::convert::Infallible;
use std::time::Duration;

use auto_operator::demo::telegram::Delivered;
use auto_operator::domain::issue::ACTORS;
use auto_operator::supervision::{Chaos, Event, Intensity, Limits, State};

use crate::support::channels::{ALERT, RESOLVED, mails, subjects, texts};
use crate::support::inside::{inside, quick, row};
use crate::support::{Home, Inside, SOON, issues, now};

/// Five restarts in a minute are borne; then a try now and then, and trust after a moment.
fn strict(patience: Duration) -> Limits {
    Limits {
        block_after: patience,
        stuck_after: patience,
        intensity: Intensity { restarts: 5, within: Duration::from_secs(60) },
        retry_degraded: Duration::from_millis(300),
        recover_after: Duration::from_millis(400),
        ..quick()
    }
}

/// Harms an actor whenever there is one: none of them gets far.
async fn keeps_failing(service: &Inside, actor: &str, way: Chaos) -> Infallible {
    loop {
        let mut news = service.news();
        service.watch.supervisor.harm(actor, way).expect("there is such an actor");
        news.replaced(actor).await;
    }
}

/// Does `what` while the actor keeps failing.
async fn while_failing<T>(service: &Inside, actor: &str, way: Chaos, what: impl Future<Output = T>) -> T {
    tokio::select! {
        done = what => done,
        never = keeps_failing(service, actor, way) => match never {},
    }
}

async fn is_degraded(service: &Inside, actor: &str) {
    let degraded = |event| matches!(&event, Event::Degraded { id, .. } if **id == *actor);
    service.news().wait(|event| degraded(event).then_some(())).await;
}

async fn has_recovered(service: &Inside, actor: &str) {
    let mut news = service.news();
    if service.child(actor).state == State::Degraded {
        let recovered = |event| matches!(&event, Event::Recovered { id } if **id == *actor);
        news.wait(|event| recovered(event).then_some(())).await;
    }
}

/// What is said of an actor that keeps failing.
fn said_of(actor: &str) -> String {
    let name = match actor.split_once(':') {
        Some((kind, channel)) => format!("{channel} {kind}"),
        None => actor.replace('_', " "),
    };
    format!("🔁 {name} keeps failing (5 restarts in 60 s)")
}

/// A notifier that fails in this way is told of by the other one, and so is all the rest.
async fn a_notifier_keeps_failing(way: Chaos, patience: Duration) {
    const FAILING: &str = "notifier:telegram";
    let mut home = Home::well();
    home.set("RESOLVE_AFTER", "1");
    let world = &home.world;
    let service = Inside::start(&home, strict(patience)).await;
    let news_of_it = service
        .throughout(async {
            let told = while_failing(&service, FAILING, way, async {
                let mail = world.smtp.mails().wait_for(|mail| mail.body.contains(&said_of(FAILING)), SOON).await;
                let report = service.report().await;
                assert!(issues(&report).contains(&said_of(FAILING).as_str()), "{report:#}");
                assert_eq!(row(&report, FAILING)["state"], "degraded");
                world.jobs_get_stuck(3, now());
                let stuck = world.smtp.mails().wait_for(|mail| mail.body.contains("3 job(s) stuck"), SOON).await;
                assert!(stuck.is_some(), "the rest works");
                mail.expect("the others say so")
            });
            let told = told.await;
            has_recovered(&service, FAILING).await;
            mails(world, 3).await;
            world.all_is_well_again(20, now());
            mails(world, 4).await;
            // Its alerts waited for it, some have become one; none is missing.
            let messages = world.telegram.messages();
            let is_over = |message: &Delivered| {
                let (over, meanwhile) = ("3 job(s) stuck >30 minutes (after ", "3 job(s) stuck >30 minutes: was down ");
                message.text.contains(over) || message.text.contains(meanwhile)
            };
            assert!(messages.wait_for(is_over, SOON).await.is_some(), "{:#?}", texts(&messages.all()));
            told
        })
        .await;
    assert_eq!(news_of_it.subject, ALERT);
    let messages = world.telegram.messages().all();
    let all = texts(&messages).concat();
    assert!(all.contains(&said_of(FAILING)), "{all}");
    assert!(all.matches(" (after ").count() + all.matches(": was down ").count() == 2, "each is over once: {all}");
    assert_eq!(subjects(&messages).last(), Some(&RESOLVED));
    let mails = mails(world, 4).await;
    assert!(mails[2].body.contains(&format!("RESOLVED:\n  • {} (after ", said_of(FAILING))), "{}", mails[2].body);
    let report = service.report().await;
    assert!(report["overall_ok"] == true && row(&report, FAILING)["state"] == "running", "{report:#}");
    service.stop().await;
}

#[test]
fn a_notifier_that_panics_over_and_over_is_told_of_by_the_others() {
    inside(a_notifier_keeps_failing(Chaos::Panic, quick().stuck_after));
}

#[test]
fn a_notifier_that_blocks_over_and_over_is_told_of_by_the_others() {
    inside(a_notifier_keeps_failing(Chaos::Block, Duration::from_millis(300)));
}

/// Whoever it is: it is seen at once, also if there can be no cycle without it, told as soon as there is one, and over.
async fn keeps_failing_and_recovers(actor: &str) {
    let mut home = Home::well();
    home.set("RESOLVE_AFTER", "1");
    let world = &home.world;
    let service = Inside::start(&home, strict(quick().stuck_after)).await;
    while_failing(&service, actor, Chaos::Panic, async {
        is_degraded(&service, actor).await;
        let report = service.report().await;
        assert!(issues(&report).contains(&said_of(actor).as_str()), "{report:#}");
        assert_eq!((&report["overall_ok"], &row(&report, actor)["state"]), (&false.into(), &"degraded".into()));
    })
    .await;
    let told = |text: &str| text.contains(&said_of(actor));
    // Until it is trusted again, it works as one that is degraded.
    let cycles = async {
        loop {
            let _ = service.watch.scheduler.call(auto_operator::actors::scheduler::RunCycle, SOON).await;
            tokio::task::yield_now().await;
        }
    };
    let over = async {
        has_recovered(&service, actor).await;
        for subject in [ALERT, RESOLVED] {
            let messages = world.telegram.messages();
            let heard =
                messages.wait_for(|message| message.text.starts_with(subject) && told(&message.text), SOON).await;
            assert!(heard.is_some(), "{actor}: {subject}");
            let mails = world.smtp.mails();
            assert!(mails.wait_for(|mail| mail.subject == subject && told(&mail.body), SOON).await.is_some());
        }
    };
    tokio::select! {
        () = over => {}
        () = cycles => {}
    }
    service.stop().await;
}

#[test]
fn whoever_keeps_failing_is_seen_told_of_and_recovers() {
    inside(async {
        futures_util::future::join_all(ACTORS.map(keeps_failing_and_recovers)).await;
    });
}
