//! What becomes of messages, before, during and after a restart.

use std::{sync::atomic::Ordering::SeqCst, time::Duration};

use auto_operator::supervision::{AskError, ChildSpec, Context, DuplicateChild, Refused, Sender};

use super::{patient::*, support::*};

#[test]
fn what_is_sent_before_the_start_waits_for_it() {
    run(async {
        let supervisor = supervisor(quick());
        let vacancy = ChildSpec::new("patient").vacancy::<Patient>();
        let neighbour = vacancy.handle().sender::<WhoAreYou>();
        let asked = neighbour.ask(WhoAreYou, PATIENCE);
        let ward = std::sync::Arc::<Ward>::default();
        supervisor.add(vacancy, move |env| Patient::admit(env, ward.clone())).unwrap();
        assert_eq!(asked.await, Ok(1));
        assert_eq!(supervisor.stop_all(PATIENCE).await, Some(vec![]));
    });
}

#[test]
fn an_ask_dies_with_its_actor_and_a_call_is_answered_by_the_next() {
    run(async {
        let supervisor = supervisor(quick());
        let spec = ChildSpec::new("patient").stuck_after(Duration::from_millis(200));
        let (patient, _) = admit(&supervisor, spec);
        patient.cast(Suffer(Harm::WaitForEver)).unwrap();
        let (ask, call) = (patient.ask(WhoAreYou, PATIENCE), patient.call(WhoAreYou, PATIENCE));
        assert_eq!(tokio::join!(ask, call), (Err(AskError::Lost), Ok(2)));
        assert_eq!(supervisor.stop_all(PATIENCE).await, Some(vec![]));
    });
}

#[test]
fn a_call_leaves_a_blocked_actor_as_soon_as_that_is_replaced() {
    run(async {
        let supervisor = supervisor(quick());
        let spec = ChildSpec::new("patient").block_after(Duration::from_millis(200));
        let (patient, ward) = admit(&supervisor, spec);
        patient.cast(Suffer(Harm::BlockInHandler)).unwrap();
        assert_eq!(patient.call(WhoAreYou, PATIENCE).await, Ok(2));
        ward.gate.open();
        assert_eq!(supervisor.stop_all(PATIENCE).await, Some(vec![]));
    });
}

#[test]
fn mailbox_and_asks_are_bounded_and_a_deadline_is_kept() {
    run(async {
        let supervisor = supervisor(quick());
        let (patient, ward) = admit(&supervisor, ChildSpec::new("patient").mailbox(4).asks(2));
        assert_eq!(patient.call(WhoAreYou, PATIENCE).await, Ok(1));
        patient.cast(Suffer(Harm::BlockInHandler)).unwrap();
        until(|| ward.blocked.load(SeqCst)).await;

        let taken = (0..100).take_while(|_| patient.cast(Visit).is_ok()).count();
        assert_eq!(taken, 4);
        assert!(matches!(patient.cast(Visit), Err(Refused::Full(Visit))));

        let short = Duration::from_millis(20);
        let (first, second) = (patient.ask(WhoAreYou, short), patient.ask(WhoAreYou, short));
        assert_eq!(patient.ask(WhoAreYou, PATIENCE).await, Err(AskError::Busy));
        assert_eq!(tokio::join!(first, second), (Err(AskError::Late), Err(AskError::Late)));
        assert_eq!(info(&supervisor, "patient").asks_in_flight, 0);

        ward.gate.open();
        assert_eq!(patient.call(WhoAreYou, PATIENCE).await, Ok(1));
        assert_eq!(ward.visits.load(SeqCst), taken as u64);
        // What the blocked handler spawned runs on the actor's own thread, perhaps after this answer.
        until(|| ward.futures.load(SeqCst) == 1).await;
        assert_eq!(supervisor.stop_all(PATIENCE).await, Some(vec![]));
    });
}

/// Whatever the moment, a message is taken by some generation or comes back; the handle itself is never dead.
#[test]
fn no_message_is_refused_while_actors_come_and_go() {
    run(async {
        let supervisor = supervisor(auto_operator::supervision::Limits {
            intensity: auto_operator::supervision::Intensity { restarts: 1_000, within: PATIENCE },
            quiet: Duration::ZERO,
            ..quick()
        });
        let (patient, _) = admit(&supervisor, ChildSpec::new("patient").mailbox(100_000));
        let other = patient.clone();
        let caster = std::thread::spawn(move || (0..20_000).filter(|_| other.cast(Visit).is_err()).count());
        for _ in 0..100 {
            patient.cast(Suffer(Harm::PanicInHandler)).unwrap();
            patient.call(WhoAreYou, PATIENCE).await.unwrap();
        }
        assert_eq!(caster.join().unwrap(), 0);
        assert_eq!(supervisor.stop_all(PATIENCE).await, Some(vec![]));
    });
}

#[test]
fn an_actor_can_be_tried_alone_and_any_recipient_can_be_its_neighbour() {
    run(async {
        let supervisor = supervisor(quick());
        let (patient, _) = admit(&supervisor, ChildSpec::new("patient"));
        let env = patient.call(WhoAreYou, PATIENCE).await;
        assert_eq!(env, Ok(1));

        struct Echo;
        impl actix::Actor for Echo {
            type Context = Context<Self>;
        }
        impl actix::Handler<WhoAreYou> for Echo {
            type Result = u64;
            fn handle(&mut self, WhoAreYou: WhoAreYou, ctx: &mut Self::Context) -> u64 {
                assert!(ctx.env().is_current());
                77
            }
        }
        let neighbour: Sender<WhoAreYou> = Context::alone(Echo).recipient().into();
        assert_eq!(neighbour.call(WhoAreYou, PATIENCE).await, Ok(77));
        assert_eq!(supervisor.stop_all(PATIENCE).await, Some(vec![]));
    });
}

#[test]
fn a_name_belongs_to_one_child() {
    run(async {
        let supervisor = supervisor(quick());
        let (_, ward) = admit(&supervisor, ChildSpec::new("patient"));
        let again = supervisor.add(ChildSpec::new("patient"), move |env| Patient::admit(env, ward.clone()));
        assert_eq!(again.map(drop), Err(DuplicateChild("patient".into())));
        assert_eq!(supervisor.children().len(), 1);
        assert_eq!(supervisor.stop_all(PATIENCE).await, Some(vec![]));
    });
}
