//! How the jobs of the window went.

use std::time::Instant;

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;

use super::Check;
use super::job_log::JobLog;
use crate::diagnosis::Asked;
use crate::domain::report::{CheckName, Figures, Sight};
use crate::domain::rules;

/// The metrics of the window.
pub struct JobMetrics {
    log: JobLog,
}

impl JobMetrics {
    /// Reads from `log`.
    pub fn new(log: JobLog) -> Self {
        Self { log }
    }
}

impl Check for JobMetrics {
    fn name(&self) -> CheckName {
        CheckName::Metrics
    }

    fn look(&self, now: DateTime<Utc>, deadline: Instant) -> LocalBoxFuture<'_, Sight> {
        async move {
            match self.log.metrics(now, deadline).await {
                Ok(metrics) => {
                    let issues = rules::metrics_issues(&metrics, &self.log.config().thresholds);
                    Sight::Seen { figures: Figures::Metrics(metrics), issues }
                }
                Err(fault) => Sight::Blind(fault),
            }
        }
        .boxed_local()
    }

    fn examine(&self, deadline: Instant) -> LocalBoxFuture<'_, Vec<Asked>> {
        self.log.examine(deadline).boxed_local()
    }
}
