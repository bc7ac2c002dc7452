//! The place of a child: its current mailbox, and the way to the next.
//!
//! The mailbox of the next generation is published before the old one is dropped, so that there is no moment at which
//! messages have nowhere to go. Whoever notices an end first, the runner on the actor's thread or the supervisor, opens
//! it; the other one then comes too late and changes nothing.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use actix::{
    Actor, Addr,
    dev::channel::{AddressReceiver, channel},
};
use arc_swap::ArcSwap;

use super::{context::Context, vitals::Vitals};

/// See the module.
pub(super) struct Seat<A: Actor<Context = Context<A>>> {
    pub(super) address: ArcSwap<Addr<A>>,
    pub(super) vitals: Arc<Vitals>,
    /// The receiving end of `address`, until an actor takes it.
    waiting: Mutex<Option<AddressReceiver<A>>>,
    mailbox: usize,
}

impl<A: Actor<Context = Context<A>>> Seat<A> {
    pub(super) fn new(vitals: Arc<Vitals>, mailbox: usize) -> Arc<Self> {
        let (sender, receiver) = channel(mailbox);
        let address = ArcSwap::from_pointee(Addr::new(sender));
        Arc::new(Self { address, vitals, waiting: Mutex::new(Some(receiver)), mailbox })
    }

    /// Opens the generation after `ended`. Does nothing if that has been done.
    pub(super) fn advance(&self, ended: u64) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if self.vitals.generation() != ended {
            return;
        }
        let (sender, receiver) = channel(self.mailbox);
        self.address.store(Arc::new(Addr::new(sender)));
        let unread = waiting.replace(receiver);
        self.vitals.begin(ended + 1);
        drop(waiting);
        // Dropping messages runs foreign code, which may send to this very seat.
        drop(unread);
    }

    /// The mailbox for a fresh actor, with its generation.
    pub(super) fn take(&self) -> (AddressReceiver<A>, u64) {
        loop {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let generation = self.vitals.generation();
            if let Some(receiver) = waiting.take() {
                return (receiver, generation);
            }
            drop(waiting);
            self.advance(generation);
        }
    }

    /// Closes the mailbox that waits for an actor: asks in it fail now, and not at their deadline.
    pub(super) fn shed(&self) {
        let unread = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(unread);
    }
}

impl<A: Actor<Context = Context<A>>> fmt::Debug for Seat<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seat").field("vitals", &self.vitals).finish_non_exhaustive()
    }
}
