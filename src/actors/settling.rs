//! Settles cycles: has what follows decided and written down in one go, in the name of whoever leads.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::conclusion::{GAPS_SHOWN, Gathered, Policy, Settled, Turn, conclude};
use super::delivery_board::DeliveryBoard;
use super::leadership::Footing;
use super::telemetry::Telemetry;
use crate::domain::incident::Change;
use crate::domain::message::timestamp;
use crate::domain::report::{Overview, Report};
use crate::store::{Decision, Known, Ledger, StoreError};

/// How long a cycle waits for what it can do without.
const BESIDE: Duration = Duration::from_secs(1);

/// Settles cycles, one after the other, whichever Escalator gathered them. Clones are the same.
#[derive(Clone)]
pub struct Settling {
    ledger: Ledger,
    board: DeliveryBoard,
    telemetry: Telemetry,
    /// When the process was started.
    started: Instant,
    /// Under what a cycle was settled last.
    last: Arc<Mutex<Option<Footing>>>,
}

impl Settling {
    /// For a process that is just being started. Writes down in `ledger`, has `board` show what waits by then, and `telemetry` count it.
    pub fn new(ledger: Ledger, board: DeliveryBoard, telemetry: Telemetry) -> Self {
        Self { ledger, board, telemetry, started: Instant::now(), last: Arc::default() }
    }

    /// The ledger for those who act on `footing`.
    pub(super) fn ledger(&self, footing: Footing) -> Ledger {
        footing.epoch().map_or_else(|| self.ledger.clone(), |epoch| self.ledger.under(epoch))
    }

    /// Takes the incidents through the cycle that `report` tells of and writes down what follows; says what is known then,
    /// which is nothing if another instance leads by now.
    pub(super) async fn settle(
        &self,
        policy: &Policy,
        footing: Footing,
        report: Report,
        previous: Option<&Overview>,
    ) -> Option<Settled> {
        let cycle = report.cycle;
        let gathered = self.gathered(policy, footing, report, previous).await;
        let overview = gathered.report.clone();
        let written = self.write(policy, footing, gathered).await;
        self.board.refresh(&self.ledger).await;
        match written {
            Ok((settled, decision)) => {
                self.last_footing().replace(footing);
                log_decision(policy, cycle, &decision);
                self.telemetry.cycle(&settled.overview.report, settled.ailment.is_none());
                let opened = decision.stepped.iter().filter(|(_, change)| *change == Change::Opened);
                opened.for_each(|(incident, _)| self.telemetry.opened(incident.issue));
                Some(settled)
            }
            Err(StoreError::NotLeading) => {
                log::warn!("cycle={cycle} is left to the instance that leads by now");
                None
            }
            Err(error) => {
                log::error!("cycle={cycle}: the incidents could not be written, the next cycle tries again: {error}");
                let known = previous.map(|overview| (overview.incidents.clone(), overview.gaps.clone()));
                let (incidents, gaps) = known.unwrap_or_default();
                self.telemetry.cycle(&overview, false);
                let overview = Overview { report: overview, incidents, gaps };
                Some(Settled { overview, ailment: Some("the incidents could not be written".into()) })
            }
        }
    }

    async fn gathered(
        &self,
        policy: &Policy,
        footing: Footing,
        report: Report,
        previous: Option<&Overview>,
    ) -> Gathered {
        let turn = Turn::of(footing, *self.last_footing(), self.started.elapsed(), policy.gather_timeout);
        let known = previous.map(|overview| (overview.gaps.clone(), Some(overview.report.timestamp)));
        let (known, now) = (known.unwrap_or_default(), report.timestamp);
        let (gaps, last_cycle) = match turn {
            Turn::Later => known,
            // Others may have looked before us. Little depends on it.
            Turn::First | Turn::TookOver | Turn::Fresh => {
                let store = self.ledger.store();
                let stored = async { Ok((store.gaps(now - GAPS_SHOWN).await?, store.last_cycle(now).await?)) };
                timeout(BESIDE, stored).await.ok().and_then(Result::<_, StoreError>::ok).unwrap_or(known)
            }
        };
        Gathered { report, gaps, last_cycle, turn }
    }

    async fn write(
        &self,
        policy: &Policy,
        footing: Footing,
        gathered: Gathered,
    ) -> Result<(Settled, Decision), StoreError> {
        if policy.dry_run {
            return Ok(conclude(policy, gathered, self.ledger.store().known().await?));
        }
        let (settled, policy) = (Arc::new(Mutex::new(None)), policy.clone());
        let place = Arc::clone(&settled);
        let decide = move |known: Known| {
            let (settled, decision) = conclude(&policy, gathered.clone(), known);
            *unpoisoned(&place) = Some(settled);
            decision
        };
        let written = self.ledger(footing).settle(decide).await?;
        let settled = unpoisoned(&settled).take().ok_or(StoreError::Closed)?;
        let settled = match &written.from_memory {
            Some(why) => settled.in_memory(why),
            None => settled,
        };
        Ok((settled, written.decision))
    }

    fn last_footing(&self) -> MutexGuard<'_, Option<Footing>> {
        unpoisoned(&self.last)
    }
}

/// What is in there is replaced as a whole, so that a panic elsewhere cannot have left it half written.
fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn log_decision(policy: &Policy, cycle: u64, decision: &Decision) {
    for (incident, change) in &decision.stepped {
        let what = match (change, incident.held.cause()) {
            (Change::None | Change::Forgotten, _) => continue,
            (Change::Opened, Some(cause)) => format!("opened, held back by {cause}"),
            (Change::Opened, None) => "opened".into(),
            (Change::Worsened, _) => "worsened".into(),
            (Change::Resolved, _) => "resolved".into(),
        };
        log::info!("cycle={cycle} incident={} {} {what}: {}", incident.id, incident.issue, incident.text);
    }
    if let Some(gap) = decision.gap {
        let (since, until) = (timestamp(gap.since), timestamp(gap.until));
        log::warn!("cycle={cycle} nobody looked from {since} to {until}");
    }
    for notice in decision.notices.iter().filter(|_| !policy.dry_run) {
        for (incident, step) in &notice.incidents {
            let (kind, id, channel) = (notice.kind.name(), &notice.id, &notice.channel);
            log::info!("cycle={cycle} incident={incident} {channel}: posted {kind} {id}: {}", step.name());
        }
    }
    for notice in decision.notices.iter().filter(|_| policy.dry_run) {
        log::info!("cycle={cycle} dry run: {} would be told: {}\n{}", notice.channel, notice.subject, notice.body);
    }
}
