//! The end of it all: in the reverse order of the starts, each child within its own time, all of them within a deadline.
//! Actors first, their threads after: what an actor drops may need the runtime.

use std::{sync::Arc, time::Duration};

use actix::{
    Actor, ActorContext, ActorFutureExt, Arbiter, AsyncContext, Context, Handler, Message, ResponseActFuture,
    WrapFuture,
};
use tokio::time::{Instant, timeout_at};

use super::{
    event::Event,
    last_resort::LastResort,
    orders::Order,
    root::{ChildKey, Root},
    vitals::Phase,
};

/// Stop everything; the answer names those that had to be cut off.
pub(super) struct StopAll {
    pub(super) within: Duration,
}

impl Message for StopAll {
    type Result = Vec<Arc<str>>;
}

impl Handler<StopAll> for Root {
    type Result = ResponseActFuture<Self, Vec<Arc<str>>>;

    fn handle(&mut self, StopAll { within }: StopAll, ctx: &mut Self::Context) -> Self::Result {
        self.stop_in_order(within, ctx)
    }
}

/// One child overran its time.
struct CutOff {
    child: ChildKey,
    generation: u64,
}

impl Message for CutOff {
    type Result = ();
}

impl Handler<CutOff> for Root {
    type Result = ();

    fn handle(&mut self, CutOff { child, generation }: CutOff, ctx: &mut Self::Context) {
        self.cut_off(child, generation, ctx);
    }
}

impl Root {
    fn stop_in_order(&mut self, within: Duration, ctx: &mut Context<Self>) -> ResponseActFuture<Self, Vec<Arc<str>>> {
        self.closing = true;
        let deadline = Instant::now() + within;
        let idle: Vec<ChildKey> = self.children.iter().filter(|c| c.life.is_none()).map(|child| child.key).collect();
        idle.into_iter().for_each(|key| self.over(key));
        let alive: Vec<_> = self
            .children
            .iter()
            .rev()
            .filter_map(|child| {
                let life = child.life.as_ref()?;
                let overrun = CutOff { child: child.key, generation: life.generation };
                Some((Arc::clone(child.vitals()), Arc::clone(&life.orders), child.spec.shutdown, overrun))
            })
            .collect();
        let root = ctx.address();
        let stopping = async move {
            let mut cut_off = Vec::new();
            for (vitals, orders, shutdown, overrun) in alive {
                orders.give(Order::Stop);
                let stopped = vitals.until(|vitals| vitals.phase() == Phase::Stopped);
                if timeout_at(deadline.min(Instant::now() + shutdown), stopped).await.is_err() {
                    root.do_send(overrun);
                    cut_off.push(Arc::clone(vitals.id()));
                }
            }
            cut_off
        };
        Box::pin(stopping.into_actor(self).map(|cut_off, root, ctx| {
            root.close(ctx);
            cut_off
        }))
    }

    /// Nothing runs any more: lets the threads go.
    fn close(&mut self, ctx: &mut Context<Self>) {
        let late: Vec<_> = self.children.iter().filter_map(|c| Some((c.key, c.life.as_ref()?.generation))).collect();
        late.into_iter().for_each(|(key, generation)| self.cut_off(key, generation, ctx));
        for arbiter in self.children.iter().filter_map(|child| child.arbiter.as_ref()) {
            arbiter.stop();
        }
        self.shared.heart.rest();
        ctx.stop();
        if self.own_thread {
            Arbiter::current().stop();
        }
    }

    /// Gives up: stops in order, then turns to the last resort.
    pub(super) fn escalate(&mut self, cause: String, ctx: &mut <Self as Actor>::Context) {
        if self.closing {
            return;
        }
        log::error!("giving up: {cause}");
        self.tell(|| Event::Escalated { cause: cause.clone() });
        let stopped = self.stop_in_order(self.limits.escalation_stop, ctx);
        ctx.spawn(stopped.map(|_, root, _| (root.shared.last_resort)(LastResort::Escalated { cause })));
    }
}
