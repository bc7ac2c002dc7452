//! The actors that look: HealthActor, MetricsActor and StuckJobActor are this shell around one check each.
//!
//! Whatever happens to the look, a section comes of it: what was seen, or that nothing could be seen, and why.

use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::time::{Duration, Instant};

use actix::prelude::*;
use chrono::{DateTime, Utc};
use futures_util::FutureExt;

use super::escalator::Looked;
use crate::checks::Check;
use crate::domain::fault::{Fault, FaultKind, Party};
use crate::domain::message::duration;
use crate::domain::report::{Section, Sight};

/// Look now, as of `now`.
#[derive(Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Look {
    /// The cycle for which it is.
    pub cycle: u64,
    /// The moment to which the cycle refers.
    pub now: DateTime<Utc>,
}

/// The shell around one check.
pub struct CheckActor {
    check: Rc<dyn Check>,
    timeout: Duration,
    escalator: Recipient<Looked>,
}

impl CheckActor {
    /// Looks with `check`, within `timeout`, and tells `escalator`.
    pub fn new(check: Rc<dyn Check>, timeout: Duration, escalator: Recipient<Looked>) -> Self {
        Self { check, timeout, escalator }
    }
}

impl Actor for CheckActor {
    type Context = Context<Self>;
}

impl Handler<Look> for CheckActor {
    type Result = ();

    fn handle(&mut self, look: Look, ctx: &mut Self::Context) {
        let check = Rc::clone(&self.check);
        let timeout = self.timeout;
        let section = async move { section(&*check, look.now, timeout).await };
        let told = section.into_actor(self).map(move |section, actor, _| {
            let check = section.check.name();
            let looked = Looked { cycle: look.cycle, section };
            if let Err(error) = actor.escalator.try_send(looked) {
                log::error!("cycle={} check={check}: the section was not taken: {error}", look.cycle);
            }
        });
        ctx.spawn(told);
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
