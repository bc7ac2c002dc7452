//! Which jobs nobody has touched for too long.

use std::time::Instant;

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;

use super::Check;
use super::job_log::JobLog;
use crate::diagnosis::Asked;
use crate::domain::report::{CheckName, Figures, Sight};
use crate::domain::rules;

/// The stuck jobs.
pub struct StuckJobsCheck {
    log: JobLog,
}

impl StuckJobsCheck {
    /// Reads from `log`.
    pub fn new(log: JobLog) -> Self {
        Self { log }
    }
}

impl Check for StuckJobsCheck {
    fn name(&self) -> CheckName {
        CheckName::StuckJobs
    }

    fn look(&self, now: DateTime<Utc>, deadline: Instant) -> LocalBoxFuture<'_, Sight> {
        async move {
            match self.log.stuck(now, deadline).await {
                Ok(stuck) => {
                    let issues = rules::stuck_issue(&stuck, &self.log.config().thresholds).into_iter().collect();
                    Sight::Seen { figures: Figures::StuckJobs(stuck), issues }
                }
                Err(fault) => Sight::Blind(fault),
            }
        }
        .boxed_local()
    }

    /// The database of jobs is what the metrics are about, too, and is asked for there.
    fn examine(&self, deadline: Instant) -> LocalBoxFuture<'_, Vec<Asked>> {
        self.log.examine_queue(deadline).boxed_local()
    }
}
