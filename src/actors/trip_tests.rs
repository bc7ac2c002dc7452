//! Trips to a channel that does as it is told, with a store in memory.

use std::cell::RefCell;
use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta};
use futures_util::future::LocalBoxFuture;
use tokio::runtime::Handle;

use super::*;
use crate::actors::delivery_board::DeliveryBoard;
use crate::actors::leadership::{Leadership, Standing, Term};
use crate::actors::moment::Moment;
use crate::actors::pace::Pace;
use crate::actors::telemetry::Telemetry;
use crate::channels::{Asked, Audience, ChannelSpec};
use crate::domain::bulletin::Bulletin;
use crate::domain::delivery::DeliveryState;
use crate::domain::maintenance::Windows;
use crate::domain::message::{self, Message, Wording};
use crate::domain::notice::NoticeKind;
use crate::store::{Location, Store};

/// What a channel was given.
#[derive(Clone, Debug, PartialEq)]
struct Given {
    id: String,
    body: String,
    thread_answer: Option<String>,
    part: Option<String>,
    news: Option<String>,
}

/// Answers in order; then it takes everything.
#[derive(Default)]
struct Scripted {
    answers: RefCell<VecDeque<Result<Receipt, Refusal>>>,
    given: RefCell<Vec<Given>>,
}

impl Channel for Scripted {
    fn send<'a>(&'a self, letter: Letter<'a>, _: Duration) -> LocalBoxFuture<'a, Result<Receipt, Refusal>> {
        self.given.borrow_mut().push(Given {
            id: letter.id.into(),
            body: letter.body.into(),
            thread_answer: letter.thread_answer.map(Into::into),
            part: letter.part.map(Into::into),
            news: letter.news.map(|news| news.body.clone()),
        });
        let answer = self.answers.borrow_mut().pop_front();
        let taken = Receipt { answer: "taken".into(), memory: None };
        async move { answer.unwrap_or(Ok(taken)) }.boxed_local()
    }

    fn examine(&self, _: Instant) -> LocalBoxFuture<'_, Vec<Asked>> {
        async { vec![] }.boxed_local()
    }
}

struct Stage {
    route: Route,
    scripted: Rc<Scripted>,
    channel: Rc<dyn Channel>,
}

impl Stage {
    async fn with(answers: impl IntoIterator<Item = Result<Receipt, Refusal>>) -> Self {
        let store = Store::open(&Location::Memory, Handle::current()).await.unwrap();
        let scripted =
            Rc::new(Scripted { answers: RefCell::new(answers.into_iter().collect()), ..Scripted::default() });
        let channel: Rc<dyn Channel> = Rc::clone(&scripted) as _;
        let nobody = || -> Rc<dyn Channel> { Rc::new(Scripted::default()) };
        let route = Route {
            channel: ChannelSpec { name: "email", audience: Audience::Told, pace: None, build: Arc::new(nobody) },
            ledger: Ledger::new(store),
            owner: "us".into(),
            deadline: Duration::from_secs(5),
            pace: Pace::new(None),
            leadership: Leadership::fixed(Standing::Beside),
            maintenance: Windows::default(),
            wording: wording(),
            board: DeliveryBoard::new(["email"]),
            telemetry: Telemetry::new(Utc::now(), &["email"]).unwrap(),
        };
        Self { route, scripted, channel }
    }

    async fn post(&self, notices: impl IntoIterator<Item = Notice>) {
        self.route.ledger.post(notices.into_iter().collect()).await.unwrap();
    }

    /// It was posted a day ago, and refused for the first time then.
    async fn post_in_vain(&self, id: &str) {
        let (ledger, then) = (&self.route.ledger, Utc::now() - delivery::GIVE_UP_AFTER);
        self.post([notice(id, then)]).await;
        let claimed = ledger.claim("email", then, then, "me", |_, newest| newest).await.unwrap();
        assert_eq!(claimed.unwrap().notice.id, id);
        ledger.failed(id, then, "timeout", Some(then)).await.unwrap();
    }

    async fn trip(&self) -> Outcome {
        make(&self.route, &self.channel).await
    }

    fn given(&self) -> Vec<Given> {
        self.scripted.given.borrow().clone()
    }

    /// The state of the channel, how many notices wait, and the last error.
    fn shown(&self) -> (DeliveryState, u64, Option<String>) {
        let known = self.route.board.known();
        (known[0].state, known[0].pending, known[0].last_error.clone())
    }
}

fn wording() -> Wording {
    Wording { service: "EchoPilot".into(), public_url: None, window: Duration::from_secs(86_400) }
}

/// That the service was started then.
fn notice(id: &str, created: DateTime<Utc>) -> Notice {
    let bulletin = Bulletin::started(id, Duration::from_secs(300), created);
    let Message { subject, body } = message::bulletin(&bulletin, &wording());
    Notice {
        id: id.into(),
        channel: "email".into(),
        kind: NoticeKind::Lifecycle,
        subject,
        body,
        thread: None,
        created,
        incidents: vec![],
        content: Some(bulletin.to_json()),
        not_before: None,
    }
}

fn later(text: &str) -> Result<Receipt, Refusal> {
    Err(Refusal::new(Retry::Later(None), text))
}

/// Bob has it; the others are put off.
fn partly() -> Result<Receipt, Refusal> {
    let part = Part { memory: "bob has it".into(), answer: "250 OK".into() };
    Err(Refusal { part: Some(part), ..Refusal::new(Retry::Later(None), "server fault (450): full (to eve)") })
}

#[tokio::test]
async fn what_is_refused_for_a_time_waits_and_for_a_day_at_most() {
    let stage = Stage::with([later("timeout"), later("timeout")]).await;
    stage.post([notice("fresh", Utc::now())]).await;
    assert_eq!(stage.trip().await, Outcome::Refused);
    assert_eq!(stage.shown(), (DeliveryState::Retrying, 1, Some("timeout".into())));
    assert!(matches!(stage.trip().await, Outcome::Nothing(Some(next)) if next > Utc::now()));

    let stage = Stage::with([later("timeout")]).await;
    stage.post_in_vain("old").await;
    assert_eq!(stage.trip().await, Outcome::Refused);
    assert_eq!(stage.shown(), (DeliveryState::Failing, 0, Some("timeout".into())));
    assert_eq!(stage.trip().await, Outcome::Nothing(None));
    stage.post([notice("next", Utc::now())]).await;
    assert_eq!(stage.trip().await, Outcome::Delivered);
    assert_eq!(stage.shown(), (DeliveryState::Ok, 0, None));
}

#[tokio::test]
async fn in_a_maintenance_nobody_is_told_what_waits_and_a_board_shows_it() {
    let mut stage = Stage::with([]).await;
    let days = [Utc::now(), Utc::now() + TimeDelta::days(1)].map(|day| day.format("%a").to_string());
    stage.route.maintenance = Windows::parse(&format!("{} 00:00-24:00", days.join(","))).unwrap();
    assert_eq!(stage.trip().await, Outcome::Nothing(None), "nothing waits");
    stage.post([notice("before", Utc::now())]).await;
    let end = stage.route.maintenance.until(Utc::now());
    assert_eq!(stage.trip().await, Outcome::Nothing(end));
    assert_eq!(stage.given(), []);
    stage.route.channel.audience = Audience::Shown;
    assert_eq!(stage.trip().await, Outcome::Delivered);
}

#[tokio::test]
async fn what_had_to_wait_for_its_first_try_is_not_given_up_after_it() {
    let stage = Stage::with([later("timeout")]).await;
    stage.post([notice("old", Utc::now() - 2 * delivery::GIVE_UP_AFTER)]).await;
    assert_eq!(stage.trip().await, Outcome::Refused);
    assert!(matches!(stage.trip().await, Outcome::Nothing(Some(next)) if next > Utc::now()));
}

#[tokio::test]
async fn what_waited_goes_out_as_one() {
    let stage = Stage::with([]).await;
    let now = Utc::now();
    stage.post([notice("1.0", now - TimeDelta::minutes(2)), notice("1.1", now - TimeDelta::minutes(1))]).await;
    assert_eq!(stage.trip().await, Outcome::Delivered);
    assert_eq!(stage.trip().await, Outcome::Nothing(None));
    let given = stage.given();
    assert_eq!((given.len(), given[0].id.as_str(), &given[0].news), (1, "1.1", &None));
    assert!(given[0].body.contains("version 1.0") && given[0].body.contains("version 1.1"), "{}", given[0].body);
}

#[tokio::test]
async fn the_channel_is_reminded_of_the_part_that_was_taken() {
    let stage = Stage::with([partly()]).await;
    stage.post([notice("1.0", Utc::now())]).await;
    assert_eq!(stage.trip().await, Outcome::Refused);
    stage.route.ledger.hasten("1.0", Utc::now()).await.unwrap();
    assert!(matches!(stage.trip().await, Outcome::Nothing(Some(_))), "nobody waits behind it");

    // Somebody does.
    stage.post([notice("1.1", Utc::now()), notice("1.2", Utc::now())]).await;
    assert_eq!(stage.trip().await, Outcome::Delivered);
    let given = stage.given();
    assert_eq!(given[0].part, None);
    assert_eq!((given[1].id.as_str(), given[1].part.as_deref()), ("1.2", Some("bob has it")));
    assert!(given[1].body.contains("version 1.0") && given[1].body.contains("version 1.2"), "{}", given[1].body);
    let news = given[1].news.as_deref().unwrap();
    assert!(!news.contains("version 1.0") && news.contains("version 1.1") && news.contains("version 1.2"), "{news}");

    stage.post([notice("1.3", Utc::now())]).await;
    assert_eq!(stage.trip().await, Outcome::Delivered);
    assert_eq!((&stage.given()[2].part, &stage.given()[2].news), (&None, &None), "that is another letter");
}

#[tokio::test]
async fn who_has_a_part_is_told_what_is_new_even_if_that_was_refused_once() {
    let stage = Stage::with([partly(), later("421 busy")]).await;
    stage.post([notice("1.0", Utc::now())]).await;
    assert_eq!(stage.trip().await, Outcome::Refused);
    stage.post([notice("1.1", Utc::now())]).await;
    assert_eq!(stage.trip().await, Outcome::Refused, "nobody took any of it");
    stage.post([notice("1.2", Utc::now())]).await;
    assert_eq!(stage.trip().await, Outcome::Delivered);
    let given = &stage.given()[2];
    assert_eq!((given.id.as_str(), given.part.as_deref()), ("1.2", Some("bob has it")));
    let news = given.news.as_deref().unwrap();
    assert!(!news.contains("version 1.0") && news.contains("version 1.1") && news.contains("version 1.2"), "{news}");
}

#[tokio::test]
async fn what_a_part_has_stays_told_if_what_is_new_is_refused_for_good() {
    let never = Err(Refusal::new(Retry::Never, "unauthorized (535)"));
    let stage = Stage::with([partly(), later("421 busy"), never]).await;
    stage.post([notice("1.0", Utc::now())]).await;
    assert_eq!(stage.trip().await, Outcome::Refused);
    for id in ["1.1", "1.2"] {
        stage.post([notice(id, Utc::now())]).await;
        assert_eq!(stage.trip().await, Outcome::Refused);
    }
    let receipt = async |id| stage.route.ledger.receipt_of(id).await.unwrap();
    assert_eq!(receipt("1.0").await.as_deref(), Some("250 OK"), "bob has it");
    assert_eq!(receipt("1.2").await, None, "nobody has that");
}

#[tokio::test]
async fn a_part_of_what_may_have_arrived_is_not_sent_again_and_again() {
    let stage = Stage::with([partly(), partly(), partly()]).await;
    stage.post([notice("1.0", Utc::now())]).await;
    // Whoever sent it was killed.
    let (now, ledger) = (Utc::now(), &stage.route.ledger);
    let merge = |_: Vec<Notice>, newest| newest;
    ledger.claim("email", now, now, "who is gone", merge).await.unwrap().unwrap();
    stage.post([notice("1.1", Utc::now())]).await;
    assert_eq!(stage.trip().await, Outcome::Refused);
    assert!(matches!(stage.trip().await, Outcome::Nothing(Some(next)) if next > Utc::now()), "it waits for its time");
    assert_eq!(stage.given().len(), 1);
}

#[tokio::test]
async fn what_a_part_has_was_delivered_when_the_rest_is_given_up() {
    let stage = Stage::with([partly()]).await;
    stage.post_in_vain("old").await;
    assert_eq!(stage.trip().await, Outcome::Delivered);
    assert_eq!(stage.shown(), (DeliveryState::Ok, 0, None));
    let answer = stage.route.ledger.receipt_of("old").await.unwrap();
    assert_eq!(answer.as_deref(), Some("250 OK; not to all: server fault (450): full (to eve)"));
}

#[tokio::test]
async fn what_goes_on_with_a_conversation_knows_the_answer_to_its_beginning() {
    let stage = Stage::with([Ok(Receipt { answer: "message 7 in 42".into(), memory: None })]).await;
    stage.post([notice("first", Utc::now())]).await;
    assert_eq!(stage.trip().await, Outcome::Delivered);
    stage.post([Notice { thread: Some("first".into()), ..notice("second", Utc::now()) }]).await;
    assert_eq!(stage.trip().await, Outcome::Delivered);
    assert_eq!(stage.given()[1].thread_answer.as_deref(), Some("message 7 in 42"));
}

#[tokio::test]
async fn who_does_not_lead_sends_nothing() {
    let mut stage = Stage::with([]).await;
    stage.post([notice("1.0", Utc::now())]).await;
    stage.route.leadership = Leadership::fixed(Standing::Following { leader: None });
    assert_eq!(stage.trip().await, Outcome::Nothing(None));
    stage.route.leadership = Leadership::fixed(Standing::Beside);
    assert_eq!(stage.trip().await, Outcome::Delivered, "nobody had claimed it");
}

#[tokio::test]
async fn a_term_that_ends_while_the_channel_is_spared_ends_the_trip() {
    let mut stage = Stage::with([]).await;
    stage.post([notice("1.0", Utc::now())]).await;
    let lease = stage.route.ledger.store().lead("us", Duration::from_secs(10)).await.unwrap().unwrap();
    let until = Moment::now() + Duration::from_millis(100);
    stage.route.leadership = Leadership::fixed(Standing::Leading(Term { epoch: lease.epoch, until: Some(until) }));
    stage.route.pace = Pace::new(Some(Duration::from_millis(200)));
    stage.route.pace.sent();
    assert!(matches!(stage.trip().await, Outcome::Nothing(Some(_))), "it may be prolonged");
    assert_eq!(stage.given(), []);
}
