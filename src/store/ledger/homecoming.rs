//! What has happened in memory goes into the database when that is back.
//!
//! It is written in one transaction, over what is there: what is over or delivered there stays so. Nobody else has settled
//! anything meanwhile, as a rule. If another leader has, what he wrote of an incident counts, and what he sees to is not
//! told by us as well.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use chrono::DateTime;

use super::outstanding::{
    ATTEMPT, CHANNEL, ID, INSERT_ATTEMPT, INSERT_LINK, INSERT_NOTICE, LINK, MERGED_INTO, NOTICE, OF_INCIDENT,
    OF_NOTICE, STATE, select_notices,
};
use super::standby::{Owed, Standby};
use crate::domain::history::What;
use crate::domain::incident::{Change, Incident, Phase};
use crate::domain::notice::Told;
use crate::store::changes::{self, Recorded};
use crate::store::copies::{self, Column, Copied, number, text};
use crate::store::database::{Speaks, Transaction};
use crate::store::incidents::{self, select_incidents};
use crate::store::row::millis;
use crate::store::statement::Statement;
use crate::store::{Known, Store, StoreError, channel_state, deliveries, on, outbox};

/// How long it may take to write all of it: row by row, to a server that may be far away.
const UNPACKING: Duration = Duration::from_secs(30);

/// Everything that is in a standby.
pub(super) struct Baggage {
    seed: Known,
    waited: Vec<Copied>,
    cycles: BTreeSet<i64>,
    owed: Vec<Owed>,
    incidents: Vec<Incident>,
    changes: Vec<Copied>,
    notices: Vec<Copied>,
    links: Vec<Copied>,
    attempts: Vec<Copied>,
    gaps: Vec<Copied>,
    memories: Vec<Copied>,
}

const CHANGE: [Column; 5] = [
    Column::Text("incident_id"),
    Column::Number("at"),
    Column::Text("what"),
    Column::Text("text"),
    Column::Text("by_whom"),
];

const INSERT_CHANGE: &str = "INSERT INTO incident_changes (incident_id, at, what, text, by_whom)
     SELECT incident.id, CAST($2 AS BIGINT), CAST($3 AS TEXT), CAST($4 AS TEXT), CAST($5 AS TEXT)
     FROM incidents AS incident WHERE incident.id = $1 AND NOT EXISTS (
         SELECT 1 FROM incident_changes WHERE incident_id = $1 AND at = $2 AND what = $3)";

/// Who was told of an incident was told of the one that stands for it.
const TOLD_OF_ANOTHER: &str = "INSERT INTO notice_incidents (notice_id, incident_id, step)
     SELECT notice_id, CAST($2 AS TEXT), step FROM notice_incidents WHERE incident_id = $1
     ON CONFLICT (notice_id, incident_id, step) DO NOTHING";

impl Baggage {
    /// What there is in `standby`.
    pub(super) async fn of(standby: &Standby) -> Result<Self, StoreError> {
        let (seed, waited) = (standby.seed.clone(), standby.waited.clone());
        let (cycles, owed, database) = (standby.cycles(), standby.owed(), standby.store.database.clone());
        standby
            .store
            .run(async move {
                let mut on = database.session().await?;
                let all = Statement::new(select_incidents!("ORDER BY since, id")).all(&mut on).await?;
                let incidents: Result<_, _> =
                    all.iter().filter_map(|row| incidents::incident(row).transpose()).collect();
                let mut rows =
                    async |select, columns: &[Column]| copies::rows(&mut on, Statement::new(select), columns).await;
                Ok(Self {
                    seed,
                    waited,
                    cycles,
                    owed,
                    incidents: incidents?,
                    changes: rows(
                        "SELECT incident_id, at, what, text, by_whom FROM incident_changes ORDER BY seq",
                        &CHANGE,
                    )
                    .await?,
                    notices: rows(select_notices!("ORDER BY seq"), &NOTICE).await?,
                    links: rows("SELECT notice_id, incident_id, step FROM notice_incidents", &LINK).await?,
                    attempts: rows(
                        "SELECT notice_id, attempt, at, outcome, answer FROM deliveries ORDER BY seq",
                        &ATTEMPT,
                    )
                    .await?,
                    gaps: rows("SELECT since, until FROM gaps", &[Column::Number("since"), Column::Number("until")])
                        .await?,
                    memories: rows(
                        "SELECT channel, key, value FROM channel_state",
                        &[Column::Text("channel"), Column::Text("key"), Column::Text("value")],
                    )
                    .await?,
                })
            })
            .await
    }

    /// Writes it into `store`: all of it or nothing.
    pub(super) async fn unpack(self, store: &Store) -> Result<(), StoreError> {
        let database = store.database.clone();
        on(&store.runtime, UNPACKING, async move {
            let mut transaction = database.begin().await?;
            transaction.keep_incidents().await?;
            self.write(&mut transaction).await?;
            transaction.commit().await
        })
        .await
    }

    async fn write(&self, on: &mut Transaction) -> Result<(), StoreError> {
        let told = outbox::told(on).await?;
        let others = self.write_incidents(on).await?;
        copies::insert(on, INSERT_CHANGE, &self.changes).await?;
        self.take_back(on).await?;
        let there = self.write_notices(on, &told, &others).await?;
        for link in self.links.iter().filter(|link| !there.contains(text(link, OF_NOTICE))) {
            copies::insert_row(on, INSERT_LINK, link).await?;
        }
        for (ours, other) in others.stands_for() {
            Statement::new(TOLD_OF_ANOTHER).bind(ours).bind(other).execute(on).await?;
        }
        for attempt in self.attempts.iter().filter(|attempt| !there.contains(text(attempt, OF_NOTICE))) {
            copies::insert_row(on, INSERT_ATTEMPT, attempt).await?;
        }
        for Owed { id, at, receipt } in &self.owed {
            deliveries::write_delivered(on, id, *at, receipt).await?;
        }
        for gap in &self.gaps {
            Statement::new("INSERT INTO gaps (since, until) VALUES ($1, $2) ON CONFLICT (since) DO NOTHING")
                .bind(number(gap, 0))
                .bind(number(gap, 1))
                .execute(on)
                .await?;
        }
        // Whoever has led meanwhile remembers his own.
        for memory in self.memories.iter().filter(|_| !others.outdated) {
            channel_state::write(on, text(memory, 0), text(memory, 1), text(memory, 2)).await?;
        }
        Ok(())
    }

    /// Whether somebody else has settled a cycle meanwhile.
    async fn is_outdated(&self, on: &mut impl Speaks) -> Result<bool, StoreError> {
        let Some(last) = self.seed.last_cycle else { return Ok(false) };
        let since = Statement::new("SELECT at FROM samples WHERE at > $1").bind(millis(last)).all(on).await?;
        for row in &since {
            if !self.cycles.contains(&row.number("at")?) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Writes the incidents; says which of them another one, or another leader, sees to.
    async fn write_incidents(&self, on: &mut Transaction) -> Result<Others, StoreError> {
        let outdated = self.is_outdated(on).await?;
        let mut others = Others { outdated, ..Others::default() };
        if !outdated {
            self.forget(on).await?;
        }
        let (over, going_on): (Vec<_>, Vec<_>) =
            self.incidents.iter().partition(|incident| incident.phase == Phase::Resolved);
        for incident in over.into_iter().chain(going_on) {
            match incidents::of(on, &incident.id).await? {
                // There it is over, or whoever led meanwhile knows better.
                Some(there) if there.phase == Phase::Resolved || outdated => {
                    others.led.extend(outdated.then_some(there.id));
                }
                // As it was; it may have been taken on since.
                Some(_) if self.seed.incidents.contains(incident) => {}
                Some(there) => upsert(on, self.with_acknowledgement(incident, &there)).await?,
                None if incident.phase == Phase::Resolved => upsert(on, incident.clone()).await?,
                None => self.write_beside(on, incident, &mut others).await?,
            }
        }
        Ok(others)
    }

    /// An incident that is not over and not there: there may be another one of its issue, from before we began.
    async fn write_beside(
        &self,
        on: &mut Transaction,
        incident: &Incident,
        others: &mut Others,
    ) -> Result<(), StoreError> {
        let there = incidents::unresolved(on).await?.into_iter().find(|there| there.issue == incident.issue);
        let Some(there) = there else { return upsert(on, incident.clone()).await };
        if incident.phase == Phase::Suspected {
            return Ok(());
        }
        if there.phase == Phase::Suspected {
            incidents::write(on, &[(there, Change::Forgotten)]).await?;
            return upsert(on, incident.clone()).await;
        }
        let at = self.cycles.last().and_then(|last| DateTime::from_timestamp_millis(*last)).unwrap_or(incident.since);
        let resolved = Incident { phase: Phase::Resolved, resolved_at: Some(at), ..incident.clone() };
        upsert(on, resolved).await?;
        let entry = Recorded {
            incident_id: incident.id.clone(),
            at,
            what: What::Resolved,
            text: format!("goes on as {}", there.id),
            by: None,
        };
        changes::write(on, &[entry]).await?;
        others.stand_ins.insert(incident.id.clone(), there.id.clone());
        let told = there.told.clone().or_else(|| incident.told.clone());
        upsert(on, Incident { told, ..there }).await
    }

    /// Somebody may have taken it on just before the database failed, and we do not know.
    fn with_acknowledgement(&self, incident: &Incident, there: &Incident) -> Incident {
        let was_known = self.seed.incidents.iter().any(|seed| seed.id == there.id && seed.acknowledged.is_some());
        let unknown = there.acknowledged.clone().filter(|_| !was_known);
        Incident { acknowledged: incident.acknowledged.clone().or(unknown), ..incident.clone() }
    }

    /// What was only suspected, and is no longer here, is forgotten there too.
    async fn forget(&self, on: &mut Transaction) -> Result<(), StoreError> {
        let gone = |seed: &&Incident| !self.incidents.iter().any(|incident| incident.id == seed.id);
        for incident in self.seed.incidents.iter().filter(gone) {
            Statement::new("DELETE FROM incidents WHERE id = $1 AND phase = 'suspected'")
                .bind(&incident.id)
                .execute(on)
                .await?;
        }
        Ok(())
    }

    /// What waited and is no longer here was a state that a newer one has replaced.
    async fn take_back(&self, on: &mut Transaction) -> Result<(), StoreError> {
        let here: HashSet<&str> = self.notices.iter().map(|notice| text(notice, ID)).collect();
        for id in self.waited.iter().map(|notice| text(notice, ID)).filter(|id| !here.contains(id)) {
            Statement::new("DELETE FROM notices WHERE id = $1 AND state = 'pending'").bind(id).execute(on).await?;
        }
        Ok(())
    }

    /// Writes the notices, except what is as it was and what somebody else tells: the ids of those are returned.
    async fn write_notices(
        &self,
        on: &mut Transaction,
        told: &Told,
        others: &Others,
    ) -> Result<HashSet<&str>, StoreError> {
        let waited: HashMap<&str, &Copied> = self.waited.iter().map(|notice| (text(notice, ID), notice)).collect();
        let mut about: HashMap<&str, Vec<&str>> = HashMap::new();
        for link in &self.links {
            about.entry(text(link, OF_NOTICE)).or_default().push(text(link, OF_INCIDENT));
        }
        // What is as it was is there; it may have been sent on since.
        let (as_it_was, changed): (Vec<_>, Vec<_>) =
            self.notices.iter().partition(|notice| waited.get(text(notice, ID)) == Some(notice));
        let is_told_elsewhere = |notice: &&&Copied| {
            let channel = text(notice, CHANNEL);
            let about = about.get(text(notice, ID));
            text(notice, STATE) == "pending"
                && about.is_some_and(|about| about.iter().all(|incident| others.tell(told, incident, channel)))
        };
        let dropped: HashSet<&str> = changed.iter().filter(is_told_elsewhere).map(|notice| text(notice, ID)).collect();
        for notice in &changed {
            let (id, channel) = (text(notice, ID), text(notice, CHANNEL));
            if dropped.contains(id) {
                log::info!("notice {id} for {channel} is not sent: another instance tells it");
            } else if !dropped.contains(text(notice, MERGED_INTO)) {
                copies::insert_row(on, INSERT_NOTICE, notice).await?;
            }
        }
        // What was merged into what is not sent waits there as it did before, for whoever leads by now.
        let merged = changed.iter().filter(|notice| dropped.contains(text(notice, MERGED_INTO)));
        Ok(as_it_was.iter().chain(merged).map(|notice| text(notice, ID)).chain(dropped.iter().copied()).collect())
    }
}

/// Who else sees to our incidents.
#[derive(Debug, Default)]
struct Others {
    /// Whether somebody has settled a cycle meanwhile.
    outdated: bool,
    /// Ours, and the incident of the same issue that goes on in its place.
    stand_ins: HashMap<String, String>,
    /// Those that another leader has led through a cycle meanwhile.
    led: HashSet<String>,
}

impl Others {
    fn stands_for(&self) -> impl Iterator<Item = (&str, &str)> {
        self.stand_ins.iter().map(|(ours, other)| (ours.as_str(), other.as_str()))
    }

    /// Whether somebody else has told `channel` of the incident, or tells it what there is to tell.
    fn tell(&self, told: &Told, incident: &str, channel: &str) -> bool {
        let knows = |other: &String| told.get(other).is_some_and(|channels| channels.contains_key(channel));
        self.led.contains(incident) || self.stand_ins.get(incident).is_some_and(knows)
    }
}

async fn upsert(on: &mut Transaction, incident: Incident) -> Result<(), StoreError> {
    incidents::write(on, &[(incident, Change::None)]).await
}
