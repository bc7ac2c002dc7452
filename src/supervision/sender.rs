//! The stable handle for one message: what an actor knows of its neighbour.

use std::{fmt, sync::Arc, time::Duration};

use actix::{MailboxError, Message, Recipient, dev::SendError};
use futures_util::future::BoxFuture;
use tokio::time::{Instant, timeout_at};

use super::vitals::Vitals;

/// A message that was not taken, given back.
#[derive(Clone, PartialEq, Eq)]
pub enum Refused<M> {
    /// The mailbox is full.
    Full(M),
    /// Nobody is there and nobody is about to come: degraded or stopped.
    Unavailable(M),
}

impl<M> Refused<M> {
    /// The message.
    pub fn into_message(self) -> M {
        match self {
            Self::Full(msg) | Self::Unavailable(msg) => msg,
        }
    }
}

impl<M> fmt::Debug for Refused<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<M> fmt::Display for Refused<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "the mailbox is full",
            Self::Unavailable(_) => "the actor is not available",
        })
    }
}

impl<M> std::error::Error for Refused<M> {}

/// Why an ask has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskError {
    /// Not sent: degraded or stopped.
    Unavailable,
    /// Not sent: too many asks are in flight.
    Busy,
    /// Sent, and the actor ended before it answered. Whether the message was handled is not known.
    Lost,
    /// Sent, and no answer within the deadline. Whether the message was handled is not known.
    Late,
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unavailable => "the actor is not available",
            Self::Busy => "too many asks are in flight",
            Self::Lost => "the actor ended before it answered",
            Self::Late => "no answer in time",
        })
    }
}

impl std::error::Error for AskError {}

impl From<MailboxError> for AskError {
    fn from(error: MailboxError) -> Self {
        match error {
            MailboxError::Closed => Self::Lost,
            MailboxError::Timeout => Self::Late,
        }
    }
}

/// Somebody who takes messages `M`.
pub(super) trait Deliver<M: Message>: Send + Sync {
    fn cast(&self, msg: M) -> Result<(), Refused<M>>;
    fn ask(&self, msg: M, within: Duration) -> BoxFuture<'static, Result<M::Result, AskError>>;
    /// `None` if nobody restarts it.
    fn vitals(&self) -> Option<&Arc<Vitals>>;
}

/// A stable handle of whoever takes messages `M`. Cheap to clone, usable from every thread and runtime. In tests of one
/// actor, any [`Recipient`] can stand in for a neighbour: `Sender::from(addr.recipient())`.
pub struct Sender<M: Message> {
    to: Arc<dyn Deliver<M>>,
}

impl<M> Sender<M>
where
    M: Message + Send + 'static,
    M::Result: Send,
{
    pub(super) fn new(to: Arc<dyn Deliver<M>>) -> Self {
        Self { to }
    }

    /// Puts a message into the mailbox; a message that is not taken comes back. A message that was taken is lost if the
    /// actor ends before it comes to it.
    pub fn cast(&self, msg: M) -> Result<(), Refused<M>> {
        self.to.cast(msg)
    }

    /// Asks and waits for the answer, at most once and at most `within`. The message is sent when this is called.
    pub fn ask(&self, msg: M, within: Duration) -> BoxFuture<'static, Result<M::Result, AskError>> {
        self.to.ask(msg, within)
    }

    /// Asks, and if the actor ends before it answers, waits for the next one and asks that, all of it `within`. The
    /// message may be handled more than once: for idempotent messages only.
    pub fn call(&self, msg: M, within: Duration) -> impl Future<Output = Result<M::Result, AskError>> + Send + use<M>
    where
        M: Clone + Sync,
    {
        let to = Arc::clone(&self.to);
        async move {
            let Some(vitals) = to.vitals() else { return to.ask(msg, within).await };
            let deadline = Instant::now() + within;
            loop {
                let asked = vitals.generation();
                let over = |vitals: &Vitals| vitals.generation() > asked || !vitals.is_open();
                let left = deadline.saturating_duration_since(Instant::now());
                // A blocked thread that was given up never drops its messages: the change of generation tells.
                let answer = tokio::select! {
                    biased;
                    answer = to.ask(msg.clone(), left) => answer,
                    () = vitals.until(over) => Err(AskError::Lost),
                };
                if !matches!(answer, Err(AskError::Lost)) {
                    return answer;
                }
                timeout_at(deadline, vitals.until(over)).await.map_err(|_| AskError::Late)?;
            }
        }
    }
}

impl<M: Message> Clone for Sender<M> {
    fn clone(&self) -> Self {
        Self { to: Arc::clone(&self.to) }
    }
}

impl<M: Message> fmt::Debug for Sender<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sender({})", self.to.vitals().map_or("unsupervised", |vitals| vitals.id()))
    }
}

/// A neighbour without a supervisor.
struct Unsupervised<M: Message + Send>(Recipient<M>)
where
    M::Result: Send;

impl<M> Deliver<M> for Unsupervised<M>
where
    M: Message + Send + 'static,
    M::Result: Send,
{
    fn cast(&self, msg: M) -> Result<(), Refused<M>> {
        self.0.try_send(msg).map_err(|refused| match refused {
            SendError::Full(msg) => Refused::Full(msg),
            SendError::Closed(msg) => Refused::Unavailable(msg),
        })
    }

    fn ask(&self, msg: M, within: Duration) -> BoxFuture<'static, Result<M::Result, AskError>> {
        let request = self.0.send(msg).timeout(within);
        Box::pin(async move { request.await.map_err(AskError::from) })
    }

    fn vitals(&self) -> Option<&Arc<Vitals>> {
        None
    }
}

impl<M> From<Recipient<M>> for Sender<M>
where
    M: Message + Send + 'static,
    M::Result: Send,
{
    fn from(recipient: Recipient<M>) -> Self {
        Self { to: Arc::new(Unsupervised(recipient)) }
    }
}
