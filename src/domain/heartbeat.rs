//! When the watch itself is well, so that whoever waits for its heartbeat need not worry.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::delivery::{ChannelDelivery, DeliveryState};
use super::fault::Party;
use super::maintenance::Windows;
use super::message::duration;
use super::report::{Report, Section, Sight};

/// What waits for longer to be delivered is stuck.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// What is wrong with the watch itself after a cycle, if something is, as half a sentence.
///
/// That a party is down is what it is there to find out; that a look did not come to an end, or that nobody hears of what
/// it saw, is not. `deliveries` tell of the channels before the cycle, `told` are those that alerts go to. What waits for
/// the end of a `maintenance` waits as it should.
pub fn ailment(
    report: &Report,
    deliveries: &[ChannelDelivery],
    told: &[&str],
    maintenance: &Windows,
) -> Option<String> {
    let now = report.timestamp;
    let may_wait = [now, now - PATIENCE].into_iter().any(|moment| maintenance.until(moment).is_some());
    let unended = report.sections.iter().find(|section| !is_ended(section));
    let unended = unended.map(|section| format!("the check {} did not come to its end", section.check.name()));
    unended.or_else(|| {
        let of_told = deliveries.iter().filter(|delivery| told.contains(&delivery.channel.as_str()));
        of_told.filter_map(|delivery| stuck(&delivery.clone().at(now), now, may_wait)).next()
    })
}

/// Whether a look came to its end, whatever it saw.
fn is_ended(section: &Section) -> bool {
    use super::fault::FaultKind::NotConfigured;
    match &section.sight {
        Sight::Seen { .. } => true,
        // A check has nobody to blame but itself if it panicked or took too long.
        Sight::Blind(fault) => fault.party != Party::Check || fault.kind == NotConfigured,
    }
}

fn stuck(delivery: &ChannelDelivery, now: DateTime<Utc>, may_wait: bool) -> Option<String> {
    let channel = &delivery.channel;
    let waits = delivery.waiting_since.filter(|_| !may_wait).and_then(|since| (now - since).to_std().ok());
    let waits = waits.filter(|waits| *waits > PATIENCE);
    match (delivery.state, waits) {
        (DeliveryState::Failing, _) => Some(format!("{channel} does not get its notices")),
        (_, Some(waits)) => Some(format!("a notice has been waiting for {channel} for {}", duration(waits))),
        (_, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fault::{Fault, FaultKind};
    use crate::domain::report::{Answer, CheckName, Figures, Latency};

    fn now() -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + Duration::from_secs(86_400)
    }

    fn report(check: CheckName, sight: Sight) -> Report {
        let answers = Figures::Health { openai: Answer::Yes, notion: Answer::Yes, latency: Latency::default() };
        let health = Sight::Seen { figures: answers, issues: vec![] };
        let sections = [(CheckName::Health, health), (check, sight)];
        let sections = sections.map(|(check, sight)| Section { check, took: Duration::ZERO, sight });
        Report::assemble(1, now(), sections.into())
    }

    fn well() -> Report {
        Report::assemble(1, now(), vec![])
    }

    fn delivery(state: DeliveryState, waits: Option<u64>) -> ChannelDelivery {
        ChannelDelivery {
            channel: "telegram".into(),
            state,
            pending: waits.into_iter().count() as u64,
            waiting_since: waits.map(|seconds| now() - Duration::from_secs(seconds)),
            last_delivered: None,
            last_error: None,
        }
    }

    #[test]
    fn a_look_that_did_not_end_is_an_ailment_and_a_party_that_refused_is_none() {
        for (party, kind, is_ill) in [
            (Party::Notion, FaultKind::Unauthorized, false),
            (Party::Notion, FaultKind::Timeout, false),
            (Party::Check, FaultKind::NotConfigured, false),
            (Party::Check, FaultKind::Timeout, true),
            (Party::Check, FaultKind::Panic, true),
        ] {
            let blind = report(CheckName::Metrics, Sight::Blind(Fault::new(party, kind, "")));
            let expected = is_ill.then(|| "the check metrics did not come to its end".to_owned());
            assert_eq!(ailment(&blind, &[], &["telegram"], &Windows::default()), expected, "{party:?} {kind:?}");
        }
    }

    #[test]
    fn so_is_a_channel_that_does_not_hear_of_what_was_seen() {
        use DeliveryState::{Failing, Ok, Retrying};
        for (state, waits, expected) in [
            (Ok, None, None),
            (Retrying, Some(900), None),
            (Retrying, Some(901), Some("a notice has been waiting for telegram for 15m 1s")),
            (Failing, None, Some("telegram does not get its notices")),
        ] {
            let found = ailment(&well(), &[delivery(state, waits)], &["email", "telegram"], &Windows::default());
            assert_eq!(found.as_deref(), expected, "{state:?} {waits:?}");
        }
        let other = ailment(&well(), &[delivery(Failing, None)], &["email"], &Windows::default());
        assert_eq!(other, None, "nobody is told there any more");
    }

    #[test]
    fn what_waits_for_the_end_of_the_maintenance_waits_as_it_should() {
        // The cycle is at midnight.
        for (windows, is_ill) in
            [("daily 23:00-01:00", false), ("daily 22:00-23:50", false), ("daily 22:00-23:40", true)]
        {
            let waiting = [delivery(DeliveryState::Ok, Some(3_600))];
            let found = ailment(&well(), &waiting, &["telegram"], &Windows::parse(windows).unwrap());
            assert_eq!(found.is_some(), is_ill, "{windows}");
        }
    }
}
