//! Which of the two answers: the database, for as long as it does, or the standby.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::{RwLockReadGuard, RwLockWriteGuard};

use super::Ledger;
use super::mirror::Mirror;
use super::outstanding::Outstanding;
use super::standby::{Standby, lock};
use crate::store::{Known, Store, StoreError};

/// How often the outbox is looked at, if it changes while somebody looks.
const MOST_LOOKS: u32 = 3;

/// Who has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The database.
    Database,
    /// The standby.
    Memory,
}

impl Ledger {
    /// The standby, while the database is not in use. It stays for as long as it is held.
    pub(super) async fn standby(&self) -> Option<RwLockReadGuard<'_, Arc<Standby>>> {
        RwLockReadGuard::try_map(self.shared.standby.read().await, Option::as_ref).ok()
    }

    /// Asks the database, and notes in the mirror what it says; or, if it is not in use or fails, the standby.
    pub(super) async fn ask<T, F, O, N>(&self, operation: O, note: N) -> Result<(T, Place), StoreError>
    where
        O: Fn(Store) -> F,
        F: Future<Output = Result<T, StoreError>>,
        N: Fn(&mut Mirror, &Result<T, StoreError>),
    {
        loop {
            if let Some(standby) = self.standby().await {
                return Ok((operation(standby.store.clone()).await?, Place::Memory));
            }
            match self.in_database(operation(self.store.clone()), &note).await {
                None => {}
                Some(Err(error)) if is_fault(&error) => {
                    let standby = self.fall_back(&error, None).await?;
                    return Ok((operation(standby.store.clone()).await?, Place::Memory));
                }
                Some(answer) => return Ok((answer?, Place::Database)),
            }
        }
    }

    /// Does something in the database and notes in the mirror what came of it; nothing, if there is a standby by now.
    ///
    /// None is begun before that is done: what is in the mirror then is everything that we have done.
    pub(super) async fn in_database<T>(
        &self,
        operation: impl Future<Output = Result<T, StoreError>>,
        note: impl FnOnce(&mut Mirror, &Result<T, StoreError>),
    ) -> Option<Result<T, StoreError>> {
        let place = self.shared.standby.read().await;
        if place.is_some() {
            return None;
        }
        let answer = operation.await;
        let is_filled = self.mirror(|mirror| {
            note(mirror, &answer);
            mirror.is_filled()
        });
        if answer.is_ok() && !is_filled {
            self.look_at_all().await;
        }
        Some(answer)
    }

    /// The standby: a new one if there is none yet, since the database fails: `why`. It begins with what is known and in
    /// the mirror.
    pub(super) async fn fall_back(
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

    pub(super) fn mirror<T>(&self, on: impl FnOnce(&mut Mirror) -> T) -> T {
        on(lock(&self.shared.mirror).under(self.store.fence))
    }

    /// Looks at everything: we have only begun to lead, or the database was away. Says whether all of it was seen.
    pub(super) async fn look_at_all(&self) -> bool {
        let Ok(known) = self.store.known().await else { return false };
        self.mirror(|mirror| mirror.filled(known));
        self.look().await
    }

    /// Looks at the outbox of the database: others may have posted and delivered something, too. If it fails meanwhile, the
    /// mirror has at least what we have done. Says whether it was seen.
    pub(super) async fn look(&self) -> bool {
        for _ in 0..MOST_LOOKS {
            let changes = self.mirror(|mirror| mirror.changes());
            let Ok(outstanding) = Outstanding::of(&self.store).await else { return false };
            if self.mirror(|mirror| mirror.seen(changes, outstanding)) {
                return true;
            }
        }
        false
    }
}

/// Whether the database is to blame, and memory can do better.
pub(super) fn is_fault(error: &StoreError) -> bool {
    !matches!(error, StoreError::Closed | StoreError::NotLeading | StoreError::WrongCursor)
}
