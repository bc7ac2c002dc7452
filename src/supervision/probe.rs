//! The question "are you still there?", asked over and over of each actor, and what its silence means.
//!
//! A ping has two answers: one from the actor's thread, one from the actor itself, which comes only once it has taken
//! every message that was waiting. A thread that answers for an actor that does not: stuck. No answer at all: blocked.
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
    Answered,
    Waiting,
    Stuck,
    Blocked,
}

/// Which of the two answers to the last ping are here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answers {
    pub(super) thread: bool,
    pub(super) actor: bool,
}

/// The ping that is out.
#[derive(Debug, Default)]
pub(super) struct Probe {
    waited: Duration,
}

impl Probe {
    /// One tick later: `elapsed` since the last look.
    pub(super) fn look(&mut self, elapsed: Duration, answers: Answers, patience: Patience) -> Finding {
        if answers.actor {
            self.waited = Duration::ZERO;
            return Finding::Answered;
        }
        self.waited += elapsed;
        match answers.thread {
            true if self.waited >= patience.stuck_after => Finding::Stuck,
            false if self.waited >= patience.block_after => Finding::Blocked,
            _ => Finding::Waiting,
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
        assert!(story(&[(true, true); 50]).iter().all(|found| *found == Finding::Answered));
    }

    #[test]
    fn a_silent_thread_is_blocked_once_its_time_is_up() {
        use Finding::*;
        assert_eq!(story(&[(false, false); 4]), [Waiting, Waiting, Blocked, Blocked]);
    }

    #[test]
    fn a_silent_actor_on_a_free_thread_is_stuck() {
        use Finding::*;
        assert_eq!(story(&[(true, false); 5]), [Waiting, Waiting, Waiting, Waiting, Stuck]);
    }

    #[test]
    fn an_answer_starts_the_count_anew() {
        use Finding::*;
        assert_eq!(
            story(&[(false, false), (false, false), (true, true), (false, false), (false, false)]),
            [Waiting, Waiting, Answered, Waiting, Waiting]
        );
    }

    #[test]
    fn an_hour_of_standstill_counts_as_two_ticks() {
        let tick = Duration::from_millis(500);
        assert_eq!(counted(Duration::from_secs(3_600), tick), Duration::from_secs(1));
        assert_eq!(counted(Duration::from_millis(510), tick), Duration::from_millis(510));
    }
}
