//! Who leads: of all processes on one database one ticks, escalates and notifies; the others stand by.
//!
//! What the database says about the lease is turned into a [`Standing`] by a pure function; the `keeper` asks and
//! publishes, and whoever acts asks [`Leadership::footing`] right before. A term ends, by a clock that never stands still,
//! before the database would give the lease to another: a leader that was paused and wakes up has no footing.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use super::moment::Moment;

/// For how long the lease is asked.
pub const TTL: Duration = Duration::from_secs(10);

/// How long before the lease runs out its holder steps down: what it writes after that is fenced. A send that was begun
/// before that may last longer, and the next leader may send the same notice beside it, under the same id.
const MARGIN: Duration = Duration::from_secs(2);

/// How long the database may take to answer about the lease.
pub(super) const ROUND_LIMIT: Duration = Duration::from_millis(2_500);

/// A round that took longer than its limit by this was not running itself: it says nothing about the database.
const SLACK: Duration = Duration::from_secs(1);

/// How long it takes at most until it is known how a process stands whose term has run out: a round that was under way
/// and a whole one, which both fail in vain, and the pause between them.
const VERDICT: Duration = Duration::from_secs(7);

/// The time for which a process leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// The number under which it writes.
    pub epoch: i64,
    /// When it ends unless it is renewed; never, where nobody else can take the lease from a process that lives.
    pub until: Option<Moment>,
}

/// How a process stands towards the others on its database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It leads, as long as the term lasts.
    Leading(Term),
    /// It stands by: another one leads, as far as is known.
    Following {
        /// Who.
        leader: Option<Arc<str>>,
    },
    /// The database does not answer, and this was the last to lead, or never heard of another: it watches from memory.
    Adrift {
        /// Under which it led last.
        epoch: i64,
    },
    /// One cycle on order, beside whoever leads: nothing that it writes is fenced.
    Beside,
}

/// What allows a process to act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Footing {
    /// It leads, or did last: all that it writes is fenced by this epoch.
    Epoch(i64),
    /// It was ordered to, beside whoever leads.
    Beside,
}

impl Footing {
    /// The fence of what is written.
    pub fn epoch(self) -> Option<i64> {
        match self {
            Self::Epoch(epoch) => Some(epoch),
            Self::Beside => None,
        }
    }
}

impl Standing {
    /// What allows it to act at `now`; none if another may be leading.
    pub fn footing(&self, now: Moment) -> Option<Footing> {
        match self {
            Self::Leading(Term { until: Some(until), .. }) if *until <= now => None,
            Self::Leading(Term { epoch, .. }) | Self::Adrift { epoch } => Some(Footing::Epoch(*epoch)),
            Self::Beside => Some(Footing::Beside),
            Self::Following { .. } => None,
        }
    }

    /// Whether those who act have to do something about the step from this to `next`: the length of a term is no news.
    fn is_news(&self, next: &Self) -> bool {
        match (self, next) {
            (Self::Leading(before), Self::Leading(after)) => before.epoch != after.epoch,
            (before, after) => before != after,
        }
    }
}

/// What the database said about the lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// It is ours.
    Ours {
        /// The number of our term.
        epoch: i64,
        /// Whether it stays ours for as long as we live.
        for_good: bool,
    },
    /// It is another's.
    Others(Option<Arc<str>>),
    /// Nothing.
    Silence,
}

/// A round of asking.
#[derive(Clone, Debug)]
pub(super) struct Round {
    /// When it began.
    pub(super) began: Moment,
    /// When it ended.
    pub(super) ended: Moment,
    /// What came of it.
    pub(super) word: Word,
}

/// Where `standing` is taken by a round; `None` stands for a process that has not asked yet.
pub(super) fn next(standing: Option<&Standing>, round: Round) -> Standing {
    let Round { began, ended, word } = round;
    match (word, standing) {
        (Word::Ours { epoch, for_good }, _) => {
            // From the start of the round: the database counts from some moment after that.
            Standing::Leading(Term { epoch, until: (!for_good).then(|| began + (TTL - MARGIN)) })
        }
        (Word::Others(leader), _) => Standing::Following { leader },
        (Word::Silence, None) => Standing::Adrift { epoch: 0 },
        (Word::Silence, Some(Standing::Leading(Term { epoch, until: Some(until) }))) => {
            // Whoever wakes from a pause finds its term over and its connections dead, and may not take that for an
            // outage: the database has to fail a round that began after the term and during which we were running.
            let was_running = ended.since(began) <= ROUND_LIMIT + SLACK;
            if began >= *until && was_running {
                Standing::Adrift { epoch: *epoch }
            } else {
                Standing::Leading(Term { epoch: *epoch, until: Some(*until) })
            }
        }
        (Word::Silence, Some(standing)) => standing.clone(),
    }
}

/// What everybody in a process knows of its standing. Clones see the same.
#[derive(Clone, Debug)]
pub struct Leadership {
    standing: watch::Receiver<Standing>,
}

impl Leadership {
    /// A standing that never changes: for a process that has its database to itself, for one cycle beside a leader, and
    /// for tests.
    pub fn fixed(standing: Standing) -> Self {
        Self { standing: watch::channel(standing).1 }
    }

    /// A standing that the keeper changes.
    pub(super) fn of(standing: watch::Receiver<Standing>) -> Self {
        Self { standing }
    }

    /// How the process stands.
    pub fn standing(&self) -> Standing {
        self.standing.borrow().clone()
    }

    /// What allows the process to act now. To be asked right before whatever another leader could do as well.
    pub fn footing(&self) -> Option<Footing> {
        self.standing.borrow().footing(Moment::now())
    }

    /// Whether what was begun on `footing` may be gone on with though the database has failed. A term that has just run
    /// out says nothing yet: whether it is an outage, or whether another one leads by now, shows within a few rounds.
    pub async fn goes_on(mut self, footing: Footing) -> bool {
        let verdict = async {
            while matches!(*self.standing.borrow_and_update(), Standing::Leading(_)) && self.footing().is_none() {
                self.changed().await;
            }
        };
        timeout(VERDICT, verdict).await.is_ok() && self.footing() == Some(footing)
    }

    /// Whether another one acts in our place, as far as is known: for as long as that is so, nothing is to be begun.
    pub fn stands_by(&self) -> bool {
        matches!(*self.standing.borrow(), Standing::Following { .. })
    }

    /// The same for somebody to whom nothing up to now is news.
    pub fn from_now(&self) -> Self {
        let mut standing = self.standing.clone();
        standing.mark_unchanged();
        Self { standing }
    }

    /// Waits for the next step to another standing, as seen from this clone; for ever, if there will be none.
    pub async fn changed(&mut self) {
        if self.standing.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Makes `next` the standing; wakes those who wait only if it is news to them.
pub(super) fn publish(standing: &watch::Sender<Standing>, next: Standing) {
    standing.send_if_modified(|current| {
        let is_news = current.is_news(&next);
        *current = next;
        is_news
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn leading(epoch: i64, until: Option<Moment>) -> Standing {
        Standing::Leading(Term { epoch, until })
    }

    fn following() -> Standing {
        Standing::Following { leader: Some("other".into()) }
    }

    fn round(began: Moment, took: Duration, word: Word) -> Round {
        Round { began, ended: began + took, word }
    }

    const OURS: Word = Word::Ours { epoch: 7, for_good: false };

    #[test]
    fn a_term_counts_from_the_start_of_the_round_and_ends_before_the_lease() {
        let start = Moment::now();
        let standing = next(None, round(start, SECOND, OURS));
        assert_eq!(standing, leading(7, Some(start + 8 * SECOND)));
        assert_eq!(standing.footing(start + 7 * SECOND), Some(Footing::Epoch(7)));
        assert_eq!(standing.footing(start + 8 * SECOND), None, "nobody has to say so");
        let for_good = Word::Ours { epoch: 7, for_good: true };
        assert_eq!(next(None, round(start, SECOND, for_good)), leading(7, None));
    }

    #[test]
    fn whatever_the_standing_the_database_has_the_last_word() {
        let start = Moment::now();
        let standings = [following(), leading(3, None), leading(3, Some(start)), Standing::Adrift { epoch: 3 }];
        for standing in standings {
            let others = next(Some(&standing), round(start, SECOND, Word::Others(Some("other".into()))));
            assert_eq!(others, following(), "{standing:?}");
            let ours = next(Some(&standing), round(start, SECOND, OURS));
            assert_eq!(ours, leading(7, Some(start + 8 * SECOND)), "{standing:?}");
        }
    }

    #[test]
    fn without_an_answer_only_the_last_leader_goes_on_and_only_after_its_term() {
        let within = Moment::now() + 59 * SECOND;
        let until = within + SECOND;
        let silent = |standing: Option<&Standing>, began: Moment, took: Duration| {
            next(standing, round(began, took, Word::Silence))
        };
        let leader = leading(3, Some(until));
        let adrift = Standing::Adrift { epoch: 3 };
        assert_eq!(silent(Some(&leader), within, 2 * SECOND), leader, "it began within the term");
        assert_eq!(silent(Some(&leader), until, 2 * SECOND), adrift);
        assert_eq!(silent(Some(&leader), until, 60 * SECOND), leader, "it was paused in the middle of the round");
        assert_eq!(silent(Some(&adrift), until, 2 * SECOND), adrift);
        assert_eq!(silent(Some(&following()), until, 2 * SECOND), following(), "the other one watches");
        assert_eq!(silent(Some(&leading(3, None)), until, 2 * SECOND), leading(3, None), "nobody can take it away");
        assert_eq!(silent(None, until, 2 * SECOND), Standing::Adrift { epoch: 0 }, "somebody has to watch");
    }

    #[test]
    fn who_is_paused_has_no_footing_until_the_database_has_spoken() {
        let start = Moment::now();
        let paused = next(None, round(start, SECOND, OURS));
        let woken = start + 60 * SECOND;
        assert_eq!(paused.footing(woken), None);
        let still = next(Some(&paused), round(start + 3 * SECOND, 57 * SECOND, Word::Silence));
        assert_eq!(still.footing(woken), None, "its connection died meanwhile");
        assert_eq!(next(Some(&still), round(woken, SECOND, Word::Others(None))).footing(woken), None);
    }

    #[test]
    fn a_renewal_is_no_news_and_a_new_epoch_is() {
        let now = Moment::now();
        let (standing, seen) = watch::channel(leading(7, Some(now)));
        let mut seen = Leadership::of(seen);
        publish(&standing, leading(7, Some(now + SECOND)));
        assert!(!seen.standing.has_changed().unwrap(), "but it is known");
        assert_eq!(seen.standing(), leading(7, Some(now + SECOND)));
        for news in [leading(8, Some(now)), Standing::Adrift { epoch: 8 }, following(), leading(9, None)] {
            publish(&standing, news.clone());
            assert!(seen.standing.has_changed().unwrap(), "{news:?}");
            seen.standing.mark_unchanged();
        }
    }
}
