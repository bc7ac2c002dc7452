//! The store as those have it who keep watch: what they settle and deliver goes into the database, and where it cannot,
//! into a standby in memory until it can.
//!
//! ```text
//!            ┌── the database answers ──▶ it, and what was seen goes into the mirror
//! Ledger ────┤
//!            └── it fails ──▶ standby, begun with what is in the mirror ──▶ recover: all of it into the database
//! ```
//! - Whoever asks for something gets it from one of the two, and does not notice from which, except that a cycle is told
//!   why it is settled in memory.
//! - What the database may or may not have written before it failed is decided only once: the standby goes on with the
//!   very same incidents and notices, so that both know them by the same ids.
//! - The way back is one transaction, over what is there, and can be gone again: a failure in between changes nothing.
//! - Only a leader's word counts ([`StoreError::NotLeading`] is no failure of the database). What was seen under another
//!   epoch is not gone on with.

mod bulk;
mod choice;
mod homecoming;
mod mirror;
mod outstanding;
mod recovery;
mod standby;

use std::sync::{Arc, Mutex, OnceLock};

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use tokio::sync::RwLock;
use tokio::time::Instant;

use super::{Decision, Due, Known, Notice, Store, StoreError};
use crate::domain::delivery::ChannelDelivery;
use choice::{Place, is_fault};
use mirror::Mirror;
#[cfg(test)]
pub(super) use outstanding::ASKED;
use standby::{Standby, lock};

/// What a cycle was settled to, and where.
#[derive(Clone, Debug)]
pub struct Settled {
    /// What was decided.
    pub decision: Decision,
    /// Why it was written into memory only; none if it is in the database.
    pub from_memory: Option<StoreError>,
}

/// The store of those who keep watch. Clones are handles to the same one.
#[derive(Clone)]
pub struct Ledger {
    store: Store,
    shared: Arc<Shared>,
}

/// Whether whoever writes under that epoch, or beside whoever leads, may go on without the database.
pub type GoesOn = Arc<dyn Fn(Option<i64>) -> BoxFuture<'static, bool> + Send + Sync>;

/// What all handles share, whatever the epoch.
#[derive(Default)]
struct Shared {
    mirror: Mutex<Mirror>,
    /// See [`Ledger::go_on_if`].
    goes_on: OnceLock<GoesOn>,
    /// There while the database is not in use. Whoever writes into it has it for reading meanwhile: it is taken away when
    /// nobody does.
    standby: RwLock<Option<Arc<Standby>>>,
    /// Until when nobody tries to have the database back, after an attempt in vain; held during one.
    recovery: Arc<tokio::sync::Mutex<Option<Instant>>>,
}

/// What a cycle knew and decided before the database failed.
type Course = Arc<Mutex<Option<(Known, Decision)>>>;

impl Ledger {
    /// One over `store`.
    pub fn new(store: Store) -> Self {
        Self { store, shared: Arc::default() }
    }

    /// Goes on in memory only where `goes_on` says so; it is set once, when a process begins.
    ///
    /// A leader that was paused finds its connections dead when it wakes, and another one in its place: for that one the
    /// database does not fail.
    pub fn go_on_if(&self, goes_on: GoesOn) {
        let _ = self.shared.goes_on.set(goes_on);
    }

    /// The same for the leader of that epoch, see [`Store::under`].
    pub fn under(&self, epoch: i64) -> Self {
        Self { store: self.store.under(epoch), shared: Arc::clone(&self.shared) }
    }

    /// The database alone, for those who only read.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// As [`Store::settle`], in memory if the database fails; then [`Known::from_memory`] says why.
    ///
    /// `decide` may be asked twice: for the database and, if that has failed before it was to write anything, in memory.
    pub async fn settle<F>(&self, decide: F) -> Result<Settled, StoreError>
    where
        F: Fn(Known) -> Decision + Send + Sync + 'static,
    {
        self.recover().await;
        let decide = Arc::new(decide);
        let in_memory = {
            let decide = Arc::clone(&decide);
            move |known| decide(known)
        };
        loop {
            if let Some(standby) = self.standby().await {
                return settled(&standby, in_memory).await;
            }
            let course = Arc::new(Mutex::new(None));
            let Some(written) = self.settle_in_database(Arc::clone(&decide), Arc::clone(&course)).await else {
                continue;
            };
            let error = match written {
                Ok(decision) => {
                    self.look().await;
                    return Ok(Settled { decision, from_memory: None });
                }
                Err(error) if !is_fault(&error) => return Err(error),
                Err(error) => error,
            };
            // What had been read is newer than what is in the mirror.
            let (known, decision) = lock(&course).take().unzip();
            let standby = self.fall_back(&error, known).await?;
            return match decision.filter(|_| may_have_been_written(&error)) {
                Some(decision) => settled(&standby, move |_| decision).await,
                None => settled(&standby, in_memory).await,
            };
        }
    }

    /// Notes in `course` what was known and decided, also if it cannot be written.
    async fn settle_in_database<F>(&self, decide: Arc<F>, course: Course) -> Option<Result<Decision, StoreError>>
    where
        F: Fn(Known) -> Decision + Send + Sync + 'static,
    {
        let (ledger, noted) = (self.clone(), Arc::clone(&course));
        let decide = move |known: Known| {
            let decision = decide(known.clone());
            // Before anybody can have claimed them.
            ledger.mirror(|mirror| mirror.posting(&decision.notices));
            *lock(&noted) = Some((known, decision.clone()));
            decision
        };
        let note = |mirror: &mut Mirror, settled: &Result<Decision, StoreError>| match (&*lock(&course), settled) {
            (Some((known, decision)), Ok(_)) => mirror.settled(known.clone(), decision),
            (Some((_, decision)), Err(_)) => mirror.not_posted(&decision.notices),
            (None, _) => {}
        };
        self.in_database(self.store.settle(decide), note).await
    }

    /// As [`Store::post`].
    pub async fn post(&self, notices: Vec<Notice>) -> Result<(), StoreError> {
        let note = |mirror: &mut Mirror, posted: &Result<(), StoreError>| match posted {
            Ok(()) => mirror.posted(&notices),
            Err(_) => mirror.not_posted(&notices),
        };
        loop {
            if let Some(standby) = self.standby().await {
                return standby.store.post(notices).await;
            }
            let post = async {
                // Before anybody can have claimed them.
                self.mirror(|mirror| mirror.posting(&notices));
                self.store.post(notices.clone()).await
            };
            match self.in_database(post, note).await {
                None => {}
                Some(Err(error)) if is_fault(&error) => {
                    return self.fall_back(&error, None).await?.store.post(notices).await;
                }
                Some(posted) => {
                    self.look().await;
                    return posted;
                }
            }
        }
    }

    /// As [`Store::claim`].
    pub async fn claim<M>(
        &self,
        channel: &str,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        by: &str,
        merge: M,
    ) -> Result<Option<Due>, StoreError>
    where
        M: Fn(Vec<Notice>, Notice) -> Notice + Send + Sync + 'static,
    {
        let (merge, merged) = (Arc::new(merge), Arc::new(Mutex::new(vec![])));
        let claim = |store: Store| {
            let (merge, merged) = (Arc::clone(&merge), Arc::clone(&merged));
            lock(&merged).clear();
            let merge = move |earlier: Vec<Notice>, newest| {
                *lock(&merged) = earlier.iter().map(|notice| notice.id.clone()).collect();
                merge(earlier, newest)
            };
            async move { store.claim(channel, now, until, by, merge).await }
        };
        let note = |mirror: &mut Mirror, claimed: &Result<Option<Due>, StoreError>| {
            if let Ok(Some(due)) = claimed {
                mirror.claimed(due, &lock(&merged), until, by);
            }
        };
        let mut claimed = self.ask(claim, note).await?;
        // What is due in memory does not wait for the database.
        if matches!(claimed, (None, Place::Memory)) && self.recover().await {
            claimed = self.ask(claim, note).await?;
        }
        Ok(claimed.0)
    }

    /// As [`Store::delivered`]: wherever the notice is by now.
    pub async fn delivered(&self, id: &str, at: DateTime<Utc>, receipt: &str) -> Result<(), StoreError> {
        let note = |mirror: &mut Mirror, delivered: &Result<(), StoreError>| {
            if delivered.is_ok() {
                mirror.delivered(id);
            }
        };
        loop {
            if let Some(standby) = self.standby().await {
                return standby.delivered(id, at, receipt).await;
            }
            match self.in_database(self.store.delivered(id, at, receipt), note).await {
                None => {}
                Some(Err(error)) if is_fault(&error) => {
                    return self.fall_back(&error, None).await?.delivered(id, at, receipt).await;
                }
                Some(delivered) => return delivered,
            }
        }
    }

    /// As [`Store::failed`].
    pub async fn failed(
        &self,
        id: &str,
        at: DateTime<Utc>,
        error: &str,
        retry_at: Option<DateTime<Utc>>,
    ) -> Result<(), StoreError> {
        let note = |mirror: &mut Mirror, noted: &Result<(), StoreError>| {
            if noted.is_ok() {
                mirror.failed(id, at, error, retry_at);
            }
        };
        let failed = self.ask(|store| async move { store.failed(id, at, error, retry_at).await }, note).await?;
        // What is refused for good may wait all the same, for what is behind it.
        if matches!(failed, ((), Place::Database)) && retry_at.is_none() {
            self.look().await;
        }
        Ok(())
    }

    /// As [`Store::hasten`].
    pub async fn hasten(&self, id: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        if self.ask(|store| async move { store.hasten(id, now).await }, |_, _| {}).await?.1 == Place::Database {
            self.look().await;
        }
        Ok(())
    }

    /// As [`Store::receipt_of`]; in memory, none of what had been delivered before.
    pub async fn receipt_of(&self, id: &str) -> Result<Option<String>, StoreError> {
        Ok(self.ask(|store| async move { store.receipt_of(id).await }, |_, _| {}).await?.0)
    }

    /// As [`Store::deliveries`]. Whoever only wants to know does not have the watch go on in memory.
    pub async fn deliveries(&self, channels: &[&str]) -> Result<Vec<ChannelDelivery>, StoreError> {
        if let Some(standby) = self.standby().await {
            return standby.deliveries(channels).await;
        }
        let deliveries = self.store.deliveries(channels).await?;
        self.mirror(|mirror| mirror.delivering(&deliveries));
        Ok(deliveries)
    }

    /// As [`Store::next_due`].
    pub async fn next_due(&self, channel: &str, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, StoreError> {
        Ok(self.ask(|store| async move { store.next_due(channel, now).await }, |_, _| {}).await?.0)
    }

    /// As [`Store::recall`]; in memory, as far as it has been asked for before.
    pub async fn recall(&self, channel: &str, key: &str) -> Result<Option<String>, StoreError> {
        let note = |mirror: &mut Mirror, value: &Result<Option<String>, StoreError>| {
            if let Ok(value) = value {
                mirror.remember(channel, key, value.clone());
            }
        };
        Ok(self.ask(|store| async move { store.recall(channel, key).await }, note).await?.0)
    }

    /// As [`Store::remember`].
    pub async fn remember(&self, channel: &str, key: &str, value: &str) -> Result<(), StoreError> {
        let note = |mirror: &mut Mirror, remembered: &Result<(), StoreError>| {
            if remembered.is_ok() {
                mirror.remember(channel, key, Some(value.to_owned()));
            }
        };
        self.ask(|store| async move { store.remember(channel, key, value).await }, note).await.map(|_| ())
    }

    /// Why the database is not in use at the moment; none if it is.
    pub async fn fault(&self) -> Option<StoreError> {
        self.standby().await.map(|standby| standby.why())
    }

    /// As [`Store::prune`]; nothing is pruned while the database is not in use.
    pub async fn prune(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        if self.standby().await.is_some() { Ok(0) } else { self.store.prune(now).await }
    }

    /// As [`Store::checkpoint`].
    pub async fn checkpoint(&self) -> Result<(), StoreError> {
        if self.standby().await.is_some() { Ok(()) } else { self.store.checkpoint().await }
    }

    /// As [`Store::close`], after a last attempt to take what is in memory into the database.
    pub async fn close(&self) -> Result<(), StoreError> {
        if !self.recover_before_the_end().await {
            log::error!("the database is still away: what happened meanwhile was in memory only, and is lost");
        }
        self.store.close().await
    }
}

async fn settled(
    standby: &Standby,
    decide: impl FnOnce(Known) -> Decision + Send + 'static,
) -> Result<Settled, StoreError> {
    Ok(Settled { decision: standby.settle(decide).await?, from_memory: Some(standby.why()) })
}

/// Whether the transaction may have been committed all the same: the answer was lost, or did not come in time.
fn may_have_been_written(error: &StoreError) -> bool {
    matches!(error, StoreError::Timeout | StoreError::Unreachable(_))
}
