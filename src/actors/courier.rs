//! The Courier: carries notices to a channel for its Notifier, one a trip, on a thread of its own.
//!
//! It is apart from the Notifier so that what is being sent is finished whatever befalls that actor: a request that is
//! dropped half-way has perhaps arrived, and would be sent again. The claim in the store keeps the next Notifier's Courier
//! off the notice meanwhile. A Courier that does not come back is replaced by its Notifier.

use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use actix::prelude::*;
use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use tokio::sync::mpsc;

use crate::channels::{Channel, ChannelSpec, Letter, Receipt, Refusal, Retry};
use crate::domain::delivery;
use crate::domain::message::duration;
use crate::store::{Due, Ledger, Notice, StoreError};
use crate::supervision::{self, Sender};

/// What a channel's memory is kept under in the store.
const MEMORY: &str = "memory";

/// How much longer than a send its claim lasts: as long as writing down the outcome may take. After a crash in between,
/// the notice is due again when the claim has run out.
const WRITING: Duration = Duration::from_secs(5);

/// For how long, and at which distance, it is tried to write down that something was delivered. If the store is away for
/// longer, that one message is sent again.
const INSISTENCE: Duration = Duration::from_secs(20);
const BETWEEN_WRITES: Duration = Duration::from_secs(1);

/// How much later than the channel itself the Courier gives up on a send. A channel that keeps its deadline has the last
/// word: one that took the letter and then waited for a good-bye must not be asked again.
const BACKSTOP: Duration = Duration::from_secs(1);

/// What a Courier needs to know.
#[derive(Clone)]
pub struct Route {
    /// Where it goes.
    pub channel: ChannelSpec,
    /// Where the notices are.
    pub ledger: Ledger,
    /// Who claims: another process on the same store does not send what this one is sending.
    pub owner: String,
    /// The deadline of one send.
    pub deadline: Duration,
}

/// A Courier has come back from a trip.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub struct Returned {
    /// From which.
    pub trip: u64,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A notice was delivered.
    Delivered,
    /// A notice was not taken.
    Refused,
    /// Nothing was due; the next one may be tried then, if one waits.
    Nothing(Option<DateTime<Utc>>),
    /// The store does not answer.
    StoreFault,
}

/// A Courier. It goes home when it is dropped and its last trip is over.
pub struct Courier {
    trips: mpsc::Sender<u64>,
}

impl Courier {
    /// A Courier on `route` that tells `returned` of each trip.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub fn start(route: Route, returned: Sender<Returned>) -> std::io::Result<Self> {
        let runtime = supervision::runtime()?;
        let arbiter = Arbiter::try_with_tokio_rt(move || Ok(runtime))?;
        let (trips, mut ordered) = mpsc::channel(1);
        arbiter.spawn_fn(move || {
            let at_work = async move {
                let channel = (route.channel.build)();
                while let Some(trip) = ordered.recv().await {
                    let outcome = route.carry(&channel).await.unwrap_or_else(|error| route.complain(&error));
                    if let Err(refused) = returned.cast(Returned { trip, outcome }) {
                        log::warn!("{}: nobody hears that a notice was carried: {refused}", route.channel.name);
                    }
                }
                Arbiter::current().stop();
            };
            #[expect(clippy::disallowed_methods, reason = "it outlives its Notifier until the trip is over")]
            drop(actix_rt::spawn(at_work));
        });
        Ok(Self { trips })
    }

    /// Sends it off; says whether it went, which it does not if it is out or gone.
    pub fn go(&self) -> Option<u64> {
        static TRIPS: AtomicU64 = AtomicU64::new(0);
        let trip = TRIPS.fetch_add(1, Relaxed);
        self.trips.try_send(trip).ok().map(|()| trip)
    }
}

impl Route {
    fn complain(&self, error: &StoreError) -> Outcome {
        log::error!("{}: the store does not say what is due: {error}", self.channel.name);
        Outcome::StoreFault
    }

    /// Sends the next notice that is due, and writes down what came of it.
    async fn carry(&self, channel: &Rc<dyn Channel>) -> Result<Outcome, StoreError> {
        let (name, now) = (self.channel.name, Utc::now());
        match self.ledger.claim(name, now, now + self.deadline + WRITING, &self.owner, one_after_another).await? {
            Some(due) => self.send(channel, &due).await,
            None => Ok(Outcome::Nothing(self.ledger.next_due(name).await?)),
        }
    }

    async fn send(&self, channel: &Rc<dyn Channel>, due: &Due) -> Result<Outcome, StoreError> {
        let (name, notice) = (self.channel.name, &due.notice);
        let memory = self.ledger.recall(name, MEMORY).await?;
        let letter = Letter {
            id: &notice.id,
            kind: notice.kind,
            subject: &notice.subject,
            body: &notice.body,
            thread: notice.thread.as_deref(),
            memory: memory.as_deref(),
        };
        match deliver(channel, letter, self.deadline).await {
            Ok(receipt) => {
                // It has arrived: as long as that is not written down, it would be sent again. What is to be remembered
                // comes first, since the next notice may be claimed as soon as this one is off the list.
                if let Some(memory) = receipt.memory {
                    insist(|| self.ledger.remember(name, MEMORY, &memory)).await?;
                }
                insist(|| self.ledger.delivered(&notice.id, Utc::now(), &receipt.answer)).await?;
                log::info!("{name}: delivered {} {}: {}", notice.kind.name(), notice.id, receipt.answer);
                Ok(Outcome::Delivered)
            }
            Err(refusal) => self.refused(due, &refusal).await,
        }
    }

    async fn refused(&self, due: &Due, refusal: &Refusal) -> Result<Outcome, StoreError> {
        let (name, notice, now) = (self.channel.name, &due.notice, Utc::now());
        let wait = match refusal.retry {
            Retry::Later(asked) => Some(delivery::wait(due.attempts, asked, fastrand::f64())),
            Retry::Never => None,
        };
        self.ledger.failed(&notice.id, now, &refusal.text, wait.map(|wait| now + wait)).await?;
        let next = wait.map_or_else(
            || "not tried again: somebody has to do something".into(),
            |wait| format!("tried again in {}", duration(wait)),
        );
        let (kind, id, text) = (notice.kind.name(), &notice.id, &refusal.text);
        log::error!("{name}: {kind} {id} was not delivered (attempt {}), {next}: {text}", due.attempts);
        Ok(Outcome::Refused)
    }
}

/// One notice with the texts of all, in the tone of the newest.
fn one_after_another(earlier: Vec<Notice>, newest: Notice) -> Notice {
    let texts: Vec<String> = earlier.into_iter().chain([newest.clone()]).map(|notice| notice.body).collect();
    Notice { body: texts.join("\n\n"), ..newest }
}

/// Tries to write something down, again and again if the store does not answer.
async fn insist<F: Future<Output = Result<(), StoreError>>>(write: impl Fn() -> F) -> Result<(), StoreError> {
    let began = Instant::now();
    loop {
        match write().await {
            Err(error) if !matches!(error, StoreError::Closed) && began.elapsed() < INSISTENCE => {
                log::warn!("what was delivered cannot be written down yet: {error}");
                tokio::time::sleep(BETWEEN_WRITES).await;
            }
            written => return written,
        }
    }
}

/// Sends one letter, within `deadline`, whatever the channel does.
async fn deliver(channel: &Rc<dyn Channel>, letter: Letter<'_>, deadline: Duration) -> Result<Receipt, Refusal> {
    let sending = AssertUnwindSafe(channel.send(letter, deadline)).catch_unwind();
    let refusal = |text: String| Refusal { retry: Retry::Later(None), text };
    let limit = deadline + BACKSTOP;
    match tokio::time::timeout(limit, sending).await {
        Ok(Ok(sent)) => sent,
        Ok(Err(_)) => Err(refusal("the channel panicked".into())),
        Err(_) => Err(refusal(format!("no answer within {}", duration(limit)))),
    }
}
