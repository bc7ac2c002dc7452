//! The report as bytes: rendered when something is new in it, not at each request.

use std::sync::Arc;

use actix_web::web::Bytes;
use arc_swap::ArcSwapOption;

use super::ops_report::{actors, document};
use crate::domain::issue::Issue;
use crate::domain::report::Overview;
use crate::supervision::Supervisor;

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
    revision: u64,
    body: Bytes,
}

impl Cache {
    /// The report of `overview` as JSON; `stale` is the issue of its being too old, `supervisor` knows the actors.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub(super) fn body(
        &self,
        overview: &Arc<Overview>,
        stale: Option<Issue>,
        supervisor: &Supervisor,
        service: &str,
        details: bool,
    ) -> serde_json::Result<Bytes> {
        // Before the actors are looked at: what changes in between is rendered again at the next request.
        let revision = supervisor.revision();
        let place = if details { &self.detailed } else { &self.public };
        if let Some(last) = place.load().as_deref()
            && Arc::ptr_eq(&last.overview, overview)
            && last.stale == stale
            && last.revision == revision
        {
            return Ok(last.body.clone());
        }
        let body = Bytes::from(serde_json::to_vec(&document(
            overview,
            stale.as_ref(),
            &actors(supervisor),
            service,
            details,
        ))?);
        let rendered = Rendered { overview: Arc::clone(overview), stale, revision, body: body.clone() };
        place.store(Some(Arc::new(rendered)));
        Ok(body)
    }
}
