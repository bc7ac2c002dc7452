//! The jobs as Notion keeps them: which rows to ask for, and what a row says.

mod examination;
mod progress;
mod usual;

use std::collections::HashSet;
use std::time::Instant;

use chrono::{DateTime, Utc};

use self::progress::Progress;
use super::{JobsConfig, fault};
use crate::clients::error::ClientError;
use crate::clients::http::Http;
use crate::clients::notion::query::Selection;
use crate::clients::notion::row::Row;
use crate::clients::notion::schema::Wanted;
use crate::clients::notion::{self, Notion};
use crate::diagnosis::Asked;
use crate::domain::fault::{Fault, FaultKind, Party};
use crate::domain::job::{Metrics, StuckJob, StuckJobs, stuck_before, window_start};

/// Where the jobs are.
pub struct JobLog {
    notion: Notion,
    config: JobsConfig,
}

impl JobLog {
    /// Reads from `notion` what `config` says.
    pub fn new(notion: notion::Config, config: JobsConfig) -> Self {
        Self { notion: Notion::new(Http::new(), notion), config }
    }

    /// The settings that it reads by.
    pub fn config(&self) -> &JobsConfig {
        &self.config
    }

    /// Adds up the jobs of the window. A count is complete, or it is a fault.
    pub async fn metrics(&self, now: DateTime<Utc>, deadline: Instant) -> Result<Metrics, Fault> {
        let config = &self.config;
        let wanted = Wanted { status: &config.status_property, score: Some(&config.qa_property), title: false };
        let selection = Selection::CreatedSince(window_start(now, config.thresholds.window));
        let (mut metrics, mut progress) = (Metrics::default(), Progress::begin("metrics"));
        let mut add = |row: Row<'_>| {
            progress.row();
            let done = config.statuses.is_done(row.status.as_deref());
            metrics.add(done, row.score, config.thresholds.qa_low);
        };
        complete(self.notion.jobs(&config.job_log, &wanted, &selection, deadline, &mut add).await)?;
        Ok(metrics)
    }

    /// Finds the jobs that nobody has touched for too long, in all databases of jobs, each job once.
    pub async fn stuck(&self, now: DateTime<Utc>, deadline: Instant) -> Result<StuckJobs, Fault> {
        let config = &self.config;
        let wanted = Wanted { status: &config.status_property, score: None, title: true };
        let edited_before = stuck_before(now, config.thresholds.stuck_after);
        let selection = Selection::Untouched { edited_before, not_in: &config.statuses.terminal };
        let mut seen = HashSet::new();
        let (mut stuck, mut progress) = (StuckJobs::default(), Progress::begin("stuck_jobs"));
        let mut add = |row: Row<'_>| {
            progress.row();
            // Notion was asked for just these, but it is our word that counts.
            let waiting = !config.statuses.is_terminal(row.status.as_deref());
            if waiting && row.edited < edited_before && seen.insert(row.id) {
                stuck.add(StuckJob::new(&row.title, row.status.as_deref(), row.edited, &row.url));
            }
        };
        for database in [Some(&config.job_log), config.queue.as_ref()].into_iter().flatten() {
            complete(self.notion.jobs(database, &wanted, &selection, deadline, &mut add).await)?;
        }
        Ok(stuck)
    }

    /// Whether the database of jobs is such that it can be read by the settings.
    pub async fn examine(&self, deadline: Instant) -> Vec<Asked> {
        examination::job_log(&self.notion, &self.config, deadline).await
    }

    /// The same of the second database, if there is one.
    pub async fn examine_queue(&self, deadline: Instant) -> Vec<Asked> {
        match &self.config.queue {
            Some(queue) => examination::queue(&self.notion, &self.config, queue, deadline).await,
            None => vec![],
        }
    }
}

/// A read that left out rows is no read: a count of the rest would be short.
fn complete(read: Result<notion::Read, ClientError>) -> Result<(), Fault> {
    let read = read.map_err(|error| fault(Party::Notion, &error))?;
    if read.unreadable > 0 {
        let detail =
            format!("{} row(s) came without their properties: share them with the integration", read.unreadable);
        return Err(Fault::new(Party::Notion, FaultKind::Incomplete, detail));
    }
    Ok(())
}
