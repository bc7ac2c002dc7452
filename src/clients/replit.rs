//! Replit's connector: on that host, Notion's token comes from the host itself and is renewed by it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;

use super::error::{ClientError, ErrorKind};
use super::http::Http;
use super::reply::Reply;
use super::request::Request;
use crate::secret::Secret;

/// A token is asked for again so long before it expires, so that no request is on its way with one that just did.
const MARGIN: TimeDelta = TimeDelta::minutes(1);

/// How long a token is kept that does not say when it expires.
const WITHOUT_EXPIRY: TimeDelta = TimeDelta::minutes(5);

/// Who we are to Replit.
#[derive(Clone, PartialEq, Eq)]
pub enum Identity {
    /// A workspace, with the value of `REPL_IDENTITY`.
    Workspace(Secret),
    /// A deployment, with the value of `WEB_REPL_RENEWAL`.
    Deployment(Secret),
}

/// The connection to Notion that this Repl has. Clones share the token, on whatever thread they are: each caller
/// brings the HTTP client of its own thread. Nobody waits for another's request, which could hang with its thread;
/// at worst a few ask at once.
#[derive(Clone)]
pub struct Connector {
    shared: Arc<Shared>,
}

struct Shared {
    url: String,
    identity: Identity,
    held: Mutex<Option<Held>>,
    learn: Box<dyn Fn(&Secret) + Send + Sync>,
}

struct Held {
    token: Secret,
    until: DateTime<Utc>,
}

impl Connector {
    /// `hostname` is the value of `REPLIT_CONNECTORS_HOSTNAME`; one that comes with a scheme is taken as it is.
    /// `learn` hears of each token before anybody uses it, so that it can be kept out of the log.
    pub fn new(hostname: &str, identity: Identity, learn: impl Fn(&Secret) + Send + Sync + 'static) -> Self {
        let base = if hostname.contains("://") { hostname.to_owned() } else { format!("https://{hostname}") };
        let base = base.trim_end_matches('/');
        let url = format!("{base}/api/v2/connection?include_secrets=true&connector_names=notion");
        Self { shared: Arc::new(Shared { url, identity, held: Mutex::new(None), learn: Box::new(learn) }) }
    }

    /// Notion's token: the one that we hold, or a new one where it is about to expire.
    pub async fn token(&self, http: &Http, deadline: Duration) -> Result<Secret, ClientError> {
        if let Some(held) = self.held().as_ref().filter(|held| Utc::now() < held.until) {
            return Ok(held.token.clone());
        }
        let reply = http.send(self.request(), deadline).await?;
        let (token, expires) = read(&reply)?;
        (self.shared.learn)(&token);
        *self.held() = Some(Held { token: token.clone(), until: keep_until(expires, Utc::now()) });
        Ok(token)
    }

    /// Notion has refused `token`: the next one who needs a token asks for a new one. If somebody has done so already,
    /// theirs is kept.
    pub fn invalidate(&self, token: &Secret) {
        let mut held = self.held();
        if held.as_ref().is_some_and(|held| held.token == *token) {
            *held = None;
        }
    }

    fn request(&self) -> Request<'_> {
        let (kind, identity) = match &self.shared.identity {
            Identity::Workspace(identity) => ("repl", identity),
            Identity::Deployment(identity) => ("depl", identity),
        };
        let value = Secret::new(format!("{kind} {}", identity.expose()));
        Request::get(&self.shared.url).hide(identity).secret_header("x_replit_token", &value)
    }

    /// What is held is replaced as a whole, so it is sound even if another thread panicked.
    fn held(&self) -> MutexGuard<'_, Option<Held>> {
        self.shared.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn keep_until(expires: Option<DateTime<Utc>>, now: DateTime<Utc>) -> DateTime<Utc> {
    expires.map_or(now + WITHOUT_EXPIRY, |expires| expires - MARGIN)
}

#[derive(Deserialize)]
struct Connections {
    #[serde(default)]
    items: Vec<Connection>,
}

#[derive(Deserialize)]
struct Connection {
    #[serde(default)]
    settings: Settings,
}

#[derive(Deserialize, Default)]
struct Settings {
    access_token: Option<String>,
    expires_at: Option<String>,
    oauth: Option<Oauth>,
}

#[derive(Deserialize)]
struct Oauth {
    credentials: Option<Credentials>,
}

#[derive(Deserialize)]
struct Credentials {
    access_token: Option<String>,
}

impl Settings {
    fn token(self) -> Option<(Secret, Option<DateTime<Utc>>)> {
        let expires = self.expires_at.and_then(|text| text.parse().ok());
        let in_oauth = || self.oauth.and_then(|oauth| oauth.credentials).and_then(|it| it.access_token);
        let token = self.access_token.filter(|token| !token.is_empty()).or_else(in_oauth)?;
        (!token.is_empty()).then(|| (Secret::new(token), expires))
    }
}

/// The token and when it expires, of the first connection that has one.
fn read(reply: &Reply) -> Result<(Secret, Option<DateTime<Utc>>), ClientError> {
    let connections: Connections = serde_json::from_slice(reply.json()?).map_err(|_| {
        let error = reply.of_another_shape();
        ClientError { detail: format!("Replit's connector {}", error.detail), ..error }
    })?;
    connections.items.into_iter().find_map(|connection| connection.settings.token()).ok_or_else(|| {
        reply.error_as(
            ErrorKind::Unauthorized,
            "Notion is not connected to this Repl: connect it among its integrations",
        )
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;
    use crate::clients::raw_server::{RawServer, json};

    const PATIENCE: Duration = Duration::from_secs(20);
    const LATER: &str = "2999-01-01T00:00:00.000Z";

    fn with_token(token: &str, expires: &str) -> Vec<u8> {
        json(200, &format!(r#"{{"items":[{{"settings":{{"access_token":"{token}","expires_at":"{expires}"}}}}]}}"#))
    }

    fn connector(server: &RawServer) -> Connector {
        Connector::new(&server.url(""), Identity::Workspace(Secret::new("me-myself")), |_| {})
    }

    async fn token(connector: &Connector) -> Result<String, ClientError> {
        connector.token(&Http::new(), PATIENCE).await.map(|token| token.expose().to_owned())
    }

    #[actix_rt::test]
    async fn the_question_names_us_and_the_connection() {
        let server = RawServer::answering([with_token("a", LATER), with_token("b", LATER)]).await;
        token(&connector(&server)).await.unwrap();
        let deployed = Connector::new(&server.url("/"), Identity::Deployment(Secret::new("me-myself")), |_| {});
        token(&deployed).await.unwrap();
        let heard = server.requests();
        for (heard, identity) in heard.iter().zip(["repl me-myself", "depl me-myself"]) {
            let line = "GET /api/v2/connection?include_secrets=true&connector_names=notion HTTP/1.1\r\n";
            assert!(heard.starts_with(line), "{heard}");
            assert!(heard.contains(&format!("\r\nx_replit_token: {identity}\r\n")), "{heard}");
            assert!(heard.contains("\r\naccept: application/json\r\n"), "{heard}");
        }
    }

    #[actix_rt::test]
    async fn a_token_is_kept_until_it_expires_or_is_refused() {
        let server = RawServer::answering([
            with_token("old", "2020-01-01T00:00:00.000Z"),
            with_token("first", LATER),
            with_token("second", LATER),
        ])
        .await;
        let connector = connector(&server);
        assert_eq!(token(&connector).await.unwrap(), "old");
        for holder in [connector.clone(), connector.clone()] {
            assert_eq!(token(&holder).await.unwrap(), "first");
        }
        connector.invalidate(&Secret::new("old"));
        assert_eq!(token(&connector).await.unwrap(), "first", "somebody has renewed it already");
        connector.invalidate(&Secret::new("first"));
        assert_eq!(token(&connector).await.unwrap(), "second");
        assert_eq!(server.requests().len(), 3);
    }

    #[test]
    fn a_token_is_renewed_a_minute_before_it_expires() {
        let now = "2026-11-24T03:00:00Z".parse().unwrap();
        let expires = "2026-11-24T04:00:00.000Z".parse().unwrap();
        assert_eq!(keep_until(Some(expires), now), "2026-11-24T03:59:00Z".parse::<DateTime<Utc>>().unwrap());
        assert_eq!(keep_until(None, now), "2026-11-24T03:05:00Z".parse::<DateTime<Utc>>().unwrap());
    }

    #[actix_rt::test]
    async fn the_token_may_be_among_the_credentials() {
        let body = r#"{"items":[{},{"settings":{"access_token":"","oauth":{"credentials":{"access_token":"t"}}}}]}"#;
        let server = RawServer::answering([json(200, body)]).await;
        assert_eq!(token(&connector(&server)).await.unwrap(), "t");
    }

    #[actix_rt::test]
    async fn each_failure_has_its_kind() {
        let table = [
            (200, r#"{"items":[]}"#, ErrorKind::Unauthorized),
            (200, r#"{"items":[{"settings":{"oauth":{}}}]}"#, ErrorKind::Unauthorized),
            (200, r#"{"items":3}"#, ErrorKind::Garbage),
            (401, r#"{"message":"me-myself"}"#, ErrorKind::Unauthorized),
        ];
        for (status, body, kind) in table {
            let server = RawServer::answering([json(status, body)]).await;
            let error = token(&connector(&server)).await.unwrap_err();
            assert_eq!(error.kind, kind, "for {body}");
            assert!(!error.to_string().contains("myself"), "{error}");
        }
    }
}
