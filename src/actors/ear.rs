//! What the [`super::listener`] does all the time: it polls, judges what it hears, and has it obeyed.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use futures_util::FutureExt;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::deafness::Deafness;
use super::leadership::Footing;
use super::listener::Office;
use super::menu::Menu;
use super::moment::Moment;
use super::orders::Orders;
use super::trip::MEMORY;
use crate::channels::telegram::console::{Bot, Console};
use crate::domain::message::duration;
use crate::domain::update::{self, FRESH, Rules, Update, Verdict, Why};
use crate::store::StoreError;

/// The channel that writes to the same chat.
const CHANNEL: &str = "telegram";

/// How long a poll waits for something to happen.
const POLL: Duration = Duration::from_secs(25);

/// How often it is looked whether we still lead. That we no longer do is said at once, except that a term has run out, and
/// before an order is obeyed it is looked anyway.
const LOOK: Duration = Duration::from_secs(5);

/// How long one order may take.
const ORDER_LIMIT: Duration = Duration::from_secs(60);

/// The pause after updates of which none was obeyed: neither somebody who writes without end is to keep us busy, nor what
/// comes again and again to whoever may not obey it.
const AFTER_NOISE: Duration = Duration::from_millis(500);

/// What the listener knows.
pub(super) struct Ear {
    console: Console,
    office: Office,
    stopped: watch::Receiver<bool>,
    bot: Option<Bot>,
    /// The term in which it listened last.
    epoch: Option<i64>,
    /// The update from which on nothing was obeyed yet.
    first: Option<i64>,
    /// The same, if it could not be written down when the last order was obeyed: the store does not know that much.
    unwritten: Option<i64>,
    menu: Menu,
    /// When everything had been heard that had happened.
    heard: Option<Moment>,
    deafness: Deafness,
}

impl Ear {
    /// One that has heard nothing yet, and listens until `stopped`.
    pub(super) fn new(console: Console, office: Office, stopped: watch::Receiver<bool>) -> Self {
        Self {
            console,
            office,
            stopped,
            bot: None,
            epoch: None,
            first: None,
            unwritten: None,
            menu: Menu::default(),
            heard: None,
            deafness: Deafness::default(),
        }
    }

    /// Listens while this process leads.
    pub(super) async fn listen(mut self) {
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
            if self.menu.is_due() && self.offer(footing).await.is_none() {
                return;
            }
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
            // Another one may have led meanwhile; or the database was away, and does not know what we obeyed.
            let first = self.office.ledger.store().first_update(bot.id);
            if let Ok(first) = self.while_on(footing, first).await? {
                self.first = first.max(self.unwritten);
            }
            self.epoch = footing.epoch();
            self.follow(footing).await?;
            self.menu.is_to_be_offered();
            self.offer(footing).await?;
            log::info!("telegram: listening for commands as @{}", bot.name);
        }
        Some(bot)
    }

    /// Has the commands be offered in the chat; nothing comes of it if it is over before that.
    async fn offer(&mut self, footing: Footing) -> Option<()> {
        let answer = self.while_on(footing, self.console.offer()).await?;
        self.menu.heard(answer);
        Some(())
    }

    /// Obeys what is to be obeyed; how many orders were.
    async fn attend(&mut self, bot: &Bot, updates: Vec<Update>, is_backlog: bool, footing: Footing) -> usize {
        let (mut count, asked) = (0, self.first);
        for update in updates {
            let allowed = Arc::clone(self.console.allowed());
            let rules = Rules { allowed: &allowed, bot: &bot.name, now: Utc::now(), is_backlog };
            let next = update.id.saturating_add(1);
            match update::judge(&update, &rules) {
                Verdict::Silence(why) => say_why(&update, why),
                verdict => {
                    if self.is_over(footing) {
                        return count;
                    }
                    match self.may_obey(bot, asked, next, footing).await {
                        Some(true) => {}
                        Some(false) => {
                            log::info!("telegram: not obeyed, since it has been obeyed already");
                            self.first = Some(next);
                            continue;
                        }
                        // Whoever leads by now hears it, too.
                        None => return count,
                    }
                    count += 1;
                    self.first = Some(next);
                    let orders = Orders::new(&self.office, &self.console);
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

    /// Writes down that the update before `next` is being obeyed, which came when it was `asked` for what comes from there;
    /// says whether it is still to be. Nothing comes of it if it is not for us to do so.
    async fn may_obey(&mut self, bot: &Bot, asked: Option<i64>, next: i64, footing: Footing) -> Option<bool> {
        let store = self.office.ledger.store();
        let store = footing.epoch().map_or_else(|| store.clone(), |epoch| store.under(epoch));
        match store.obeys_update(bot.id, asked, next).await {
            Ok(is_news) => {
                self.unwritten = None;
                Some(is_news)
            }
            Err(StoreError::NotLeading | StoreError::Closed) => None,
            Err(error) => {
                log::warn!("telegram: that an order is being obeyed cannot be written down: {error}");
                self.unwritten = Some(next);
                Some(true)
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
