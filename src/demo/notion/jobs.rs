//! Jobs in a Job Log, as the watched pipeline writes them: the short way to fill a database.

use chrono::{DateTime, Utc};

use super::super::stand_in::StandIn;
use super::ids::{self, DatabaseId, PageId};
use super::routes::NotionApi;
use super::row::Row;
use super::value::{Moment, Value};
use super::workspace::{Source, Workspace};

/// A job to write into a database that has the properties of a Job Log; what such a property was renamed to does not
/// matter, and a missing one is passed over.
#[derive(Clone, Debug)]
pub struct JobRow {
    /// The title.
    pub name: String,
    /// The option of `Status`, made if there is none of this name.
    pub status: Option<String>,
    /// `QA Score`.
    pub qa: Option<f64>,
    /// When the page was created; shown to the minute.
    pub created: DateTime<Utc>,
    /// When it was last edited; likewise.
    pub last_edited: DateTime<Utc>,
}

/// What a pipeline writes into the notes of a job.
const NOTES: &str = "Outlined, drafted and checked against the brief. The reviewer asked for two sources more in the \
    second part and for a shorter summary; both were done in the second pass. Tone and reading level are as agreed with \
    the client. Open: the figure in the last paragraph is still the one of the previous quarter, and two links go to \
    pages that have moved since.";

impl StandIn<NotionApi> {
    /// Adds a job to the first data source of a database.
    pub fn add_job(&self, database: DatabaseId, job: JobRow) -> PageId {
        let ids = self.add_jobs(database, [job]);
        // There was one job, so there is one id.
        ids.first().copied().unwrap_or(PageId(ids::random()))
    }

    /// Adds many jobs, in one go.
    pub fn add_jobs(&self, database: DatabaseId, jobs: impl IntoIterator<Item = JobRow>) -> Vec<PageId> {
        let mut workspace = self.party().workspace();
        let Some(source) = first_source(&workspace, database) else { return Vec::new() };
        jobs.into_iter().map(|job| PageId(add(&mut workspace, source, job))).collect()
    }

    /// Sets a job's status, as somebody who edits it at `at` does.
    pub fn edit_job(&self, page: PageId, status: Option<&str>, at: DateTime<Utc>) {
        let edit = |source: &mut Source, row: usize| source.set_status(row, status);
        self.edit(page, at, edit);
    }

    /// Sets a job's score, likewise.
    pub fn score_job(&self, page: PageId, qa: Option<f64>, at: DateTime<Utc>) {
        let edit = |source: &mut Source, row: usize| source.set_number(row, "QA Score", qa);
        self.edit(page, at, edit);
    }

    /// Removes all rows of a database.
    pub fn clear_jobs(&self, database: DatabaseId) {
        let mut workspace = self.party().workspace();
        for source in workspace.sources_of(database.0) {
            workspace.clear_rows(source);
        }
    }

    fn edit(&self, page: PageId, at: DateTime<Utc>, edit: impl FnOnce(&mut Source, usize)) {
        let mut workspace = self.party().workspace();
        let Some((source, row)) = workspace.pages.get(&page.0).copied() else { return };
        let source = &mut workspace.sources[source];
        edit(source, row);
        source.rows[row].touch(at);
        source.changes += 1;
    }
}

fn first_source(workspace: &Workspace, database: DatabaseId) -> Option<usize> {
    workspace.sources_of(database.0).first().copied()
}

fn add(workspace: &mut Workspace, source: usize, job: JobRow) -> uuid::Uuid {
    let id = ids::random();
    workspace.add_row(source, Row::new(id, job.created, job.last_edited));
    let home = &mut workspace.sources[source];
    let row = home.rows.len() - 1;
    let title = home.title_slot();
    home.rows[row].set(title, Value::text(job.name));
    home.set_status(row, job.status.as_deref());
    home.set_number(row, "QA Score", job.qa);
    // The rest is there so that a row has the size and the look of a real one.
    let seed = row as f64;
    home.set_number(row, "Cost", Some((seed % 37.0) / 1000.0));
    home.set_number(row, "Duration (ms)", Some(1_200.0 + seed % 4_800.0));
    home.set_number(row, "Tokens In", Some(300.0 + seed % 900.0));
    home.set_number(row, "Tokens Out", Some(150.0 + seed % 700.0));
    home.set_text(row, "Notes", NOTES);
    home.set_text(row, "Commit", "9f3c2ab");
    home.set_date(row, "Timestamp", Moment::Instant(job.created));
    id
}
