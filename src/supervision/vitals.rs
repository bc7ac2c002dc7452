//! The vital signs of one child: written by the supervisor and by the child's runner, read by everybody without asking
//! either of them. They outlive every actor that fills the place.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicI64, AtomicU8, AtomicU64, AtomicUsize, Ordering::*},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwapOption;
use chrono::Utc;
use tokio::sync::watch;

use super::exit::{Exit, Reason};

/// Where a child is in its life. Only the supervisor changes it.
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
    asks: AtomicUsize,
    asks_max: usize,
    ping: AtomicU64,
    ping_at: AtomicU64,
    thread_pong: AtomicU64,
    actor_pong: AtomicU64,
    actor_pong_at: AtomicU64,
    lag: AtomicU64,
    restarts: [AtomicU64; Reason::ALL.len()],
    last_restart: AtomicI64,
    last_failure: ArcSwapOption<Exit>,
    changes: watch::Sender<()>,
}

/// Stands in `last_restart` for "never".
const NEVER: i64 = i64::MIN;

impl Vitals {
    pub(super) fn new(id: Arc<str>, asks_max: usize) -> Self {
        Self {
            id,
            phase: AtomicU8::new(Phase::Starting as u8),
            generation: AtomicU64::new(1),
            asks: AtomicUsize::new(0),
            asks_max,
            ping: AtomicU64::new(0),
            ping_at: AtomicU64::new(0),
            thread_pong: AtomicU64::new(0),
            actor_pong: AtomicU64::new(0),
            actor_pong_at: AtomicU64::new(0),
            lag: AtomicU64::new(0),
            restarts: Default::default(),
            last_restart: AtomicI64::new(NEVER),
            last_failure: ArcSwapOption::empty(),
            changes: watch::Sender::new(()),
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
        self.changes.send_replace(());
    }

    pub(super) fn phase(&self) -> Phase {
        PHASES[usize::from(self.phase.load(Acquire))]
    }

    pub(super) fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Release);
        self.changes.send_replace(());
    }

    /// Whether messages are taken at all.
    pub(super) fn is_open(&self) -> bool {
        !matches!(self.phase(), Phase::Degraded | Phase::Stopped)
    }

    /// Waits until `holds` does; it is looked at again whenever phase or generation change.
    pub(super) async fn until(&self, holds: impl Fn(&Self) -> bool) {
        let mut changes = self.changes.subscribe();
        // The sender lives in `self`, so `changed` cannot fail.
        while !holds(self) && changes.changed().await.is_ok() {}
    }

    /// Takes one of the places for asks in flight.
    pub(super) fn ask_begins(self: &Arc<Self>) -> Option<AskInFlight> {
        let place = AskInFlight(Arc::clone(self));
        (self.asks.fetch_add(1, Relaxed) < self.asks_max).then_some(place)
    }

    /// A new ping goes out; its number. Numbers never return, so that a zombie's late answer answers nothing.
    pub(super) fn ping(&self) -> u64 {
        self.ping_at.store(micros(), Relaxed);
        self.ping.fetch_add(1, AcqRel) + 1
    }

    pub(super) fn thread_answers(&self, ping: u64) {
        self.thread_pong.fetch_max(ping, AcqRel);
    }

    pub(super) fn actor_answers(&self, ping: u64) {
        if self.actor_pong.fetch_max(ping, AcqRel) < ping {
            let now = micros();
            self.actor_pong_at.store(now, Relaxed);
            self.lag.store(now.saturating_sub(self.ping_at.load(Relaxed)), Relaxed);
        }
    }

    pub(super) fn thread_answered(&self) -> bool {
        self.thread_pong.load(Acquire) >= self.ping.load(Acquire)
    }

    pub(super) fn actor_answered(&self) -> bool {
        self.actor_pong.load(Acquire) >= self.ping.load(Acquire)
    }

    pub(super) fn failed(&self, exit: Exit) {
        self.last_failure.store(Some(Arc::new(exit)));
    }

    pub(super) fn last_failure(&self) -> Option<Arc<Exit>> {
        self.last_failure.load_full()
    }

    pub(super) fn restarted(&self, after: Reason) {
        self.restarts[after as usize].fetch_add(1, Relaxed);
        self.last_restart.store(Utc::now().timestamp_micros(), Relaxed);
    }

    pub(super) fn restarts(&self, after: Reason) -> u64 {
        self.restarts[after as usize].load(Relaxed)
    }

    /// Microseconds since the epoch.
    pub(super) fn last_restart(&self) -> Option<i64> {
        Some(self.last_restart.load(Relaxed)).filter(|at| *at != NEVER)
    }

    /// How long ago the actor last answered a ping.
    pub(super) fn silence(&self) -> Option<Duration> {
        let at = self.actor_pong_at.load(Relaxed);
        (at > 0).then(|| Duration::from_micros(micros().saturating_sub(at)))
    }

    /// How long a message waits before it is taken: as long as the unanswered ping, or as the last one did.
    pub(super) fn lag(&self) -> Duration {
        Duration::from_micros(match self.actor_answered() {
            true => self.lag.load(Relaxed),
            false => micros().saturating_sub(self.ping_at.load(Relaxed)),
        })
    }

    pub(super) fn asks_in_flight(&self) -> usize {
        self.asks.load(Relaxed)
    }
}

/// One ask in flight; gives its place back when dropped.
#[derive(Debug)]
pub(super) struct AskInFlight(Arc<Vitals>);

impl Drop for AskInFlight {
    fn drop(&mut self) {
        self.0.asks.fetch_sub(1, Relaxed);
    }
}

/// The monotonic clock as a number, from 1.
fn micros() -> u64 {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    let since = ORIGIN.get_or_init(Instant::now).elapsed().as_micros();
    u64::try_from(since).unwrap_or(u64::MAX).saturating_add(1)
}

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
        let vitals = Arc::new(Vitals::new("a".into(), 2));
        let first = vitals.ask_begins();
        let second = vitals.ask_begins();
        assert!(first.is_some() && second.is_some());
        assert!(vitals.ask_begins().is_none());
        assert_eq!(vitals.asks_in_flight(), 2);
        drop(first);
        assert!(vitals.ask_begins().is_some());
    }

    #[test]
    fn a_late_answer_of_a_zombie_answers_no_later_ping() {
        let vitals = Vitals::new("a".into(), 0);
        let (old, new) = (vitals.ping(), vitals.ping());
        vitals.actor_answers(old);
        assert!(!vitals.actor_answered());
        vitals.actor_answers(new);
        vitals.actor_answers(old);
        assert!(vitals.actor_answered());
    }
}
