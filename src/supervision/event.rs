//! What happens under a supervisor, as it happens.

use std::{sync::Arc, time::Duration};

use super::exit::Exit;

/// One event. Slow listeners lose the oldest ones; what must not be lost is read from
/// [`ChildInfo`](super::ChildInfo).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A fresh actor has run its `started`.
    Started {
        /// The child.
        id: Arc<str>,
        /// The generation that begins.
        generation: u64,
    },
    /// An actor has ended.
    Exited {
        /// The child.
        id: Arc<str>,
        /// How.
        exit: Exit,
    },
    /// A fresh one follows.
    Restarting {
        /// The child.
        id: Arc<str>,
        /// After this wait.
        delay: Duration,
    },
    /// It failed too often: closed until the next try.
    Degraded {
        /// The child.
        id: Arc<str>,
        /// The wait until the next try.
        retry_in: Duration,
    },
    /// It was degraded and has proven itself again.
    Recovered {
        /// The child.
        id: Arc<str>,
    },
    /// A blocked thread was given up.
    Abandoned {
        /// The child that it belonged to.
        id: Arc<str>,
        /// How many such threads there are now.
        threads: usize,
    },
    /// It is over for good: finished, removed, or stopped with everything.
    Stopped {
        /// The child.
        id: Arc<str>,
    },
    /// Things are past mending: the ordered stop begins, then the last resort.
    Escalated {
        /// Why.
        cause: String,
    },
}
