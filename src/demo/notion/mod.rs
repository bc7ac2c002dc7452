//! Notion: databases with rows, in three versions of the API, as strict as it is documented.
//!
//! ```text
//! routes          who may ask what, in which version       error   the refusals and their wording
//! query, paging   rows in order, page by page              filter, span   which rows
//! pages, property_value, new_properties   what is written  row, value     what is shown
//! schema, version, ids, workspace   what there is
//! ```
//! Deliberately absent: blocks, comments, search, users other than the bot, relations, rollups, changes of a schema
//! through the API other than further properties.

mod error;
mod filter;
mod ids;
mod jobs;
mod new_properties;
mod pages;
mod paging;
mod property_value;
mod query;
mod routes;
mod row;
mod schema;
mod snapshot;
mod span;
#[cfg(test)]
mod tests;
mod value;
mod version;
mod workspace;

use std::io;
use std::time::Duration;

use super::stand_in::StandIn;
use workspace::{Rate, Workspace};

pub use ids::{DataSourceId, DatabaseId, PageId};
pub use jobs::JobRow;
pub use routes::NotionApi;
pub use schema::{PropertyKind, Schema, job_log_schema, status_board_schema};
pub use snapshot::PageSnapshot;

/// A running stand-in of Notion.
pub type Notion = StandIn<NotionApi>;

/// The token that is accepted at first.
const TOKEN: &str = "ntn_demo_4f9c1b7e2a";

impl StandIn<NotionApi> {
    /// Starts an empty workspace.
    ///
    /// # Errors
    /// No port of loopback or no thread could be had.
    pub fn start() -> io::Result<Self> {
        Self::open(NotionApi::new(Workspace::new(TOKEN.to_owned())))
    }

    /// The base URL, without `/v1`.
    pub fn url(&self) -> String {
        format!("http://{}", self.authority())
    }

    /// The newest token, whether it was revoked or not.
    pub fn token(&self) -> String {
        self.party().workspace().token.clone()
    }

    /// Accepts no token any more: every request is a 401.
    pub fn revoke_token(&self) {
        self.party().workspace().token_revoked = true;
    }

    /// Accepts `token`, and no other.
    pub fn accept_token(&self, token: &str) {
        let mut workspace = self.party().workspace();
        workspace.token = token.to_owned();
        workspace.token_revoked = false;
    }

    /// Adds a database with one data source of the same name. A schema without a title gets one, `Name`.
    pub fn create_database(&self, title: &str, schema: Schema) -> DatabaseId {
        DatabaseId(self.party().workspace().add_database(title, schema))
    }

    /// Adds a further data source to a database.
    pub fn add_data_source(&self, database: DatabaseId, name: &str, schema: Schema) -> DataSourceId {
        DataSourceId(self.party().workspace().add_source(database.0, name, schema))
    }

    /// The data sources of a database, the first one first.
    pub fn data_sources(&self, database: DatabaseId) -> Vec<DataSourceId> {
        let workspace = self.party().workspace();
        let numbers = workspace.sources_of(database.0);
        numbers.into_iter().map(|source| DataSourceId(workspace.sources[source].id)).collect()
    }

    /// Renames a property, as a user does; its id stays. Nothing happens if there is none of that name.
    pub fn rename_property(&self, database: DatabaseId, name: &str, new_name: &str) {
        self.change_properties(database, |properties| {
            let property = properties.iter_mut().find(|property| property.name == name);
            property.into_iter().for_each(|property| property.rename(new_name.to_owned()));
        });
    }

    /// Removes a property, and what the rows have in it.
    pub fn remove_property(&self, database: DatabaseId, name: &str) {
        self.change_properties(database, |properties| properties.retain(|property| property.name != name));
    }

    /// Adds a property, empty in all rows, to the first data source of a database.
    pub fn add_property(&self, database: DatabaseId, name: &str, kind: PropertyKind) {
        let mut workspace = self.party().workspace();
        let first = workspace.sources_of(database.0).first().copied();
        if let Some(source) = first {
            workspace.sources[source].add_property(name.to_owned(), kind);
        }
    }

    /// Takes a database from the integration: it, its data sources and its pages are a 404 from now on.
    pub fn unshare(&self, database: DatabaseId) {
        self.set_shared(database, false);
    }

    /// Gives it back.
    pub fn share(&self, database: DatabaseId) {
        self.set_shared(database, true);
    }

    /// Lets the integration read and nothing else: whatever it wants to write is a 403. `false` ends that.
    pub fn only_reads(&self, only: bool) {
        self.party().workspace().only_reads = only;
    }

    /// Every `every`th row of an answer comes as a partial page, without properties; `None` ends that.
    pub fn partial_pages(&self, every: Option<usize>) {
        self.party().workspace().partial_every = every.filter(|every| *every > 0);
    }

    /// A page of results holds at most `rows` rows, although more were asked for and are there.
    pub fn short_pages(&self, rows: Option<usize>) {
        self.party().workspace().page_at_most = rows.map_or(usize::MAX, |rows| rows.max(1));
    }

    /// Refuses more than `requests` requests in each fixed minute.
    pub fn limit_per_minute(&self, requests: u32) {
        self.limit_per(requests, Duration::from_secs(60));
    }

    /// Refuses more than `requests` requests in each fixed window of `per`.
    pub fn limit_per(&self, requests: u32, per: Duration) {
        self.party().workspace().rate = Some(Rate::new(requests, per));
    }

    /// Refuses no request for coming too often.
    pub fn lift_limit(&self) {
        self.party().workspace().rate = None;
    }

    fn set_shared(&self, database: DatabaseId, shared: bool) {
        let mut workspace = self.party().workspace();
        let database = workspace.databases.iter_mut().find(|known| known.id == database.0);
        database.into_iter().for_each(|database| database.shared = shared);
    }

    fn change_properties(&self, database: DatabaseId, change: impl Fn(&mut Vec<schema::Property>)) {
        let mut workspace = self.party().workspace();
        for source in workspace.sources_of(database.0) {
            let source = &mut workspace.sources[source];
            change(&mut source.properties);
            source.changes += 1;
        }
    }
}
