//! A store in memory that stands in for the database while that fails.
//!
//! It begins with what the ledger has last seen in the database: the incidents that are not over, what waits to be sent,
//! and what channels remember. From then on it is a store like any other.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use tokio::runtime::Handle;

use super::mirror::{self, Mirror};
use crate::domain::delivery::ChannelDelivery;
use crate::domain::incident::Change;
use crate::store::copies::Copied;
use crate::store::row::millis;
use crate::store::statement::Statement;
use crate::store::{Decision, Known, Location, Store, StoreError, channel_state, incidents};

/// What may become much in a long outage is kept within bounds, the newest of it: reports and shown states, of which each
/// cycle leaves one, and samples. Of the last two that is a month at the usual interval, of reports a day.
const BOUNDS: [&str; 4] = [
    "DELETE FROM reports WHERE seq <= (SELECT MAX(seq) FROM reports) - 288",
    "DELETE FROM samples WHERE at < (SELECT at FROM samples ORDER BY at DESC LIMIT 1 OFFSET 10000)",
    "DELETE FROM deliveries WHERE notice_id IN (SELECT id FROM notices WHERE kind = 'status' AND state <> 'pending'
         AND seq <= (SELECT MAX(seq) FROM notices) - 10000)",
    "DELETE FROM notices WHERE kind = 'status' AND state <> 'pending'
         AND seq <= (SELECT MAX(seq) FROM notices) - 10000",
];

/// A store in memory, and what it began with.
#[derive(Debug)]
pub(super) struct Standby {
    /// What has happened since, on top of what was.
    pub(super) store: Store,
    /// What was known; of who was told, only what is not in the outbox here.
    pub(super) seed: Known,
    /// The notices that waited, as they were.
    pub(super) waited: Vec<Copied>,
    cycles: Mutex<BTreeSet<i64>>,
    owed: Mutex<Vec<Owed>>,
    why: Mutex<StoreError>,
}

/// What a channel took that is not in the outbox here: the database knows of which notice it is.
#[derive(Clone, Debug)]
pub(super) struct Owed {
    pub(super) id: String,
    pub(super) at: DateTime<Utc>,
    pub(super) receipt: String,
}

impl Standby {
    /// One that begins with what is in `mirror`, since the database fails: `why`.
    pub(super) async fn open(runtime: Handle, mirror: Mirror, why: StoreError) -> Result<Self, StoreError> {
        let store = Store::open(&Location::Memory, runtime).await?;
        let Mirror { known: mut seed, outstanding, memories, .. } = mirror;
        let is_here = |id: &String| outstanding.ids().any(|waiting| waiting == id);
        seed.told.values_mut().for_each(|channels| channels.retain(|_, notice| !is_here(notice)));
        let waited = outstanding.notices.clone();
        let (database, stepped) = (store.database.clone(), seed.incidents.clone());
        let stepped: Vec<_> = stepped.into_iter().map(|incident| (incident, Change::None)).collect();
        store
            .run(async move {
                database.let_links_dangle().await?;
                let mut transaction = database.begin().await?;
                incidents::write(&mut transaction, &stepped).await?;
                outstanding.write(&mut transaction).await?;
                for ((channel, key), value) in &memories {
                    channel_state::write(&mut transaction, channel, key, value).await?;
                }
                transaction.commit().await
            })
            .await?;
        let (cycles, owed) = (Mutex::default(), Mutex::default());
        Ok(Self { store, seed, waited, cycles, owed, why: Mutex::new(why) })
    }

    /// Why the database is not in use, as was last seen.
    pub(super) fn why(&self) -> StoreError {
        lock(&self.why).clone()
    }

    /// The database still fails.
    pub(super) fn note(&self, why: StoreError) {
        *lock(&self.why) = why;
    }

    /// As [`Store::settle`], on top of what was known when the database failed.
    pub(super) async fn settle(
        &self,
        decide: impl FnOnce(Known) -> Decision + Send + 'static,
    ) -> Result<Decision, StoreError> {
        let (seed, why, last_cycle) = (self.seed.clone(), self.why(), self.last_cycle());
        let known = move |own| mirror::joined(&seed, Known { last_cycle, ..own }, why);
        let decision = self.store.settle(move |own| decide(known(own))).await?;
        lock(&self.cycles).extend(decision.sample.as_ref().map(|sample| millis(sample.at)));
        self.keep_within_bounds().await?;
        Ok(decision)
    }

    /// The last cycle that was settled here: its figures may be in the database by now, and here no more.
    fn last_cycle(&self) -> Option<DateTime<Utc>> {
        lock(&self.cycles).last().copied().and_then(DateTime::from_timestamp_millis)
    }

    /// What is known here, for whoever goes on from here.
    pub(super) async fn known(&self) -> Result<Known, StoreError> {
        let own = Known { last_cycle: self.last_cycle(), ..self.store.known().await? };
        Ok(Known { from_memory: None, ..mirror::joined(&self.seed, own, self.why()) })
    }

    /// What channels remember.
    pub(super) async fn memories(&self) -> Result<Vec<(String, String, String)>, StoreError> {
        let database = self.store.database.clone();
        let rows = self.store.run(async move {
            Statement::new("SELECT channel, key, value FROM channel_state").all(&mut database.session().await?).await
        });
        rows.await?.iter().map(|row| Ok((row.text("channel")?, row.text("key")?, row.text("value")?))).collect()
    }

    /// The moments of the cycles that were settled here.
    pub(super) fn cycles(&self) -> BTreeSet<i64> {
        lock(&self.cycles).clone()
    }

    /// As [`Store::delivered`]; what is not in the outbox here is kept for the database.
    pub(super) async fn delivered(&self, id: &str, at: DateTime<Utc>, receipt: &str) -> Result<(), StoreError> {
        if self.knows(id).await? {
            return self.store.delivered(id, at, receipt).await;
        }
        lock(&self.owed).push(Owed { id: id.into(), at, receipt: receipt.into() });
        Ok(())
    }

    /// What channels took that is not in the outbox here.
    pub(super) fn owed(&self) -> Vec<Owed> {
        lock(&self.owed).clone()
    }

    /// As [`Store::deliveries`], on top of how it was when the database failed.
    pub(super) async fn deliveries(&self, channels: &[&str]) -> Result<Vec<ChannelDelivery>, StoreError> {
        Ok(mirror::deliveries(&self.seed, self.store.deliveries(channels).await?))
    }

    async fn knows(&self, id: &str) -> Result<bool, StoreError> {
        let (database, id) = (self.store.database.clone(), id.to_owned());
        let found = self.store.run(async move {
            let known = Statement::new("SELECT id FROM notices WHERE id = $1").bind(id);
            Ok(known.optional(&mut database.session().await?).await?.is_some())
        });
        found.await
    }

    async fn keep_within_bounds(&self) -> Result<(), StoreError> {
        let database = self.store.database.clone();
        let kept = self.store.run(async move {
            let mut transaction = database.begin().await?;
            for statement in BOUNDS {
                Statement::new(statement).execute(&mut transaction).await?;
            }
            transaction.commit().await
        });
        kept.await
    }
}

/// A lock that a panic elsewhere does not keep from us: what it guards is whole between two statements.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
