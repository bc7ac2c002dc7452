//! What the mail server can be told to do wrong.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// One way to misbehave, for one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SmtpFault {
    /// Turns the caller away with 421.
    RefuseGreeting,
    /// Turns the caller away for good, with these words behind a 554.
    TurnAway(String),
    /// Refuses every login with this answer, code included; several lines are separated by `\n`.
    RefuseLoginWith(String),
    /// Refuses every login with 535.
    RefuseLogin,
    /// Refuses every receiver with this code (450: later, 550: never).
    RefuseReceivers(u16),
    /// Refuses this one receiver with this code, and takes the others.
    RefuseReceiver(String, u16),
    /// Refuses the mail, once it was sent, with this code (451: later, 554: never).
    RefuseMail(u16),
    /// Greets in another language.
    GarbageGreeting,
    /// Greets one byte at a time, with this pause after each.
    Drip(Duration),
    /// Resets the connection (TCP RST) instead of greeting.
    Reset,
    /// Closes the connection instead of greeting.
    Close,
    /// Never greets.
    HangAtGreeting,
    /// Takes the mail and never says so.
    HangAfterMail {
        /// Whether the mail is in the journal all the same.
        accepted: bool,
    },
    /// Takes the mail, says so, and never answers the good-bye.
    HangAtQuit,
    /// Greets with so many bytes of lines.
    FloodOfLines(u64),
    /// Greets with one line of so many bytes.
    FloodInOneLine(u64),
    /// Does everything properly, but every answer takes this long.
    Slow(Duration),
    /// Refuses every login, and repeats it in the refusal: plain, in base64, and as it was sent.
    EchoLogin,
}

/// The faults that are still to be shown: counted ones first, then the standing one.
#[derive(Default)]
pub(super) struct Faults(Mutex<Plan>);

#[derive(Default)]
struct Plan {
    standing: Option<SmtpFault>,
    next: VecDeque<(u32, SmtpFault)>,
}

impl Faults {
    pub(super) fn stand(&self, fault: Option<SmtpFault>) {
        self.plan().standing = fault;
    }

    pub(super) fn next(&self, connections: u32, fault: SmtpFault) {
        self.plan().next.push_back((connections, fault));
    }

    /// The fault that a new connection meets.
    pub(super) fn meet(&self) -> Option<SmtpFault> {
        let mut plan = self.plan();
        plan.next.retain(|(left, _)| *left > 0);
        match plan.next.front_mut() {
            Some((left, fault)) => {
                *left -= 1;
                Some(fault.clone())
            }
            None => plan.standing.clone(),
        }
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counted_faults_come_before_the_standing_one_and_run_out() {
        let faults = Faults::default();
        faults.stand(Some(SmtpFault::Reset));
        faults.next(2, SmtpFault::RefuseLogin);
        faults.next(0, SmtpFault::GarbageGreeting);
        faults.next(1, SmtpFault::RefuseGreeting);
        let met: Vec<_> = (0..4).filter_map(|_| faults.meet()).collect();
        let expected = [SmtpFault::RefuseLogin, SmtpFault::RefuseLogin, SmtpFault::RefuseGreeting, SmtpFault::Reset];
        assert_eq!(met, expected);
        faults.stand(None);
        assert_eq!(faults.meet(), None);
    }
}
