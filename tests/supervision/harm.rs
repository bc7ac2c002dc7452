//! Every kind of failure ends in a fresh actor with a recorded reason, behind a handle that stays valid, and nobody else
//! feels it.

use std::{sync::atomic::Ordering::SeqCst, time::Duration};

use auto_operator::supervision::{ChildSpec, Reason, State};

use super::{patient::*, support::*};

/// Harms a patient and looks at what becomes of it, and of the bystander.
async fn harmed(harm: Harm, patience: Duration, expected: &[Reason], said: &str) {
    let supervisor = supervisor(quick());
    let mut news = News::of(&supervisor);
    let (bystander, of_bystander) = admit(&supervisor, ChildSpec::new("bystander"));
    let spec = ChildSpec::new("patient").block_after(patience).stuck_after(patience);
    let (patient, ward) = admit(&supervisor, spec);
    assert_eq!(patient.call(WhoAreYou, PATIENCE).await, Ok(1));
    assert_eq!(bystander.call(WhoAreYou, PATIENCE).await, Ok(1));

    patient.cast(Suffer(harm)).unwrap();
    let mut last = None;
    for reason in expected {
        let exit = news.exit_of("patient").await;
        assert_eq!(exit.reason, *reason, "{exit}");
        last = Some(exit);
    }
    let last = last.unwrap();
    assert!(last.message.contains(said), "{last}");

    let generation = patient.call(WhoAreYou, PATIENCE).await.unwrap();
    assert_eq!(generation, 1 + expected.len() as u64);
    let unborn = matches!(harm, Harm::PanicInFactory | Harm::BlockInFactory);
    assert_eq!(ward.starts.load(SeqCst), generation - u64::from(unborn), "each starts once");
    let seen = info(&supervisor, "patient");
    assert_eq!(seen.restarts(), expected.len() as u64);
    assert_eq!(seen.last_failure.as_deref(), Some(&last));
    assert!(seen.last_restart.is_some());
    news.wait(|_| (info(&supervisor, "patient").state == State::Running).then_some(())).await;

    assert_eq!(bystander.call(WhoAreYou, PATIENCE).await, Ok(1));
    assert_eq!(info(&supervisor, "bystander").restarts(), 0);
    assert_eq!(of_bystander.starts.load(SeqCst), 1);
    ward.gate.open();
    assert_eq!(supervisor.stop_all(PATIENCE).await, Some(vec![]));
}

macro_rules! harms {
    ($($name:ident: $harm:ident, $patience:expr => [$($reason:ident),+], $said:literal;)+) => {$(
        #[test]
        fn $name() {
            run(harmed(Harm::$harm, $patience, &[$(Reason::$reason),+], $said));
        }
    )+};
}

/// How long silence is borne where nobody is silent: for ever.
const ANY: Duration = PATIENCE;
/// How long silence is borne where somebody will be silent.
const SOME: Duration = Duration::from_millis(300);

harms! {
    a_panic_in_a_handler: PanicInHandler, ANY => [Panic], "in a handler";
    a_panic_in_an_act_future: PanicInActFuture, ANY => [Panic], "in a future";
    a_panic_in_a_spawned_future: PanicInSpawned, ANY => [Panic], "in a spawned future";
    a_panic_in_an_interval: PanicInInterval, ANY => [Panic], "in an interval";
    a_panic_in_started: PanicInStarted, ANY => [Stopped, Panic], "in started";
    a_panic_in_stopping: PanicInStopping, ANY => [Panic], "in stopping";
    a_panic_in_stopped: PanicInStopped, ANY => [Panic], "in stopped";
    a_panic_in_drop: PanicInDrop, ANY => [Panic], "in drop";
    a_panic_in_a_handler_and_in_drop: PanicInHandlerAndDrop, ANY => [Panic], "and once more";
    a_panic_in_the_factory: PanicInFactory, ANY => [Stopped, StartFailed], "in the factory";
    an_error: Fail, ANY => [Error], "given up";
    an_error_right_after_a_future_was_cancelled: FailAfterCancel, ANY => [Error], "given up";
    an_error_while_waiting: FailInWait, ANY => [Error], "given up";
    a_stop: Stop, ANY => [Stopped], "";
    a_termination: Terminate, ANY => [Stopped], "";
    a_thread_that_is_ended_under_it: EndThread, ANY => [ThreadLost], "";
    a_wait_without_end: WaitForEver, SOME => [Stuck], "took no message";
    an_atomic_response_without_end: AtomicForEver, SOME => [Stuck], "took no message";
    a_thread_blocked_in_a_handler: BlockInHandler, SOME => [Blocked], "thread did not answer";
    a_thread_blocked_in_a_future: BlockInFuture, SOME => [Blocked], "thread did not answer";
    a_thread_blocked_in_the_factory: BlockInFactory, SOME => [Stopped, Blocked], "thread did not answer";
    a_thread_blocked_by_a_detached_task: BlockDetached, SOME => [Blocked], "thread did not answer";
}
