//! How it is with each channel by now: refreshed whenever something was posted or sent, and read by the report without a
//! message to anybody.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::Utc;

use crate::domain::delivery::{ChannelDelivery, DeliveryState};
use crate::store::{Ledger, StoreError};

/// What is known of the deliveries of all channels. Clones see the same.
#[derive(Clone)]
pub struct DeliveryBoard {
    channels: Arc<[&'static str]>,
    tickets: Arc<AtomicU64>,
    shown: Arc<Mutex<Shown>>,
}

struct Shown {
    /// Of the refreshing that it comes from.
    ticket: u64,
    deliveries: Arc<Vec<ChannelDelivery>>,
}

impl DeliveryBoard {
    /// A board of `channels`, which are shown in this order; nothing is known of them yet.
    pub fn new(channels: impl IntoIterator<Item = &'static str>) -> Self {
        let channels: Arc<[_]> = channels.into_iter().collect();
        let deliveries = channels.iter().map(|channel| nothing_known(channel)).collect();
        let shown = Shown { ticket: 0, deliveries: Arc::new(deliveries) };
        Self { channels, tickets: Arc::new(AtomicU64::new(1)), shown: Arc::new(Mutex::new(shown)) }
    }

    /// What is known. The same `Arc` for as long as nothing of it changes.
    pub fn known(&self) -> Arc<Vec<ChannelDelivery>> {
        Arc::clone(&self.shown().deliveries)
    }

    /// Has the ledger say how it is now. If it does not, what was known stands.
    pub async fn refresh(&self, ledger: &Ledger) {
        // Whoever asks later sees what was written before whoever asked earlier; the answers may come in any order.
        let ticket = self.tickets.fetch_add(1, Relaxed);
        match ledger.deliveries(&self.channels).await {
            Ok(deliveries) => {
                let now = Utc::now();
                self.show(ticket, deliveries.into_iter().map(|delivery| delivery.at(now)).collect());
            }
            // We are being stopped.
            Err(StoreError::Closed) => {}
            Err(error) => log::warn!("it is not known how it is with the channels: {error}"),
        }
    }

    fn show(&self, ticket: u64, deliveries: Vec<ChannelDelivery>) {
        let mut shown = self.shown();
        if ticket < shown.ticket {
            return;
        }
        shown.ticket = ticket;
        if *shown.deliveries != deliveries {
            shown.deliveries = Arc::new(deliveries);
        }
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn nothing_known(channel: &str) -> ChannelDelivery {
    ChannelDelivery {
        channel: channel.into(),
        state: DeliveryState::Ok,
        pending: 0,
        waiting_since: None,
        last_delivered: None,
        last_error: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pending(count: u64) -> Vec<ChannelDelivery> {
        vec![ChannelDelivery { pending: count, ..nothing_known("email") }]
    }

    #[test]
    fn an_answer_that_comes_late_does_not_hide_a_newer_one() {
        let board = DeliveryBoard::new(["email"]);
        assert_eq!(*board.known(), pending(0));
        board.show(2, pending(2));
        board.show(1, pending(1));
        assert_eq!(*board.known(), pending(2));
        board.show(3, pending(3));
        assert_eq!(*board.known(), pending(3));
    }

    #[test]
    fn what_does_not_change_stays_the_same() {
        let board = DeliveryBoard::new(["email"]);
        let before = board.known();
        board.show(1, pending(0));
        assert!(Arc::ptr_eq(&before, &board.known()));
    }
}
