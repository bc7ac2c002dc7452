//! Who keeps failing is closed, tried again from time to time, and recovers; too much of it all is the end.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use auto_operator::supervision::{AskError, ChildSpec, Event, Intensity, Limits, Reason, Refused, Restart, State};

use super::{patient::*, support::*};

#[test]
fn a_factory_that_always_fails_is_degraded_tried_again_and_recovers_when_it_can() {
    run(async {
        let supervisor = supervisor(quick());
        let mut news = News::of(&supervisor);
        let (bystander, _) = admit(&supervisor, ChildSpec::new("bystander"));
        let (broken, ward) = (Arc::new(AtomicBool::new(true)), Arc::new(Ward::default()));
        let patient = {
            let (broken, ward) = (Arc::clone(&broken), Arc::clone(&ward));
            let factory = move |env| {
                assert!(!broken.load(SeqCst), "no luck today");
                Patient::admit(env, Arc::clone(&ward))
            };
            supervisor.add(ChildSpec::new("patient"), factory).unwrap()
        };

        let mut delays = Vec::new();
        let retry_in = news
            .wait(|event| match event {
                Event::Restarting { delay, .. } => {
                    delays.push(delay);
                    None
                }
                Event::Degraded { retry_in, .. } => Some(retry_in),
                _ => None,
            })
            .await;
        assert_eq!(delays.len(), 5, "five restarts are borne");
        assert_eq!(delays[0], Duration::ZERO);
        for (delay, nominal) in delays[1..].iter().zip([2, 4, 8, 16]) {
            let nominal = Duration::from_millis(nominal);
            assert!(*delay >= nominal.mul_f64(0.79) && *delay <= nominal.mul_f64(1.21), "{delay:?} for {nominal:?}");
        }
        assert!((40..=60).contains(&retry_in.as_millis()), "{retry_in:?}");

        // It fails every time it is tried, and is never waited for meanwhile.
        for _ in 0..2 {
            news.wait(|event| matches!(event, Event::Degraded { .. }).then_some(())).await;
            assert_eq!(info(&supervisor, "patient").state, State::Degraded);
        }
        assert_eq!(bystander.call(WhoAreYou, PATIENCE).await, Ok(1));
        let failure = info(&supervisor, "patient").last_failure.unwrap();
        assert_eq!((failure.reason, failure.message.as_str()), (Reason::StartFailed, "no luck today"));

        broken.store(false, SeqCst);
        news.wait(|event| matches!(event, Event::Started { id, .. } if &*id == "patient").then_some(())).await;
        assert_eq!(info(&supervisor, "patient").state, State::Degraded, "on trial it is not trusted yet");
        news.wait(|event| matches!(event, Event::Recovered { .. }).then_some(())).await;
        assert_eq!(info(&supervisor, "patient").state, State::Running);
        assert!(patient.call(WhoAreYou, PATIENCE).await.is_ok());
        assert_eq!(supervisor.stop_all(PATIENCE).await, Some(vec![]));
    });
}

#[test]
fn a_degraded_child_is_not_waited_for() {
    run(async {
        let limits = Limits {
            intensity: Intensity { restarts: 0, within: PATIENCE },
            retry_degraded: Duration::from_secs(3_600),
            ..quick()
        };
        let supervisor = supervisor(limits);
        let mut news = News::of(&supervisor);
        let (patient, _) = admit(&supervisor, ChildSpec::new("patient"));
        assert_eq!(patient.call(WhoAreYou, PATIENCE).await, Ok(1));
        patient.cast(Suffer(Harm::PanicInHandler)).unwrap();
        news.wait(|event| matches!(event, Event::Degraded { .. }).then_some(())).await;

        assert_eq!(patient.ask(WhoAreYou, PATIENCE).await, Err(AskError::Unavailable));
        assert_eq!(patient.call(WhoAreYou, PATIENCE).await, Err(AskError::Unavailable));
        assert!(matches!(patient.cast(Visit), Err(Refused::Unavailable(Visit))));

        supervisor.restart("patient").unwrap();
        news.wait(|event| matches!(event, Event::Started { generation: 3, .. }).then_some(())).await;
        assert_eq!(patient.call(WhoAreYou, PATIENCE).await, Ok(3));
        assert_eq!(info(&supervisor, "patient").restarts_by, [(Reason::Manual, 1)]);
    });
}

#[test]
fn too_many_failures_of_all_together_are_the_end() {
    run(async {
        let limits = Limits { root_intensity: Intensity { restarts: 5, within: PATIENCE }, ..quick() };
        let (supervisor, mut resorted) = resorting(limits);
        let mut news = News::of(&supervisor);
        let patients = ["a", "b", "c"].map(|id| admit(&supervisor, ChildSpec::new(id)).0);
        for n in 0..6 {
            let patient = &patients[n % 3];
            patient.call(WhoAreYou, PATIENCE).await.unwrap();
            patient.cast(Suffer(Harm::PanicInHandler)).unwrap();
            news.exit_of(patient.id()).await;
        }
        let why = resorted.recv().await.unwrap();
        assert_eq!(why.exit_code(), 70);
        assert!(why.to_string().starts_with("more than 5 failures of all actors"), "{why}");
        assert!(supervisor.children().iter().all(|child| child.state == State::Stopped), "stopped in order before");
    });
}

#[test]
fn an_essential_child_that_stays_degraded_is_the_end() {
    run(async {
        let (supervisor, mut resorted) = resorting(quick());
        let spec = ChildSpec::new("heart").essential(Duration::from_millis(50));
        let _handle = supervisor.add(spec, |_| -> Patient { panic!("never") }).unwrap();
        let why = resorted.recv().await.unwrap();
        assert!(why.to_string().starts_with("heart is essential"), "{why}");
    });
}

#[test]
fn who_may_end_for_good_does() {
    run(async {
        let supervisor = supervisor(quick());
        let mut news = News::of(&supervisor);
        let (transient, _) = admit(&supervisor, ChildSpec::new("transient").restart(Restart::Transient));
        let (temporary, _) = admit(&supervisor, ChildSpec::new("temporary").restart(Restart::Temporary));

        transient.cast(Suffer(Harm::PanicInHandler)).unwrap();
        news.wait(|event| matches!(event, Event::Started { generation: 2, .. }).then_some(())).await;
        transient.cast(Suffer(Harm::Stop)).unwrap();
        news.wait(|event| matches!(event, Event::Stopped { .. }).then_some(())).await;
        assert_eq!(transient.state(), State::Stopped);

        temporary.cast(Suffer(Harm::PanicInHandler)).unwrap();
        news.wait(|event| matches!(event, Event::Stopped { .. }).then_some(())).await;
        assert_eq!(temporary.state(), State::Stopped);
        assert_eq!(temporary.call(WhoAreYou, PATIENCE).await, Err(AskError::Unavailable));
        assert_eq!(supervisor.stop_all(PATIENCE).await, Some(vec![]));
    });
}
