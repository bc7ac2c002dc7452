//! What the supervisor wants of a running actor, on the way to the actor's thread.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::*},
    },
    task::Waker,
};

use futures_util::task::AtomicWaker;

use super::chaos::Chaos;

/// One order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Answer with these numbers.
    Ping { thread: u64, actor: Option<u64> },
    /// Take what is in the mailbox, then stop.
    Stop,
    /// You have been replaced: look at the fence.
    Yield,
    /// Come to harm.
    Meet(Chaos),
}

/// Orders that may wait. One ping is out at a time, so only an actor that is out of order already has so many.
const ROOM: usize = 16;

/// The orders to one actor. Made afresh with every actor, and so kept light.
#[derive(Debug, Default)]
pub(super) struct Orders {
    waiting: Mutex<Vec<Order>>,
    any: AtomicBool,
    runner: AtomicWaker,
}

impl Orders {
    /// Gives an order; beyond [`ROOM`] it is dropped.
    pub(super) fn give(&self, order: Order) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < ROOM {
            waiting.push(order);
            self.any.store(true, Release);
            drop(waiting);
            self.runner.wake();
        }
    }

    /// All that wait, in order; `waker` is woken by the next.
    pub(super) fn take(&self, waker: &Waker) -> Vec<Order> {
        self.runner.register(waker);
        if !self.any.swap(false, AcqRel) {
            return Vec::new();
        }
        std::mem::take(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_arrive_once_in_their_order_and_are_bounded() {
        let orders = Orders::default();
        assert_eq!(orders.take(Waker::noop()), []);
        orders.give(Order::Stop);
        orders.give(Order::Yield);
        assert_eq!(orders.take(Waker::noop()), [Order::Stop, Order::Yield]);
        assert_eq!(orders.take(Waker::noop()), []);
        (0..100).for_each(|_| orders.give(Order::Yield));
        assert_eq!(orders.take(Waker::noop()).len(), ROOM);
    }
}
