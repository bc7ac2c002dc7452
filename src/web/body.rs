//! The body of a request: JSON, of a bounded size, within a bounded time, and nothing in it that nobody reads.

use std::time::Duration;

use actix_web::web::{BytesMut, Payload};
use actix_web::{HttpRequest, http::header};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use tokio::time::timeout;
use url::form_urlencoded;

use super::problem::{Problem, shortened};

/// The largest body that is read, in bytes.
const LIMIT: usize = 16 << 10;

/// How long it may take to come.
const PATIENCE: Duration = Duration::from_secs(5);

/// The longest explanation of a body that cannot be read, in characters: it repeats what it was given.
const LONGEST_EXPLANATION: usize = 300;

/// The object that `payload` brings; none if the body is empty.
///
/// # Errors
/// It is not JSON (415), too large (413), too slow (408), or no such object (400).
pub(super) async fn object<T: DeserializeOwned>(request: &HttpRequest, payload: Payload) -> Result<Option<T>, Problem> {
    let bytes = bytes(request, payload).await?;
    if bytes.is_empty() {
        return Ok(None);
    }
    if !is_plain_json(request) {
        let detail = "The body is to be JSON: send it uncompressed with Content-Type: application/json.";
        return Err(Problem::unsupported(detail));
    }
    parsed(&bytes).map(Some)
}

/// The form that `payload` brings.
///
/// # Errors
/// It is too large (413) or too slow (408).
pub(super) async fn form(request: &HttpRequest, payload: Payload) -> Result<Form, Problem> {
    Ok(Form(form_urlencoded::parse(&bytes(request, payload).await?).into_owned().collect()))
}

/// A form that somebody has sent.
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// What is in a field; nothing if there is no such field.
    pub(super) fn field(&self, name: &str) -> &str {
        self.0.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str()).unwrap_or_default()
    }
}

async fn bytes(request: &HttpRequest, payload: Payload) -> Result<BytesMut, Problem> {
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: u64| length > LIMIT as u64) {
        return Err(too_large());
    }
    let bytes = timeout(PATIENCE, whole(payload)).await;
    bytes.map_err(|_| Problem::too_slow("The body did not come in time."))?
}

async fn whole(mut payload: Payload) -> Result<BytesMut, Problem> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Problem::bad_request("The body did not come whole."))?;
        if bytes.len() + chunk.len() > LIMIT {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn too_large() -> Problem {
    Problem::too_large(format!("The body is larger than {} KiB.", LIMIT >> 10))
}

fn is_plain_json(request: &HttpRequest) -> bool {
    let media_type = |value: &str| value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let header = |name| request.headers().get(name).map(|value| value.to_str().map(media_type).unwrap_or_default());
    let plain = header(header::CONTENT_ENCODING).is_none_or(|encoding| encoding == "identity");
    plain && header(header::CONTENT_TYPE).is_some_and(|content| content == "application/json")
}

fn parsed<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // A list of values in their order would be taken for an object.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(Problem::bad_request("The body is to be a JSON object."));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let why = error.to_string();
        Problem::bad_request(format!("The body cannot be read: {}.", shortened(&why, LONGEST_EXPLANATION)))
    })
}

/// A text of one line that a person wrote, without the blanks around it: from 1 to `longest` characters.
pub(super) fn line(name: &str, text: &str, longest: usize) -> Result<String, Problem> {
    let text = text.trim();
    let breaks = |letter: char| letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}');
    if text.is_empty() || text.chars().any(breaks) || text.chars().count() > longest {
        return Err(Problem::bad_request(format!("{name} is to be one line of 1 to {longest} characters.")));
    }
    Ok(text.into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Name {
        by: Option<String>,
    }

    #[test]
    fn an_object_is_taken_and_nothing_else() {
        assert_eq!(parsed::<Name>(br#" {"by": "ada"} "#).unwrap().by.as_deref(), Some("ada"));
        assert_eq!(parsed::<Name>(br#"{"by": null}"#).unwrap().by, None);
        for (body, expected) in [
            (r#"["ada"]"#, "The body is to be a JSON object."),
            ("null", "The body is to be a JSON object."),
            (r#"{"by": "ada", "whom": 1}"#, "unknown field `whom`, expected `by`"),
            (r#"{"by": "ada", "by": "bob"}"#, "duplicate field `by`"),
            (r#"{"by": 7}"#, "expected a string"),
            (r#"{"by": "ada"} x"#, "trailing characters"),
            (r#"{"by": "#, "EOF while parsing"),
            ("{\"by\": \"\u{0}\"}", "control character"),
        ] {
            let refused = parsed::<Name>(body.as_bytes()).unwrap_err().to_string();
            assert!(refused.starts_with("400 ") && refused.contains(expected), "{body}: {refused}");
        }
        assert!(parsed::<Name>(b"{\"by\": \"\xff\"}").is_err());
        let long = format!(r#"{{"{}": 1}}"#, "x".repeat(10_000));
        assert!(parsed::<Name>(long.as_bytes()).unwrap_err().to_string().len() < 400);
        assert!(parsed::<Name>("{\"by\":".repeat(2_000).as_bytes()).is_err());
    }

    #[test]
    fn a_line_is_one_line() {
        assert_eq!(line("by", " ada 🦀 ", 100).unwrap(), "ada 🦀");
        assert!(line("by", &"ä".repeat(100), 100).is_ok());
        for text in ["", "  ", "a\nb", "a\u{0}", "a\u{2028}b", "a\u{85}b", &"ä".repeat(101)] {
            let refused = line("by", text, 100).unwrap_err().to_string();
            assert_eq!(refused, "400 Bad Request: by is to be one line of 1 to 100 characters.", "{text:?}");
        }
    }
}
