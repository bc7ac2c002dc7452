//! The Courier: carries notices to a channel for its Notifier, one a trip, on a thread of its own.
//!
//! It is apart from the Notifier so that what is being sent is finished whatever befalls that actor: a request that is
//! dropped half-way has perhaps arrived, and would be sent again. The claim in the store keeps the next Notifier's Courier
//! off the notice meanwhile. A Courier that does not come back is replaced by its Notifier.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use actix::prelude::*;
use chrono::{DateTime, Utc};
use tokio::sync::mpsc;

use super::delivery_board::DeliveryBoard;
use super::leadership::Leadership;
use super::pace::Pace;
use super::telemetry::Telemetry;
use super::trip;
use crate::channels::ChannelSpec;
use crate::domain::maintenance::Windows;
use crate::domain::message::Wording;
use crate::store::Ledger;
use crate::supervision::{self, Sender};

/// How long a Courier rests after it was refused: whatever is due next, a channel in trouble is not asked more often.
const REST: Duration = Duration::from_secs(1);

/// What a Courier needs to know.
#[derive(Clone)]
pub struct Route {
    /// Where it goes.
    pub channel: ChannelSpec,
    /// Where the notices are.
    pub ledger: Ledger,
    /// Who claims: another process on the same store does not send what this one is sending.
    pub owner: String,
    /// The deadline of one send.
    pub deadline: Duration,
    /// How the channel is to be spared.
    pub pace: Pace,
    /// Whether this process may send anything.
    pub leadership: Leadership,
    /// When nobody is told anything, whatever waits.
    pub maintenance: Windows,
    /// How it is said when several notices become one.
    pub wording: Wording,
    /// Where it is shown what became of notices.
    pub board: DeliveryBoard,
    /// Where it is counted.
    pub telemetry: Telemetry,
}

/// A Courier has come back from a trip.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub struct Returned {
    /// From which.
    pub trip: u64,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A notice was delivered.
    Delivered,
    /// A notice was not taken.
    Refused,
    /// Nothing was due; the next one may be tried then, if one waits.
    Nothing(Option<DateTime<Utc>>),
    /// The store does not answer.
    StoreFault,
}

/// A Courier. It goes home when it is dropped and its last trip is over.
pub struct Courier {
    trips: mpsc::Sender<u64>,
}

impl Courier {
    /// A Courier on `route` that tells `returned` of each trip.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub fn start(route: Route, returned: Sender<Returned>) -> std::io::Result<Self> {
        let runtime = supervision::runtime()?;
        let arbiter = Arbiter::try_with_tokio_rt(move || Ok(runtime))?;
        let (trips, mut ordered) = mpsc::channel(1);
        arbiter.spawn_fn(move || {
            let at_work = async move {
                let channel = (route.channel.build)();
                while let Some(trip) = ordered.recv().await {
                    let outcome = trip::make(&route, &channel).await;
                    if outcome == Outcome::Refused {
                        tokio::time::sleep(REST).await;
                    }
                    if let Err(refused) = returned.cast(Returned { trip, outcome }) {
                        log::warn!("{}: nobody hears that a notice was carried: {refused}", route.channel.name);
                    }
                }
                Arbiter::current().stop();
            };
            #[expect(clippy::disallowed_methods, reason = "it outlives its Notifier until the trip is over")]
            drop(actix_rt::spawn(at_work));
        });
        Ok(Self { trips })
    }

    /// Sends it off; says whether it went, which it does not if it is out or gone.
    pub fn go(&self) -> Option<u64> {
        static TRIPS: AtomicU64 = AtomicU64::new(0);
        let trip = TRIPS.fetch_add(1, Relaxed);
        self.trips.try_send(trip).ok().map(|()| trip)
    }
}
