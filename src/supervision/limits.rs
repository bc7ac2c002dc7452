//! The limits that hold for all children of a supervisor.

use std::time::Duration;

use super::{backoff::Backoff, intensity::Intensity};

/// The limits of one supervisor.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How often each child is looked at.
    pub tick: Duration,
    /// How long a thread may be silent. Longer than the longest burst of work that an actor does without awaiting.
    pub block_after: Duration,
    /// How long an actor may leave its mailbox alone. Longer than any deadline that it awaits with `ctx.wait`.
    pub stuck_after: Duration,
    /// Failures of one child, beyond which it is degraded.
    pub intensity: Intensity,
    /// The waits between the restarts of one child.
    pub backoff: Backoff,
    /// A life so long ends a streak of failures.
    pub quiet: Duration,
    /// The wait until a degraded child is tried again, give or take a fifth.
    pub retry_degraded: Duration,
    /// A degraded child that lives so long again has recovered.
    pub recover_after: Duration,
    /// Failures of all children together, beyond which the supervisor escalates.
    pub root_intensity: Intensity,
    /// Blocked threads given up and still not back, beyond which the supervisor escalates.
    pub abandoned_threads: usize,
    /// How long an escalation waits for the ordered stop.
    pub escalation_stop: Duration,
    /// How long the supervisor itself may be silent before the watchdog steps in.
    pub watchdog: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            tick: Duration::from_millis(500),
            block_after: Duration::from_secs(5),
            stuck_after: Duration::from_secs(30),
            intensity: Intensity { restarts: 5, within: Duration::from_secs(60) },
            backoff: Backoff { first: Duration::from_millis(100), max: Duration::from_secs(30) },
            quiet: Duration::from_secs(60),
            retry_degraded: Duration::from_secs(60),
            recover_after: Duration::from_secs(30),
            root_intensity: Intensity { restarts: 30, within: Duration::from_secs(60) },
            abandoned_threads: 16,
            escalation_stop: Duration::from_secs(5),
            watchdog: Duration::from_secs(5),
        }
    }
}
