//! What happens under a supervisor, as it happens.

use std::{fmt, sync::Arc, time::Duration};

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

impl Event {
    /// How loudly the log is to say it: an end nobody asked for is a warning, what people have to know of an error.
    pub fn level(&self) -> log::Level {
        match self {
            Self::Degraded { .. } | Self::Abandoned { .. } | Self::Escalated { .. } => log::Level::Error,
            Self::Exited { exit, .. } if !exit.reason.is_wanted() => log::Level::Warn,
            Self::Exited { .. } | Self::Recovered { .. } => log::Level::Info,
            Self::Started { .. } | Self::Restarting { .. } | Self::Stopped { .. } => log::Level::Debug,
        }
    }
}

/// A line for the log.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started { id, generation } => write!(f, "actor={id} generation {generation} has started"),
            Self::Exited { id, exit } => write!(f, "actor={id} generation {} ended: {exit}", exit.generation),
            Self::Restarting { id, delay } => write!(f, "actor={id} is started anew in {} ms", delay.as_millis()),
            Self::Degraded { id, retry_in } => {
                write!(f, "actor={id} failed too often and is degraded; the next try is in {} s", retry_in.as_secs())
            }
            Self::Recovered { id } => write!(f, "actor={id} has recovered"),
            Self::Abandoned { id, threads } => {
                write!(f, "actor={id} blocks its thread, which is given up (threads given up and not back: {threads})")
            }
            Self::Stopped { id } => write!(f, "actor={id} has stopped for good"),
            Self::Escalated { cause } => write!(f, "the supervisor gives up: {cause}"),
        }
    }
}
