//! The actors that look: HealthActor, MetricsActor and StuckJobActor are this shell around one check each.
//!
//! Whatever happens to the look, a section comes of it: what was seen, or that nothing could be seen, and why.

use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix::prelude::*;
use chrono::{DateTime, Utc};
use futures_util::FutureExt;

use super::escalator::Looked;
use crate::checks::Check;
use crate::domain::fault::{Fault, FaultKind, Party};
use crate::domain::message::duration;
use crate::domain::report::{Section, Sight};
use crate::supervision::{Context, Sender};

/// Look now, as of `now`.
#[derive(Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Look {
    /// The cycle for which it is.
    pub cycle: u64,
    /// The moment to which the cycle refers.
    pub now: DateTime<Utc>,
}

/// The look that is not answered yet. It outlives the actor: the next one looks in its place, once.
#[derive(Clone, Default)]
pub struct Unanswered(Arc<Mutex<Option<Look>>>);

impl Unanswered {
    fn put(&self, look: Option<Look>) -> Option<Look> {
        // What is in it is replaced as a whole, so that a panic elsewhere cannot have left it half written.
        std::mem::replace(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner), look)
    }
}

/// The shell around one check.
pub struct CheckActor {
    check: Rc<dyn Check>,
    timeout: Duration,
    escalator: Sender<Looked>,
    unanswered: Unanswered,
}

impl CheckActor {
    /// Looks with `check`, within `timeout`, and tells `escalator`.
    pub fn new(check: Rc<dyn Check>, timeout: Duration, escalator: Sender<Looked>, unanswered: Unanswered) -> Self {
        Self { check, timeout, escalator, unanswered }
    }

    fn look(&self, look: Look, ctx: &mut Context<Self>) {
        let check = Rc::clone(&self.check);
        let timeout = self.timeout;
        let section = async move { section(&*check, look.now, timeout).await };
        ctx.spawn(section.into_actor(self).map(move |section, actor, ctx| actor.looked(look.cycle, section, ctx)));
    }

    fn looked(&self, cycle: u64, section: Section, ctx: &mut Context<Self>) {
        let check = section.check.name();
        let panicked = match &section.sight {
            Sight::Blind(fault) if fault.kind == FaultKind::Panic => Some(fault.detail.clone()),
            _ => None,
        };
        self.unanswered.put(None);
        if let Err(refused) = self.escalator.cast(Looked { cycle, section }) {
            log::error!("cycle={cycle} check={check}: the section was not taken: {refused}");
        }
        if let Some(panic) = panicked {
            // Nobody knows in what state a check is that panicked: a fresh one takes its place.
            ctx.fail(format_args!("the look panicked: {panic}"));
        }
    }
}

impl Actor for CheckActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        if let Some(look) = self.unanswered.put(None) {
            self.look(look, ctx);
        }
    }
}

impl Handler<Look> for CheckActor {
    type Result = ();

    fn handle(&mut self, look: Look, ctx: &mut Self::Context) {
        self.unanswered.put(Some(look));
        self.look(look, ctx);
    }
}

/// One look, bounded in time, from which a panic does not escape.
async fn section(check: &dyn Check, now: DateTime<Utc>, timeout: Duration) -> Section {
    let started = Instant::now();
    let look = AssertUnwindSafe(check.look(now, started + timeout)).catch_unwind();
    let sight = match tokio::time::timeout(timeout, look).await {
        Ok(Ok(sight)) => sight,
        Ok(Err(panic)) => Sight::Blind(Fault::new(Party::Check, FaultKind::Panic, panic_text(&*panic))),
        Err(_) => {
            let detail = format!("it took longer than {}", duration(timeout));
            Sight::Blind(Fault::new(Party::Check, FaultKind::Timeout, detail))
        }
    };
    Section { check: check.name(), took: started.elapsed(), sight }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message").to_owned()
}
