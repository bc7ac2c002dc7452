//! OpenAI: models and chat completions, and the ways in which an account can be refused.
//!
//! Deliberately absent: streaming, tools, images, everything that is not asked by a probe.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value, json};

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
    /// The answer to whoever wants something done that costs money.
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
    shutdown: Option<&'static str>,
}

impl StandIn<OpenAiApi> {
    /// Starts with an account that has money and a key.
    ///
    /// # Errors
    /// No port of loopback or no thread could be had.
    pub fn start() -> io::Result<Self> {
        let models = vec![
            Model { id: "gpt-4o-mini", reasons: false, shutdown: Some("2027-01-14") },
            Model { id: "gpt-4o", reasons: false, shutdown: Some("2027-01-14") },
            Model { id: "gpt-5", reasons: true, shutdown: Some("2026-12-11") },
            Model { id: "gpt-6-luna", reasons: true, shutdown: None },
        ];
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
            ("POST", "/chat/completions") => self.complete(request),
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

    fn complete(&self, request: &Received) -> Result<Reply, Reply> {
        let Some(Value::Object(body)) = request.json() else {
            return Err(invalid(None, None, "We could not parse the JSON body of your request."));
        };
        let Some(model) = body.get("model").and_then(Value::as_str) else {
            return Err(invalid(None, None, "you must provide a model parameter"));
        };
        let model = self.model(model)?;
        let prompt_tokens = messages(&body)?;
        let budget = budget(&body, model)?;
        if !self.quota_left {
            let message = "You exceeded your current quota, please check your plan and billing details.";
            return Err(error(429, "insufficient_quota", &"insufficient_quota".into(), None, message));
        }
        // Reasoning takes its share first: with a small budget nothing is left for the text.
        let thought = if model.reasons { 4 } else { 0 };
        if model.reasons && budget < thought {
            let message = "Could not finish the message because max_tokens or model output limit was reached. Please \
                           try again with higher max_tokens.";
            return Err(invalid(None, None, message));
        }
        let words = ["ping", "-", "ok"];
        let said = (budget - thought).min(words.len() as u64);
        let finish = if said < words.len() as u64 { "length" } else { "stop" };
        let completion = said + thought;
        let reply = json!({
            "id": format!("chatcmpl-{:024x}", fastrand::u64(..)), "object": "chat.completion",
            "created": request.at.timestamp(), "model": model.id,
            "choices": [{
                "index": 0, "logprobs": null, "finish_reason": finish,
                "message": {"role": "assistant", "content": words[..said as usize].concat(), "refusal": null,
                            "annotations": []},
            }],
            "usage": {
                "prompt_tokens": prompt_tokens, "completion_tokens": completion,
                "total_tokens": prompt_tokens + completion,
                "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": thought, "audio_tokens": 0},
            },
            "service_tier": "default",
        });
        Ok(Reply::new(200, &reply)
            .with("x-ratelimit-limit-requests", &10_000)
            .with("x-ratelimit-remaining-requests", &9_999))
    }
}

impl Model {
    fn describe(&self) -> Value {
        json!({"id": self.id, "object": "model", "created": 1_750_000_000, "owned_by": "system",
               "shutdown_date": self.shutdown})
    }
}

/// Checks the messages and counts their tokens, roughly.
fn messages(body: &Map<String, Value>) -> Result<u64, Reply> {
    let Some(messages) = body.get("messages") else {
        let message = "Missing required parameter: 'messages'.";
        return Err(invalid(Some("missing_required_parameter"), Some("messages"), message));
    };
    let messages = messages.as_array().filter(|messages| !messages.is_empty());
    let messages = messages.ok_or_else(|| {
        invalid(Some("invalid_type"), Some("messages"), "Invalid type for 'messages': expected an array of objects.")
    })?;
    let mut tokens = 3;
    for (place, message) in messages.iter().enumerate() {
        let role = message["role"].as_str();
        if !role.is_some_and(|role| ["developer", "system", "user", "assistant"].contains(&role)) {
            let param = format!("messages[{place}].role");
            return Err(invalid(Some("invalid_value"), Some(&param), &format!("Invalid value for '{param}'.")));
        }
        let Some(content) = message["content"].as_str() else {
            let param = format!("messages[{place}].content");
            return Err(invalid(Some("invalid_type"), Some(&param), &format!("Invalid type for '{param}'.")));
        };
        tokens += 4 + content.len().div_ceil(4) as u64;
    }
    Ok(tokens)
}

/// Checks everything beside model and messages; returns how many tokens may be made.
fn budget(body: &Map<String, Value>, model: &Model) -> Result<u64, Reply> {
    const KNOWN: [&str; 10] = [
        "model",
        "messages",
        "max_tokens",
        "max_completion_tokens",
        "temperature",
        "top_p",
        "n",
        "reasoning_effort",
        "user",
        "stream",
    ];
    if let Some(unknown) = body.keys().find(|key| !KNOWN.contains(&key.as_str())) {
        let message = format!("Unknown parameter: '{unknown}'.");
        return Err(invalid(Some("unknown_parameter"), Some(unknown), &message));
    }
    let unsupported = |param: &str, hint: &str| {
        let message = format!("Unsupported parameter: '{param}' is not supported with this model.{hint}");
        invalid(Some("unsupported_parameter"), Some(param), &message)
    };
    if body.get("stream").is_some_and(|stream| *stream != Value::Bool(false)) {
        return Err(unsupported("stream", ""));
    }
    if model.reasons {
        if body.contains_key("max_tokens") {
            return Err(unsupported("max_tokens", " Use 'max_completion_tokens' instead."));
        }
        if body.get("temperature").is_some_and(|temperature| temperature.as_f64() != Some(1.0)) {
            let message = "Unsupported value: 'temperature' does not support this value with this model. Only the \
                           default (1) value is supported.";
            return Err(invalid(Some("unsupported_value"), Some("temperature"), message));
        }
    } else if body.contains_key("reasoning_effort") {
        return Err(unsupported("reasoning_effort", ""));
    }
    let (old, new) = (body.get("max_tokens"), body.get("max_completion_tokens"));
    match (old, new) {
        (Some(_), Some(_)) => {
            let message = "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.";
            Err(invalid(Some("invalid_parameter_combination"), None, message))
        }
        (None, None) => Ok(4_096),
        (Some(limit), None) | (None, Some(limit)) => {
            let param = if old.is_some() { "max_tokens" } else { "max_completion_tokens" };
            limit.as_u64().filter(|limit| *limit > 0).ok_or_else(|| {
                let message = format!("Invalid '{param}': integer below minimum value. Expected a value >= 1.");
                invalid(Some("integer_below_min_value"), Some(param), &message)
            })
        }
    }
}

fn invalid(code: Option<&str>, param: Option<&str>, message: &str) -> Reply {
    error(400, "invalid_request_error", &code.map_or(Value::Null, Value::from), param, message)
}

fn error(status: u16, kind: &str, code: &Value, param: Option<&str>, message: &str) -> Reply {
    Reply::new(status, &json!({"error": {"message": message, "type": kind, "param": param, "code": code}}))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::test_client::{Seen, call};
    use super::*;

    async fn ask(openai: &OpenAi, method: &str, path: &str, body: &Value) -> Seen {
        let key = format!("Bearer {}", openai.key());
        call(method, &format!("{}/{path}", openai.url()), &[("Authorization", &key)], body).await
    }

    #[actix_web::test]
    async fn completions_are_refused_where_the_real_ones_are() {
        let openai = OpenAi::start().unwrap();
        let ping = json!([{"role": "user", "content": "ping"}]);
        let body = |model: &str, more: Value| {
            let mut body = json!({"model": model, "messages": ping});
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            body
        };
        for (body, status, code, content) in [
            (body("gpt-4o-mini", json!({"max_tokens": 16})), 200, "", "ping-ok"),
            (body("gpt-4o-mini", json!({"max_completion_tokens": 1})), 200, "", "ping"),
            (body("gpt-6-luna", json!({"max_completion_tokens": 16})), 200, "", "ping-ok"),
            (body("gpt-6-luna", json!({"max_completion_tokens": 4})), 200, "", ""),
            (body("gpt-6-luna", json!({"max_completion_tokens": 1})), 400, "", ""),
            (body("gpt-6-luna", json!({"max_tokens": 16})), 400, "unsupported_parameter", ""),
            (body("gpt-6-luna", json!({"temperature": 0})), 400, "unsupported_value", ""),
            (body("gpt-4o-mini", json!({"max_tokens": 0})), 400, "integer_below_min_value", ""),
            (body("gpt-4o-mini", json!({"max_token": 16})), 400, "unknown_parameter", ""),
            (body("gpt-3.5-turbo", json!({})), 404, "model_not_found", ""),
            (json!({"messages": ping}), 400, "", ""),
            (json!({"model": "gpt-4o-mini"}), 400, "missing_required_parameter", ""),
            (json!({"model": "gpt-4o-mini", "messages": []}), 400, "invalid_type", ""),
        ] {
            let seen = ask(&openai, "POST", "chat/completions", &body).await;
            let said = seen.body["choices"][0]["message"]["content"].as_str().unwrap_or_default();
            let refused = seen.body["error"]["code"].as_str().unwrap_or_default();
            assert_eq!((seen.status, refused, said), (status, code, content), "{body}: {}", seen.body);
            assert!(seen.header("x-request-id").starts_with("req_"));
        }
    }

    #[actix_web::test]
    async fn an_empty_account_still_lists_its_models_and_a_revoked_key_does_not() {
        let openai = OpenAi::start().unwrap();
        let chat = json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "ping"}]});
        openai.quota_exhausted();
        let seen = ask(&openai, "POST", "chat/completions", &chat).await;
        assert_eq!((seen.status, &seen.body["error"]["type"]), (429, &json!("insufficient_quota")));
        assert_eq!(seen.header("retry-after"), "");
        assert_eq!(ask(&openai, "GET", "models", &Value::Null).await.body["data"][0]["id"], "gpt-4o-mini");
        openai.rate_limited(7);
        let seen = ask(&openai, "GET", "models", &Value::Null).await;
        assert_eq!((seen.status, seen.header("retry-after")), (429, "7"));
        openai.comes_back();
        openai.revoke_key();
        let seen = ask(&openai, "GET", "models/gpt-4o", &Value::Null).await;
        assert_eq!((seen.status, &seen.body["error"]["code"]), (401, &json!("invalid_api_key")));
        openai.goes_down();
        assert_eq!(ask(&openai, "GET", "models", &Value::Null).await.body["error"]["type"], "server_error");
        openai.comes_back();
        assert_eq!(ask(&openai, "GET", "models", &Value::Null).await.status, 200);
    }

    #[actix_web::test]
    async fn the_proxy_knows_completions_but_no_models() {
        let openai = OpenAi::start().unwrap();
        let chat = json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "ping"}]});
        let headers = [("Authorization", "Bearer _DUMMY_API_KEY_")];
        let url = |path: &str| format!("{}/{path}", openai.proxy_url());
        assert_eq!(call("POST", &url("chat/completions"), &headers, &chat).await.status, 200);
        assert_eq!(call("GET", &url("models"), &headers, &Value::Null).await.status, 404);
    }
}
