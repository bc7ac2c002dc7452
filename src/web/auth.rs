//! Who may do what: bearer tokens.
//!
//! A token that is shown is always judged, also where none is needed: whoever mistypes it must hear of it instead of
//! wondering where the details are.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::HttpRequest;
use actix_web::http::header;
use subtle::{Choice, ConstantTimeEq};

use super::address;
use super::problem::Problem;
use super::throttle::Throttle;
use crate::secret::Secret;

/// What the token that was shown allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Access {
    /// None was shown.
    Nobody,
    /// To read, with details.
    Reader,
    /// Everything.
    Operator,
}

/// Why a request is turned away.
#[derive(Debug, PartialEq, Eq)]
enum Denied {
    Malformed,
    Wrong,
    TooMany(Duration),
}

/// What a request shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown<'a> {
    Nothing,
    Token(&'a [u8]),
    Malformed,
}

/// The door: the tokens, and the count of those who try it with wrong ones.
pub(super) struct Door {
    operator: Option<Key>,
    reader: Option<Key>,
    throttle: Mutex<Throttle>,
}

impl Door {
    /// A door that opens to these.
    pub(super) fn new(operator: Option<&Secret>, reader: Option<&Secret>) -> Self {
        let key = |secret: Option<&Secret>| secret.map(|secret| Key::new(secret.expose().as_bytes()));
        Self { operator: key(operator), reader: key(reader), throttle: Mutex::default() }
    }

    /// Lets somebody in to read, or says why not.
    pub(super) fn to_read(&self, request: &HttpRequest) -> Result<Access, Problem> {
        self.to_see(request, Access::Nobody)
    }

    /// The same for somebody who may be signed in, which allows `session`.
    pub(super) fn to_see(&self, request: &HttpRequest, session: Access) -> Result<Access, Problem> {
        let access = self.access(request)?.max(session);
        if self.reader.is_some() && access == Access::Nobody {
            return Err(Problem::unauthorized("Reading needs a token: OPS_READ_TOKEN or OPS_TOKEN, as a bearer."));
        }
        Ok(access)
    }

    /// Lets somebody in to change something, or says why not.
    pub(super) fn to_operate(&self, request: &HttpRequest) -> Result<Access, Problem> {
        if self.operator.is_none() {
            return Err(Problem::forbidden("This needs OPS_TOKEN, and none is configured: set OPS_TOKEN to allow it."));
        }
        match self.access(request)? {
            Access::Operator => Ok(Access::Operator),
            Access::Reader => Err(Problem::forbidden("This needs OPS_TOKEN; the token shown may only read.")),
            Access::Nobody => Err(Problem::unauthorized("This needs OPS_TOKEN, as a bearer.")),
        }
    }

    fn access(&self, request: &HttpRequest) -> Result<Access, Problem> {
        // Most requests show nothing, and those are not to pay for the rest.
        let Some(value) = request.headers().get(header::AUTHORIZATION) else { return Ok(Access::Nobody) };
        self.judged(shown(value.as_bytes()), request)
    }

    /// What `token` allows, which somebody has typed.
    pub(super) fn opens_to(&self, token: &str, request: &HttpRequest) -> Result<Access, Problem> {
        self.judged(Shown::Token(token.as_bytes()), request)
    }

    /// Whether there is a token at all.
    pub(super) fn has_token(&self) -> bool {
        self.operator.is_some() || self.reader.is_some()
    }

    /// Whether everybody may read.
    pub(super) fn reading_is_open(&self) -> bool {
        self.reader.is_none()
    }

    fn judged(&self, shown: Shown<'_>, request: &HttpRequest) -> Result<Access, Problem> {
        let forwarded_for = request.headers().get_all(header::X_FORWARDED_FOR).last();
        let peer = request.peer_addr().map(|peer| peer.ip());
        let from = address::client(peer, forwarded_for.and_then(|value| value.to_str().ok()));
        self.judge(shown, from, Instant::now()).map_err(|denied| match denied {
            Denied::Malformed => Problem::unauthorized("The Authorization header is not of the form \"Bearer TOKEN\"."),
            Denied::Wrong => Problem::unauthorized("The token is wrong."),
            Denied::TooMany(wait) => Problem::too_many_requests("Too many wrong tokens from this address.", wait),
        })
    }

    fn judge(&self, shown: Shown<'_>, from: IpAddr, now: Instant) -> Result<Access, Denied> {
        let token = match shown {
            Shown::Nothing => return Ok(Access::Nobody),
            Shown::Malformed => return Err(Denied::Malformed),
            Shown::Token(token) => token,
        };
        let mut throttle = self.throttle.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(wait) = throttle.refuses(from, now) {
            return Err(Denied::TooMany(wait));
        }
        // Both are compared whatever comes of the first.
        let fits = |key: &Option<Key>| key.as_ref().is_some_and(|key| key.fits(token));
        match (fits(&self.operator), fits(&self.reader)) {
            (true, _) => Ok(Access::Operator),
            (false, true) => Ok(Access::Reader),
            (false, false) => {
                if throttle.count(from, now) {
                    log::warn!("too many wrong tokens from {from}: its tokens are refused for a while");
                }
                Err(Denied::Wrong)
            }
        }
    }
}

/// What an `Authorization` header shows. `Basic` is nothing of ours: a proxy that asks for a password of its own
/// passes it on.
fn shown(value: &[u8]) -> Shown<'_> {
    let value = value.trim_ascii();
    let end = value.iter().position(u8::is_ascii_whitespace).unwrap_or(value.len());
    let (scheme, rest) = value.split_at(end);
    let token = rest.trim_ascii();
    if scheme.eq_ignore_ascii_case(b"Basic") {
        Shown::Nothing
    } else if scheme.eq_ignore_ascii_case(b"Bearer") && !token.is_empty() {
        Shown::Token(token)
    } else {
        Shown::Malformed
    }
}

/// A token, padded so that comparing it takes the same time whatever is shown, also something of another length.
struct Key {
    padded: Vec<u8>,
    length: u64,
}

impl Key {
    /// Tokens are compared in steps of so many bytes; at most the number of steps can be told from the time.
    const STEP: usize = 256;

    fn new(token: &[u8]) -> Self {
        let size = token.len().next_multiple_of(Self::STEP).max(Self::STEP);
        Self { padded: padded(token, size), length: token.len() as u64 }
    }

    fn fits(&self, token: &[u8]) -> bool {
        let size = self.padded.len();
        if token.len() > size {
            return false;
        }
        let same_length: Choice = self.length.ct_eq(&(token.len() as u64));
        let same_bytes = self.padded.ct_eq(&padded(token, size));
        (same_length & same_bytes).into()
    }
}

fn padded(token: &[u8], size: usize) -> Vec<u8> {
    let mut padded = token.to_vec();
    padded.resize(size, 0);
    padded
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn door(operator: Option<&str>, reader: Option<&str>) -> Door {
        let secret = |token: Option<&str>| token.map(Secret::new);
        Door::new(secret(operator).as_ref(), secret(reader).as_ref())
    }

    #[test]
    fn an_authorization_header_shows_a_token_or_nothing_or_makes_no_sense() {
        for (value, expected) in [
            ("Bearer secret", Shown::Token(b"secret")),
            ("bearer   secret ", Shown::Token(b"secret")),
            ("Bearer two words", Shown::Token(b"two words")),
            ("Basic dXNlcjpwYXNz", Shown::Nothing),
            ("Bearer", Shown::Malformed),
            ("Bearer ", Shown::Malformed),
            ("Bearersecret", Shown::Malformed),
            ("secret", Shown::Malformed),
            ("", Shown::Malformed),
        ] {
            assert_eq!(shown(value.as_bytes()), expected, "{value:?}");
        }
    }

    #[test]
    fn a_key_fits_its_token_and_no_other() {
        let long = "x".repeat(300);
        for token in ["s", "secret", "with\0zero", &"y".repeat(256), &long] {
            let key = Key::new(token.as_bytes());
            assert!(key.fits(token.as_bytes()));
            for other in ["", "S", "secret\0", "secre", "xsecret", &long[1..], &"z".repeat(100_000)] {
                assert!(!key.fits(other.as_bytes()), "{token:?} and {other:?}");
            }
        }
    }

    #[test]
    fn a_token_opens_what_it_is_for_and_any_other_is_wrong() {
        use Access::{Operator, Reader};
        for (operator, reader, token, expected) in [
            (Some("o"), Some("r"), "o", Ok(Operator)),
            (Some("o"), Some("r"), "r", Ok(Reader)),
            (Some("o"), Some("r"), "x", Err(Denied::Wrong)),
            (Some("o"), None, "o", Ok(Operator)),
            (None, Some("r"), "r", Ok(Reader)),
            (None, Some("r"), "o", Err(Denied::Wrong)),
            (None, None, "o", Err(Denied::Wrong)),
            (Some("same"), Some("same"), "same", Ok(Operator)),
        ] {
            let judged = door(operator, reader).judge(Shown::Token(token.as_bytes()), HOME, Instant::now());
            assert_eq!(judged, expected, "{operator:?} {reader:?} {token}");
        }
    }

    #[test]
    fn an_address_that_guesses_is_refused_even_the_right_token_for_a_minute_but_not_what_needs_none() {
        let door = door(Some("o"), None);
        let start = Instant::now();
        for _ in 0..10 {
            assert_eq!(door.judge(Shown::Token(b"guess"), HOME, start), Err(Denied::Wrong));
        }
        let later = start + Duration::from_secs(20);
        assert_eq!(door.judge(Shown::Token(b"o"), HOME, later), Err(Denied::TooMany(Duration::from_secs(40))));
        assert_eq!(door.judge(Shown::Nothing, HOME, later), Ok(Access::Nobody));
        let over = start + Duration::from_secs(60);
        assert_eq!(door.judge(Shown::Token(b"o"), HOME, over), Ok(Access::Operator));
    }

    #[test]
    fn right_tokens_are_not_counted() {
        let door = door(Some("o"), None);
        for _ in 0..100 {
            assert_eq!(door.judge(Shown::Token(b"o"), HOME, Instant::now()), Ok(Access::Operator));
        }
    }
}
