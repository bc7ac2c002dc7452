//! OpenAI, or whoever speaks its language: one harmless question that shows whether it works.
//!
//! Asking for the models costs nothing and shows the way there and the key. Asking for a completion costs some twenty
//! tokens and also shows an empty account, a blocked model and an outage of what produces the answers.

use std::time::Duration;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Value, json};

use super::error::{ClientError, ErrorKind};
use super::http::Http;
use super::reply::Reply;
use super::request::Request;
use crate::secret::Secret;

/// The most tokens that the probe may cost: the least that every model takes as a limit.
const TOKENS: u32 = 16;

/// What a reasoning model may say, with status 400, when it has thought for all its tokens: it works.
const OUT_OF_TOKENS: &str = "max_tokens or model output limit was reached";

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// GET /models.
    Models,
    /// POST /chat/completions.
    Chat {
        /// The model that is to answer.
        model: String,
    },
}

/// A model that the account has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// Its name.
    pub id: String,
    /// The day on which it is taken out of service, as `2027-01-14`, if that is known.
    pub shutdown: Option<String>,
}

/// A client of one account.
pub struct OpenAi {
    http: Http,
    base_url: String,
    key: Secret,
    probe: Probe,
}

impl OpenAi {
    /// `base_url` is taken as it is, but for slashes at its end: whether there is a `/v1` is the business of the one
    /// who set it.
    pub fn new(http: Http, base_url: impl Into<String>, key: Secret, probe: Probe) -> Self {
        let base_url = base_url.into().trim_end_matches('/').to_owned();
        Self { http, base_url, key, probe }
    }

    /// Asks once; fine if the answer has the shape that it should, whatever it says.
    pub async fn probe(&self, deadline: Duration) -> Result<(), ClientError> {
        match &self.probe {
            Probe::Models => {
                // Whatever is listed, so that nothing in the list can be misread.
                read::<Models<IgnoredAny>>(&self.list(deadline).await?).map(drop)
            }
            Probe::Chat { model } => {
                let url = format!("{}/chat/completions", self.base_url);
                let question = json!({
                    "model": model,
                    "messages": [{"role": "user", "content": "Say OK."}],
                    "max_completion_tokens": TOKENS,
                });
                let request = Request::post(&url).idempotent().bearer(&self.key).json(&question);
                match read::<Completion>(&self.http.send(request, deadline).await?) {
                    Err(error) if error.status == Some(400) && error.detail.contains(OUT_OF_TOKENS) => Ok(()),
                    result => result.map(drop),
                }
            }
        }
    }

    /// The model that the probe asks, if it asks one.
    pub fn probed_model(&self) -> Option<&str> {
        match &self.probe {
            Probe::Models => None,
            Probe::Chat { model } => Some(model),
        }
    }

    /// The models that the account has. It costs nothing.
    pub async fn models(&self, deadline: Duration) -> Result<Vec<Model>, ClientError> {
        let listed = read::<Models<Listed>>(&self.list(deadline).await?)?.data;
        let model = |Listed { id, shutdown_date }: Listed| {
            let shutdown = shutdown_date.as_ref().and_then(Value::as_str).map(str::to_owned);
            id.as_str().map(|id| Model { id: id.to_owned(), shutdown })
        };
        Ok(listed.into_iter().filter_map(model).collect())
    }

    async fn list(&self, deadline: Duration) -> Result<Reply, ClientError> {
        let url = format!("{}/models", self.base_url);
        self.http.send(Request::get(&url).bearer(&self.key), deadline).await
    }
}

#[derive(Deserialize)]
struct Models<T> {
    data: Vec<T>,
}

/// Those who follow OpenAI less closely may leave out either, or write it otherwise.
#[derive(Deserialize)]
struct Listed {
    #[serde(default)]
    id: Value,
    shutdown_date: Option<Value>,
}

#[derive(Deserialize)]
struct Completion {
    #[serde(rename = "choices")]
    _choices: Vec<IgnoredAny>,
}

/// An error as OpenAI writes it, and as those do that follow it less closely: a bare text, a number for a code.
#[derive(Deserialize)]
struct Failure {
    error: Value,
}

impl Failure {
    fn message(&self) -> &str {
        self.error.as_str().or_else(|| self.error["message"].as_str()).unwrap_or_default()
    }

    /// The type and the code: either may be the one that says what it is about.
    fn is_about_money(&self) -> bool {
        ["type", "code"].iter().filter_map(|name| self.error[name].as_str()).any(is_about_money)
    }
}

/// The words for an empty account or a limit that only a person can raise; `rate_limit_exceeded` is none of them.
fn is_about_money(word: &str) -> bool {
    matches!(
        word,
        "insufficient_quota" | "credit_balance_exhausted" | "billing_hard_limit_reached" | "billing_not_active"
    ) || word.ends_with("spend_limit_exceeded")
        || word.ends_with("usage_limit_exceeded")
}

fn read<T: DeserializeOwned>(reply: &Reply) -> Result<T, ClientError> {
    if let Some(answer) = reply.json().ok().and_then(|body| serde_json::from_slice(body).ok()) {
        return Ok(answer);
    }
    let failure = if reply.is_json() { serde_json::from_slice::<Failure>(&reply.body).ok() } else { None };
    match failure {
        Some(failure) if failure.is_about_money() => Err(reply.error_as(ErrorKind::QuotaExhausted, failure.message())),
        Some(failure) => Err(reply.error(failure.message())),
        None if reply.is_success() && reply.is_json() => Err(reply.of_another_shape()),
        None => Err(reply.error("")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;
    use crate::clients::raw_server::{RawServer, answer, json as answer_json};

    const PATIENCE: Duration = Duration::from_secs(20);

    fn chat() -> Probe {
        Probe::Chat { model: "gpt-4o-mini".to_owned() }
    }

    async fn ask(probe: Probe, answer: Vec<u8>) -> Result<(), ClientError> {
        let server = RawServer::answering([answer]).await;
        OpenAi::new(Http::new(), server.url("/v1"), Secret::new("key-1"), probe).probe(PATIENCE).await
    }

    #[actix_rt::test]
    async fn an_answer_of_the_right_shape_is_up_whatever_it_says() {
        let table = [
            (Probe::Models, 200, r#"{"object":"list","data":[{"id":"gpt-6-luna","shutdown_date":null}]}"#),
            (Probe::Models, 200, r#"{"data":[]}"#),
            (chat(), 200, r#"{"choices":[{"message":{"content":"OK"},"finish_reason":"stop"}]}"#),
            (chat(), 200, r#"{"choices":[{"message":{"content":""},"finish_reason":"length"}]}"#),
            (chat(), 201, r#"{"choices":[{"message":{"content":null}}],"usage":{}}"#),
            (
                chat(),
                400,
                r#"{"error":{"message":"Could not finish the message because max_tokens or model output limit was reached."}}"#,
            ),
        ];
        for (probe, status, body) in table {
            assert_eq!(ask(probe, answer_json(status, body)).await, Ok(()), "for {body}");
        }
    }

    #[actix_rt::test]
    async fn each_failure_has_its_kind() {
        use ErrorKind::{
            BadRequest, Forbidden, Garbage, NotFound, QuotaExhausted, RateLimited, ServerFault, Unauthorized,
        };
        let table = [
            (
                401,
                r#"{"error":{"message":"Incorrect API key provided: key-1.","code":"invalid_api_key"}}"#,
                Unauthorized,
                "Incorrect API key provided: [secret].",
            ),
            (
                403,
                r#"{"error":{"message":"Country not supported","code":"unsupported_country_region_territory"}}"#,
                Forbidden,
                "Country not supported",
            ),
            (404, r#"{"error":{"message":"No such model","code":"model_not_found"}}"#, NotFound, "No such model"),
            (429, r#"{"error":{"message":"Slow","type":"tokens","code":"rate_limit_exceeded"}}"#, RateLimited, "Slow"),
            (429, r#"{"error":{"message":"Slow","type":"rate_limit_error","code":null}}"#, RateLimited, "Slow"),
            (429, r#"{"error":{"message":"Pay","type":"insufficient_quota","code":null}}"#, QuotaExhausted, "Pay"),
            (429, r#"{"error":{"message":"Pay","type":"x","code":"insufficient_quota"}}"#, QuotaExhausted, "Pay"),
            (429, r#"{"error":{"message":"Pay","code":"credit_balance_exhausted"}}"#, QuotaExhausted, "Pay"),
            (429, r#"{"error":{"message":"Pay","code":"project_spend_limit_exceeded"}}"#, QuotaExhausted, "Pay"),
            (429, r#"{"error":{"message":"Pay","code":"organization_usage_limit_exceeded"}}"#, QuotaExhausted, "Pay"),
            (400, r#"{"error":{"message":"Pay","code":"billing_hard_limit_reached"}}"#, QuotaExhausted, "Pay"),
            (402, r#"{"error":{"message":"Add credits","code":402}}"#, QuotaExhausted, "Add credits"),
            (400, r#"{"error":{"message":"Unsupported parameter","code":400}}"#, BadRequest, "Unsupported parameter"),
            (500, r#"{"error":"a bare text"}"#, ServerFault, "a bare text"),
            (503, "{}", ServerFault, ""),
            (200, r#"{"error":{"message":"Upstream failed","code":502}}"#, Garbage, "Upstream failed"),
            (200, r#"{"choices":null,"data":{}}"#, Garbage, "answered with JSON of another shape"),
            (200, r#"{"choices":[{"mess"#, Garbage, "answered with what is no JSON, though it says so"),
            (200, "", Garbage, "answered with nothing, though it says that it is JSON"),
        ];
        for (status, body, kind, detail) in table {
            for probe in [Probe::Models, chat()] {
                let error = ask(probe, answer_json(status, body)).await.unwrap_err();
                assert_eq!(
                    (error.kind, error.status, error.detail.as_str()),
                    (kind, Some(status), detail),
                    "for {body}"
                );
            }
        }
        let error = ask(chat(), answer(502, "content-type: text/html\r\n", b"<html>")).await.unwrap_err();
        assert_eq!(error.to_string(), "server fault (502): answered with HTML, not JSON");
    }

    #[actix_rt::test]
    async fn the_base_url_is_joined_as_it_is() {
        let server = RawServer::answering((0..3).map(|_| answer_json(200, r#"{"data":[],"choices":[]}"#))).await;
        for (path, probe) in [("/v1", Probe::Models), ("/modelfarm/openai/", chat()), ("", Probe::Models)] {
            let client = OpenAi::new(Http::new(), server.url(path), Secret::new("key-1"), probe);
            assert_eq!(client.probe(PATIENCE).await, Ok(()));
        }
        let lines: Vec<_> = server.requests().iter().map(|heard| heard.lines().next().unwrap().to_owned()).collect();
        assert_eq!(
            lines,
            ["GET /v1/models HTTP/1.1", "POST /modelfarm/openai/chat/completions HTTP/1.1", "GET /models HTTP/1.1"]
        );
        let sent = server.sent(1);
        assert_eq!((&sent["model"], &sent["max_completion_tokens"]), (&json!("gpt-4o-mini"), &json!(16)));
        assert!(server.requests().iter().all(|heard| heard.contains("authorization: Bearer key-1\r\n")));
    }
}
