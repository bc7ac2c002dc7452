//! What keeps the listener from hearing: what is said of it in the log, and how long it is waited out.

use std::mem::{Discriminant, discriminant};
use std::time::Duration;

use crate::channels::telegram::console::Trouble;
use crate::domain::delivery;

/// The longest pauses, where nobody asks for a longer one.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
const BESIDE_ANOTHER: Duration = Duration::from_secs(15);
const UNTIL_SOMEBODY_ACTS: Duration = Duration::from_secs(300);

/// What the log knows of it: a trouble is told once, and so is its end.
#[derive(Default)]
pub(super) struct Deafness {
    failures: u32,
    told: Option<Discriminant<Trouble>>,
}

impl Deafness {
    /// Says what is news; how long to wait.
    pub(super) fn met(&mut self, trouble: &Trouble) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let asked = if let Trouble::Other { wait, .. } = trouble { *wait } else { None };
        let own = delivery::wait(self.failures, None, fastrand::f64());
        let is_told = self.told.replace(discriminant(trouble)) == Some(discriminant(trouble));
        match trouble {
            Trouble::OtherPoller => {
                if !is_told {
                    log::info!(
                        "telegram: another process listens for the same bot, as during a deploy: waiting for its end"
                    );
                }
                own.min(BESIDE_ANOTHER)
            }
            Trouble::Webhook => {
                if !is_told {
                    log::warn!(
                        "telegram: commands do not arrive, since a webhook is set for the bot; take it away with \
                         deleteWebhook, or give this service a bot of its own"
                    );
                }
                own.min(LONGEST_PAUSE)
            }
            Trouble::Unauthorized => {
                if !is_told {
                    log::warn!("telegram: commands do not arrive, since Telegram does not know the bot's token");
                }
                UNTIL_SOMEBODY_ACTS
            }
            Trouble::Other { text, .. } => {
                if is_told {
                    log::debug!("telegram: commands do not arrive: {text}");
                } else {
                    log::warn!("telegram: commands do not arrive: {text}");
                }
                own.min(LONGEST_PAUSE).max(asked.unwrap_or_default())
            }
        }
    }

    /// Our own code failed; how long to wait.
    pub(super) fn panicked(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        delivery::wait(self.failures, None, fastrand::f64()).min(LONGEST_PAUSE)
    }

    /// Something was heard.
    pub(super) fn over(&mut self) {
        self.failures = 0;
        if self.told.take().is_some() {
            log::info!("telegram: commands arrive again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn other(wait: Option<Duration>) -> Trouble {
        Trouble::Other { wait, text: "server fault (500)".into() }
    }

    /// The longest of many pauses.
    fn longest(trouble: &Trouble) -> Duration {
        let mut deafness = Deafness::default();
        (0..50).map(|_| deafness.met(trouble)).max().unwrap_or_default()
    }

    #[test]
    fn the_pauses_grow_but_whoever_listens_again_is_heard_soon() {
        assert_eq!(longest(&other(None)), LONGEST_PAUSE);
        assert_eq!(longest(&Trouble::Webhook), LONGEST_PAUSE);
        assert_eq!(longest(&Trouble::OtherPoller), BESIDE_ANOTHER);
        assert_eq!(longest(&Trouble::Unauthorized), UNTIL_SOMEBODY_ACTS);
        let mut deafness = Deafness::default();
        assert!(deafness.met(&Trouble::OtherPoller) < 6 * SECOND && deafness.met(&other(None)) > 6 * SECOND);
        deafness.over();
        assert!(deafness.met(&other(None)) < 6 * SECOND);
    }

    #[test]
    fn a_wait_that_is_asked_for_is_kept() {
        assert_eq!(Deafness::default().met(&other(Some(3_600 * SECOND))), 3_600 * SECOND);
        assert!(Deafness::default().met(&other(Some(SECOND))) > 4 * SECOND);
    }

    #[test]
    fn a_trouble_is_told_once_until_there_is_another_or_none() {
        let mut deafness = Deafness::default();
        let mut is_told = |trouble: &Trouble| {
            let before = deafness.told;
            deafness.met(trouble);
            before != deafness.told
        };
        let told = [&other(None), &other(None), &Trouble::Webhook, &Trouble::Webhook, &other(None)].map(&mut is_told);
        assert_eq!(told, [true, false, true, false, true]);
        deafness.over();
        assert_eq!(deafness.told, None);
    }
}
