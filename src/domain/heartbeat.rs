//! When the watch itself is well, so that whoever waits for its heartbeat need not worry.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::delivery::{ChannelDelivery, DeliveryState};
use super::fault::Party;
use super::message::duration;
use super::report::{Report, Section, Sight};

/// What waits for longer to be delivered is stuck.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// What is wrong with the watch itself after a cycle, if something is, as half a sentence.
///
/// That a party is down is what it is there to find out; that a look did not come to an end, or that nobody hears of what
/// it saw, is not. `deliveries` tell of the channels before the cycle, `told` are those that alerts go to.
pub fn ailment(report: &Report, deliveries: &[ChannelDelivery], told: &[&str]) -> Option<String> {
    let unended = report.sections.iter().find(|section| !is_ended(section));
    let unended = unended.map(|section| format!("the check {} did not come to its end", section.check.name()));
    unended.or_else(|| {
        let of_told = deliveries.iter().filter(|delivery| told.contains(&delivery.channel.as_str()));
        of_told.filter_map(|delivery| stuck(delivery, report.timestamp)).next()
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

fn stuck(delivery: &ChannelDelivery, now: DateTime<Utc>) -> Option<String> {
    let channel = &delivery.channel;
    let waits = delivery.waiting_since.and_then(|since| (now - since).to_std().ok()).filter(|waits| *waits > PATIENCE);
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
    use crate::domain::report::{Answer, CheckName, Figures};

    fn now() -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + Duration::from_secs(86_400)
    }

    fn report(check: CheckName, sight: Sight) -> Report {
        let answers = Figures::Health { openai: Answer::Yes, notion: Answer::Yes };
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
            assert_eq!(ailment(&blind, &[], &["telegram"]), expected, "{party:?} {kind:?}");
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
            let found = ailment(&well(), &[delivery(state, waits)], &["email", "telegram"]);
            assert_eq!(found.as_deref(), expected, "{state:?} {waits:?}");
        }
        assert_eq!(ailment(&well(), &[delivery(Failing, None)], &["email"]), None, "nobody is told there any more");
    }
}
