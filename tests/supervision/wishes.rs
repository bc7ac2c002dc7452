//! Restart, removal and harm on request.

use std::{sync::atomic::Ordering::SeqCst, time::Duration};

use auto_operator::supervision::{Chaos, ChildSpec, Event, Intensity, Limits, Reason, State, UnknownChild};

use super::{patient::*, support::*};

#[test]
fn a_restart_by_hand_replaces_one_actor_and_is_no_failure() {
    run(async {
        let supervisor = supervisor(quick());
        let mut news = News::of(&supervisor);
        let (patient, ward) = admit(&supervisor, ChildSpec::new("patient"));
        for generation in 1..=20 {
            assert_eq!(patient.call(WhoAreYou, PATIENCE).await, Ok(generation));
            supervisor.restart("patient").unwrap();
            assert_eq!(news.exit_of("patient").await.reason, Reason::Manual);
        }
        assert_eq!(patient.call(WhoAreYou, PATIENCE).await, Ok(21));
        assert_eq!(ward.starts.load(SeqCst), 21);
        let seen = info(&supervisor, "patient");
        assert_eq!((seen.restarts_by, seen.last_failure), (vec![(Reason::Manual, 20)], None));
        assert_eq!(supervisor.restart("nobody"), Err(UnknownChild));
        assert_eq!(supervisor.stop_all(PATIENCE).await, Some(vec![]));
    });
}

#[test]
fn a_restart_by_hand_does_not_wait_for_an_actor_that_hangs() {
    run(async {
        let supervisor = supervisor(quick());
        let (patient, _) = admit(&supervisor, ChildSpec::new("patient").shutdown(Duration::from_millis(20)));
        patient.cast(Suffer(Harm::WaitForEver)).unwrap();
        supervisor.restart("patient").unwrap();
        assert_eq!(patient.call(WhoAreYou, PATIENCE).await, Ok(2));
        assert_eq!(supervisor.stop_all(PATIENCE).await, Some(vec![]));
    });
}

#[test]
fn a_child_that_is_removed_is_gone_and_its_name_is_free() {
    run(async {
        let supervisor = supervisor(quick());
        let mut news = News::of(&supervisor);
        let (patient, _) = admit(&supervisor, ChildSpec::new("patient"));
        let (_other, _) = admit(&supervisor, ChildSpec::new("other"));
        supervisor.remove("patient").unwrap();
        news.wait(|event| matches!(event, Event::Stopped { .. }).then_some(())).await;
        assert_eq!(supervisor.children().len(), 1);
        assert_eq!(patient.state(), State::Stopped);
        let (again, _) = admit(&supervisor, ChildSpec::new("patient"));
        assert_eq!(again.call(WhoAreYou, PATIENCE).await, Ok(1));
        assert_eq!(supervisor.stop_all(PATIENCE).await, Some(vec![]));
    });
}

#[test]
fn every_actor_can_be_harmed_in_every_way() {
    let expected = |chaos| match chaos {
        Chaos::Panic => Reason::Panic,
        Chaos::Stop => Reason::Stopped,
        Chaos::Hang => Reason::Stuck,
        Chaos::Block => Reason::Blocked,
    };
    run(async {
        let supervisor = supervisor(quick());
        let mut news = News::of(&supervisor);
        let some = Duration::from_millis(300);
        let (patient, _) = admit(&supervisor, ChildSpec::new("patient").block_after(some).stuck_after(some));
        for (chaos, generation) in Chaos::ALL.into_iter().zip(1..) {
            assert_eq!(patient.call(WhoAreYou, PATIENCE).await, Ok(generation));
            supervisor.harm("patient", chaos).unwrap();
            assert_eq!(news.exit_of("patient").await.reason, expected(chaos));
        }
        assert_eq!(patient.call(WhoAreYou, PATIENCE).await, Ok(5));
        // The thread that was blocked on purpose comes back of itself.
        until(|| supervisor.abandoned_threads() == 0).await;
        assert_eq!(supervisor.stop_all(PATIENCE).await, Some(vec![]));
    });
}

#[test]
fn after_a_storm_of_harm_everybody_answers_and_every_thread_is_back() {
    run(async {
        let seed = fastrand::u64(..);
        println!("seed {seed}");
        let mut dice = fastrand::Rng::with_seed(seed);
        let limits = Limits { intensity: Intensity { restarts: 1_000, within: PATIENCE }, ..quick() };
        let supervisor = supervisor(limits);
        let mut news = News::of(&supervisor);
        let some = Duration::from_millis(100);
        let ids = ["a", "b", "c", "d"];
        let patients = ids.map(|id| admit(&supervisor, ChildSpec::new(id).block_after(some).stuck_after(some)).0);
        for _ in 0..40 {
            let (id, chaos) = (ids[dice.usize(..ids.len())], Chaos::ALL[dice.usize(..Chaos::ALL.len())]);
            supervisor.harm(id, chaos).unwrap();
            news.exit_of(id).await;
            for patient in &patients {
                assert!(patient.call(WhoAreYou, PATIENCE).await.is_ok());
            }
        }
        until(|| supervisor.abandoned_threads() == 0).await;
        assert!(supervisor.children().iter().map(|child| child.restarts()).sum::<u64>() >= 40);
        supervisor.stop_all(PATIENCE).await.unwrap();
    });
}
