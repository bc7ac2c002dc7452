//! The keeper of the lease: asks the database whether we lead, again and again, and lets everybody in the process know.
//!
//! It is no actor, so that none which hangs or is replaced costs us the lead. It runs on the runtime of the store, each
//! round under a deadline and a guard of its own. Who stands by shows the newest report that the leader has stored.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use chrono::Utc;
use futures_util::FutureExt;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{sleep_until, timeout};

use super::delivery_board::DeliveryBoard;
use super::leadership::{self, Leadership, ROUND_LIMIT, Round, Standing, TTL, Word};
use super::moment::Moment;
use crate::domain::report::Overview;
use crate::store::{Lease, Ledger, StoreError, StoredReport};

/// How long after a round in which the lease was renewed the next one begins.
const RENEWAL: Duration = Duration::from_secs(3);

/// The same for who waits for the lease, or for the database.
const WAITING: Duration = Duration::from_secs(1);

/// After an outage of the database, whoever stood by leaves it to the last leader for so long: that one has gone on from
/// memory, and nobody else knows what it told.
const HEAD_START: Duration = Duration::from_secs(5);

/// How often who stands by looks for a report, in rounds.
const ROUNDS_A_REPORT: u64 = 2;

/// What to do where another one leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Otherwise {
    /// Stand by, in order to take over.
    Follow,
    /// What was ordered, beside the leader.
    Beside,
}

/// Let the next one lead, and answer when that is done.
struct Release(oneshot::Sender<()>);

/// The way to the keeper.
pub struct Keeper {
    leadership: Leadership,
    leaving: Arc<AtomicBool>,
    orders: mpsc::Sender<Release>,
}

impl Keeper {
    /// Asks for the lease in the name of `holder`, so that it is known whether we lead when this returns, and has it kept
    /// on `runtime` from then on. Who stands by publishes what others find out, and has `board` show what they send.
    pub async fn start(
        ledger: Ledger,
        holder: String,
        otherwise: Otherwise,
        published: watch::Sender<Option<Arc<Overview>>>,
        board: DeliveryBoard,
        runtime: &Handle,
    ) -> Self {
        let (standing, seen) = watch::channel(Standing::Following { leader: None });
        let leadership = Leadership::of(seen);
        let (orders, ordered) = mpsc::channel(1);
        let leaving = Arc::<AtomicBool>::default();
        let mut hold = Hold {
            ledger,
            holder,
            otherwise,
            lease: None,
            standing: None,
            known: standing,
            published,
            board,
            shown: None,
            rounds: 0,
            leaving: Arc::clone(&leaving),
            others_first: None,
        };
        hold.round().await;
        drop(runtime.spawn(hold.keep(ordered)));
        Self { leadership, leaving, orders }
    }

    /// How we stand.
    pub fn leadership(&self) -> Leadership {
        self.leadership.clone()
    }

    /// We are being stopped: if we do not lead by now, we never will.
    pub fn leave(&self) {
        self.leaving.store(true, Relaxed);
    }

    /// Lets the next one lead, now that nothing is done in our name any more.
    pub async fn release(&self, limit: Duration) {
        let (done, answer) = oneshot::channel();
        let released = async { self.orders.send(Release(done)).await.is_ok() && answer.await.is_ok() };
        if !timeout(limit, released).await.unwrap_or(false) {
            log::warn!("the lease was not given back in time, and has to run out");
        }
    }
}

/// What the keeper has in its hands.
struct Hold {
    ledger: Ledger,
    holder: String,
    otherwise: Otherwise,
    lease: Option<Lease>,
    /// How we stand; `None` before the first round.
    standing: Option<Standing>,
    known: watch::Sender<Standing>,
    published: watch::Sender<Option<Arc<Overview>>>,
    board: DeliveryBoard,
    /// The report that was published last.
    shown: Option<StoredReport>,
    rounds: u64,
    leaving: Arc<AtomicBool>,
    /// Until when the lease is left to others.
    others_first: Option<Instant>,
}

impl Hold {
    /// Keeps on until it is told to let go, or nobody is there any more to tell it.
    async fn keep(mut self, mut ordered: mpsc::Receiver<Release>) {
        let mut next = self.next_round(Instant::now());
        loop {
            let wait = async {
                match next {
                    Some(next) => sleep_until(next.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                order = ordered.recv() => {
                    self.release().await;
                    // Who no longer waits needs no answer.
                    let _ = order.map(|Release(done)| done.send(()));
                    return;
                }
                () = wait => {
                    let began = Instant::now();
                    if AssertUnwindSafe(self.round()).catch_unwind().await.is_err() {
                        log::error!("a look at the lease panicked; it is looked at again");
                    }
                    next = self.next_round(began);
                }
            }
        }
    }

    /// When to ask again, `began` being the start of the last round; never, if nothing can come of it.
    fn next_round(&self, began: Instant) -> Option<Instant> {
        match &self.standing {
            Some(Standing::Leading(term)) => term.until.map(|until| {
                let wait = if until > Moment::now() + RENEWAL { RENEWAL } else { WAITING };
                began + wait
            }),
            Some(Standing::Beside) => None,
            Some(Standing::Following { .. } | Standing::Adrift { .. }) | None => Some(began + WAITING),
        }
    }

    /// Asks once, and lets everybody know what follows.
    async fn round(&mut self) {
        let began = Moment::now();
        let (word, why) = match timeout(ROUND_LIMIT, self.ask()).await {
            Ok(Ok(word)) => (word, String::new()),
            Ok(Err(error)) => (Word::Silence, error.to_string()),
            Err(_) => (Word::Silence, StoreError::Timeout.to_string()),
        };
        let answers = word != Word::Silence;
        if !answers && matches!(self.standing, Some(Standing::Following { .. })) {
            self.others_first = Some(Instant::now() + HEAD_START);
        }
        let round = Round { began, ended: Moment::now(), word };
        let next = match (leadership::next(self.standing.as_ref(), round), self.otherwise) {
            (Standing::Following { .. }, Otherwise::Beside) => Standing::Beside,
            (next, _) => next,
        };
        tell(self.standing.as_ref(), &next, &why);
        self.standing = Some(next.clone());
        let stands_by = matches!(next, Standing::Following { .. });
        leadership::publish(&self.known, next);
        // While all of it is being written there, this waits; the lease does not.
        let fault = timeout(ROUND_LIMIT, self.ledger.fault()).await;
        if answers && fault.is_ok_and(|fault| fault.is_some()) {
            // What happened while it did not answer is written down, whoever leads by now. It goes on without us.
            let _ = timeout(ROUND_LIMIT, self.ledger.recover()).await;
        }
        if stands_by && answers && self.rounds.is_multiple_of(ROUNDS_A_REPORT) {
            self.show().await;
        }
        self.rounds += 1;
    }

    async fn ask(&mut self) -> Result<Word, StoreError> {
        if let Some(lease) = &self.lease {
            if self.ledger.store().renew(lease, TTL).await? {
                return Ok(ours(lease));
            }
            self.lease = None;
        }
        if !self.leaving.load(Relaxed) && self.others_first.is_none_or(|until| until <= Instant::now()) {
            if let Some(lease) = self.ledger.store().lead(&self.holder, TTL).await? {
                return Ok(ours(self.lease.insert(lease)));
            }
            // That somebody else leads is known: on a file that cannot be read, by its lock. Who it is may not be.
            return Ok(Word::Others(self.ledger.store().leader().await.unwrap_or_default().map(Arc::from)));
        }
        Ok(Word::Others(self.ledger.store().leader().await?.map(Arc::from)))
    }

    /// Shows what the leader has stored: the newest report, if it is another one than before, and the deliveries.
    async fn show(&mut self) {
        // It says itself what is wrong, and goes on without us.
        let _ = timeout(ROUND_LIMIT, self.board.refresh(&self.ledger)).await;
        match timeout(ROUND_LIMIT, self.ledger.store().newest_report(Utc::now())).await {
            // Two cycles may be of the same second.
            Ok(Ok(Some(report))) if self.shown.as_ref() != Some(&report) => {
                // One of another version may hold what we do not know.
                if let Some(overview) = Overview::from_json(&report.body) {
                    self.published.send_replace(Some(Arc::new(overview)));
                }
                self.shown = Some(report);
            }
            Ok(Ok(_)) => {}
            Ok(Err(error)) => log::debug!("the report of the leader cannot be had: {error}"),
            Err(_) => log::debug!("the report of the leader has not come in time"),
        }
    }

    async fn release(&mut self) {
        let Some(lease) = self.lease.take() else { return };
        match self.ledger.store().release(&lease).await {
            Ok(()) => log::info!("the lease is given back"),
            Err(error) => log::warn!("the lease is not given back, and has to run out: {error}"),
        }
    }
}

fn ours(lease: &Lease) -> Word {
    Word::Ours { epoch: lease.epoch, for_good: lease.for_good }
}

/// Says in the log what is news.
fn tell(before: Option<&Standing>, now: &Standing, why: &str) {
    use Standing::{Adrift, Beside, Following, Leading};
    let led = |standing: Option<&Standing>| match standing {
        Some(Leading(term)) => Some(term.epoch),
        _ => None,
    };
    match (before, now) {
        (before, Leading(term)) if led(before) != Some(term.epoch) => log::info!("leading (epoch {})", term.epoch),
        (Some(Following { leader: known }), Following { leader }) if known == leader => {}
        (_, Following { leader: Some(leader) }) => log::info!("standing by: {leader} leads"),
        // Somebody has just let go: the next round tells.
        (Some(Following { .. }), Following { leader: None }) => {}
        (_, Following { leader: None }) => log::info!("standing by"),
        (None | Some(Following { .. }), Beside) => log::info!("another instance leads: this cycle is beside it"),
        (Some(Leading(_)), Adrift { .. }) => {
            log::warn!("stepped down: the database does not answer ({why}); watching from memory until it does");
        }
        (None, Adrift { .. }) => log::warn!("the database does not answer ({why}): watching from memory until it does"),
        _ => {}
    }
}
