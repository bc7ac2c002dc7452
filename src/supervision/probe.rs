//! The question "are you still there?", asked over and over of each actor, and what silence means.
//!
//! The actor's thread is asked whether it comes back from its turns, and the actor whether it has taken every message
//! that was waiting. A thread that does not answer: blocked. An actor that does not, while its thread does: stuck.
//! Silence is measured in ticks of the supervisor and not by the clock, so that a process that was held up as a whole
//! (a suspended laptop, a starved machine) does not take everybody for dead when it goes on.

use std::time::Duration;

/// How long silence is borne.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Patience {
    pub(super) block_after: Duration,
    pub(super) stuck_after: Duration,
}

/// What one look at one actor found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finding {
    /// Nothing that could not still be well.
    Fine,
    Stuck,
    Blocked,
}

/// Who has answered the last ping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answers {
    pub(super) thread: bool,
    pub(super) actor: bool,
}

/// How long the two have been silent.
#[derive(Debug, Default)]
pub(super) struct Probe {
    thread: Duration,
    actor: Duration,
}

impl Probe {
    /// One tick later: `elapsed` since the last look.
    pub(super) fn look(&mut self, elapsed: Duration, answers: Answers, patience: Patience) -> Finding {
        self.thread = if answers.thread { Duration::ZERO } else { self.thread + elapsed };
        self.actor = if answers.actor { Duration::ZERO } else { self.actor + elapsed };
        // The look that is nearest to the deadline is the one that counts.
        let nearest = elapsed / 2;
        if self.thread + nearest >= patience.block_after {
            Finding::Blocked
        } else if answers.thread && self.actor + nearest >= patience.stuck_after {
            Finding::Stuck
        } else {
            Finding::Fine
        }
    }
}

/// The time that a tick counts for: at most two ticks, however late it comes.
pub(super) fn counted(elapsed: Duration, tick: Duration) -> Duration {
    elapsed.min(tick.saturating_mul(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience { block_after: Duration::from_secs(3), stuck_after: Duration::from_secs(5) };

    fn story(answers: &[(bool, bool)]) -> Vec<Finding> {
        let mut probe = Probe::default();
        answers
            .iter()
            .map(|&(thread, actor)| probe.look(Duration::from_secs(1), Answers { thread, actor }, PATIENCE))
            .collect()
    }

    #[test]
    fn who_answers_is_alive_however_often_he_is_asked() {
        assert!(story(&[(true, true); 50]).iter().all(|found| *found == Finding::Fine));
    }

    #[test]
    fn a_silent_thread_is_blocked_once_its_time_is_up() {
        use Finding::*;
        assert_eq!(story(&[(false, false); 4]), [Fine, Fine, Blocked, Blocked]);
    }

    #[test]
    fn a_silent_actor_on_a_free_thread_is_stuck() {
        use Finding::*;
        assert_eq!(story(&[(true, false); 5]), [Fine, Fine, Fine, Fine, Stuck]);
    }

    #[test]
    fn a_thread_that_blocks_while_its_actor_waits_is_blocked() {
        use Finding::*;
        assert_eq!(
            story(&[(true, false), (true, false), (false, false), (false, false), (false, false)]),
            [Fine, Fine, Fine, Fine, Blocked]
        );
    }

    #[test]
    fn an_answer_starts_the_count_anew() {
        use Finding::*;
        let (silent, well) = ((false, false), (true, true));
        assert_eq!(story(&[silent, silent, well, silent, silent]), [Fine; 5]);
    }

    #[test]
    fn an_hour_of_standstill_counts_as_two_ticks() {
        let tick = Duration::from_millis(500);
        assert_eq!(counted(Duration::from_secs(3_600), tick), Duration::from_secs(1));
        assert_eq!(counted(Duration::from_millis(510), tick), Duration::from_millis(510));
    }
}
