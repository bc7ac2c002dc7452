//! A dead man's switch such as healthchecks.io: somebody else raises the alarm when our pings stay away, or at once when
//! we say that something is wrong with us.
//!
//! The address is the secret: whoever knows it can ping in our place. What is answered does not matter, only whether the
//! ping was taken; a redirect is no such answer.

use std::time::Duration;

use url::Url;

use super::error::ClientError;
use super::http::Http;
use super::request::Request;
use crate::secret::Secret;

/// Pieces of an address that are shorter are words, and no key.
const SHORTEST_KEY: usize = 8;

/// Where the pings go.
#[derive(Clone)]
pub struct Address {
    well: Secret,
    ill: Secret,
    /// What every host may be asked for, and nobody takes for a ping.
    robots: String,
    /// The pieces that must not be seen by themselves either: the path, the query.
    keys: Vec<Secret>,
}

impl Address {
    /// Takes an `http` or `https` address; `/fail` is appended to its path for the bad news. An error is half a sentence
    /// that shows nothing of it.
    ///
    /// # Errors
    /// It is no such address, or has a part that would not be sent.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let url = Url::parse(text).map_err(|_| "is not a web address")?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err("is not an http or https address");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("has a user or a password in it");
        }
        if url.fragment().is_some() {
            return Err("has a fragment in it");
        }
        let mut ill = url.clone();
        ill.set_path(&format!("{}/fail", url.path().trim_end_matches('/')));
        let robots = format!("{}/robots.txt", url.origin().ascii_serialization());
        let pieces = [Some(url.path().trim_matches('/')), url.query()];
        let keys = pieces.into_iter().flatten().filter(|piece| piece.len() >= SHORTEST_KEY).map(Secret::new).collect();
        Ok(Self { well: Secret::new(url.as_str()), ill: Secret::new(ill.as_str()), robots, keys })
    }

    /// What must never be seen of it.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        std::iter::once(&self.well).chain(&self.keys)
    }
}

/// Pings one address.
pub struct Heartbeat {
    http: Http,
    address: Address,
    timeout: Duration,
}

impl Heartbeat {
    /// Pings `address`, each time within `timeout`.
    pub fn new(http: Http, address: Address, timeout: Duration) -> Self {
        Self { http, address, timeout }
    }

    /// Says once that we are well, or that we are not.
    ///
    /// # Errors
    /// The ping was not taken, as far as can be told.
    pub async fn ping(&self, well: bool) -> Result<(), ClientError> {
        let url = if well { &self.address.well } else { &self.address.ill };
        let request = self.address.secrets().fold(Request::get(url.expose()), Request::hide);
        let reply = self.http.send(request, self.timeout).await?;
        if reply.is_success() { Ok(()) } else { Err(reply.error("it does not take the ping")) }
    }

    /// Whether somebody is there who answers, without a ping: whatever is answered is an answer, but for a fault of theirs.
    ///
    /// # Errors
    /// Nobody is, or they are in trouble.
    pub async fn reach(&self) -> Result<(), ClientError> {
        let reply = self.http.send(Request::get(&self.address.robots), self.timeout).await?;
        if reply.status >= 500 { Err(reply.error("it is in trouble")) } else { Ok(()) }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::clients::error::ErrorKind;
    use crate::clients::raw_server::{RawServer, answer};

    fn addresses(text: &str) -> (String, String) {
        let address = Address::parse(text).unwrap_or_else(|wrong| panic!("{text} {wrong}"));
        (address.well.expose().into(), address.ill.expose().into())
    }

    #[test]
    fn bad_news_go_to_the_same_path_with_fail_behind_it() {
        for (text, well, ill) in [
            ("https://hc-ping.com/a-b-c", "https://hc-ping.com/a-b-c", "https://hc-ping.com/a-b-c/fail"),
            ("https://hc-ping.com/a-b-c/", "https://hc-ping.com/a-b-c/", "https://hc-ping.com/a-b-c/fail"),
            ("http://h/p?key=1&m=a%20b", "http://h/p?key=1&m=a%20b", "http://h/p/fail?key=1&m=a%20b"),
            ("http://127.0.0.1:9", "http://127.0.0.1:9/", "http://127.0.0.1:9/fail"),
        ] {
            assert_eq!(addresses(text), (well.into(), ill.into()), "{text}");
        }
    }

    #[test]
    fn what_would_not_be_sent_as_it_is_meant_is_refused() {
        for (text, wrong) in [
            ("hc-ping.com/x", "is not a web address"),
            ("ftp://h/x", "is not an http or https address"),
            ("https://user:pw@h/x", "has a user or a password in it"),
            ("https://h/x#y", "has a fragment in it"),
        ] {
            assert_eq!(Address::parse(text).err(), Some(wrong), "{text}");
        }
    }

    #[test]
    fn the_key_is_a_secret_wherever_it_stands_in_the_address() {
        let secrets = |text| Address::parse(text).unwrap().secrets().map(|secret| secret.expose().to_owned()).collect();
        let of_path: Vec<String> = secrets("https://hc-ping.com/hunter2-hunter2");
        assert_eq!(of_path, ["https://hc-ping.com/hunter2-hunter2", "hunter2-hunter2"]);
        let of_query: Vec<String> = secrets("https://h/ping?key=hunter2");
        assert_eq!(of_query, ["https://h/ping?key=hunter2", "key=hunter2"]);
    }

    #[actix_rt::test]
    async fn only_a_success_is_a_ping_that_was_taken_and_no_error_shows_the_key() {
        let moved = answer(302, "location: http://127.0.0.1:9/hunter2-hunter2\r\n", b"");
        let said = answer(200, "", b"OK");
        let gone = answer(404, "content-type: text/plain\r\n", b"no hunter2-hunter2 here");
        let server = RawServer::answering([said.clone(), said, gone, moved]).await;
        let address = Address::parse(&server.url("/hunter2-hunter2")).unwrap();
        let heartbeat = Heartbeat::new(Http::new(), address, Duration::from_secs(20));
        assert_eq!(heartbeat.ping(true).await, Ok(()));
        assert_eq!(heartbeat.ping(false).await, Ok(()));
        for kind in [ErrorKind::NotFound, ErrorKind::Garbage] {
            let error = heartbeat.ping(true).await.unwrap_err();
            assert!(error.kind == kind && !format!("{error:?} {error}").contains("hunter2"), "{error}");
        }
        let paths: Vec<String> = server.requests().iter().map(|head| head.lines().next().unwrap().into()).collect();
        let (well, ill) = ("GET /hunter2-hunter2 HTTP/1.1", "GET /hunter2-hunter2/fail HTTP/1.1");
        assert_eq!(paths, [well, ill, well, well], "the redirect is not followed");
    }
}
