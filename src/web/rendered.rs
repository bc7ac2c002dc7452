//! The report as bytes: rendered once a cycle, not once a request.

use std::sync::Arc;

use actix_web::web::Bytes;
use arc_swap::ArcSwapOption;

use super::ops_report::document;
use crate::domain::issue::Issue;
use crate::domain::report::Overview;

/// The bytes last served, without details and with them.
#[derive(Default)]
pub(super) struct Cache {
    public: ArcSwapOption<Rendered>,
    detailed: ArcSwapOption<Rendered>,
}

/// The bytes, and what they were made from.
struct Rendered {
    overview: Arc<Overview>,
    stale: Option<Issue>,
    body: Bytes,
}

impl Cache {
    /// The report of `overview` as JSON; `stale` is the issue of its being too old.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub(super) fn body(
        &self,
        overview: &Arc<Overview>,
        stale: Option<Issue>,
        service: &str,
        details: bool,
    ) -> serde_json::Result<Bytes> {
        let place = if details { &self.detailed } else { &self.public };
        if let Some(last) = place.load().as_deref()
            && Arc::ptr_eq(&last.overview, overview)
            && last.stale == stale
        {
            return Ok(last.body.clone());
        }
        let body = Bytes::from(serde_json::to_vec(&document(overview, stale.as_ref(), service, details))?);
        let rendered = Rendered { overview: Arc::clone(overview), stale, body: body.clone() };
        place.store(Some(Arc::new(rendered)));
        Ok(body)
    }
}
