//! How it is with a channel, and when a delivery that failed is tried again.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::fault::FaultKind;

/// How it is with a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// It took what it was last sent, or was never sent anything.
    Ok,
    /// Something waits for its next try.
    Retrying,
    /// What it was last sent it will never get: it was refused for good, or for too long.
    Failing,
}

impl DeliveryState {
    /// The name in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Retrying => "retrying",
            Self::Failing => "failing",
        }
    }
}

/// What is known of the deliveries of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelDelivery {
    /// The channel.
    pub channel: String,
    /// How it is with it.
    pub state: DeliveryState,
    /// How many notices wait.
    pub pending: u64,
    /// When the oldest of them was posted.
    pub waiting_since: Option<DateTime<Utc>>,
    /// When it last took something.
    pub last_delivered: Option<DateTime<Utc>>,
    /// What it said when it last took nothing; none if it has taken something since.
    pub last_error: Option<String>,
}

impl ChannelDelivery {
    /// The same at `now`: a channel for which something waits for longer than a delivery is tried does not get it, even
    /// if what waits is renewed all the time.
    pub fn at(self, now: DateTime<Utc>) -> Self {
        let is_overdue = self.waiting_since.is_some_and(|since| since + GIVE_UP_AFTER < now);
        let state =
            if is_overdue && self.state == DeliveryState::Retrying { DeliveryState::Failing } else { self.state };
        Self { state, ..self }
    }

    /// Whether it is just being seen if the channel takes something again: what waits is too new to have been tried for
    /// long.
    pub fn is_being_tried(&self, now: DateTime<Utc>) -> bool {
        self.waiting_since.is_some_and(|since| now < since + BEING_TRIED)
    }

    /// The kind of the last error, see [`error_kind`].
    pub fn error_kind(&self) -> Option<&'static str> {
        self.last_error.as_deref().map(error_kind)
    }
}

/// The kind of an error of a channel, which everybody may know; `unknown` if its text does not begin with one.
pub fn error_kind(error: &str) -> &'static str {
    let words = error.split([':', '(']).next().unwrap_or_default().trim().to_lowercase();
    let kind = FaultKind::ALL.into_iter().find(|kind| kind.name().replace('_', " ") == words);
    kind.map_or("unknown", FaultKind::name)
}

/// How long it may take until it is known what came of a notice.
const BEING_TRIED: Duration = Duration::from_secs(60);

/// The wait after the first failure; it doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_secs(5);

/// The longest wait of our own. A party may ask for more.
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);

/// For how long a delivery is tried. Whoever has not been reached by then is not to be told any more what was new a day
/// ago: that it could not be told is news of its own.
pub const GIVE_UP_AFTER: Duration = Duration::from_secs(86_400);

/// When a notice of the moment `created` is tried again that was refused for the `refusals`-th time at `now`; never, if that
/// would be too late. See [`wait`] for the rest.
pub fn next_try(
    created: DateTime<Utc>,
    refusals: u32,
    now: DateTime<Utc>,
    asked: Option<Duration>,
    jitter: f64,
) -> Option<DateTime<Utc>> {
    let next = now + wait(refusals, asked, jitter);
    (next <= created + GIVE_UP_AFTER).then_some(next)
}

/// How long to wait after the `refusals`-th refusal (from 1), `asked` being what the party asked for.
///
/// `jitter` in 0..1 spreads the tries of channels that failed together by ±10 %; it never shortens what was asked for.
pub fn wait(refusals: u32, asked: Option<Duration>, jitter: f64) -> Duration {
    let doublings = refusals.saturating_sub(1).min(10);
    let own = (FIRST_WAIT * 2_u32.pow(doublings)).min(LONGEST_WAIT).mul_f64(0.9 + 0.2 * jitter.clamp(0.0, 1.0));
    asked.map_or(own, |asked| asked.max(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn telegram() -> ChannelDelivery {
        ChannelDelivery {
            channel: "telegram".into(),
            state: DeliveryState::Ok,
            pending: 0,
            waiting_since: None,
            last_delivered: None,
            last_error: None,
        }
    }

    #[test]
    fn a_channel_for_which_something_waits_for_a_day_does_not_get_it() {
        use DeliveryState::{Failing, Ok, Retrying};
        let since = DateTime::UNIX_EPOCH;
        let (in_time, late) = (since + GIVE_UP_AFTER, since + GIVE_UP_AFTER + Duration::from_secs(1));
        for (before, now, after) in
            [(Retrying, in_time, Retrying), (Retrying, late, Failing), (Failing, in_time, Failing), (Ok, late, Ok)]
        {
            let delivery = ChannelDelivery { state: before, waiting_since: Some(since), ..telegram() };
            assert_eq!(delivery.at(now).state, after);
        }
    }

    #[test]
    fn what_was_just_posted_is_being_tried() {
        let since = DateTime::UNIX_EPOCH;
        let delivery = ChannelDelivery { waiting_since: Some(since), ..telegram() };
        assert!(delivery.is_being_tried(since) && !delivery.is_being_tried(since + BEING_TRIED));
        assert!(!telegram().is_being_tried(since));
    }

    #[test]
    fn of_an_error_everybody_may_know_the_kind() {
        for (error, kind) in [
            (None, None),
            (Some("unauthorized (401): the token 123:abc"), Some("unauthorized")),
            (Some("rate limited (429)"), Some("rate_limited")),
            (Some("TLS: no certificate"), Some("tls")),
            (Some("timeout: no answer within 6s"), Some("timeout")),
            (Some("the token 123:abc is wrong"), Some("unknown")),
            (Some(""), Some("unknown")),
        ] {
            let delivery = ChannelDelivery { last_error: error.map(Into::into), ..telegram() };
            assert_eq!(delivery.error_kind(), kind, "{error:?}");
        }
    }

    #[test]
    fn the_wait_doubles_up_to_an_hour() {
        let seconds: Vec<u64> = [1, 2, 3, 4, 9, 10, 11, 12, u32::MAX]
            .into_iter()
            .map(|attempts| wait(attempts, None, 0.5).as_secs_f64().round() as u64)
            .collect();
        assert_eq!(seconds, [5, 10, 20, 40, 1_280, 2_560, 3_600, 3_600, 3_600]);
    }

    #[test]
    fn the_wait_that_a_party_asks_for_is_kept() {
        let asked = Duration::from_secs(35);
        assert_eq!(wait(1, Some(asked), 0.0), asked);
        assert_eq!(wait(1, Some(Duration::from_secs(7_200)), 1.0), Duration::from_secs(7_200));
        assert!(wait(5, Some(Duration::from_secs(1)), 0.0) > Duration::from_secs(70), "it does not shorten ours");
    }

    #[test]
    fn after_a_day_nothing_is_tried_any_more() {
        let created = DateTime::UNIX_EPOCH;
        let mut now = created;
        let mut tries = 1;
        while let Some(next) = next_try(created, tries, now, None, 0.5) {
            assert!(next > now);
            (now, tries) = (next, tries + 1);
        }
        assert!((GIVE_UP_AFTER.as_secs() - 3_600..=GIVE_UP_AFTER.as_secs()).contains(&now.timestamp().cast_unsigned()));
        assert_eq!(tries, 33);
        assert_eq!(next_try(created, 1, created, Some(GIVE_UP_AFTER), 0.5), Some(created + GIVE_UP_AFTER));
        assert_eq!(next_try(created, 1, created, Some(GIVE_UP_AFTER + Duration::from_secs(1)), 0.5), None);
        // A clock that was set back does not make it wait for longer.
        assert_eq!(
            next_try(created, 1, created - GIVE_UP_AFTER, None, 0.5),
            Some(created - GIVE_UP_AFTER + wait(1, None, 0.5))
        );
    }

    #[test]
    fn the_jitter_stays_within_a_tenth() {
        assert_eq!(wait(1, None, 0.0), Duration::from_millis(4_500));
        assert_eq!(wait(1, None, 1.0), Duration::from_millis(5_500));
    }
}
