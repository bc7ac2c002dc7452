//! What the outside gets to see of a child.

use std::{fmt, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};

use super::{
    exit::{Exit, Reason},
    vitals::{Phase, Vitals},
};

/// A child's state, in the words of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// At work.
    Running,
    /// Between two actors, or about to start for the first time.
    Restarting,
    /// Failed too often; tried again from time to time.
    Degraded,
    /// Over for good.
    Stopped,
}

impl State {
    /// The word for it, lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Restarting => "restarting",
            Self::Degraded => "degraded",
            Self::Stopped => "stopped",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<Phase> for State {
    fn from(phase: Phase) -> Self {
        match phase {
            Phase::Running => Self::Running,
            Phase::Starting | Phase::Resting => Self::Restarting,
            Phase::Degraded | Phase::Trial => Self::Degraded,
            Phase::Stopped => Self::Stopped,
        }
    }
}

/// One child, seen at one moment. Taken from atomics: it can be had while the supervisor hangs.
#[derive(Debug, Clone)]
pub struct ChildInfo {
    /// Its name.
    pub id: Arc<str>,
    /// Its state.
    pub state: State,
    /// The number of its current mailbox, from 1; grows with every restart.
    pub generation: u64,
    /// Fresh actors after the first, by the reason that made them necessary; zeros are left out.
    pub restarts_by: Vec<(Reason, u64)>,
    /// The last end that nobody asked for.
    pub last_failure: Option<Arc<Exit>>,
    /// When the last fresh actor after the first was started.
    pub last_restart: Option<DateTime<Utc>>,
    /// How long ago it last answered a ping; `None` before the first answer.
    pub silent_for: Option<Duration>,
    /// How long a message waits in its mailbox: the age of the unanswered ping, otherwise what the last ping took.
    pub mailbox_age: Duration,
    /// Asks under way.
    pub asks_in_flight: usize,
}

impl ChildInfo {
    /// Fresh actors after the first, for whatever reason.
    pub fn restarts(&self) -> u64 {
        self.restarts_by.iter().map(|(_, count)| count).sum()
    }

    pub(super) fn of(vitals: &Vitals) -> Self {
        Self {
            id: Arc::clone(vitals.id()),
            state: vitals.phase().into(),
            generation: vitals.generation(),
            restarts_by: Reason::ALL
                .into_iter()
                .map(|reason| (reason, vitals.restarts(reason)))
                .filter(|(_, count)| *count > 0)
                .collect(),
            last_failure: vitals.last_failure(),
            last_restart: vitals.last_restart().and_then(DateTime::from_timestamp_micros),
            silent_for: vitals.actor.silence(),
            mailbox_age: vitals.actor.lag(),
            asks_in_flight: vitals.asks_in_flight(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_that_never_failed_says_so() {
        let info = ChildInfo::of(&Vitals::new("quiet".into(), 1));
        assert_eq!((info.restarts(), info.last_restart, info.silent_for), (0, None, None));
        assert!(info.last_failure.is_none());
        assert_eq!(info.state, State::Restarting);
    }

    #[test]
    fn restarts_are_counted_by_their_reason() {
        let vitals = Vitals::new("busy".into(), 1);
        for reason in [Reason::Panic, Reason::Stuck, Reason::Panic] {
            vitals.failed(Arc::new(Exit::new(reason, 1, "x")));
            vitals.restarted(reason);
        }
        let info = ChildInfo::of(&vitals);
        assert_eq!(info.restarts_by, [(Reason::Panic, 2), (Reason::Stuck, 1)]);
        assert_eq!(info.restarts(), 3);
        assert!(info.last_restart.is_some());
        assert_eq!(info.last_failure.map(|exit| exit.reason), Some(Reason::Panic));
    }

    #[test]
    fn on_trial_is_still_degraded_to_the_outside() {
        assert_eq!(State::from(Phase::Trial).as_str(), "degraded");
        assert_eq!(State::from(Phase::Resting).as_str(), "restarting");
    }
}
