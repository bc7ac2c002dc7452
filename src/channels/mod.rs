//! Whom we tell: the trait of a channel, and the list of them.
//!
//! A channel sends one letter and says what came of it. It never tries twice: the notifier is the one layer that
//! retries. To add one: its file, its `mod` line, and its line in [`Channels::list`].

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;

use crate::clients::error::ClientError;
use crate::diagnosis::Remedy;
use crate::domain::message::Message;
use crate::domain::notice::NoticeKind;

pub use crate::diagnosis::Asked;

pub mod email;
pub mod notion_board;
pub mod telegram;

/// What a channel is given to send.
#[derive(Clone, Copy, Debug)]
pub struct Letter<'a> {
    /// The id of the notice; the same at each try, so that a repeat can be recognised.
    pub id: &'a str,
    /// Why it goes out.
    pub kind: NoticeKind,
    /// One line.
    pub subject: &'a str,
    /// Plain text; for a channel that shows the state, a [`crate::domain::message::StatusEntry`] as JSON.
    pub body: &'a str,
    /// The id of the notice that began the conversation, if this one goes on with it.
    pub thread: Option<&'a str>,
    /// What the channel answered when it took that notice.
    pub thread_answer: Option<&'a str>,
    /// What the channel asked to be reminded of when it last delivered.
    pub memory: Option<&'a str>,
    /// What it asked to be reminded of when it took this letter in part, or one that has been merged into this one.
    pub part: Option<&'a str>,
    /// What the letter says beyond the one that was taken in part, if it was merged with that one.
    pub news: Option<&'a Message>,
}

impl<'a> Letter<'a> {
    /// A letter that stands alone and is sent for the first time.
    pub fn new(id: &'a str, kind: NoticeKind, subject: &'a str, body: &'a str) -> Self {
        Self { id, kind, subject, body, thread: None, thread_answer: None, memory: None, part: None, news: None }
    }
}

/// What a channel answered when it took a letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Its answer, for the record.
    pub answer: String,
    /// What it wants to be reminded of the next time.
    pub memory: Option<String>,
}

/// What stands in the answer before the name of a receiver, of several, who does not get the letter.
const LEFT_OUT: &str = "; but not to ";

impl Receipt {
    /// Whether one of several receivers does not get the letter.
    pub fn leaves_somebody_out(&self) -> bool {
        self.answer.contains(LEFT_OUT)
    }
}

/// Whether a letter that was not taken should be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Later; not before this time has passed, if the party asked for one.
    Later(Option<Duration>),
    /// Never: somebody has to do something first.
    Never,
}

/// Why a letter was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What to do with it.
    pub retry: Retry,
    /// What the party said; begins with the kind of the fault, as an error of a client does.
    pub text: String,
    /// What was taken all the same: some of several receivers have the letter, and must not get it again.
    pub part: Option<Part>,
}

/// The part of a letter that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What the channel wants to be reminded of when it is to send the rest.
    pub memory: String,
    /// Its answer, for the record, should it be left at that.
    pub answer: String,
}

impl Refusal {
    /// Nothing of it was taken.
    pub fn new(retry: Retry, text: impl Into<String>) -> Self {
        Self { retry, text: text.into(), part: None }
    }
}

impl From<ClientError> for Refusal {
    fn from(error: ClientError) -> Self {
        let retry = if error.is_permanent() { Retry::Never } else { Retry::Later(error.retry_after) };
        Self::new(retry, error.to_string())
    }
}

/// A way to reach people.
pub trait Channel {
    /// Sends one letter, within `deadline`.
    fn send<'a>(&'a self, letter: Letter<'a>, deadline: Duration) -> LocalBoxFuture<'a, Result<Receipt, Refusal>>;

    /// Asks whether a letter would be taken, without sending one, until `deadline` at most: what `doctor` shows. `name` is
    /// that of the channel; a part of it is called `name:part`.
    fn examine(&self, deadline: Instant) -> LocalBoxFuture<'_, Vec<Asked>>;

    /// What to do about a letter that was not taken, or not for everybody, for the reason in `answer`, where
    /// [`Channel::examine`] finds nothing wrong; nothing if that is not known.
    fn advice(&self, _answer: &str) -> Option<Remedy> {
        None
    }

    /// Mends what [`Channel::examine`] called mendable. Most channels can mend nothing.
    fn mend(&self, _deadline: Instant) -> LocalBoxFuture<'_, Vec<Asked>> {
        std::future::ready(vec![]).boxed_local()
    }
}

/// What a channel is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// People who are told what changed.
    Told,
    /// People who look at how things are; only the newest state matters.
    Shown,
}

/// A channel that is configured, ready to be built on the thread of its notifier.
#[derive(Clone)]
pub struct ChannelSpec {
    /// The name in the report and in the store.
    pub name: &'static str,
    /// What it is for.
    pub audience: Audience,
    /// The least time between two letters, where the party wants some.
    pub pace: Option<Duration>,
    /// Builds it. Clients of HTTP belong to one thread, so that this is called on the thread that will send.
    pub build: Arc<dyn Fn() -> Rc<dyn Channel> + Send + Sync>,
}

impl ChannelSpec {
    fn new<C: Channel + 'static>(
        name: &'static str,
        audience: Audience,
        build: impl Fn() -> C + Send + Sync + 'static,
    ) -> Self {
        Self { name, audience, pace: None, build: Arc::new(move || Rc::new(build())) }
    }
}

/// What the channels need to know; a channel without its part is off.
#[derive(Clone, Default)]
pub struct Channels {
    /// E-mail.
    pub email: Option<email::Config>,
    /// Telegram.
    pub telegram: Option<telegram::Config>,
    /// The Status Board in Notion.
    pub notion_board: Option<notion_board::Config>,
}

impl Channels {
    /// The channels that are configured.
    pub fn list(self) -> Vec<ChannelSpec> {
        let email = self
            .email
            .map(|config| ChannelSpec::new("email", Audience::Told, move || email::Email::new(config.clone())));
        let telegram = self.telegram.map(|config| ChannelSpec {
            pace: Some(telegram::PACE),
            ..ChannelSpec::new("telegram", Audience::Told, move || telegram::Telegram::new(config.clone()))
        });
        let board = self.notion_board.map(|config| {
            ChannelSpec::new("notion", Audience::Shown, move || notion_board::NotionBoard::new(config.clone()))
        });
        [email, telegram, board].into_iter().flatten().collect()
    }
}
