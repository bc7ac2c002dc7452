//! The heart: pings whoever waits for it after each cycle, beside everything else. No actor waits for a ping, and one that
//! hangs or fails costs nothing but itself.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// So many beats may wait for a ping that takes its time; further ones are left out.
const BEATS: usize = 4;

/// What is to be said after a cycle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Beat {
    /// All went its way.
    Well,
    /// This did not.
    Ill(String),
}

enum Order {
    Beat(Beat),
    Rest(oneshot::Sender<()>),
}

/// The way to the heart, for whoever knows how a cycle went. Clones lead to the same one.
#[derive(Clone)]
pub struct Heart {
    orders: Option<mpsc::Sender<Order>>,
}

impl Heart {
    /// One that nobody listens to.
    pub fn none() -> Self {
        Self { orders: None }
    }

    /// One that says with `ping` whether we are well, on the thread that this is called on. It ends when nobody has a way
    /// to it any more.
    pub fn start<F, P>(ping: F) -> Self
    where
        F: Fn(bool) -> P + 'static,
        P: Future<Output = Result<(), String>> + 'static,
    {
        let (orders, ordered) = mpsc::channel(BEATS);
        #[expect(
            clippy::disallowed_methods,
            reason = "no part of an actor; it guards itself, and is waited for at the end"
        )]
        drop(actix_rt::spawn(listen(ordered, ping)));
        Self { orders: Some(orders) }
    }

    /// Says how a cycle went. Waits for nobody.
    pub fn beat(&self, beat: Beat) {
        if let Some(orders) = &self.orders
            && orders.try_send(Order::Beat(beat)).is_err()
        {
            log::debug!("a heartbeat is left out: those before it are still on their way");
        }
    }

    /// Waits until what was said by now has been heard, for `limit` at most.
    pub async fn rest(&self, limit: Duration) {
        let Some(orders) = &self.orders else { return };
        let (rest, rested) = oneshot::channel();
        let all_said = async { orders.send(Order::Rest(rest)).await.is_ok() && rested.await.is_ok() };
        if !timeout(limit, all_said).await.unwrap_or(false) {
            log::warn!("the last heartbeat has not been heard");
        }
    }
}

async fn listen<F, P>(mut ordered: mpsc::Receiver<Order>, ping: F)
where
    F: Fn(bool) -> P,
    P: Future<Output = Result<(), String>>,
{
    let mut told = Told::default();
    while let Some(order) = ordered.recv().await {
        match order {
            Order::Beat(beat) => {
                told.of(&beat);
                let pinged = AssertUnwindSafe(async { ping(beat == Beat::Well).await }).catch_unwind().await;
                told.outcome(&pinged.unwrap_or_else(|_| Err("the ping panicked".into())));
            }
            // Who no longer waits needs no answer.
            Order::Rest(rest) => drop(rest.send(())),
        }
    }
}

/// What the log knows: a run of failures is told once, and so is its end.
#[derive(Default)]
struct Told {
    ailment: Option<String>,
    is_unheard: bool,
}

impl Told {
    fn of(&mut self, beat: &Beat) {
        let ailment = match beat {
            Beat::Well => None,
            Beat::Ill(ailment) => Some(ailment),
        };
        match ailment {
            Some(ailment) if self.ailment.is_none() => log::warn!("the heartbeat says that we are not well: {ailment}"),
            None if self.ailment.is_some() => log::info!("the heartbeat says that we are well again"),
            _ => {}
        }
        self.ailment = ailment.cloned();
    }

    fn outcome(&mut self, outcome: &Result<(), String>) {
        match outcome {
            Err(error) if !self.is_unheard => log::warn!("the heartbeat is not heard: {error}"),
            Err(error) => log::debug!("the heartbeat is not heard: {error}"),
            Ok(()) if self.is_unheard => log::info!("the heartbeat is heard again"),
            Ok(()) => {}
        }
        self.is_unheard = outcome.is_err();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;

    const SOON: Duration = Duration::from_secs(30);

    #[actix_rt::test]
    async fn each_beat_is_a_ping_whatever_became_of_those_before() {
        let pings: Rc<RefCell<Vec<bool>>> = Rc::default();
        let heard = Rc::clone(&pings);
        let heart = Heart::start(move |well| {
            heard.borrow_mut().push(well);
            assert!(heard.borrow().len() != 2, "the second one panics");
            futures_util::future::ready(Err("nobody there".into()))
        });
        let beats = [Beat::Well, Beat::Ill("one".into()), Beat::Ill("two".into()), Beat::Well];
        beats.into_iter().for_each(|beat| heart.beat(beat));
        heart.rest(SOON).await;
        assert_eq!(*pings.borrow(), [true, false, false, true]);
    }

    #[actix_rt::test]
    async fn who_beats_waits_for_nobody_and_who_rests_not_for_ever() {
        let asked: Rc<RefCell<u32>> = Rc::default();
        let hanging = Rc::clone(&asked);
        let heart = Heart::start(move |_| {
            *hanging.borrow_mut() += 1;
            futures_util::future::pending()
        });
        for _ in 0..100 {
            heart.beat(Beat::Well);
        }
        heart.rest(Duration::from_millis(50)).await;
        assert_eq!(*asked.borrow(), 1);
        Heart::none().rest(SOON).await;
    }
}
