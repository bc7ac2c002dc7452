//! The client of the stand-ins' own tests: awc, without anything of ours in between.

use std::time::Duration;

use awc::http::Method;
use serde_json::Value;

/// An answer, read whole.
pub(super) struct Seen {
    pub(super) status: u16,
    headers: awc::http::header::HeaderMap,
    pub(super) body: Value,
    pub(super) bytes: usize,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// Sends a request with a JSON body, `Value::Null` being none, and reads the JSON that comes back.
pub(super) async fn call(method: &str, url: &str, headers: &[(&str, &str)], body: &Value) -> Seen {
    let client = awc::Client::builder().timeout(Duration::from_secs(20)).disable_redirects().finish();
    let mut request = client.request(Method::from_bytes(method.as_bytes()).unwrap(), url);
    for (name, value) in headers {
        request = request.insert_header((*name, *value));
    }
    let sent = if body.is_null() { request.send() } else { request.send_json(body) };
    let mut answer = sent.await.unwrap();
    let bytes = answer.body().limit(8 << 20).await.unwrap();
    Seen {
        status: answer.status().as_u16(),
        headers: answer.headers().clone(),
        body: serde_json::from_slice(&bytes).unwrap_or_default(),
        bytes: bytes.len(),
    }
}
