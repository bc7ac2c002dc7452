//! The ordered stop, and the last resort.

use std::{
    process::Command,
    sync::{Arc, Mutex, atomic::Ordering::SeqCst},
    time::Duration,
};

use actix::{Actor, ActorContext, AsyncContext, Handler, Message, Running};
use auto_operator::supervision::{ChildSpec, Context, Limits, State, Supervisor, install_panic_hook};

use super::{patient::*, support::*};

/// Writes down when it is stopped; may take a message more before.
struct Witness {
    name: &'static str,
    book: Arc<Mutex<Vec<String>>>,
    /// How often it says "not yet".
    reluctance: u32,
}

impl Actor for Witness {
    type Context = Context<Self>;

    fn stopping(&mut self, ctx: &mut Self::Context) -> Running {
        match self.reluctance.checked_sub(1) {
            None => Running::Stop,
            Some(left) => {
                self.reluctance = left;
                ctx.run_later(Duration::from_millis(1), |_, ctx| ctx.stop());
                Running::Continue
            }
        }
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        self.book.lock().unwrap().push(self.name.to_owned());
    }
}

struct Note(&'static str);

impl Message for Note {
    type Result = ();
}

impl Handler<Note> for Witness {
    type Result = ();

    fn handle(&mut self, Note(text): Note, _: &mut Self::Context) {
        self.book.lock().unwrap().push(text.to_owned());
    }
}

#[test]
fn children_stop_in_the_reverse_order_of_their_starts_and_read_their_mail_first() {
    run(async {
        let supervisor = supervisor(quick());
        let book = Arc::<Mutex<Vec<String>>>::default();
        let witness = |name, reluctance| {
            let book = Arc::clone(&book);
            supervisor
                .add(ChildSpec::new(name).shutdown(PATIENCE), move |_| Witness {
                    name,
                    book: Arc::clone(&book),
                    reluctance,
                })
                .unwrap()
        };
        let (first, _second, third) = (witness("first", 0), witness("second", 3), witness("third", 0));
        third.cast(Note("mail of the third")).unwrap();
        first.cast(Note("mail of the first")).unwrap();
        first.ask(Note("read"), PATIENCE).await.unwrap();
        assert_eq!(supervisor.stop_all(PATIENCE).await, Some(vec![]));
        let book = book.lock().unwrap().iter().filter(|line| !line.contains(' ')).cloned().collect::<Vec<_>>();
        assert_eq!(book, ["read", "third", "second", "first"]);
        assert!(supervisor.children().iter().all(|child| child.state == State::Stopped));
        assert!(first.cast(Note("too late")).is_err());
    });
}

#[test]
fn who_does_not_stop_is_cut_off_and_the_others_stop_in_order_all_the_same() {
    run(async {
        let supervisor = supervisor(quick());
        let moment = Duration::from_millis(50);
        let (_calm, _) = admit(&supervisor, ChildSpec::new("calm"));
        let (hung, _) = admit(&supervisor, ChildSpec::new("hung").shutdown(moment));
        let (blocked, ward) = admit(&supervisor, ChildSpec::new("blocked").shutdown(moment));
        hung.cast(Suffer(Harm::WaitForEver)).unwrap();
        blocked.cast(Suffer(Harm::BlockInHandler)).unwrap();
        let cut_off = supervisor.stop_all(PATIENCE).await.unwrap();
        assert_eq!(cut_off, ["blocked".into(), "hung".into()]);
        assert!(supervisor.children().iter().all(|child| child.state == State::Stopped));
        ward.gate.open();
    });
}

#[test]
fn the_deadline_of_the_whole_stop_is_kept() {
    run(async {
        let supervisor = supervisor(quick());
        let ids = ["a", "b", "c", "d"];
        let hung = ids.map(|id| admit(&supervisor, ChildSpec::new(id).shutdown(PATIENCE)).0);
        for patient in &hung {
            patient.cast(Suffer(Harm::WaitForEver)).unwrap();
        }
        let asked = std::time::Instant::now();
        let cut_off = supervisor.stop_all(Duration::from_millis(50)).await;
        assert!(asked.elapsed() < PATIENCE / 2);
        assert_eq!(cut_off.map(|ids| ids.len()), Some(4));
    });
}

#[test]
fn after_the_stop_nothing_is_started() {
    run(async {
        let supervisor = supervisor(quick());
        assert!(supervisor.is_alive());
        supervisor.stop_all(PATIENCE).await.unwrap();
        assert!(!supervisor.is_alive());
        let (patient, ward) = admit(&supervisor, ChildSpec::new("patient"));
        assert_ne!(patient.ask(WhoAreYou, Duration::from_millis(10)).await, Ok(1));
        assert_eq!(ward.starts.load(SeqCst), 0);
        assert_eq!(supervisor.stop_all(Duration::from_millis(10)).await, None);
    });
}

#[test]
fn a_supervisor_that_stands_still_ends_the_process_with_71() {
    let code = in_own_process("a_supervisor_that_stands_still_ends_the_process_with_71", async {
        let limits = Limits { watchdog: Duration::from_millis(100), ..quick() };
        let supervisor = Supervisor::start_here(limits, |why| why.exit()).unwrap();
        let (patient, _) = admit(&supervisor, ChildSpec::new("patient").beside_supervisor());
        let _ = patient.call(Suffer(Harm::BlockInHandler), PATIENCE).await;
    });
    assert_eq!(code, Some(71));
}

#[test]
fn an_escalation_ends_the_process_with_70() {
    let code = in_own_process("an_escalation_ends_the_process_with_70", async {
        let supervisor = Supervisor::start(quick(), |why| why.exit()).unwrap();
        let spec = ChildSpec::new("heart").essential(Duration::ZERO);
        let _handle = supervisor.add(spec, |_| -> Patient { panic!("never") }).unwrap();
        std::future::pending::<()>().await;
    });
    assert_eq!(code, Some(70));
}

#[test]
fn panics_and_errors_are_recorded_with_their_source_line() {
    let code = in_own_process("panics_and_errors_are_recorded_with_their_source_line", async {
        install_panic_hook();
        let supervisor = supervisor(quick());
        let mut news = News::of(&supervisor);
        let (patient, _) = admit(&supervisor, ChildSpec::new("patient"));
        for harm in [Harm::PanicInHandler, Harm::Fail] {
            patient.cast(Suffer(harm)).unwrap();
            let exit = news.exit_of("patient").await;
            assert!(exit.place.unwrap().contains("patient.rs:"));
        }
    });
    assert_eq!(code, Some(0));
}

/// Runs `test`, which is `name`, in a process of its own: one that it may end.
fn in_own_process(name: &str, test: impl Future<Output = ()>) -> Option<i32> {
    const MARK: &str = "SUPERVISION_TEST_PROCESS";
    if std::env::var_os(MARK).is_some() {
        run(test);
        return Some(0);
    }
    let mut myself = Command::new(std::env::current_exe().unwrap());
    myself.env(MARK, "1").args(["--exact", &format!("closing::{name}")]);
    myself.output().unwrap().status.code()
}
