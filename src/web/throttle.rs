//! Too many wrong tokens from one address: a pure count, bounded in time and in size.
//!
//! While an address is throttled, every token from it is refused unread, the right one too: if the right one were let
//! through, guessing would cost nothing. That is never more than a minute, it ends by itself (tries that are refused
//! are not counted), and what needs no token is served all the while. Somebody who shares the guesser's address shares
//! the minute; behind a router the address is the one that the router saw (see `address`), so that the router's own
//! address is not what everybody shares.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// So many wrong tokens in one window are answered one by one; what follows is refused unread.
const WRONG_TOKENS: u32 = 10;

/// The window, from the first wrong token on.
const WINDOW: Duration = Duration::from_secs(60);

/// Addresses remembered at a time. When there are more, the one whose window began first is forgotten.
const ADDRESSES: usize = 1_024;

/// The wrong tokens of the last minute, by address.
#[derive(Default)]
pub(super) struct Throttle {
    windows: HashMap<IpAddr, Window>,
}

struct Window {
    began: Instant,
    wrong: u32,
}

impl Window {
    /// How long it still lasts; nothing when it is over.
    fn left(&self, now: Instant) -> Option<Duration> {
        WINDOW.checked_sub(now.saturating_duration_since(self.began)).filter(|left| !left.is_zero())
    }
}

impl Throttle {
    /// How long tokens from `address` are still refused; nothing if they are not.
    pub(super) fn refuses(&self, address: IpAddr, now: Instant) -> Option<Duration> {
        self.windows.get(&address).filter(|window| window.wrong >= WRONG_TOKENS)?.left(now)
    }

    /// Counts a wrong token. Says whether it is the one after which no more are read.
    pub(super) fn count(&mut self, address: IpAddr, now: Instant) -> bool {
        if !self.windows.contains_key(&address) {
            self.make_room(now);
        }
        let window = self.windows.entry(address).or_insert(Window { began: now, wrong: 0 });
        if window.left(now).is_none() {
            *window = Window { began: now, wrong: 0 };
        }
        window.wrong += 1;
        window.wrong == WRONG_TOKENS
    }

    fn make_room(&mut self, now: Instant) {
        if self.windows.len() < ADDRESSES {
            return;
        }
        self.windows.retain(|_, window| window.left(now).is_some());
        if self.windows.len() < ADDRESSES {
            return;
        }
        let oldest = self.windows.iter().min_by_key(|(_, window)| window.began).map(|(address, _)| *address);
        if let Some(oldest) = oldest {
            self.windows.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u32) -> IpAddr {
        IpAddr::from(number.to_be_bytes())
    }

    #[test]
    fn the_eleventh_token_in_a_minute_is_refused_until_the_minute_is_over() {
        let mut throttle = Throttle::default();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        for second in 0..10 {
            assert_eq!(throttle.refuses(address(1), at(second)), None, "try {second}");
            assert_eq!(throttle.count(address(1), at(second)), second == 9);
        }
        assert_eq!(throttle.refuses(address(1), at(10)), Some(Duration::from_secs(50)));
        assert_eq!(throttle.refuses(address(2), at(10)), None, "another address");
        assert_eq!(throttle.refuses(address(1), at(60)), None);
        assert!(!throttle.count(address(1), at(60)), "a new window begins at one");
        assert_eq!(throttle.refuses(address(1), at(60)), None);
    }

    #[test]
    fn the_table_is_bounded_and_forgets_the_oldest_first() {
        let mut throttle = Throttle::default();
        let start = Instant::now();
        for number in 0..10 * ADDRESSES as u32 {
            let now = start + Duration::from_millis(number.into());
            for _ in 0..WRONG_TOKENS {
                throttle.count(address(number), now);
            }
        }
        let last = 10 * ADDRESSES as u32 - 1;
        let now = start + Duration::from_millis(last.into());
        assert_eq!(throttle.windows.len(), ADDRESSES);
        assert!(throttle.refuses(address(last), now).is_some());
        assert!(throttle.refuses(address(last + 1 - ADDRESSES as u32), now).is_some());
        assert!(throttle.refuses(address(last - ADDRESSES as u32), now).is_none(), "forgotten");
    }
}
