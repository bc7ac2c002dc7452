//! Who leads: one of those that share a database, for as long as it says so again and again, by the database's clock.
//!
//! Each lease has an *epoch*, one more than the one before. Whoever writes [`Store::under`] an epoch has it looked at in
//! the same transaction, before anything is written: a leader that was paused while another took over writes nothing any
//! more. The look keeps the row for itself until the transaction is over, so that whoever takes over waits for a write
//! that is under way; a renewal does not.
//!
//! On a file, who leads also holds a lock of the system (see [`LeaderFile`]), which ends with its process: whoever starts
//! after a crash leads at once and waits for no clock.

use std::time::Duration;

use super::database::{Database, Speaks, Transaction};
use super::leader_file::{Grip, LeaderFile};
use super::row::Row;
use super::statement::Statement;
use super::{Store, StoreError, on};

/// How long one word about the lease may take: less than it lasts, so that there is time for another try.
const LIMIT: Duration = Duration::from_secs(3);

/// A lease that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Which one in the row of all leases.
    pub epoch: i64,
    /// Who has it.
    pub holder: String,
    /// Whether nobody else can have it for as long as this process lives, renewed or not: it has the database to itself,
    /// or holds the lock of the system.
    pub for_good: bool,
}

impl Store {
    /// The same store for the leader of that epoch: what it settles, posts, claims, remembers, says of failures, and
    /// prunes, is refused with [`StoreError::NotLeading`] once somebody else leads.
    ///
    /// [`Store::delivered`] is not: what a channel took it took, whoever leads.
    pub fn under(&self, epoch: i64) -> Self {
        Self { fence: Some(epoch), ..self.clone() }
    }

    /// Takes the lease for `for_` in the name of `holder`, unless somebody else has it. What is in memory is nobody
    /// else's: there it is always free.
    ///
    /// On a file whose lock is ours but in which nothing can be written, the last term is gone on with, whosever it was.
    pub async fn lead(&self, holder: &str, for_: Duration) -> Result<Option<Lease>, StoreError> {
        let (store, holder) = (self.clone(), holder.to_owned());
        self.briefly(async move {
            let (is_ours, for_good) = match store.leader_file.as_ref().map(LeaderFile::grasp) {
                Some(Grip::Others) => return Ok(None),
                Some(Grip::New(new)) => {
                    // Without the lease the lock is let go again, also if this ends half-way.
                    let epoch = match take(&store.database, &holder, for_, true).await {
                        Ok(taken) => taken,
                        // Nobody else can lead while the lock is ours. By another epoch than that of the row, whatever is
                        // done would be refused as that of a former leader, and never be done in memory instead.
                        Err(why) => Some(epoch_of(&store.database).await.map_err(|_| why)?),
                    };
                    new.keep();
                    return Ok(epoch.map(|epoch| Lease { epoch, holder, for_good: true }));
                }
                Some(Grip::Ours) => (false, true),
                Some(Grip::None) => (false, false),
                None => [matches!(store.database, Database::Sqlite { .. }); 2].into(),
            };
            let taken = take(&store.database, &holder, for_, is_ours).await?;
            Ok(taken.map(|epoch| Lease { epoch, holder, for_good }))
        })
        .await
    }

    /// Has a lease last for `for_` from now on; says whether it does, which it does not once somebody else leads.
    pub async fn renew(&self, lease: &Lease, for_: Duration) -> Result<bool, StoreError> {
        let (store, lease) = (self.clone(), lease.clone());
        self.briefly(async move {
            let mut transaction = store.database.begin().await?;
            let until = now(&mut transaction).await?.saturating_add(millis(for_));
            let renewed =
                Statement::new("UPDATE lease SET until = $1 WHERE name = 'leader' AND epoch = $2 AND holder = $3")
                    .bind(until)
                    .bind(lease.epoch)
                    .bind(&lease.holder)
                    .execute(&mut transaction)
                    .await?;
            transaction.commit().await?;
            if renewed == 0 {
                store.let_go();
            }
            Ok(renewed > 0)
        })
        .await
    }

    /// Gives a lease back, so that another one may lead at once.
    pub async fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        let (database, lease) = (self.database.clone(), lease.clone());
        let released = self.briefly(async move {
            let mut transaction = database.begin().await?;
            Statement::new(
                "UPDATE lease SET holder = NULL, until = 0 WHERE name = 'leader' AND epoch = $1 AND holder = $2",
            )
            .bind(lease.epoch)
            .bind(&lease.holder)
            .execute(&mut transaction)
            .await?;
            transaction.commit().await
        });
        let released = released.await;
        self.let_go();
        released
    }

    /// Who leads; none if nobody does, or has not said so for too long.
    pub async fn leader(&self) -> Result<Option<String>, StoreError> {
        let database = self.database.clone();
        self.briefly(async move {
            let mut session = database.session().await?;
            let row = row(&mut session, LOOK).await?;
            let is_over = row.number("until")? <= now(&mut session).await?;
            Ok(row.optional_text("holder")?.filter(|_| !is_over))
        })
        .await
    }

    /// A transaction in order to write. It is rolled back unless it is committed.
    ///
    /// Of a store under an epoch, it is one in which that epoch is still the newest, until it is over.
    pub(super) async fn begin(&self) -> Result<Transaction, StoreError> {
        let mut transaction = self.database.begin().await?;
        if let Some(epoch) = self.fence
            && row(&mut transaction, KEEP).await?.number("epoch")? != epoch
        {
            return Err(StoreError::NotLeading);
        }
        Ok(transaction)
    }

    fn let_go(&self) {
        if let Some(file) = &self.leader_file {
            file.let_go();
        }
    }

    async fn briefly<T, F>(&self, operation: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        on(&self.runtime, LIMIT.min(self.limits.operation), operation).await
    }
}

/// Takes the lease if it is free, has run out or was taken by `holder` who did not hear of it, or anyhow if nobody else
/// can have it; its epoch.
async fn take(database: &Database, holder: &str, for_: Duration, is_ours: bool) -> Result<Option<i64>, StoreError> {
    if !is_ours && !is_free(&mut database.session().await?, holder, LOOK).await? {
        // The common case, which keeps nobody from writing.
        return Ok(None);
    }
    let mut transaction = database.begin().await?;
    if !is_ours && !is_free(&mut transaction, holder, TAKE).await? {
        return Ok(None);
    }
    let until = now(&mut transaction).await?.saturating_add(millis(for_));
    let taken = Statement::new(
        "UPDATE lease SET epoch = epoch + 1, holder = $1, until = $2 WHERE name = 'leader' RETURNING epoch",
    )
    .bind(holder)
    .bind(until)
    .optional(&mut transaction)
    .await?;
    let epoch = taken.ok_or_else(missing)?.number("epoch")?;
    transaction.commit().await?;
    Ok(Some(epoch))
}

/// The epoch of the last lease.
async fn epoch_of(database: &Database) -> Result<i64, StoreError> {
    row(&mut database.session().await?, LOOK).await?.number("epoch")
}

/// The row of the lease, in the words of SQLite and of PostgreSQL. SQLite has one writer at a time anyhow.
const LOOK: [&str; 2] = ["SELECT epoch, holder, until FROM lease WHERE name = 'leader'"; 2];

/// The same, which nobody then takes until the transaction is over; it may be renewed.
const KEEP: [&str; 2] = [LOOK[0], "SELECT epoch, holder, until FROM lease WHERE name = 'leader' FOR KEY SHARE"];

/// The same, once nobody keeps it any more.
const TAKE: [&str; 2] = [LOOK[0], "SELECT epoch, holder, until FROM lease WHERE name = 'leader' FOR UPDATE"];

async fn row(on: &mut impl Speaks, [sqlite, postgres]: [&'static str; 2]) -> Result<Row, StoreError> {
    Statement::differing(sqlite, postgres).optional(on).await?.ok_or_else(missing)
}

fn missing() -> StoreError {
    StoreError::nonsense("there is no row for the lease")
}

async fn is_free(on: &mut impl Speaks, holder: &str, look: [&'static str; 2]) -> Result<bool, StoreError> {
    let row = row(on, look).await?;
    let has_it = row.optional_text("holder")?;
    Ok(has_it.is_none_or(|has_it| has_it == holder) || row.number("until")? <= now(on).await?)
}

/// The clock of the database, in unix milliseconds: the one clock that all who share it have.
async fn now(on: &mut impl Speaks) -> Result<i64, StoreError> {
    let now = Statement::differing(
        "SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER) AS now",
        "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT) AS now",
    );
    now.optional(on).await?.ok_or_else(|| StoreError::nonsense("the database has no clock"))?.number("now")
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}
