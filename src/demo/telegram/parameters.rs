//! The parameters of a method: in the query, as a form or as JSON, all the same to Telegram.

use serde_json::{Map, Value};

use super::super::wire::{Received, form};
use super::api::Refusal;

/// The parameters of one call.
pub(super) struct Parameters(Map<String, Value>);

impl Parameters {
    /// Reads all of them; those of the body win.
    pub(super) fn read(request: &Received) -> Result<Self, Refusal> {
        let texts = |pairs: Vec<(String, String)>| pairs.into_iter().map(|(name, text)| (name, Value::String(text)));
        let mut all: Map<String, Value> = texts(request.parameters()).collect();
        let kind = request.header("content-type").unwrap_or_default();
        if request.body.is_empty() {
            return Ok(Self(all));
        }
        if kind.starts_with("application/json") {
            match request.json() {
                Some(Value::Object(body)) => all.extend(body),
                _ => return Err(Refusal::bad("can't parse JSON object")),
            }
        } else if kind.starts_with("application/x-www-form-urlencoded") {
            all.extend(texts(form(&String::from_utf8_lossy(&request.body))));
        } else {
            return Err(Refusal::bad("unsupported content type"));
        }
        Ok(Self(all))
    }

    /// A text; numbers are taken as one.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        match self.0.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// A whole number; `None` if there is none.
    pub(super) fn integer(&self, name: &str) -> Option<i64> {
        self.text(name)?.trim().parse().ok()
    }

    /// An object or an array, as JSON or as a text that is JSON.
    pub(super) fn json(&self, name: &str) -> Result<Option<Value>, Refusal> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => match serde_json::from_str(text) {
                Ok(json) => Ok(Some(json)),
                Err(_) => Err(Refusal::bad(&format!("can't parse {} JSON object", name.replace('_', " ")))),
            },
            Some(json) => Ok(Some(json.clone())),
        }
    }
}
