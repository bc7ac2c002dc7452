//! One question to Notion and its answer: the headers, the pace, and asking again where that is the same question.
//!
//! This is not a second layer of retries for deliveries: what is written is asked again only after Notion said
//! "later" and named the time, that is, when nothing was written.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::fault::{Cause, Fault};
use super::pace::{Errand, Pace};
use super::version::Version;
use crate::clients::error::{ClientError, ErrorKind};
use crate::clients::http::Http;
use crate::clients::replit::Connector;
use crate::clients::reply::Reply;
use crate::clients::request::Request;
use crate::secret::Secret;

/// Before a read is asked for a second time.
const PAUSE: Duration = Duration::from_millis(300);

/// The first wait when Notion asks for a rest without saying how long; doubled each time.
const REST: Duration = Duration::from_secs(1);

/// However short the rest that Notion asks for, a loop must not spin.
const SHORTEST_REST: Duration = Duration::from_millis(50);

/// Rests within one question if Notion says how long they are. Each is bounded by the deadline as well.
const RESTS_AT_MOST: u32 = 8;

/// And if it does not: guessing on would hold up everybody else.
const GUESSED_RESTS_AT_MOST: u32 = 3;

/// Where Notion's token comes from.
#[derive(Clone)]
pub enum TokenSource {
    /// From the settings.
    Given(Secret),
    /// From Replit, which renews it.
    Replit(Connector),
}

/// How to reach Notion.
#[derive(Clone)]
pub struct Config {
    /// `https://api.notion.com`, without the `/v1`.
    pub base_url: String,
    /// The version that every request names.
    pub version: Version,
    /// Who we are.
    pub token: TokenSource,
    /// Shared by all clients of the process.
    pub pace: Arc<Pace>,
    /// The deadline of a single request, its answer's body included.
    pub request_timeout: Duration,
}

/// What a request does to Notion, and so how often it may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing, and the first answer counts: whether Notion is well is not found out by asking until it is.
    Probe,
    /// Nothing.
    Read,
    /// The same, done once or twice.
    Update,
    /// Something new each time.
    Create,
}

/// One question.
#[derive(Clone, Copy)]
pub(super) struct Call<'c> {
    pub(super) effect: Effect,
    /// From `/v1` on, query string included.
    pub(super) path: &'c str,
    pub(super) body: Option<&'c Value>,
}

impl Call<'_> {
    /// Only queries are read with a body.
    fn errand(&self) -> Errand {
        if self.effect == Effect::Read && self.body.is_some() { Errand::Reading } else { Errand::Single }
    }
}

/// Notion over HTTP.
pub(super) struct Api {
    http: Http,
    config: Config,
}

impl Api {
    pub(super) fn new(http: Http, config: Config) -> Self {
        let base_url = config.base_url.trim_end_matches('/').to_owned();
        Self { http, config: Config { base_url, ..config } }
    }

    pub(super) fn version(&self) -> Version {
        self.config.version
    }

    pub(super) fn asks_replit(&self) -> bool {
        matches!(self.config.token, TokenSource::Replit(_))
    }

    /// Asks until there is an answer in JSON, a failure that stays, or no time left.
    pub(super) async fn call(&self, call: Call<'_>, deadline: Instant) -> Result<Reply, Fault> {
        let mut tries = Tries::default();
        let mut said = None;
        loop {
            let token = self.token(deadline).await?;
            let fault = match self.once(call, &token, deadline).await {
                Ok(reply) => return Ok(reply),
                // That there was no time for another question says less than what Notion has answered to this one.
                Err(fault) if fault.error.is_unasked() => return Err(said.unwrap_or(fault)),
                Err(fault) => fault,
            };
            match tries.after(&fault, call.effect, left(deadline)) {
                Some(Next::Renew) if self.renew(&token) => {}
                // The next round waits for its place like everybody else.
                Some(Next::Rest(rest)) => {
                    self.config.pace.hold(rest);
                    said = Some(fault);
                }
                Some(Next::Pause(pause)) => tokio::time::sleep(pause).await,
                _ => return Err(fault),
            }
        }
    }

    async fn once(&self, call: Call<'_>, token: &Secret, deadline: Instant) -> Result<Reply, Fault> {
        if left(deadline).is_zero() {
            return Err(ClientError::new(ErrorKind::Timeout, "no time left to ask Notion").into());
        }
        if let Err(wait) = self.config.pace.wait(call.errand(), deadline).await {
            let detail = "no request to Notion is free before the deadline (120 a minute, or a rest that it asked for)";
            let error = ClientError::new(ErrorKind::RateLimited, detail);
            return Err(ClientError { retry_after: Some(wait), ..error }.into());
        }
        let url = format!("{}{}", self.config.base_url, call.path);
        let request = match (call.effect, call.body) {
            (Effect::Update, _) => Request::patch(&url).idempotent(),
            (Effect::Create, _) => Request::post(&url),
            (Effect::Probe | Effect::Read, Some(_)) => Request::post(&url).idempotent(),
            (Effect::Probe | Effect::Read, None) => Request::get(&url),
        };
        let request = request.bearer(token).header("notion-version", self.config.version.as_str());
        let request = match call.body {
            Some(body) => request.json(body),
            None => request,
        };
        let reply = self.http.send(request, self.config.request_timeout.min(left(deadline))).await?;
        if reply.json().is_ok() { Ok(reply) } else { Err(Fault::of(&reply)) }
    }

    async fn token(&self, deadline: Instant) -> Result<Secret, ClientError> {
        match &self.config.token {
            TokenSource::Given(token) => Ok(token.clone()),
            TokenSource::Replit(connector) => {
                connector.token(&self.http, self.config.request_timeout.min(left(deadline))).await
            }
        }
    }

    /// Whether there is hope for another token than this one.
    fn renew(&self, token: &Secret) -> bool {
        match &self.config.token {
            TokenSource::Given(_) => false,
            TokenSource::Replit(connector) => {
                connector.invalidate(token);
                true
            }
        }
    }
}

fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

/// What was already done about failures of one question.
#[derive(Default)]
struct Tries {
    renewed: bool,
    repeated: bool,
    rests: u32,
}

/// What to do before asking once more.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// Get another token.
    Renew,
    /// Nobody asks for so long.
    Rest(Duration),
    /// This question waits for so long.
    Pause(Duration),
}

impl Tries {
    /// Whether to ask again after `fault`, and what to do first; never something that takes as long as is `left`.
    fn after(&mut self, fault: &Fault, effect: Effect, left: Duration) -> Option<Next> {
        let told = fault.error.retry_after;
        let next = match fault.cause {
            Cause::Token if !self.renewed => {
                self.renewed = true;
                return Some(Next::Renew);
            }
            Cause::Rest { shared } if self.rests < told.map_or(GUESSED_RESTS_AT_MOST, |_| RESTS_AT_MOST) => {
                let rest = told.unwrap_or(REST * 2_u32.pow(self.rests)).max(SHORTEST_REST);
                self.rests += 1;
                if shared { Next::Rest(rest) } else { Next::Pause(rest) }
            }
            Cause::Passing if effect == Effect::Read && !self.repeated => {
                self.repeated = true;
                Next::Pause(told.unwrap_or(PAUSE))
            }
            _ => return None,
        };
        let (Next::Rest(wait) | Next::Pause(wait)) = next else { return Some(next) };
        (wait < left).then_some(next)
    }
}

#[cfg(test)]
#[path = "api_tests.rs"]
mod tests;
