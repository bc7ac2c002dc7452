//! The listener: hears what people order in the chat, by long polling, while this process leads.
//!
//! It is no actor, so that it may wait for the net for as long as a poll takes. Like the heart it runs beside the actors on
//! the thread that it is started on, each order under a guard and a deadline of its own.
//!
//! An order is obeyed at most once: that it is being obeyed is written down before, under the epoch of the leader. Whoever
//! is killed in between has obeyed it or not, and whoever gave it sees that there is no answer, and may repeat it; a second
//! silence or a second cycle that nobody ordered would be seen by nobody. While the database is away this is known in
//! memory only, also when it returns in the middle of an order; what could do harm needs the database anyway.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use super::acknowledgements::Acknowledgements;
use super::conclusion::Cadence;
use super::delivery_board::DeliveryBoard;
use super::ear::Ear;
use super::leadership::Leadership;
use super::pace::Pace;
use super::scheduler::RunCycle;
use crate::channels::telegram::console::Console;
use crate::domain::issue::Issue;
use crate::domain::message::Wording;
use crate::domain::report::Overview;
use crate::store::Ledger;
use crate::supervision::Sender;

/// What whoever obeys has to do with. Clones lead to the same.
#[derive(Clone)]
pub struct Office {
    /// What is remembered.
    pub ledger: Ledger,
    /// Whether we lead.
    pub leadership: Leadership,
    /// What is known after the newest cycle.
    pub overview: watch::Receiver<Option<Arc<Overview>>>,
    /// Who runs a cycle on order.
    pub scheduler: Sender<RunCycle>,
    /// How it is with the channels by now.
    pub board: DeliveryBoard,
    /// What was acknowledged since the newest cycle.
    pub acknowledgements: Acknowledgements,
    /// Which of our own actors keep failing by now.
    pub degraded: Arc<dyn Fn() -> Vec<Issue> + Send + Sync>,
    /// How the chat is spared, together with the notices that go there.
    pub pace: Pace,
    /// How things are said.
    pub wording: Wording,
    /// When it is looked, and for how long.
    pub cadence: Cadence,
}

/// The way to the listener. It ends when this is dropped.
pub struct Listener {
    stop: Option<watch::Sender<bool>>,
}

impl Listener {
    /// One that hears nothing.
    pub fn none() -> Self {
        Self { stop: None }
    }

    /// One that hears what is ordered at `console`, on the thread that this is called on. If nobody may order anything, it
    /// does not even listen.
    pub fn start(console: Console, office: Office) -> Self {
        if console.allowed().is_empty() {
            return Self::none();
        }
        let (stop, stopped) = watch::channel(false);
        let ear = Ear::new(console, office, stopped);
        #[expect(
            clippy::disallowed_methods,
            reason = "no part of an actor; it guards itself, and is waited for at the end"
        )]
        drop(actix_rt::spawn(ear.listen()));
        Self { stop: Some(stop) }
    }

    /// Hears nothing more from now on.
    pub fn hush(&self) {
        if let Some(stop) = &self.stop {
            stop.send_replace(true);
        }
    }

    /// The same, and waits until what was ordered is done, for `limit` at most.
    pub async fn rest(&self, limit: Duration) {
        self.hush();
        let Some(stop) = &self.stop else { return };
        if timeout(limit, stop.closed()).await.is_err() {
            log::warn!("telegram: what was ordered last is not done");
        }
    }
}
