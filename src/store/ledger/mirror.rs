//! What the ledger has last seen in the database: with it the watch goes on when the database fails.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};

use super::outstanding::Outstanding;
use crate::domain::delivery::{ChannelDelivery, DeliveryState};
use crate::domain::flapping::Past;
use crate::domain::incident::{Change, Phase};
use crate::domain::notice::Step;
use crate::store::{Decision, Due, Known, Notice, StoreError};

/// How many incidents that are over are remembered: far more than flapping looks at.
const MOST_PAST: usize = 500;

/// How many things channels remember are remembered for them: a channel has one or two.
const MOST_MEMORIES: usize = 100;

/// What was last seen in the database.
#[derive(Clone, Debug, Default)]
pub(super) struct Mirror {
    /// Under which epoch. What was seen under another one may have been changed by another leader.
    epoch: Option<i64>,
    /// What is known after the last cycle.
    pub(super) known: Known,
    /// What waits to be sent.
    pub(super) outstanding: Outstanding,
    /// What channels remember: channel and key → value.
    pub(super) memories: BTreeMap<(String, String), String>,
    changes: u64,
    filled: bool,
}

impl Mirror {
    /// The mirror for whoever writes under `epoch`: what another leader may have changed is forgotten. Between an epoch and
    /// the next one there was none.
    pub(super) fn under(&mut self, epoch: Option<i64>) -> &mut Self {
        let Some(epoch) = epoch else { return self };
        match self.epoch {
            // Whoever led before says what he has still done.
            Some(former) if epoch < former => return self,
            Some(former) if epoch <= former + 1 => {}
            _ => *self = Self { changes: self.changes, ..Self::default() },
        }
        self.epoch = Some(epoch);
        self
    }

    /// Whether there is anything in it that was seen under this epoch.
    pub(super) fn is_filled(&self) -> bool {
        self.filled
    }

    /// All of what is known was looked at.
    pub(super) fn filled(&mut self, known: Known) {
        (self.known, self.filled) = (known, true);
    }

    /// All of it is as it is in memory, which the database has taken over.
    pub(super) fn replaced(&mut self, known: Known, outstanding: Outstanding) {
        self.filled(known);
        self.changes += 1;
        self.outstanding = outstanding;
    }

    /// Notices are about to be posted: they are there before anybody can have claimed them.
    pub(super) fn posting(&mut self, notices: &[Notice]) {
        self.changes += 1;
        self.outstanding.posting(notices);
    }

    /// They were posted.
    pub(super) fn posted(&mut self, notices: &[Notice]) {
        self.changes += 1;
        self.outstanding.posted(notices);
    }

    /// They were not.
    pub(super) fn not_posted(&mut self, notices: &[Notice]) {
        self.changes += 1;
        notices.iter().for_each(|notice| self.outstanding.finished(&notice.id));
    }

    /// A cycle has been settled.
    pub(super) fn settled(&mut self, before: Known, decision: &Decision) {
        self.filled(after(before, decision));
        self.posted(&decision.notices);
    }

    /// A notice was claimed until then, for itself and for those that it was `merged` of.
    pub(super) fn claimed(&mut self, due: &Due, merged: &[String], until: DateTime<Utc>, by: &str) {
        self.changes += 1;
        self.outstanding.claimed(due, merged, until, by);
        // Whoever was to be told by one of these is told by that one now, or by nobody.
        for told in self.known.told.values_mut().flat_map(HashMap::values_mut) {
            if merged.contains(told) {
                told.clone_from(&due.notice.id);
            }
        }
    }

    /// A channel took a notice.
    pub(super) fn delivered(&mut self, id: &str) {
        self.changes += 1;
        self.outstanding.finished(id);
    }

    /// An attempt failed; without `retry_at`, the notice has told nobody, and never will.
    pub(super) fn failed(&mut self, id: &str, at: DateTime<Utc>, error: &str, retry_at: Option<DateTime<Utc>>) {
        self.changes += 1;
        match retry_at {
            Some(retry_at) => self.outstanding.failed(id, at, error, retry_at),
            None => {
                self.outstanding.finished(id);
                self.known.told.values_mut().for_each(|channels| channels.retain(|_, told| told != id));
            }
        }
    }

    /// How often what waits has changed: who looks at the outbox says what that was when he began.
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    /// What was seen waiting by who began to look after so many changes. If there were more meanwhile, it may be what was
    /// before them, and does not count.
    pub(super) fn seen(&mut self, changes: u64, outstanding: Outstanding) -> bool {
        let counts = self.changes == changes;
        if counts {
            self.outstanding = outstanding;
        }
        counts
    }

    /// How it is with those channels by now.
    pub(super) fn delivering(&mut self, deliveries: &[ChannelDelivery]) {
        for known in &mut self.known.deliveries {
            if let Some(now) = deliveries.iter().find(|now| now.channel == known.channel) {
                known.clone_from(now);
            }
        }
    }

    /// What `channel` remembers as `key`.
    pub(super) fn remember(&mut self, channel: &str, key: &str, value: Option<String>) {
        let place = (channel.to_owned(), key.to_owned());
        match value {
            Some(value) if self.memories.len() < MOST_MEMORIES || self.memories.contains_key(&place) => {
                self.memories.insert(place, value);
            }
            Some(_) => {}
            None => drop(self.memories.remove(&place)),
        }
    }
}

/// What is known after a cycle was settled.
fn after(mut known: Known, decision: &Decision) -> Known {
    for (incident, change) in &decision.stepped {
        known.incidents.retain(|former| former.id != incident.id);
        match (change, incident.phase) {
            (Change::Forgotten, _) => {}
            (_, Phase::Resolved) => {
                let resolved_at = incident.resolved_at.unwrap_or(incident.since);
                known.past.insert(0, Past { issue: incident.issue, since: incident.since, resolved_at });
            }
            (_, Phase::Suspected | Phase::Open | Phase::Recovering) => known.incidents.push(incident.clone()),
        }
    }
    known.past.truncate(MOST_PAST);
    known.incidents.sort_by(|one, other| (one.since, &one.id).cmp(&(other.since, &other.id)));
    for notice in &decision.notices {
        for (incident, _) in notice.incidents.iter().filter(|(_, step)| *step == Step::Opened) {
            let channels = known.told.entry(incident.clone()).or_default();
            channels.entry(notice.channel.clone()).or_insert_with(|| notice.id.clone());
        }
    }
    known.told.retain(|id, _| known.incidents.iter().any(|incident| incident.id == *id));
    known.last_cycle = decision.sample.as_ref().map(|sample| sample.at).or(known.last_cycle);
    known
}

/// What is known in memory: what was known when the database failed, and on top of it what has happened since.
pub(super) fn joined(seed: &Known, own: Known, why: StoreError) -> Known {
    let mut told = own.told;
    for (incident, channels) in seed.told.iter().filter(|(id, _)| own.incidents.iter().any(|own| own.id == **id)) {
        // Whoever told it first.
        told.entry(incident.clone()).or_default().extend(channels.clone());
    }
    let past = own.past.into_iter().chain(seed.past.iter().copied()).take(MOST_PAST).collect();
    Known {
        incidents: own.incidents,
        told,
        past,
        silences: seed.silences.clone(),
        deliveries: deliveries(seed, own.deliveries),
        last_cycle: own.last_cycle.or(seed.last_cycle),
        from_memory: Some(why),
    }
}

/// How it is with each channel.
pub(super) fn deliveries(seed: &Known, own: Vec<ChannelDelivery>) -> Vec<ChannelDelivery> {
    let joined = |own: ChannelDelivery| {
        let former = seed.deliveries.iter().find(|former| former.channel == own.channel);
        former.map_or(own.clone(), |former| delivery(former, &own))
    };
    own.into_iter().map(joined).collect()
}

/// How it is with a channel: as it was, unless it has taken or refused something since.
fn delivery(former: &ChannelDelivery, own: &ChannelDelivery) -> ChannelDelivery {
    let has_ended_one = own.last_delivered.is_some() || own.state == DeliveryState::Failing;
    let is_failing = if has_ended_one { own.state } else { former.state } == DeliveryState::Failing;
    let (state, last_error) = match (is_failing, own.state) {
        (true, _) => (DeliveryState::Failing, own.last_error.clone().or_else(|| former.last_error.clone())),
        (false, state) => (state, own.last_error.clone()),
    };
    ChannelDelivery { state, last_error, last_delivered: own.last_delivered.or(former.last_delivered), ..own.clone() }
}

#[cfg(test)]
mod tests {
    use tokio::runtime::Handle;

    use super::super::standby::Standby;
    use super::*;
    use crate::domain::notice::NoticeKind;

    fn alert() -> Notice {
        Notice {
            id: "n1".into(),
            channel: "email".into(),
            kind: NoticeKind::Alert,
            subject: "🚨".into(),
            body: "50 job(s) stuck".into(),
            thread: None,
            created: DateTime::UNIX_EPOCH,
            incidents: vec![],
            content: None,
            not_before: None,
        }
    }

    /// What is sent from memory if the database fails now.
    async fn sent_from_memory(mirror: &Mirror) -> Option<String> {
        let standby = Standby::open(Handle::current(), mirror.clone(), StoreError::Locked).await.unwrap();
        let (now, until) = (DateTime::from_timestamp_millis(1), DateTime::from_timestamp_millis(2));
        let claim = standby.store.claim("email", now.unwrap(), until.unwrap(), "test", |_, newest| newest);
        claim.await.unwrap().map(|due| due.notice.id)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_claimed_before_the_cycle_that_posted_it_is_noted_is_sent_by_nobody_else() {
        let notice = alert();
        let decision = Decision { notices: vec![notice.clone()], ..Decision::default() };
        let due = Due {
            notice: notice.clone(),
            attempts: 1,
            refusals: 0,
            ends: vec![],
            tried_since: None,
            waiting_since: notice.created,
        };
        let mut mirror = Mirror::default();
        mirror.posting(&decision.notices);
        assert_eq!(sent_from_memory(&mirror).await.as_deref(), Some("n1"));
        mirror.claimed(&due, &[], DateTime::from_timestamp_millis(100).unwrap(), "courier");
        mirror.settled(Known::default(), &decision);
        assert_eq!(sent_from_memory(&mirror).await, None, "it is being sent");
        mirror.delivered("n1");
        mirror.posted(&decision.notices);
        assert_eq!(sent_from_memory(&mirror).await, None, "it was sent");
        mirror.posting(&decision.notices);
        mirror.not_posted(&decision.notices);
        assert_eq!(sent_from_memory(&mirror).await, None, "it is not there");
    }

    #[test]
    fn what_an_earlier_leader_has_still_done_does_not_make_the_newer_one_forget() {
        let mut mirror = Mirror::default();
        mirror.under(Some(5)).filled(Known::default());
        mirror.under(Some(4)).delivered("n1");
        assert!(mirror.under(Some(5)).is_filled());
        assert!(mirror.under(Some(6)).is_filled(), "between the two there was no other");
        assert!(!mirror.under(Some(8)).is_filled());
    }
}
