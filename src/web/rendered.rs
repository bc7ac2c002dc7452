//! The report as bytes: rendered when something is new in it, not at each request.

use std::sync::Arc;

use actix_web::web::Bytes;
use arc_swap::ArcSwapOption;

use super::WebState;
use super::ops_report::{actors, document};
use crate::actors::acknowledgements::Acknowledged;
use crate::domain::delivery::ChannelDelivery;
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
    revision: u64,
    acknowledged: Acknowledged,
    deliveries: Arc<Vec<ChannelDelivery>>,
    page: Page,
}

/// A report that is ready to be sent.
#[derive(Clone)]
pub(super) struct Page {
    /// Whether all is well.
    pub(super) ok: bool,
    /// The report as JSON.
    pub(super) body: Bytes,
}

impl Cache {
    /// The report of `overview`; `stale` is the issue of its being too old, `web` knows the actors.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub(super) fn page(
        &self,
        overview: &Arc<Overview>,
        stale: Option<Issue>,
        web: &WebState,
        details: bool,
    ) -> serde_json::Result<Page> {
        // Before the actors are looked at: what changes in between is rendered again at the next request.
        let (revision, acknowledged) = (web.supervisor.revision(), web.acknowledgements.now());
        let deliveries = web.deliveries.known();
        let place = if details { &self.detailed } else { &self.public };
        if let Some(last) = place.load().as_deref()
            && Arc::ptr_eq(&last.overview, overview)
            && last.stale == stale
            && last.revision == revision
            && last.acknowledged.is(&acknowledged)
            && Arc::ptr_eq(&last.deliveries, &deliveries)
        {
            return Ok(last.page.clone());
        }
        let known = |issue: &Issue| overview.report.issues().any(|known| known.id == issue.id);
        // Without a Scheduler or an Escalator there is no cycle that would say so.
        let degraded = (web.degraded)().into_iter().filter(|issue| !known(issue));
        let since: Vec<Issue> = stale.iter().cloned().chain(degraded).collect();
        let actors = actors(&web.supervisor);
        let shown = acknowledged.on(overview);
        let service = web.settings.service.as_str();
        let channels = web.deliveries.each(&deliveries);
        let body = serde_json::to_vec(&document(&shown, &since, &actors, &channels, service, details))?;
        let page = Page { ok: overview.report.overall_ok() && since.is_empty(), body: Bytes::from(body) };
        let overview = Arc::clone(overview);
        let rendered = Rendered { overview, stale, revision, acknowledged, deliveries, page: page.clone() };
        place.store(Some(Arc::new(rendered)));
        Ok(page)
    }
}
