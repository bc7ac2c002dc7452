//! Chat completions: what a request has to be like, and the one thing that is ever said.

use serde_json::{Map, Value, json};

use super::super::wire::{Received, Reply};
use super::{Account, Model, error, invalid};

/// Answers a request for a completion.
pub(super) fn complete(account: &Account, request: &Received) -> Result<Reply, Reply> {
    let Some(Value::Object(body)) = request.json() else {
        return Err(invalid(None, None, "We could not parse the JSON body of your request."));
    };
    let Some(model) = body.get("model").and_then(Value::as_str) else {
        return Err(invalid(None, None, "you must provide a model parameter"));
    };
    let model = account.model(model)?;
    let prompt_tokens = messages(&body)?;
    let budget = budget(&body, model)?;
    if !account.quota_left {
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
