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
mod homecoming;
mod mirror;
mod outstanding;
mod recovery;
mod standby;

use std::future::Future;
use std::sync::{Arc, Mutex, OnceLock};

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::time::Instant;

use super::{Decision, Due, Known, Notice, Store, StoreError};
use crate::domain::delivery::ChannelDelivery;
use mirror::Mirror;
#[cfg(test)]
pub(super) use outstanding::ASKED;
use outstanding::Outstanding;
use standby::{Standby, lock};

/// How often the outbox is looked at, if it changes while somebody looks.
const MOST_LOOKS: u32 = 3;

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
    /// When the last attempt to have the database back was in vain; held during one.
    recovery: Arc<tokio::sync::Mutex<Option<Instant>>>,
}

/// Who has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Database,
    Memory,
}

/// What a cycle knew and decided before the database failed.
type Course = Option<(Known, Decision)>;

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
        let standby = match self.standby().await {
            Some(standby) => standby,
            None => {
                let (error, course) = match self.settle_in_database(decide).await {
                    (Ok(decision), _) => return Ok(Settled { decision, from_memory: None }),
                    (Err(error), _) if !is_fault(&error) => return Err(error),
                    (Err(error), course) => (error, course),
                };
                // What had been read is newer than what is in the mirror.
                let (known, decision) = course.map_or((None, None), |(known, decision)| (Some(known), Some(decision)));
                let standby = self.fall_back(&error, known).await?;
                match decision.filter(|_| may_have_been_written(&error)) {
                    Some(decision) => return settled(&standby, move |_| decision).await,
                    None => standby,
                }
            }
        };
        settled(&standby, in_memory).await
    }

    /// What was known and decided is returned also if it could not be written.
    async fn settle_in_database<F>(&self, decide: Arc<F>) -> (Result<Decision, StoreError>, Course)
    where
        F: Fn(Known) -> Decision + Send + Sync + 'static,
    {
        let course = Arc::new(Mutex::new(None));
        let noted = Arc::clone(&course);
        let decide = move |known: Known| {
            let decision = decide(known.clone());
            *lock(&noted) = Some((known, decision.clone()));
            decision
        };
        let settled = self.store.settle(decide).await;
        let course = lock(&course).take();
        if settled.is_err() {
            return (settled, course);
        }
        if let Some((known, decision)) = course {
            self.mirror(|mirror| mirror.settled(known, &decision));
        }
        self.look().await;
        (settled, None)
    }

    /// As [`Store::post`].
    pub async fn post(&self, notices: Vec<Notice>) -> Result<(), StoreError> {
        let post = |store: Store| {
            let notices = notices.clone();
            async move { store.post(notices).await }
        };
        if self.ask(post).await?.1 == Place::Database {
            self.mirror(|mirror| mirror.posted(&notices));
            self.look().await;
        }
        Ok(())
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
            let merge = move |earlier: Vec<Notice>, newest| {
                *lock(&merged) = earlier.iter().map(|notice| notice.id.clone()).collect();
                merge(earlier, newest)
            };
            async move { store.claim(channel, now, until, by, merge).await }
        };
        let mut claimed = self.ask(claim).await?;
        // What is due in memory does not wait for the database.
        if matches!(claimed, (None, Place::Memory)) && self.recover().await {
            claimed = self.ask(claim).await?;
        }
        if let (Some(due), Place::Database) = &claimed {
            self.mirror(|mirror| mirror.claimed(due, &lock(&merged), until, by));
        }
        Ok(claimed.0)
    }

    /// As [`Store::delivered`]: wherever the notice is by now.
    pub async fn delivered(&self, id: &str, at: DateTime<Utc>, receipt: &str) -> Result<(), StoreError> {
        if let Some(standby) = self.standby().await {
            return standby.delivered(id, at, receipt).await;
        }
        match self.store.delivered(id, at, receipt).await {
            Ok(()) => self.mirror(|mirror| mirror.delivered(id)),
            Err(error) if is_fault(&error) => {
                return self.fall_back(&error, None).await?.delivered(id, at, receipt).await;
            }
            Err(error) => return Err(error),
        }
        // A standby may have been begun in between, with a mirror in which the notice was still waiting.
        match self.standby().await {
            Some(standby) => standby.delivered(id, at, receipt).await,
            None => Ok(()),
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
        let ((), place) = self.ask(|store| async move { store.failed(id, at, error, retry_at).await }).await?;
        if place == Place::Database {
            self.mirror(|mirror| mirror.failed(id, at, error, retry_at));
        }
        Ok(())
    }

    /// As [`Store::hasten`].
    pub async fn hasten(&self, id: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        if self.ask(|store| async move { store.hasten(id, now).await }).await?.1 == Place::Database {
            self.look().await;
        }
        Ok(())
    }

    /// As [`Store::receipt_of`]; in memory, none of what had been delivered before.
    pub async fn receipt_of(&self, id: &str) -> Result<Option<String>, StoreError> {
        Ok(self.ask(|store| async move { store.receipt_of(id).await }).await?.0)
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
        Ok(self.ask(|store| async move { store.next_due(channel, now).await }).await?.0)
    }

    /// As [`Store::recall`]; in memory, as far as it has been asked for before.
    pub async fn recall(&self, channel: &str, key: &str) -> Result<Option<String>, StoreError> {
        let (value, place) = self.ask(|store| async move { store.recall(channel, key).await }).await?;
        if place == Place::Database {
            self.mirror(|mirror| mirror.remember(channel, key, value.clone()));
        }
        Ok(value)
    }

    /// As [`Store::remember`].
    pub async fn remember(&self, channel: &str, key: &str, value: &str) -> Result<(), StoreError> {
        let ((), place) = self.ask(|store| async move { store.remember(channel, key, value).await }).await?;
        if place == Place::Database {
            self.mirror(|mirror| mirror.remember(channel, key, Some(value.to_owned())));
        }
        Ok(())
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

    /// The standby, while the database is not in use. It stays for as long as it is held.
    async fn standby(&self) -> Option<RwLockReadGuard<'_, Arc<Standby>>> {
        RwLockReadGuard::try_map(self.shared.standby.read().await, Option::as_ref).ok()
    }

    /// Asks the database or, if that is not in use or fails, the standby.
    async fn ask<T, F, O>(&self, operation: O) -> Result<(T, Place), StoreError>
    where
        O: Fn(Store) -> F,
        F: Future<Output = Result<T, StoreError>>,
    {
        if let Some(standby) = self.standby().await {
            return Ok((operation(standby.store.clone()).await?, Place::Memory));
        }
        match operation(self.store.clone()).await {
            Err(error) if is_fault(&error) => {
                let standby = self.fall_back(&error, None).await?;
                Ok((operation(standby.store.clone()).await?, Place::Memory))
            }
            answer => {
                let answer = answer?;
                if !self.mirror(|mirror| mirror.is_filled()) {
                    self.look_at_all().await;
                }
                Ok((answer, Place::Database))
            }
        }
    }

    /// The standby: a new one if there is none yet, since the database fails: `why`. It begins with what is known and in
    /// the mirror.
    async fn fall_back(
        &self,
        why: &StoreError,
        known: Option<Known>,
    ) -> Result<RwLockReadGuard<'_, Arc<Standby>>, StoreError> {
        if let Some(standby) = self.standby().await {
            return Ok(standby);
        }
        if let Some(goes_on) = self.shared.goes_on.get()
            && !goes_on(self.store.fence).await
        {
            return Err(why.clone());
        }
        let mut place = self.shared.standby.write().await;
        if place.is_none() {
            let mut mirror = self.mirror(|mirror| mirror.clone());
            mirror.known = known.unwrap_or(mirror.known);
            log::error!("{why}: the watch goes on, and what happens is kept in memory until the database is back");
            *place = Some(Arc::new(Standby::open(self.store.runtime.clone(), mirror, why.clone()).await?));
        }
        // There is one: it was just put there, or was there.
        RwLockReadGuard::try_map(RwLockWriteGuard::downgrade(place), Option::as_ref).map_err(|_| why.clone())
    }

    fn mirror<T>(&self, on: impl FnOnce(&mut Mirror) -> T) -> T {
        on(lock(&self.shared.mirror).under(self.store.fence))
    }

    /// Looks at everything: we have only begun to lead, or the database was away.
    async fn look_at_all(&self) {
        if let Ok(known) = self.store.known().await {
            self.mirror(|mirror| mirror.filled(known));
        }
        self.look().await;
    }

    /// Looks at the outbox of the database: others may have posted and delivered something, too. If it fails meanwhile, the
    /// mirror has at least what we have done.
    async fn look(&self) {
        for _ in 0..MOST_LOOKS {
            let changes = self.mirror(|mirror| mirror.changes());
            let Ok(outstanding) = Outstanding::of(&self.store).await else { return };
            if self.mirror(|mirror| mirror.seen(changes, outstanding)) {
                return;
            }
        }
    }
}

async fn settled(
    standby: &Standby,
    decide: impl FnOnce(Known) -> Decision + Send + 'static,
) -> Result<Settled, StoreError> {
    Ok(Settled { decision: standby.settle(decide).await?, from_memory: Some(standby.why()) })
}

/// Whether the database is to blame, and memory can do better.
fn is_fault(error: &StoreError) -> bool {
    !matches!(error, StoreError::Closed | StoreError::NotLeading | StoreError::WrongCursor)
}

/// Whether the transaction may have been committed all the same: the answer was lost, or did not come in time.
fn may_have_been_written(error: &StoreError) -> bool {
    matches!(error, StoreError::Timeout | StoreError::Unreachable(_))
}
