//! A cycle in the store: what is known is looked up, somebody decides, and all of it is written or nothing.

use chrono::{DateTime, Utc};

use super::changes::{self, Recorded};
use super::database::Speaks;
use super::outbox::{self, Notice};
use super::reports::{self, StoredReport};
use super::row::millis;
use super::samples::{self, Gap, Sample};
use super::statement::Statement;
use super::{Store, StoreError, deliveries, incidents, silences};
use crate::domain::delivery::ChannelDelivery;
use crate::domain::flapping::Past;
use crate::domain::incident::{Change, Incident};
use crate::domain::issue::CHANNELS;
use crate::domain::notice::Told;
use crate::domain::silence::Silence;

/// What is known when a cycle is to be settled.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The incidents that are not over, the oldest first.
    pub incidents: Vec<Incident>,
    /// Who was told of them.
    pub told: Told,
    /// The incidents that were over last, the latest first; far more than could matter for flapping.
    pub past: Vec<Past>,
    /// The silences, among them all that are not over.
    pub silences: Vec<Silence>,
    /// How it is with each of [`CHANNELS`], also those that are not configured any more.
    pub deliveries: Vec<ChannelDelivery>,
    /// The moment of the newest sample; ahead of us if the clock was, when that was taken.
    pub last_cycle: Option<DateTime<Utc>>,
    /// Why it is decided in memory; none if it is in the database.
    pub from_memory: Option<StoreError>,
}

/// What follows from a cycle.
#[derive(Clone, Debug, Default)]
pub struct Decision {
    /// Every incident that the cycle touched, as it is now.
    pub stepped: Vec<(Incident, Change)>,
    /// What happened to incidents, for their stories; what happened to one that is no longer there is left out.
    pub entries: Vec<Recorded>,
    /// What is to be told.
    pub notices: Vec<Notice>,
    /// The report of the cycle.
    pub report: Option<StoredReport>,
    /// Its figures.
    pub sample: Option<Sample>,
    /// The time before it in which nobody looked, if there was one.
    pub gap: Option<Gap>,
}

impl Store {
    /// Takes the incidents that are not over through a cycle, as `decide` says of what is known, and writes it down: all
    /// of it or nothing. What was decided is returned.
    ///
    /// Incidents are inserted or brought up to date, those that were [`Change::Forgotten`] are deleted, and the notices
    /// are posted. Looking, deciding and writing are one transaction: two cycles at once, such as that of an Escalator
    /// that was replaced meanwhile, come one after the other, and what one of them tells the other one knows. Whoever
    /// acknowledges an incident meanwhile comes before or after, and is not overwritten.
    pub async fn settle<F>(&self, decide: F) -> Result<Decision, StoreError>
    where
        F: FnOnce(Known) -> Decision + Send + 'static,
    {
        let store = self.clone();
        self.run(async move {
            let mut transaction = store.begin().await?;
            transaction.keep_incidents().await?;
            let decision = decide(known(&mut transaction).await?);
            incidents::write(&mut transaction, &decision.stepped).await?;
            changes::write(&mut transaction, &decision.entries).await?;
            outbox::post(&mut transaction, &decision.notices).await?;
            if let Some(report) = &decision.report {
                reports::write(&mut transaction, report).await?;
            }
            if let Some(sample) = &decision.sample {
                samples::write(&mut transaction, sample).await?;
            }
            if let Some(gap) = decision.gap {
                samples::write_gap(&mut transaction, gap).await?;
            }
            transaction.commit().await?;
            Ok(decision)
        })
        .await
    }

    /// What [`Store::settle`] would let somebody decide upon, for those who write nothing.
    pub async fn known(&self) -> Result<Known, StoreError> {
        let database = self.database.clone();
        self.run(async move { known(&mut database.session().await?).await }).await
    }

    /// The moment of the last cycle until `now` that left a sample, whatever clocks that were ahead have left.
    pub async fn last_cycle(&self, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, StoreError> {
        let database = self.database.clone();
        self.run(async move { last_cycle(&mut database.session().await?, now).await }).await
    }
}

async fn known(on: &mut (impl Speaks + Send)) -> Result<Known, StoreError> {
    Ok(Known {
        incidents: incidents::unresolved(on).await?,
        told: outbox::told(on).await?,
        past: incidents::past(on).await?,
        silences: silences::latest(on).await?,
        deliveries: deliveries::by_channel(on, &CHANNELS).await?,
        last_cycle: last_cycle(on, DateTime::<Utc>::MAX_UTC).await?,
        from_memory: None,
    })
}

async fn last_cycle(on: &mut impl Speaks, until: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, StoreError> {
    let newest = Statement::new("SELECT MAX(at) AS at FROM samples WHERE at <= $1").bind(millis(until));
    newest.optional(on).await?.map_or(Ok(None), |row| row.optional_moment("at"))
}
