//! The actors that look: HealthActor, MetricsActor and StuckJobActor are this shell around one check each.
//!
//! Whatever happens to the look, a section comes of it: what was seen, or that nothing could be seen, and why.

use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use actix::prelude::*;
use chrono::{DateTime, Utc};
use futures_util::FutureExt;

use super::escalator::Looked;
use crate::checks::{Check, panicked};
use crate::domain::fault::{Fault, FaultKind, Party};
use crate::domain::message::duration;
use crate::domain::report::{CheckName, Section, Sight};
use crate::supervision::{Context, Refused, Sender};

/// What is to be looked at: a cycle, and the moment to which it refers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// The cycle for which it is.
    pub cycle: u64,
    /// The moment to which the cycle refers.
    pub now: DateTime<Utc>,
}

/// There is an order on the desk.
#[derive(Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Look;

/// The way to a check: an order is laid on its desk, where it outlives the actor. A message that dies with the actor's
/// mailbox is no loss: the next actor finds the order there, and looks in its place.
#[derive(Clone)]
pub struct Desk {
    order: Arc<Mutex<Option<Laid>>>,
}

struct Laid {
    order: Order,
    /// How many actors have begun with it.
    begun: u32,
}

/// So many actors may begin with an order: what fails every time is left, and the check is blind in this cycle.
const BEGINNINGS: u32 = 2;

/// What is on a desk.
#[derive(Debug, PartialEq, Eq)]
enum Find {
    Nothing,
    /// Something to look at.
    Order(Order),
    /// The order of a cycle over which one actor after the other has failed.
    Hopeless(u64),
}

impl Desk {
    /// A desk with nothing on it.
    pub fn empty() -> Self {
        Self { order: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Laid>> {
        // What lies there is replaced as a whole, so that a panic elsewhere cannot have left it half written.
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lay(&self, order: Order) {
        *self.lock() = Some(Laid { order, begun: 0 });
    }

    /// What an actor finds that has begun with the order of the cycle `begun`.
    fn take(&self, begun: Option<u64>) -> Find {
        let mut desk = self.lock();
        match desk.as_mut().filter(|laid| Some(laid.order.cycle) != begun) {
            None => Find::Nothing,
            Some(Laid { order, begun }) if *begun >= BEGINNINGS => Find::Hopeless(order.cycle),
            Some(laid) => {
                laid.begun += 1;
                Find::Order(laid.order)
            }
        }
    }

    fn clear(&self, cycle: u64) {
        self.lock().take_if(|laid| laid.order.cycle == cycle);
    }
}

/// The way to a check, for whoever gives the orders.
#[derive(Clone)]
pub struct Looker {
    check: CheckName,
    desk: Desk,
    actor: Sender<Look>,
    escalator: Sender<Looked>,
}

impl Looker {
    /// To the `actor` of `check`, who works at `desk` and tells `escalator`.
    pub fn new(check: CheckName, desk: Desk, actor: Sender<Look>, escalator: Sender<Looked>) -> Self {
        Self { check, desk, actor, escalator }
    }

    /// Orders a look.
    pub fn order(&self, order: Order) {
        let cycle = order.cycle;
        self.desk.lay(order);
        match self.actor.cast(Look) {
            Ok(()) => {}
            Err(Refused::Full(_)) => {
                // It holds a `Look` already.
                log::debug!("cycle={cycle}: {:?} does not take its look now: its mailbox is full", self.actor);
            }
            Err(Refused::Unavailable(_)) => {
                // Nobody would come of whom the cycle could wait.
                self.desk.clear(cycle);
                tell(&self.escalator, cycle, unseen(self.check, "its actor keeps failing, and is degraded"));
            }
        }
    }
}

/// The section of a check of which no actor could look.
fn unseen(check: CheckName, detail: impl Into<String>) -> Section {
    Section { check, took: Duration::ZERO, sight: Sight::Blind(Fault::new(Party::Check, FaultKind::Panic, detail)) }
}

fn tell(escalator: &Sender<Looked>, cycle: u64, section: Section) {
    let check = section.check.name();
    if let Err(refused) = escalator.cast(Looked { cycle, section }) {
        log::error!("cycle={cycle} check={check}: the section was not taken: {refused}");
    }
}

/// The shell around one check.
pub struct CheckActor {
    check: Rc<dyn Check>,
    timeout: Duration,
    escalator: Sender<Looked>,
    desk: Desk,
    /// The cycle whose order it has begun with last.
    begun: Option<u64>,
}

impl CheckActor {
    /// Looks with `check`, within `timeout`, at what is on `desk`, and tells `escalator`.
    pub fn new(check: Rc<dyn Check>, timeout: Duration, escalator: Sender<Looked>, desk: Desk) -> Self {
        Self { check, timeout, escalator, desk, begun: None }
    }

    fn look(&mut self, ctx: &mut Context<Self>) {
        let Order { cycle, now } = match self.desk.take(self.begun) {
            Find::Order(order) => order,
            Find::Nothing => return,
            Find::Hopeless(cycle) => {
                self.desk.clear(cycle);
                let detail = format!("{BEGINNINGS} actors in a row have failed over it");
                return tell(&self.escalator, cycle, unseen(self.check.name(), detail));
            }
        };
        self.begun = Some(cycle);
        let check = Rc::clone(&self.check);
        let timeout = self.timeout;
        let section = async move { section(&*check, now, timeout).await };
        ctx.spawn(section.into_actor(self).map(move |section, actor, ctx| actor.looked(cycle, section, ctx)));
    }

    fn looked(&self, cycle: u64, section: Section, ctx: &mut Context<Self>) {
        let panicked = match &section.sight {
            Sight::Blind(fault) if fault.kind == FaultKind::Panic => Some(fault.detail.clone()),
            _ => None,
        };
        self.desk.clear(cycle);
        tell(&self.escalator, cycle, section);
        if let Some(panic) = panicked {
            // Nobody knows in what state a check is that panicked: a fresh one takes its place.
            ctx.fail(format_args!("the look panicked: {panic}"));
        }
    }
}

impl Actor for CheckActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.look(ctx);
    }
}

impl Handler<Look> for CheckActor {
    type Result = ();

    fn handle(&mut self, _: Look, ctx: &mut Self::Context) {
        self.look(ctx);
    }
}

/// One look, bounded in time, from which a panic does not escape.
async fn section(check: &dyn Check, now: DateTime<Utc>, timeout: Duration) -> Section {
    let started = Instant::now();
    let look = AssertUnwindSafe(check.look(now, started + timeout)).catch_unwind();
    let sight = match tokio::time::timeout(timeout, look).await {
        Ok(Ok(sight)) => sight,
        Ok(Err(panic)) => Sight::Blind(panicked(panic_text(&*panic))),
        Err(_) => {
            let detail = format!("it took longer than {}", duration(timeout));
            Sight::Blind(Fault::new(Party::Check, FaultKind::Timeout, detail))
        }
    };
    Section { check: check.name(), took: started.elapsed(), sight }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(cycle: u64) -> Order {
        Order { cycle, now: DateTime::UNIX_EPOCH }
    }

    #[test]
    fn an_order_outlives_the_actor_that_began_with_it_once() {
        let desk = Desk::empty();
        assert_eq!(desk.take(None), Find::Nothing);
        desk.lay(order(7));
        assert_eq!(desk.take(None), Find::Order(order(7)));
        assert_eq!(desk.take(Some(7)), Find::Nothing, "the same actor does not begin twice");
        assert_eq!(desk.take(None), Find::Order(order(7)), "the next actor begins again");
        assert_eq!(desk.take(None), Find::Hopeless(7), "and no other one after that");
    }

    #[test]
    fn an_answered_order_is_gone_and_a_later_one_stays() {
        let desk = Desk::empty();
        desk.lay(order(7));
        desk.clear(7);
        assert_eq!(desk.take(None), Find::Nothing);
        desk.lay(order(8));
        desk.clear(7);
        assert_eq!(desk.take(Some(7)), Find::Order(order(8)));
    }
}
