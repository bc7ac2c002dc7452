//! Why Notion did not do what it was asked, as far as it decides what to do next.

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::text::Text;
use crate::clients::error::{ClientError, ErrorKind};
use crate::clients::reply::{LONGEST_WAIT, Reply};

/// A failed exchange with Notion.
#[derive(Debug)]
pub(super) struct Fault {
    /// For the caller of this client.
    pub(super) error: ClientError,
    /// For this client itself.
    pub(super) cause: Cause,
}

/// What lies behind a failure.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// Too many requests, ours or everybody's; `shared` if whatever we ask next would be refused too.
    Rest { shared: bool },
    /// The token is not valid (any more).
    Token,
    /// Trouble of Notion's that may be over in a moment.
    Passing,
    /// The database has several data sources, and this version of the API cannot deal with that.
    SeveralDataSources(Vec<String>),
    /// In spite of the failure, the page with this id was written.
    Stored(String),
    /// Anything else; asking again will not help.
    Other,
}

impl From<ClientError> for Fault {
    fn from(error: ClientError) -> Self {
        Self { error, cause: Cause::Other }
    }
}

/// The body of an error. Everything may be missing: an edge in front of Notion answers in HTML.
#[derive(Deserialize, Default)]
struct Body<'a> {
    #[serde(borrow)]
    code: Option<Text<'a>>,
    #[serde(borrow)]
    message: Option<Text<'a>>,
    #[serde(borrow)]
    additional_data: Option<Additional<'a>>,
}

#[derive(Deserialize, Default)]
struct Additional<'a> {
    #[serde(borrow)]
    error_type: Option<Text<'a>>,
    #[serde(borrow)]
    child_data_source_ids: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    rate_limit_reason: Option<Text<'a>>,
    #[serde(borrow)]
    retry_after: Option<&'a RawValue>,
    #[serde(borrow)]
    block_limit: Option<Text<'a>>,
    #[serde(borrow)]
    committed_resource_id: Option<Text<'a>>,
}

impl Fault {
    /// What an answer without success says.
    pub(super) fn of(reply: &Reply) -> Self {
        let Body { code, message, additional_data } = serde_json::from_slice(&reply.body).unwrap_or_default();
        let more = additional_data.unwrap_or_default();
        let message = message.map(Text::into_string).unwrap_or_default();
        let is = |text: &Option<Text<'_>>, what| text.as_ref().is_some_and(|text| text.0 == what);

        let kind = match reply.status {
            // Not a matter of waiting: Notion has shut this connection out.
            429 if is(&more.rate_limit_reason, "public_api_request_blocked") => Some(ErrorKind::Forbidden),
            // A workspace on the free plan that is full.
            403 if more.block_limit.is_some() => Some(ErrorKind::QuotaExhausted),
            // Somebody else wrote at the same moment; the request itself was in order.
            409 if is(&code, "conflict_error") => Some(ErrorKind::ServerFault),
            _ => None,
        };
        let mut error = match kind {
            Some(kind) => reply.error_as(kind, message),
            None => reply.error(message),
        };
        error.retry_after = error.retry_after.or_else(|| more.retry_after.and_then(seconds));

        let cause = match reply.status {
            429 if error.kind == ErrorKind::RateLimited => {
                Cause::Rest { shared: !is(&more.rate_limit_reason, "public_api_endpoint_rate_limit") }
            }
            529 => Cause::Rest { shared: true },
            401 => Cause::Token,
            400 if is(&more.error_type, "multiple_data_sources_for_database") => Cause::SeveralDataSources(
                more.child_data_source_ids.unwrap_or_default().into_iter().map(Text::into_string).collect(),
            ),
            500 | 502 | 503 | 504 => match more.committed_resource_id {
                Some(id) => Cause::Stored(id.into_string()),
                None => Cause::Passing,
            },
            _ => Cause::Other,
        };
        Self { error, cause }
    }

    /// Whether what we believe to know of the database may be out of date: the answer to a question that used to be
    /// right is now "no such thing" or "not like that".
    pub(super) fn doubts_schema(&self) -> bool {
        matches!(self.error.kind, ErrorKind::BadRequest | ErrorKind::NotFound)
    }
}

/// Seconds, as a number or in quotes.
fn seconds(json: &RawValue) -> Option<Duration> {
    let seconds: f64 = json.get().trim_matches('"').parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok().map(|wait| wait.min(LONGEST_WAIT))
}

#[cfg(test)]
#[path = "fault_tests.rs"]
mod tests;
