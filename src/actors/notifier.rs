//! A Notifier for each channel: sees to it that what is due for its channel is sent, in order.
//!
//! *Delivered* is written after the channel said so: a crash between the two repeats at most that one message. A notice
//! that was not taken waits, longer each time, and the ones behind it wait too, so that no all-clear overtakes its
//! alert. One channel never waits for another. The sending itself is the [`Courier`]'s.

use std::time::Duration;

use actix::prelude::*;
use chrono::{DateTime, Utc};
use tokio::sync::oneshot;

use super::courier::{Courier, Outcome, Returned, Route};
use crate::domain::message::duration;
use crate::supervision::{Context, Sender};

/// After a fault of the store, how long until the Notifier looks again by itself.
const AFTER_STORE_FAULT: Duration = Duration::from_secs(30);

/// How much longer than a send a trip may take, for what has to be read and written.
const BOOKKEEPING: Duration = Duration::from_secs(30);

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
    /// When the one that still waits may be tried, if one waits. What is behind it waits too.
    pub waiting: Option<DateTime<Utc>>,
}

/// The Notifier of one channel.
pub struct Notifier {
    route: Route,
    /// Its own stable handle, for Couriers that outlive an actor.
    returned: Sender<Returned>,
    courier: Option<Courier>,
    /// The trip that the Courier is on.
    trip: Option<u64>,
    /// Something came while the Courier was out.
    again: bool,
    finishing: bool,
    pass: Pass,
    timer: Option<SpawnHandle>,
    waiting: Vec<oneshot::Sender<Pass>>,
}

impl Notifier {
    /// Sends on `route`; `returned` is the stable handle of whoever is the Notifier of this channel.
    pub fn new(route: Route, returned: Sender<Returned>) -> Self {
        Self {
            route,
            returned,
            courier: None,
            trip: None,
            again: false,
            finishing: false,
            pass: Pass::default(),
            timer: None,
            waiting: vec![],
        }
    }

    /// Sends the Courier off, if it is here.
    fn go(&mut self, ctx: &mut Context<Self>) {
        if self.trip.is_some() {
            self.again = true;
            return;
        }
        if self.finishing {
            return self.rest();
        }
        self.again = false;
        if let Some(timer) = self.timer.take() {
            ctx.cancel_future(timer);
        }
        self.trip = self.courier(ctx).and_then(Courier::go);
        let Some(trip) = self.trip else { return };
        ctx.run_later(self.route.deadline + BOOKKEEPING, move |actor, ctx| actor.miss(trip, ctx));
    }

    fn courier(&mut self, ctx: &mut Context<Self>) -> Option<&Courier> {
        if self.courier.is_none() {
            match Courier::start(self.route.clone(), self.returned.clone()) {
                Ok(courier) => self.courier = Some(courier),
                Err(error) => ctx.fail(format_args!("no thread for a Courier: {error}")),
            }
        }
        self.courier.as_ref()
    }

    /// The Courier should be back by now. The actor fails with it: another one, with another Courier, takes its place, and
    /// if that happens too often, people hear of it.
    fn miss(&mut self, trip: u64, ctx: &mut Context<Self>) {
        if self.trip == Some(trip) {
            let limit = duration(self.route.deadline + BOOKKEEPING);
            ctx.fail(format_args!("the Courier has not come back within {limit}"));
        }
    }

    /// Nothing is to be done now: whoever waits for that is told.
    fn rest(&mut self) {
        let pass = std::mem::take(&mut self.pass);
        for waiting in self.waiting.drain(..) {
            // Who no longer waits needs no answer.
            let _ = waiting.send(pass);
        }
    }

    fn look_again(&mut self, wait: Duration, ctx: &mut Context<Self>) {
        self.timer = Some(ctx.run_later(wait, |actor, ctx| actor.go(ctx)));
    }

    /// The answer to whoever waits until the Courier rests.
    fn answer(&mut self) -> ResponseActFuture<Self, Pass> {
        let (answer, waiting) = oneshot::channel();
        if self.trip.is_some() {
            self.waiting.push(answer);
        }
        Box::pin(async move { waiting.await.unwrap_or_default() }.into_actor(self))
    }
}

impl Actor for Notifier {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        // What an earlier actor or an earlier process left behind.
        self.go(ctx);
    }
}

impl Handler<Wake> for Notifier {
    type Result = ();

    fn handle(&mut self, _: Wake, ctx: &mut Self::Context) {
        self.go(ctx);
    }
}

impl Handler<Returned> for Notifier {
    type Result = ();

    fn handle(&mut self, returned: Returned, ctx: &mut Self::Context) {
        if self.trip != Some(returned.trip) {
            // From a trip for the actor before this one: what it had claimed is free, and the next may be due.
            return self.go(ctx);
        }
        self.trip = None;
        match returned.outcome {
            Outcome::Delivered => self.pass.delivered += 1,
            Outcome::Refused => self.pass.failed += 1,
            Outcome::Nothing(_) | Outcome::StoreFault if self.again => {}
            Outcome::Nothing(next) => {
                self.pass.waiting = next;
                self.rest();
                return next.into_iter().for_each(|next| self.look_again(until(next), ctx));
            }
            Outcome::StoreFault => {
                self.rest();
                return self.look_again(AFTER_STORE_FAULT, ctx);
            }
        }
        self.go(ctx);
    }
}

fn until(moment: DateTime<Utc>) -> Duration {
    (moment - Utc::now()).to_std().unwrap_or_default()
}

impl Handler<Flush> for Notifier {
    type Result = ResponseActFuture<Self, Pass>;

    fn handle(&mut self, _: Flush, ctx: &mut Self::Context) -> Self::Result {
        self.go(ctx);
        self.answer()
    }
}

impl Handler<Finish> for Notifier {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, _: Finish, _: &mut Self::Context) -> Self::Result {
        self.finishing = true;
        Box::pin(self.answer().map(|_, _, _| ()))
    }
}
