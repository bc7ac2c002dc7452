//! Replit's connector: hands out Notion's access token to whoever shows the identity of the workspace.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::stand_in::{Party, StandIn};
use super::wire::{Received, Reply};

/// A running stand-in of the connector.
pub type Replit = StandIn<Connector>;

/// What `REPL_IDENTITY` has to be.
const IDENTITY: &str = "demo-identity-51c0";
/// What `WEB_REPL_RENEWAL` has to be.
const RENEWAL: &str = "demo-renewal-8e17";

/// The connector, as seen from the server thread.
pub struct Connector(Mutex<Connection>);

struct Connection {
    connected: bool,
    token: String,
    expires_at: DateTime<Utc>,
    /// The token stands only where OAuth credentials do.
    nested_only: bool,
}

impl StandIn<Connector> {
    /// Starts with a connection to Notion whose token is `notion_token`, good for an hour.
    ///
    /// # Errors
    /// No port of loopback or no thread could be had.
    pub fn start(notion_token: &str) -> io::Result<Self> {
        let expires_at = Utc::now() + TimeDelta::hours(1);
        let connection = Connection { connected: true, token: notion_token.to_owned(), expires_at, nested_only: false };
        Self::open(Connector(Mutex::new(connection)))
    }

    /// The base URL: what stands for `https://$REPLIT_CONNECTORS_HOSTNAME`.
    pub fn url(&self) -> String {
        format!("http://{}", self.authority())
    }

    /// What `REPL_IDENTITY` has to be in a workspace.
    pub fn identity(&self) -> &'static str {
        IDENTITY
    }

    /// What `WEB_REPL_RENEWAL` has to be in a deployment.
    pub fn renewal(&self) -> &'static str {
        RENEWAL
    }

    /// Hands out `new` from now on.
    pub fn rotate_token(&self, new: &str) {
        self.party().connection().token = new.to_owned();
    }

    /// Tokens expire in `time`, from now.
    pub fn expire_in(&self, time: Duration) {
        self.party().connection().expires_at = Utc::now() + time;
    }

    /// Nobody has connected Notion: there are no items.
    pub fn disconnect(&self) {
        self.party().connection().connected = false;
    }

    /// Gives the token only as `settings.oauth.credentials.access_token`.
    pub fn nest_token(&self) {
        self.party().connection().nested_only = true;
    }
}

impl Connector {
    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Party for Connector {
    const NAME: &'static str = "replit";

    async fn answer(&self, request: &Received) -> Reply {
        if request.method != "GET" || request.path != "/api/v2/connection" {
            return self.refusal(404, None);
        }
        let shown = request.header("x_replit_token").and_then(|token| token.split_once(' '));
        if !matches!(shown, Some(("repl", IDENTITY) | ("depl", RENEWAL))) {
            return self.refusal(401, None);
        }
        let parameters = request.parameters();
        let asks = |name: &str, wanted: &str| parameters.iter().any(|(key, value)| key == name && value == wanted);
        let connection = self.connection();
        let mut items = Vec::new();
        if connection.connected && asks("connector_names", "notion") {
            items.push(json!({
                "id": "conn_notion_demo", "connector_name": "notion", "status": "healthy",
                "settings": connection.settings(asks("include_secrets", "true")),
            }));
        }
        Reply::new(200, &json!({"items": items}))
    }

    fn refusal(&self, status: u16, retry_after: Option<u64>) -> Reply {
        let message = match status {
            401 => "Unauthorized",
            404 => "Not Found",
            429 => "Too Many Requests",
            _ => "Internal Server Error",
        };
        let reply = Reply::new(status, &json!({"error": message}));
        match retry_after {
            Some(seconds) => reply.with("Retry-After", &seconds),
            None => reply,
        }
    }
}

impl Connection {
    fn settings(&self, secrets: bool) -> Value {
        let mut settings = json!({"expires_at": self.expires_at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()});
        if secrets {
            settings["oauth"] = json!({"credentials": {"access_token": self.token}});
            if !self.nested_only {
                settings["access_token"] = json!(self.token);
            }
        }
        settings
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::test_client::{Seen, call};
    use super::*;

    async fn ask(replit: &Replit, token: &str, query: &str) -> Seen {
        let url = format!("{}/api/v2/connection?{query}", replit.url());
        call("GET", &url, &[("X_REPLIT_TOKEN", token)], &Value::Null).await
    }

    #[actix_web::test]
    async fn the_token_is_for_who_shows_an_identity_and_asks_for_secrets() {
        let replit = Replit::start("ntn_first").unwrap();
        let whole = "include_secrets=true&connector_names=notion";
        let (workspace, deployment) = (format!("repl {}", replit.identity()), format!("depl {}", replit.renewal()));
        for (token, query, status, items) in [
            (workspace.as_str(), whole, 200, Some(1)),
            (deployment.as_str(), whole, 200, Some(1)),
            (deployment.as_str(), "include_secrets=true&connector_names=google-mail", 200, Some(0)),
            (replit.identity(), whole, 401, None),
            ("repl else", whole, 401, None),
        ] {
            let seen = ask(&replit, token, query).await;
            assert_eq!((seen.status, seen.body["items"].as_array().map(Vec::len)), (status, items), "{token} {query}");
        }
        assert_eq!(
            ask(&replit, &workspace, "connector_names=notion").await.body["items"][0]["settings"]["oauth"],
            Value::Null
        );
        replit.rotate_token("ntn_second");
        replit.nest_token();
        let seen = ask(&replit, &workspace, whole).await.body["items"][0]["settings"].take();
        assert_eq!(seen["oauth"]["credentials"]["access_token"], "ntn_second");
        assert!(seen["access_token"].is_null() && seen["expires_at"].is_string());
        replit.disconnect();
        assert_eq!(ask(&replit, &workspace, whole).await.body["items"], json!([]));
    }
}
