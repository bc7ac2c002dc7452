//! A Notifier for each channel: sends what is due for its channel, in order, and writes down what came of it.
//!
//! *Delivered* is written after the channel said so: a crash between the two repeats at most that one message. A notice
//! that was not taken waits, longer each time, and the ones behind it wait too, so that no all-clear overtakes its
//! alert. One channel never waits for another.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use actix::prelude::*;
use chrono::{DateTime, Utc};

use crate::channels::{Channel, Letter, Receipt, Refusal, Retry};
use crate::domain::delivery;
use crate::domain::message::duration;
use crate::store::{Due, Store, StoreError};

/// What a channel's memory is kept under in the store.
const MEMORY: &str = "memory";

/// After a fault of the store, how long until the notifier looks again by itself.
const AFTER_STORE_FAULT: Duration = Duration::from_secs(30);

/// How much later than the channel itself the notifier gives up on a send. A channel that keeps its deadline has the
/// last word: one that took the letter and then waited for a good-bye must not be asked again.
const BACKSTOP: Duration = Duration::from_secs(1);

/// There may be something to send.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Wake;

/// Send what is due now, each notice once; the answer comes when that is done.
#[derive(Message)]
#[rtype(result = "Pass")]
pub struct Flush;

/// Begin nothing new; the answer comes when what is being sent is finished.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Finish;

/// What came of sending what was due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, MessageResponse)]
pub struct Pass {
    /// Notices that the channel took.
    pub delivered: u32,
    /// Notices that it did not take.
    pub failed: u32,
    /// When the next one may be tried, if one waits.
    pub next: Option<DateTime<Utc>>,
}

impl Pass {
    /// Both passes together, the other being the later one.
    fn and(self, other: Self) -> Self {
        let (delivered, failed) = (self.delivered + other.delivered, self.failed + other.failed);
        Self { delivered, failed, next: other.next }
    }
}

/// The Notifier of one channel.
pub struct Notifier {
    sender: Rc<Sender>,
    passing: bool,
    /// Something came while a pass was under way: it is followed by another.
    again: bool,
    /// What the passes brought since nobody was waiting.
    sum: Pass,
    timer: Option<SpawnHandle>,
    waiting: Vec<tokio::sync::oneshot::Sender<Pass>>,
}

/// The part that does the work, apart from the mailbox.
struct Sender {
    name: &'static str,
    channel: Rc<dyn Channel>,
    store: Store,
    /// Who claims: another process on the same store does not send what this one is sending.
    owner: String,
    /// The deadline of one send.
    deadline: Duration,
    /// Nothing new is begun.
    finishing: Cell<bool>,
}

impl Notifier {
    /// Sends through `channel` what waits for `name` in `store`, each send within `deadline`.
    pub fn new(name: &'static str, channel: Rc<dyn Channel>, store: Store, owner: String, deadline: Duration) -> Self {
        let sender = Rc::new(Sender { name, channel, store, owner, deadline, finishing: Cell::new(false) });
        Self { sender, passing: false, again: false, sum: Pass::default(), timer: None, waiting: vec![] }
    }

    fn pass(&mut self, ctx: &mut Context<Self>) {
        if self.passing {
            self.again = true;
            return;
        }
        (self.passing, self.again) = (true, false);
        if let Some(timer) = self.timer.take() {
            ctx.cancel_future(timer);
        }
        let sender = Rc::clone(&self.sender);
        let passed = async move { sender.pass().await }.into_actor(self);
        ctx.spawn(passed.map(|passed, actor, ctx| actor.passed(passed, ctx)));
    }

    fn passed(&mut self, passed: Result<Pass, StoreError>, ctx: &mut Context<Self>) {
        self.passing = false;
        let pass = passed.unwrap_or_else(|error| {
            log::error!("{}: the store does not say what is due: {error}", self.sender.name);
            Pass { next: Some(Utc::now() + AFTER_STORE_FAULT), ..Pass::default() }
        });
        self.sum = self.sum.and(pass);
        if self.again && !self.sender.finishing.get() {
            return self.pass(ctx);
        }
        let sum = std::mem::take(&mut self.sum);
        for waiting in self.waiting.drain(..) {
            // Who no longer waits needs no answer.
            let _ = waiting.send(sum);
        }
        if let Some(next) = pass.next.filter(|_| !self.sender.finishing.get()) {
            let wait = (next - Utc::now()).to_std().unwrap_or_default();
            self.timer = Some(ctx.run_later(wait, |actor, ctx| actor.pass(ctx)));
        }
    }

    /// The answer to whoever waits for the pass that is under way.
    fn wait(&mut self) -> ResponseActFuture<Self, Pass> {
        let (answer, waiting) = tokio::sync::oneshot::channel();
        if self.passing {
            self.waiting.push(answer);
        }
        Box::pin(async move { waiting.await.unwrap_or_default() }.into_actor(self))
    }
}

impl Sender {
    /// Sends everything that is due now.
    async fn pass(&self) -> Result<Pass, StoreError> {
        let mut pass = Pass::default();
        while !self.finishing.get() {
            let now = Utc::now();
            // The claim outlives the send and the writing down of its outcome, and not by much: after a crash in
            // between, the notice is due again when the claim has run out.
            let until = now + self.deadline + Duration::from_secs(5);
            let Some(due) = self.store.claim(self.name, now, until, &self.owner).await? else { break };
            if self.send(&due).await? {
                pass.delivered += 1;
            } else {
                pass.failed += 1;
            }
        }
        pass.next = self.store.next_due(self.name).await?;
        Ok(pass)
    }

    /// Sends one notice and writes down what came of it; whether it was delivered.
    async fn send(&self, due: &Due) -> Result<bool, StoreError> {
        let (name, notice) = (self.name, &due.notice);
        let memory = self.store.recall(name, MEMORY).await?;
        let letter = Letter {
            id: &notice.id,
            kind: notice.kind,
            subject: &notice.subject,
            body: &notice.body,
            thread: notice.thread.as_deref(),
            memory: memory.as_deref(),
        };
        match self.deliver(letter).await {
            Ok(receipt) => {
                if let Some(memory) = receipt.memory {
                    self.store.remember(name, MEMORY, &memory).await?;
                }
                self.store.delivered(&notice.id, Utc::now(), &receipt.answer).await?;
                log::info!("{name}: delivered {} {}: {}", notice.kind.name(), notice.id, receipt.answer);
                Ok(true)
            }
            Err(refusal) => {
                let wait = match refusal.retry {
                    Retry::Later(asked) => Some(delivery::wait(due.attempts, asked, fastrand::f64())),
                    Retry::Never => None,
                };
                let now = Utc::now();
                self.store.failed(&notice.id, now, &refusal.text, wait.map(|wait| now + wait)).await?;
                let next = wait.map_or_else(
                    || "not tried again: somebody has to do something".into(),
                    |wait| format!("tried again in {}", duration(wait)),
                );
                let (kind, id, text) = (notice.kind.name(), &notice.id, &refusal.text);
                log::error!("{name}: {kind} {id} was not delivered (attempt {}), {next}: {text}", due.attempts);
                Ok(false)
            }
        }
    }

    async fn deliver(&self, letter: Letter<'_>) -> Result<Receipt, Refusal> {
        let limit = self.deadline + BACKSTOP;
        let sent = tokio::time::timeout(limit, self.channel.send(letter, self.deadline)).await;
        sent.unwrap_or_else(|_| {
            let text = format!("no answer within {}", duration(limit));
            Err(Refusal { retry: Retry::Later(None), text })
        })
    }
}

impl Actor for Notifier {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        // What an earlier process left behind.
        self.pass(ctx);
    }
}

impl Handler<Wake> for Notifier {
    type Result = ();

    fn handle(&mut self, _: Wake, ctx: &mut Self::Context) {
        self.pass(ctx);
    }
}

impl Handler<Flush> for Notifier {
    type Result = ResponseActFuture<Self, Pass>;

    fn handle(&mut self, _: Flush, ctx: &mut Self::Context) -> Self::Result {
        self.pass(ctx);
        self.wait()
    }
}

impl Handler<Finish> for Notifier {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, _: Finish, _: &mut Self::Context) -> Self::Result {
        self.sender.finishing.set(true);
        Box::pin(self.wait().map(|_, _, _| ()))
    }
}
