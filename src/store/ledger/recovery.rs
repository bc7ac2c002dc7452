//! The way back into the database.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::homecoming::Baggage;
use super::outstanding::Outstanding;
use super::{Ledger, bulk};
use crate::store::{StoreError, on};

/// How long nobody tries after an attempt was in vain, or for as long as that took: who writes into memory shall not wait
/// for the database each time.
const PAUSE: Duration = Duration::from_secs(2);

/// How long an attempt may take: what a long outage has left is written batch by batch, and what is written stays.
const LIMIT: Duration = Duration::from_secs(60);

/// How long the last attempt may take: the process has 5 s to exit.
const LAST_LIMIT: Duration = Duration::from_secs(1);

impl Ledger {
    /// If the database is not in use, tries whether it can be again, and takes what happened meanwhile into it. Says
    /// whether it is in use then. Each cycle does so; whoever does it more often has it back sooner.
    pub async fn recover(&self) -> bool {
        if self.standby().await.is_none() {
            return true;
        }
        // Another one is at it.
        let Ok(mut paused) = Arc::clone(&self.shared.recovery).try_lock_owned() else { return false };
        if paused.is_some_and(|until: Instant| Instant::now() < until) {
            return false;
        }
        let ledger = self.clone();
        // To its end, also if nobody waits for it any more.
        let attempt = on(&self.store.runtime, LIMIT, async move {
            let began = Instant::now();
            let returned = ledger.try_to_recover().await;
            *paused = returned.is_err().then(|| Instant::now() + PAUSE.max(began.elapsed()));
            if let (Err(error), Some(standby)) = (&returned, ledger.standby().await) {
                standby.note(error.clone());
            }
            returned
        });
        attempt.await.is_ok()
    }

    async fn try_to_recover(&self) -> Result<(), StoreError> {
        // Not for a leader only: that something has happened is true, whoever leads by now.
        self.store.ping().await?;
        // Nobody but us takes it away; who writes into it does not wait for that.
        let standby = self.standby().await.map(|standby| Arc::clone(&standby));
        if let Some(standby) = standby {
            bulk::carry(&standby, &self.store).await?;
        }
        let mut place = self.shared.standby.write().await;
        let Some(standby) = place.as_ref() else { return Ok(()) };
        // What came meanwhile; now nothing more comes.
        bulk::carry(standby, &self.store).await?;
        Baggage::of(standby).await?.unpack(&self.store).await?;
        // Should the database fail again at once, memory goes on from where it is.
        for (channel, key, value) in standby.memories().await? {
            self.mirror(|mirror| mirror.remember(&channel, &key, Some(value)));
        }
        if !self.look_at_all().await {
            let (known, outstanding) = (standby.known().await?, Outstanding::of(&standby.store).await?);
            self.mirror(|mirror| mirror.replaced(known, outstanding));
        }
        *place = None;
        drop(place);
        log::info!("the database is back, and what happened meanwhile is in it");
        Ok(())
    }

    /// The same once more before the process ends, whenever the last attempt was.
    pub(super) async fn recover_before_the_end(&self) -> bool {
        if let Ok(mut paused) = self.shared.recovery.try_lock() {
            *paused = None;
        }
        timeout(LAST_LIMIT, self.recover()).await.unwrap_or_default()
    }
}
