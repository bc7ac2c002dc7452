//! The vital signs of one child: written by the supervisor and by the child's runner, read by everybody without asking
//! either of them. They outlive every actor that fills the place.

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU8, AtomicU64, Ordering::*},
};

use arc_swap::ArcSwapOption;
use chrono::Utc;
use tokio::sync::Notify;

use super::{
    echo::Echo,
    exit::{Exit, Reason},
};

/// Where a child is in its life. Only the supervisor changes it, but for the step from starting to running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Phase {
    /// A fresh actor is under way, or the first one has not been asked for yet.
    Starting,
    Running,
    /// Waiting for its next start.
    Resting,
    /// Failed too often: closed until the next try.
    Degraded,
    /// Running again after that, and not yet trusted.
    Trial,
    /// Over for good.
    Stopped,
}

const PHASES: [Phase; 6] =
    [Phase::Starting, Phase::Running, Phase::Resting, Phase::Degraded, Phase::Trial, Phase::Stopped];

/// See the module.
#[derive(Debug)]
pub(super) struct Vitals {
    id: Arc<str>,
    phase: AtomicU8,
    generation: AtomicU64,
    /// Each ask in flight holds one clone.
    asks: Arc<()>,
    asks_max: usize,
    /// Answered by the actor's thread, after a turn.
    pub(super) thread: Echo,
    /// Answered by the actor, when it has taken every message that was waiting.
    pub(super) actor: Echo,
    restarts: [AtomicU64; Reason::ALL.len()],
    last_restart: AtomicI64,
    last_failure: ArcSwapOption<Exit>,
    changes: Notify,
    revision: AtomicU64,
}

/// Stands in `last_restart` for "never".
const NEVER: i64 = i64::MIN;

impl Vitals {
    pub(super) fn new(id: Arc<str>, asks_max: usize) -> Self {
        Self {
            id,
            phase: AtomicU8::new(Phase::Starting as u8),
            generation: AtomicU64::new(1),
            asks: Arc::new(()),
            asks_max,
            thread: Echo::default(),
            actor: Echo::default(),
            restarts: Default::default(),
            last_restart: AtomicI64::new(NEVER),
            last_failure: ArcSwapOption::empty(),
            changes: Notify::new(),
            revision: AtomicU64::new(0),
        }
    }

    pub(super) fn id(&self) -> &Arc<str> {
        &self.id
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Acquire)
    }

    /// The seat opens generation `next`: whatever belongs to an earlier one is no longer current.
    pub(super) fn begin(&self, next: u64) {
        self.generation.store(next, Release);
        self.changed();
    }

    pub(super) fn phase(&self) -> Phase {
        PHASES[usize::from(self.phase.load(Acquire))]
    }

    pub(super) fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Release);
        self.changed();
    }

    /// Whether messages are taken at all.
    pub(super) fn is_open(&self) -> bool {
        !matches!(self.phase(), Phase::Degraded | Phase::Stopped)
    }

    /// The first turn of a fresh actor is over.
    pub(super) fn began(&self) {
        let (starting, running) = (Phase::Starting as u8, Phase::Running as u8);
        if self.phase.compare_exchange(starting, running, AcqRel, Relaxed).is_ok() {
            self.changed();
        }
    }

    /// Waits until `holds` does; it is looked at again whenever phase or generation change.
    pub(super) async fn until(&self, holds: impl Fn(&Self) -> bool) {
        loop {
            // A change that comes between the look and the wait wakes it too.
            let changed = self.changes.notified();
            if holds(self) {
                return;
            }
            changed.await;
        }
    }

    /// Takes one of the places for asks in flight, until the answer is dropped.
    pub(super) fn ask_begins(&self) -> Option<AskInFlight> {
        let place = AskInFlight(Arc::clone(&self.asks));
        (self.asks_in_flight() <= self.asks_max).then_some(place)
    }

    pub(super) fn failed(&self, exit: Arc<Exit>) {
        self.last_failure.store(Some(exit));
        self.revision.fetch_add(1, AcqRel);
    }

    pub(super) fn last_failure(&self) -> Option<Arc<Exit>> {
        self.last_failure.load_full()
    }

    pub(super) fn restarted(&self, after: Reason) {
        self.restarts[after as usize].fetch_add(1, Relaxed);
        self.last_restart.store(Utc::now().timestamp_micros(), Relaxed);
        self.revision.fetch_add(1, AcqRel);
    }

    /// Grows with each change of what is told of the child.
    pub(super) fn revision(&self) -> u64 {
        self.revision.load(Acquire)
    }

    fn changed(&self) {
        self.revision.fetch_add(1, AcqRel);
        self.changes.notify_waiters();
    }

    pub(super) fn restarts(&self, after: Reason) -> u64 {
        self.restarts[after as usize].load(Relaxed)
    }

    /// Microseconds since the epoch.
    pub(super) fn last_restart(&self) -> Option<i64> {
        Some(self.last_restart.load(Relaxed)).filter(|at| *at != NEVER)
    }

    pub(super) fn asks_in_flight(&self) -> usize {
        Arc::strong_count(&self.asks) - 1
    }
}

/// One ask in flight.
#[derive(Debug)]
pub(super) struct AskInFlight(#[expect(dead_code, reason = "it counts by being there")] Arc<()>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phase_is_read_as_it_was_written() {
        let vitals = Vitals::new("a".into(), 0);
        for phase in PHASES {
            vitals.enter(phase);
            assert_eq!(vitals.phase(), phase);
        }
    }

    #[test]
    fn asks_in_flight_are_bounded_and_give_their_place_back() {
        let vitals = Vitals::new("a".into(), 2);
        let first = vitals.ask_begins();
        let second = vitals.ask_begins();
        assert!(first.is_some() && second.is_some());
        assert!(vitals.ask_begins().is_none());
        assert_eq!(vitals.asks_in_flight(), 2);
        drop(first);
        assert!(vitals.ask_begins().is_some());
    }
}
