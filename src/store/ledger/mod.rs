//! The store as those have it who keep watch: what they settle and deliver goes into the database, and where it cannot,
//! into a standby in memory until it can.

use chrono::{DateTime, Utc};

use super::{Decision, Due, Known, Notice, Store, StoreError};
use crate::domain::delivery::ChannelDelivery;

/// What a cycle was settled to, and where.
#[derive(Clone, Debug)]
pub struct Settled {
    /// What was decided.
    pub decision: Decision,
    /// Why it was written into memory only; none if it is in the database.
    pub from_memory: Option<StoreError>,
}

/// The store of those who keep watch. Clones are handles to the same one.
#[derive(Clone, Debug)]
pub struct Ledger {
    store: Store,
}

impl Ledger {
    /// One over `store`.
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// The same for the leader of that epoch, see [`Store::under`].
    pub fn under(&self, epoch: i64) -> Self {
        Self { store: self.store.under(epoch) }
    }

    /// The database alone, for those who only read.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// As [`Store::settle`], in memory if the database fails; then [`Known::from_memory`] says why. `decide` may be asked
    /// twice: by the database and, when that has failed, in its place.
    pub async fn settle<F>(&self, decide: F) -> Result<Settled, StoreError>
    where
        F: Fn(Known) -> Decision + Send + Sync + 'static,
    {
        Ok(Settled { decision: self.store.settle(decide).await?, from_memory: None })
    }

    /// As [`Store::post`].
    pub async fn post(&self, notices: Vec<Notice>) -> Result<(), StoreError> {
        self.store.post(notices).await
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
        self.store.claim(channel, now, until, by, merge).await
    }

    /// As [`Store::delivered`].
    pub async fn delivered(&self, id: &str, at: DateTime<Utc>, receipt: &str) -> Result<(), StoreError> {
        self.store.delivered(id, at, receipt).await
    }

    /// As [`Store::failed`].
    pub async fn failed(
        &self,
        id: &str,
        at: DateTime<Utc>,
        error: &str,
        retry_at: Option<DateTime<Utc>>,
    ) -> Result<(), StoreError> {
        self.store.failed(id, at, error, retry_at).await
    }

    /// As [`Store::hasten`].
    pub async fn hasten(&self, id: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.store.hasten(id, now).await
    }

    /// As [`Store::receipt_of`].
    pub async fn receipt_of(&self, id: &str) -> Result<Option<String>, StoreError> {
        self.store.receipt_of(id).await
    }

    /// As [`Store::deliveries`].
    pub async fn deliveries(&self, channels: &[&str]) -> Result<Vec<ChannelDelivery>, StoreError> {
        self.store.deliveries(channels).await
    }

    /// As [`Store::next_due`].
    pub async fn next_due(&self, channel: &str) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.store.next_due(channel).await
    }

    /// As [`Store::recall`].
    pub async fn recall(&self, channel: &str, key: &str) -> Result<Option<String>, StoreError> {
        self.store.recall(channel, key).await
    }

    /// As [`Store::remember`].
    pub async fn remember(&self, channel: &str, key: &str, value: &str) -> Result<(), StoreError> {
        self.store.remember(channel, key, value).await
    }

    /// Why the database is not in use at the moment; none if it is.
    pub async fn fault(&self) -> Option<StoreError> {
        None
    }

    /// If the database is not in use, tries whether it can be again, and takes what happened meanwhile into it. Says
    /// whether it is in use then. Each cycle does so; whoever does it more often has it back sooner.
    pub async fn recover(&self) -> bool {
        true
    }

    /// As [`Store::prune`]; nothing is pruned while the database is not in use.
    pub async fn prune(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        self.store.prune(now).await
    }

    /// As [`Store::checkpoint`].
    pub async fn checkpoint(&self) -> Result<(), StoreError> {
        self.store.checkpoint().await
    }

    /// As [`Store::close`].
    pub async fn close(&self) -> Result<(), StoreError> {
        self.store.close().await
    }
}
