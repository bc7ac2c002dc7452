//! A thread that was given up wakes up: it finishes the handler it was in, and nothing else.

use std::{sync::atomic::Ordering::SeqCst, time::Duration};

use auto_operator::supervision::{ChildSpec, Event, Limits, Reason};

use super::{patient::*, support::*};

const SOME: Duration = Duration::from_millis(300);

#[test]
fn a_zombie_takes_no_message_runs_no_future_and_is_not_current() {
    run(async {
        let supervisor = supervisor(quick());
        let mut news = News::of(&supervisor);
        let (patient, ward) = admit(&supervisor, ChildSpec::new("patient").block_after(SOME));
        assert_eq!(patient.call(WhoAreYou, PATIENCE).await, Ok(1));

        // Unfenced, one turn would take all of these: the block, a future spawned before it, and the visits behind it.
        patient.cast(Suffer(Harm::BlockInHandler)).unwrap();
        for _ in 0..3 {
            patient.cast(Visit).unwrap();
        }
        let abandoned = |event| matches!(event, Event::Abandoned { threads: 1, .. }).then_some(());
        news.wait(abandoned).await;
        assert_eq!(patient.call(WhoAreYou, PATIENCE).await, Ok(2));
        patient.cast(Visit).unwrap();
        assert!(!ward.woken.load(SeqCst));

        ward.gate.open();
        until(|| ward.woken.load(SeqCst) && supervisor.abandoned_threads() == 0).await;
        assert_eq!(patient.call(WhoAreYou, PATIENCE).await, Ok(2));
        assert_eq!(ward.visits.load(SeqCst), 1, "the three visits died with the mailbox of the first generation");
        assert_eq!(ward.futures.load(SeqCst), 0, "and so did the future that it had spawned");
        assert_eq!(supervisor.stop_all(PATIENCE).await, Some(vec![]));
    });
}

#[test]
fn threads_blocked_without_end_are_counted_and_at_last_too_many() {
    run(async {
        let limits = Limits { abandoned_threads: 1, ..quick() };
        let (supervisor, mut resorted) = resorting(limits);
        let mut news = News::of(&supervisor);
        let (patient, ward) = admit(&supervisor, ChildSpec::new("patient").block_after(SOME));
        for generation in 1..=2 {
            assert_eq!(patient.call(WhoAreYou, PATIENCE).await, Ok(generation));
            patient.cast(Suffer(Harm::BlockInHandler)).unwrap();
            assert_eq!(news.exit_of("patient").await.reason, Reason::Blocked);
        }
        let why = resorted.recv().await.unwrap();
        assert_eq!((why.to_string().as_str(), why.exit_code()), ("2 threads are blocked", 70));
        ward.gate.open();
    });
}
