//! OpenAI: models and chat completions, and the ways in which an account can be refused.
//!
//! Deliberately absent: streaming, tools, images, everything that is not asked by a probe.

mod chat;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::fault::Fault;
use super::stand_in::{Party, StandIn};
use super::wire::{Received, Reply};

/// A running stand-in of OpenAI.
pub type OpenAi = StandIn<OpenAiApi>;

/// The key of the account.
const KEY: &str = "sk-demo-7c2f90d41be6";

/// OpenAI, as seen from the server thread.
pub struct OpenAiApi(Mutex<Account>);

/// The state of the account.
struct Account {
    /// The key is accepted no more.
    key_revoked: bool,
    /// There is money for what costs some.
    quota_left: bool,
    /// All requests are too many; with the wait that is asked for.
    rate_limited: Option<u64>,
    models: Vec<Model>,
}

#[derive(Clone)]
struct Model {
    id: &'static str,
    /// Thinks before it answers, on the account of the budget; knows neither `max_tokens` nor a temperature.
    reasons: bool,
    shutdown: Option<String>,
}

impl StandIn<OpenAiApi> {
    /// Starts with an account that has money and a key.
    ///
    /// # Errors
    /// No port of loopback or no thread could be had.
    pub fn start() -> io::Result<Self> {
        let models = [
            ("gpt-4o-mini", false, Some("2027-01-14")),
            ("gpt-4o", false, Some("2027-01-14")),
            ("gpt-5", true, Some("2026-12-11")),
            ("gpt-6-luna", true, None),
        ];
        let model = |(id, reasons, shutdown): (_, _, Option<&str>)| Model {
            id,
            reasons,
            shutdown: shutdown.map(str::to_owned),
        };
        let models = models.map(model).into();
        let account = Account { key_revoked: false, quota_left: true, rate_limited: None, models };
        Self::open(OpenAiApi(Mutex::new(account)))
    }

    /// The base URL, `/v1` included.
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.authority())
    }

    /// The base URL as Replit's proxy has it: no `/v1`, no models, any key.
    pub fn proxy_url(&self) -> String {
        format!("http://{}{PROXY}", self.authority())
    }

    /// The key, whether it was revoked or not.
    pub fn key(&self) -> &'static str {
        KEY
    }

    /// Answers everything with 500.
    pub fn goes_down(&self) {
        self.set_fault(Some(Fault::status(500)));
    }

    /// Is well again: up, with money, within its rates, and its key is accepted.
    pub fn comes_back(&self) {
        self.set_fault(None);
        let mut account = self.party().account();
        account.key_revoked = false;
        account.quota_left = true;
        account.rate_limited = None;
    }

    /// Accepts the key no more.
    pub fn revoke_key(&self) {
        self.party().account().key_revoked = true;
    }

    /// Has no money left: completions are a 429 `insufficient_quota`, while the models are still listed.
    pub fn quota_exhausted(&self) {
        self.party().account().quota_left = false;
    }

    /// Answers everything with a 429 that passes, and asks for this wait, in seconds.
    pub fn rate_limited(&self, retry_after: u64) {
        self.party().account().rate_limited = Some(retry_after);
    }

    /// Says that a model will be taken out of service on this day, as `2027-01-14`, or that no day is known.
    pub fn announce_shutdown(&self, id: &str, day: Option<&str>) {
        let mut account = self.party().account();
        let model = account.models.iter_mut().find(|model| model.id == id);
        model.into_iter().for_each(|model| model.shutdown = day.map(str::to_owned));
    }

    /// Takes a model out of service.
    pub fn retire_model(&self, id: &str) {
        self.party().account().models.retain(|model| model.id != id);
    }
}

/// The path of the proxy.
const PROXY: &str = "/modelfarm/openai";

impl OpenAiApi {
    fn account(&self) -> MutexGuard<'_, Account> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Party for OpenAiApi {
    const NAME: &'static str = "openai";

    async fn answer(&self, request: &Received) -> Reply {
        let reply = self.account().answer(request).unwrap_or_else(|refusal| refusal);
        reply
            .with("x-request-id", &format!("req_{:032x}", fastrand::u128(..)))
            .with("openai-version", &"2020-10-01")
            .with("openai-processing-ms", &12)
    }

    fn refusal(&self, status: u16, retry_after: Option<u64>) -> Reply {
        let (kind, code, message) = match status {
            400 => ("invalid_request_error", Value::Null, "The request was not understood."),
            401 => ("invalid_request_error", "invalid_api_key".into(), "Incorrect API key provided."),
            403 => (
                "request_forbidden",
                "unsupported_country_region_territory".into(),
                "Country, region, or territory not supported",
            ),
            404 => ("invalid_request_error", Value::Null, "Invalid URL"),
            429 => ("requests", "rate_limit_exceeded".into(), "Rate limit reached for requests."),
            503 => (
                "service_unavailable_error",
                "server_is_overloaded".into(),
                "The server is currently overloaded. Please try again later.",
            ),
            _ => ("server_error", Value::Null, "The server had an error while processing your request."),
        };
        let reply = error(status, kind, &code, None, message);
        match retry_after {
            Some(seconds) => reply.with("Retry-After", &seconds),
            None => reply,
        }
    }
}

impl Account {
    fn answer(&self, request: &Received) -> Result<Reply, Reply> {
        let behind_proxy = request.path.strip_prefix(PROXY);
        let path = behind_proxy.or_else(|| request.path.strip_prefix("/v1")).unwrap_or_default();
        let key = request.bearer();
        let accepted = key.is_some() && (behind_proxy.is_some() || key == Some(KEY) && !self.key_revoked);
        match key {
            _ if accepted => {}
            Some(key) => {
                let tail = key.get(key.len().saturating_sub(4)..).unwrap_or_default();
                let message =
                    format!("Incorrect API key provided: ****{tail}. You can find your API key in your account.");
                return Err(error(401, "invalid_request_error", &"invalid_api_key".into(), None, &message));
            }
            None => {
                let message = "You didn't provide an API key. You need to provide it in an Authorization header.";
                return Err(error(401, "invalid_request_error", &Value::Null, None, message));
            }
        }
        if let Some(seconds) = self.rate_limited {
            let message = format!("Rate limit reached for requests. Please try again in {seconds}s.");
            let reply = error(429, "requests", &"rate_limit_exceeded".into(), None, &message);
            return Err(reply.with("Retry-After", &seconds));
        }
        match (request.method.as_str(), path) {
            ("GET", "/models") if behind_proxy.is_none() => {
                let models: Vec<_> = self.models.iter().map(Model::describe).collect();
                Ok(Reply::new(200, &json!({"object": "list", "data": models})))
            }
            ("GET", path) if behind_proxy.is_none() && path.starts_with("/models/") => {
                let model = self.model(path.trim_start_matches("/models/"))?;
                Ok(Reply::new(200, &model.describe()))
            }
            ("POST", "/chat/completions") => chat::complete(self, request),
            (method, _) => {
                let message = format!("Invalid URL ({method} {})", request.path);
                Err(error(404, "invalid_request_error", &Value::Null, None, &message))
            }
        }
    }

    fn model(&self, id: &str) -> Result<&Model, Reply> {
        self.models.iter().find(|model| model.id == id).ok_or_else(|| {
            let message = format!("The model `{id}` does not exist or you do not have access to it.");
            error(404, "invalid_request_error", &"model_not_found".into(), Some("model"), &message)
        })
    }
}

impl Model {
    fn describe(&self) -> Value {
        json!({"id": self.id, "object": "model", "created": 1_750_000_000, "owned_by": "system",
               "shutdown_date": self.shutdown})
    }
}

/// 400 for a body that is not right.
fn invalid(code: Option<&str>, param: Option<&str>, message: &str) -> Reply {
    error(400, "invalid_request_error", &code.map_or(Value::Null, Value::from), param, message)
}

fn error(status: u16, kind: &str, code: &Value, param: Option<&str>, message: &str) -> Reply {
    Reply::new(status, &json!({"error": {"message": message, "type": kind, "param": param, "code": code}}))
}
