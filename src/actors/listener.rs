//! The listener: hears what people order in the chat, by long polling, while this process leads.
//!
//! It is no actor, so that it may wait for the net for as long as a poll takes. Like the heart it runs beside the actors on
//! the thread that it is started on, each order under a guard and a deadline of its own.
//!
//! An order is obeyed at most once: that it is being obeyed is written down before, under the epoch of the leader. Whoever
//! is killed in between has obeyed it or not, and whoever gave it sees that there is no answer, and may repeat it; a second
//! silence or a second cycle that nobody ordered would be seen by nobody. While the database is away this is known in
//! memory only, and what could do harm needs the database anyway.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use futures_util::FutureExt;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::acknowledgements::Acknowledgements;
use super::conclusion::Cadence;
use super::deafness::Deafness;
use super::delivery_board::DeliveryBoard;
use super::leadership::{Footing, Leadership};
use super::moment::Moment;
use super::orders::Orders;
use super::pace::Pace;
use super::scheduler::RunCycle;
use super::trip::MEMORY;
use crate::channels::telegram::console::{Bot, Console};
use crate::domain::issue::Issue;
use crate::domain::message::{Wording, duration};
use crate::domain::report::Overview;
use crate::domain::update::{self, FRESH, Rules, Update, Verdict, Why};
use crate::store::{Ledger, StoreError};
use crate::supervision::Sender;

/// The channel that writes to the same chat.
const CHANNEL: &str = "telegram";

/// How long a poll waits for something to happen.
const POLL: Duration = Duration::from_secs(25);

/// How often it is looked whether we still lead. That we no longer do is said at once, except that a term has run out, and
/// before an order is obeyed it is looked anyway.
const LOOK: Duration = Duration::from_secs(5);

/// How long one order may take.
const ORDER_LIMIT: Duration = Duration::from_secs(60);

/// The pause after updates of which none was an order: somebody who writes without end is not to keep us busy.
const AFTER_NOISE: Duration = Duration::from_millis(500);

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
        let ear = Ear {
            console,
            office,
            stopped,
            bot: None,
            epoch: None,
            first: None,
            heard: None,
            deafness: Deafness::default(),
        };
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

/// What the listener knows.
struct Ear {
    console: Console,
    office: Office,
    stopped: watch::Receiver<bool>,
    bot: Option<Bot>,
    /// The term in which it listened last.
    epoch: Option<i64>,
    /// The update from which on nothing was obeyed yet.
    first: Option<i64>,
    /// When everything had been heard that had happened.
    heard: Option<Moment>,
    deafness: Deafness,
}

impl Ear {
    async fn listen(mut self) {
        loop {
            if self.is_stopped() {
                return;
            }
            match self.office.leadership.footing() {
                Some(footing @ Footing::Epoch(_)) => {
                    if AssertUnwindSafe(self.serve(footing)).catch_unwind().await.is_err() {
                        log::error!("telegram: listening panicked; it begins anew");
                        let pause = self.deafness.panicked();
                        self.rest(pause).await;
                    }
                }
                _ => self.rest(LOOK).await,
            }
        }
    }

    fn is_stopped(&self) -> bool {
        *self.stopped.borrow() || self.stopped.has_changed().is_err()
    }

    /// Waits for `pause`, or until we are stopped or stand otherwise.
    async fn rest(&self, pause: Duration) {
        let (mut stopped, mut leadership) = (self.stopped.clone(), self.office.leadership.from_now());
        tokio::select! {
            _ = stopped.changed() => {}
            () = leadership.changed() => {}
            () = sleep(pause) => {}
        }
    }

    /// Whether nothing more is to be heard on this footing.
    fn is_over(&self, footing: Footing) -> bool {
        self.is_stopped() || self.office.leadership.footing() != Some(footing)
    }

    /// What comes of `what`; nothing if it is over before that.
    async fn while_on<T>(&self, footing: Footing, what: impl Future<Output = T>) -> Option<T> {
        let over = async {
            while !self.is_over(footing) {
                self.rest(LOOK).await;
            }
        };
        tokio::select! {
            biased;
            () = over => None,
            came = what => Some(came),
        }
    }

    /// Listens for as long as we stand on this footing.
    async fn serve(&mut self, footing: Footing) {
        let Some(bot) = self.begin(footing).await else { return };
        while !self.is_over(footing) {
            // What happened before is asked for without waiting, so that it is known what has happened since.
            let was_away = self.heard.is_none_or(|heard| Moment::now().since(heard) > FRESH);
            let wait = if was_away { Duration::ZERO } else { POLL };
            let began = Moment::now();
            match self.while_on(footing, self.console.hear(self.first, wait)).await {
                None => return,
                Some(Err(trouble)) => {
                    let pause = self.deafness.met(&trouble);
                    self.while_on(footing, sleep(pause)).await;
                }
                Some(Ok(heard)) => {
                    self.deafness.over();
                    // Whoever was paused, or slept, has not listened either.
                    let is_backlog = was_away || Moment::now().since(began) > wait + FRESH;
                    if heard.is_nothing() || !is_backlog {
                        self.heard = Some(Moment::now());
                    }
                    if heard.is_nothing() {
                        continue;
                    }
                    if self.follow(footing).await.is_none() {
                        return;
                    }
                    let updates = self.console.understand(heard);
                    let obeyed = self.attend(&bot, updates, is_backlog, footing).await;
                    if obeyed == 0 {
                        self.while_on(footing, sleep(AFTER_NOISE)).await;
                    }
                }
            }
        }
    }

    /// Follows the chat to where it has moved; nothing comes of it if it is over before that.
    async fn follow(&self, footing: Footing) -> Option<()> {
        let memory = self.office.ledger.store().recall(CHANNEL, MEMORY);
        // Where the chat was a moment ago is good enough while the database does not answer.
        if let Ok(memory) = self.while_on(footing, memory).await? {
            self.console.follow(memory.as_deref());
        }
        Some(())
    }

    /// What there is to do once in a term; nothing comes of it if the term is over before that.
    async fn begin(&mut self, footing: Footing) -> Option<Bot> {
        while self.bot.is_none() {
            match self.while_on(footing, self.console.who()).await? {
                Ok(bot) => self.bot = Some(bot),
                Err(trouble) => {
                    let pause = self.deafness.met(&trouble);
                    self.while_on(footing, sleep(pause)).await?;
                }
            }
        }
        let bot = self.bot.clone()?;
        if self.epoch != footing.epoch() {
            // Another one may have led meanwhile.
            let first = self.office.ledger.store().first_update(bot.id);
            if let Ok(first) = self.while_on(footing, first).await? {
                self.first = first;
            }
            self.epoch = footing.epoch();
            self.follow(footing).await?;
            if let Err(refused) = self.while_on(footing, self.console.offer()).await? {
                log::warn!("telegram: the commands are not offered in the chat: {}", refused.text);
            }
            log::info!("telegram: listening for commands as @{}", bot.name);
        }
        Some(bot)
    }

    /// Obeys what is to be obeyed; how many orders there were.
    async fn attend(&mut self, bot: &Bot, updates: Vec<Update>, is_backlog: bool, footing: Footing) -> usize {
        let mut count = 0;
        for update in updates {
            let allowed = Arc::clone(self.console.allowed());
            let rules = Rules { allowed: &allowed, bot: &bot.name, now: Utc::now(), is_backlog };
            let next = update.id.saturating_add(1);
            match update::judge(&update, &rules) {
                Verdict::Silence(why) => say_why(&update, why),
                verdict => {
                    count += 1;
                    if self.is_over(footing) || !self.note(bot, next, footing).await {
                        // Whoever leads by now hears it, too.
                        return count;
                    }
                    self.first = Some(next);
                    let orders = Orders::new(&self.office, &self.console, footing);
                    let obeyed = orders.obey(&update, verdict);
                    match timeout(ORDER_LIMIT, AssertUnwindSafe(obeyed).catch_unwind()).await {
                        Ok(Ok(())) => {}
                        Ok(Err(_)) => log::error!("telegram: an order panicked"),
                        Err(_) => log::warn!("telegram: an order was not done within {}", duration(ORDER_LIMIT)),
                    }
                }
            }
            self.first = Some(next);
        }
        count
    }

    /// Writes down that everything before the update `next` is being obeyed; says whether we may obey it.
    async fn note(&self, bot: &Bot, next: i64, footing: Footing) -> bool {
        let store = self.office.ledger.store();
        let store = footing.epoch().map_or_else(|| store.clone(), |epoch| store.under(epoch));
        match store.updates_before(bot.id, next).await {
            Ok(()) => true,
            Err(StoreError::NotLeading | StoreError::Closed) => false,
            Err(error) => {
                log::warn!("telegram: that an order is being obeyed cannot be written down: {error}");
                true
            }
        }
    }
}

/// Says in the log why nothing is done.
fn say_why(update: &Update, why: Why) {
    let who = update.from.as_ref().map(|person| person.id);
    match why {
        Why::Old(age) => log::info!("telegram: not obeyed, since it was written {} ago", duration(age)),
        Why::Stranger => log::debug!("telegram: ignored, since nobody of this id may give orders: {who:?}"),
        Why::Elsewhere => log::debug!("telegram: ignored, since it is in another chat: {}", update.place.chat),
        Why::NoOrder => {}
    }
}
