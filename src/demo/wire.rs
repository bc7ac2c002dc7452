//! A request as a stand-in received it, and the answer that it gives: plain data, so that what a party does can be
//! read and tested without a server.

use std::borrow::Cow;

use actix_web::HttpRequest;
use actix_web::web::Bytes;
use chrono::{DateTime, Utc};
use percent_encoding::percent_decode_str;
use serde_json::Value;

/// A request, whole.
#[derive(Clone, Debug)]
pub struct Received {
    /// The method, in capitals.
    pub method: String,
    /// The path as it came, percent-encoding included.
    pub path: String,
    /// What came after the `?`, as it came; empty if nothing did.
    pub query: String,
    /// Names in lower case, values as text.
    pub headers: Vec<(String, String)>,
    /// The body; one in a journal is cut off after 64 KiB.
    pub body: Bytes,
    /// When it was complete.
    pub at: DateTime<Utc>,
}

/// A journal keeps at most so much of a body.
const BODY_KEPT: usize = 64 * 1024;

impl Received {
    pub(super) fn new(request: &HttpRequest, body: Bytes) -> Self {
        let headers = request.headers().iter();
        Self {
            method: request.method().as_str().to_owned(),
            path: request.uri().path().to_owned(),
            query: request.query_string().to_owned(),
            headers: headers
                .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
                .collect(),
            body,
            at: Utc::now(),
        }
    }

    /// The first value of the header `name`, which is given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; `None` if it is none.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The token of `Authorization: Bearer …`.
    pub fn bearer(&self) -> Option<&str> {
        self.header("authorization")?.strip_prefix("Bearer ")
    }

    /// The query's parameters, decoded, in their order.
    pub fn parameters(&self) -> Vec<(String, String)> {
        form(&self.query)
    }

    /// The same with a body that is short enough for a journal.
    pub(super) fn for_the_journal(&self) -> Self {
        let mut kept = self.clone();
        if kept.body.len() > BODY_KEPT {
            kept.body = Bytes::copy_from_slice(&kept.body[..BODY_KEPT]);
        }
        kept
    }
}

/// Decodes `a=1&b=x%20y`, once; `+` is a space.
pub(super) fn form(text: &str) -> Vec<(String, String)> {
    fn decode(part: &str) -> String {
        let spaced: Cow<'_, str> = if part.contains('+') { part.replace('+', " ").into() } else { part.into() };
        percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
    }
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

/// An answer in JSON.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Headers beside `Content-Type`.
    pub headers: Vec<(&'static str, String)>,
    /// The JSON text.
    pub body: String,
}

impl Reply {
    pub(super) fn new(status: u16, body: &Value) -> Self {
        Self { status, headers: Vec::new(), body: body.to_string() }
    }

    pub(super) fn with(mut self, name: &'static str, value: &impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }
}
