//! How it is with each channel by now: refreshed whenever something was posted or sent, and read by the report without a
//! message to anybody.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::Utc;

use crate::domain::delivery::ChannelDelivery;
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
        let shown = Shown { ticket: 0, deliveries: Arc::default() };
        Self {
            channels: channels.into_iter().collect(),
            tickets: Arc::new(AtomicU64::new(1)),
            shown: Arc::new(Mutex::new(shown)),
        }
    }

    /// What is known: nothing of any channel before the ledger was asked for the first time. The same `Arc` for as long as
    /// nothing of it changes.
    pub fn known(&self) -> Arc<Vec<ChannelDelivery>> {
        Arc::clone(&self.shown().deliveries)
    }

    /// All channels, each with what `known` says of it: a channel of which nothing is known is none that is well.
    pub fn each<'k>(&self, known: &'k [ChannelDelivery]) -> Vec<(&'static str, Option<&'k ChannelDelivery>)> {
        let of = |channel| known.iter().find(|delivery| delivery.channel == channel);
        self.channels.iter().map(|channel| (*channel, of(*channel))).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::delivery::DeliveryState;

    fn pending(count: u64) -> Vec<ChannelDelivery> {
        vec![ChannelDelivery {
            channel: "email".into(),
            state: DeliveryState::Ok,
            pending: count,
            waiting_since: None,
            last_delivered: None,
            last_error: None,
        }]
    }

    #[test]
    fn before_anybody_was_asked_nothing_is_known_of_a_channel() {
        let board = DeliveryBoard::new(["email", "telegram"]);
        assert_eq!(board.each(&board.known()), [("email", None), ("telegram", None)]);
        board.show(1, pending(0));
        assert_eq!(board.each(&board.known()), [("email", Some(&pending(0)[0])), ("telegram", None)]);
    }

    #[test]
    fn an_answer_that_comes_late_does_not_hide_a_newer_one() {
        let board = DeliveryBoard::new(["email"]);
        board.show(2, pending(2));
        board.show(1, pending(1));
        assert_eq!(*board.known(), pending(2));
        board.show(3, pending(3));
        assert_eq!(*board.known(), pending(3));
    }

    #[test]
    fn what_does_not_change_stays_the_same() {
        let board = DeliveryBoard::new(["email"]);
        board.show(1, pending(0));
        let before = board.known();
        board.show(2, pending(0));
        assert!(Arc::ptr_eq(&before, &board.known()));
    }
}
