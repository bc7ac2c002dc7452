//! The commands that Telegram offers to whoever writes in the chat: set once a term, and tried again until they are.

use std::time::Duration;

use super::moment::Moment;
use crate::channels::{Refusal, Retry};
use crate::domain::delivery;

/// The longest pause of our own between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// Whether they are offered, and when that is tried again if not.
#[derive(Default)]
pub(super) struct Menu {
    failures: u32,
    due: Option<Moment>,
}

impl Menu {
    /// They are to be offered anew, at once.
    pub(super) fn is_to_be_offered(&mut self) {
        *self = Self { failures: 0, due: Some(Moment::now()) };
    }

    /// Whether it is time to try.
    pub(super) fn is_due(&self) -> bool {
        self.due.is_some_and(|due| due <= Moment::now())
    }

    /// Whoever tried heard this. What will never be taken is not tried again.
    pub(super) fn heard(&mut self, answer: Result<(), Refusal>) {
        self.due = None;
        let Err(refused) = answer else {
            if self.failures > 0 {
                log::info!("telegram: the commands are offered in the chat now");
            }
            return;
        };
        if self.failures == 0 {
            log::warn!("telegram: the commands are not offered in the chat: {}", refused.text);
        }
        self.failures = self.failures.saturating_add(1);
        if let Retry::Later(asked) = refused.retry {
            let own = delivery::wait(self.failures, None, fastrand::f64()).min(LONGEST_PAUSE);
            self.due = Some(Moment::now() + own.max(asked.unwrap_or_default()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn refused(retry: Retry) -> Result<(), Refusal> {
        Err(Refusal::new(retry, "server fault (500)"))
    }

    /// How long it is until the next try.
    fn pause(menu: &Menu) -> Option<Duration> {
        menu.due.map(|due| due.since(Moment::now()))
    }

    #[test]
    fn they_are_offered_once_a_term_and_what_will_never_be_taken_is_not_tried_again() {
        for answer in [Ok(()), refused(Retry::Never)] {
            let mut menu = Menu::default();
            assert!(!menu.is_due());
            menu.is_to_be_offered();
            assert!(menu.is_due());
            menu.heard(answer);
            assert_eq!((menu.is_due(), menu.due), (false, None));
            menu.is_to_be_offered();
            assert!(menu.is_due(), "another term");
        }
    }

    #[test]
    fn what_fails_is_tried_again_after_pauses_that_grow_within_bounds() {
        let mut menu = Menu::default();
        menu.is_to_be_offered();
        menu.heard(refused(Retry::Later(None)));
        assert!(
            !menu.is_due() && pause(&menu) > Some(3 * SECOND) && pause(&menu) < Some(6 * SECOND),
            "{:?}",
            pause(&menu)
        );
        (0..20).for_each(|_| menu.heard(refused(Retry::Later(None))));
        assert!(pause(&menu) > Some(590 * SECOND) && pause(&menu) <= Some(LONGEST_PAUSE), "{:?}", pause(&menu));
        menu.heard(refused(Retry::Later(Some(3_600 * SECOND))));
        assert!(pause(&menu) > Some(3_590 * SECOND), "what is asked for is kept: {:?}", pause(&menu));
    }
}
