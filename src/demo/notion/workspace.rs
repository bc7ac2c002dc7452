//! What the stand-in of Notion knows: databases, data sources, rows, and how its switches stand.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use super::error::{Answer, Refusal};
use super::ids;
use super::paging::Sessions;
use super::row::Row;
use super::schema::{Property, PropertyKind, Schema};
use super::value::{DateValue, Moment, Value};
use super::version::Version;

/// The whole state.
pub(super) struct Workspace {
    /// The token, accepted unless it was revoked.
    pub(super) token: String,
    pub(super) token_revoked: bool,
    /// The integration may not write.
    pub(super) only_reads: bool,
    pub(super) databases: Vec<Database>,
    pub(super) sources: Vec<Source>,
    /// Where a page is: the numbers of its data source and of its row.
    pub(super) pages: HashMap<Uuid, (usize, usize)>,
    pub(super) sessions: Sessions,
    /// Every so many rows come without their contents.
    pub(super) partial_every: Option<usize>,
    /// A page of results holds at most so many rows, whatever was asked for.
    pub(super) page_at_most: usize,
    pub(super) rate: Option<Rate>,
}

/// A database: a title and one or more data sources.
pub(super) struct Database {
    pub(super) id: Uuid,
    pub(super) title: String,
    pub(super) created: DateTime<Utc>,
    pub(super) shared: bool,
}

/// A data source: a schema and its rows.
pub(super) struct Source {
    pub(super) id: Uuid,
    pub(super) database: Uuid,
    pub(super) name: String,
    pub(super) properties: Vec<Property>,
    pub(super) rows: Vec<Row>,
    /// Goes up with each change, so that a query under way knows that its order may be old.
    pub(super) changes: u64,
    next_slot: usize,
}

/// A fixed window of requests.
pub(super) struct Rate {
    requests: u32,
    per: Duration,
    opened: Instant,
    used: u32,
}

impl Workspace {
    pub(super) fn new(token: String) -> Self {
        Self {
            token,
            token_revoked: false,
            only_reads: false,
            databases: Vec::new(),
            sources: Vec::new(),
            pages: HashMap::new(),
            sessions: Sessions::default(),
            partial_every: None,
            page_at_most: usize::MAX,
            rate: None,
        }
    }

    pub(super) fn add_database(&mut self, title: &str, schema: Schema) -> Uuid {
        let id = ids::random();
        self.databases.push(Database { id, title: title.to_owned(), created: Utc::now(), shared: true });
        self.add_source(id, title, schema);
        id
    }

    pub(super) fn add_source(&mut self, database: Uuid, name: &str, schema: Schema) -> Uuid {
        let id = ids::random();
        self.sources.push(Source::new(id, database, name, schema));
        id
    }

    /// The shared database of this id.
    pub(super) fn database(&self, id: Uuid) -> Answer<&Database> {
        let found = self.databases.iter().find(|database| database.id == id && database.shared);
        found.ok_or_else(|| Refusal::not_found("database", id))
    }

    /// The number of the data source of this id, if its database is shared.
    pub(super) fn source(&self, id: Uuid) -> Answer<usize> {
        let found = self.sources.iter().position(|source| source.id == id);
        let shared = found.filter(|source| self.database(self.sources[*source].database).is_ok());
        shared.ok_or_else(|| Refusal::not_found("data_source", id))
    }

    /// The numbers of the data sources of a database.
    pub(super) fn sources_of(&self, database: Uuid) -> Vec<usize> {
        (0..self.sources.len()).filter(|source| self.sources[*source].database == database).collect()
    }

    /// The number of the only data source of a shared database; a database with several is refused, in the old version
    /// with the document that tells how to go on.
    pub(super) fn only_source(&self, database: Uuid, version: Version) -> Answer<usize> {
        let database = self.database(database)?.id;
        match self.sources_of(database).as_slice() {
            [only] => Ok(*only),
            several => {
                let children: Vec<_> = several.iter().map(|source| self.sources[*source].id.to_string()).collect();
                let mut refusal = if version.has_data_sources() {
                    Refusal::invalid("Databases with multiple data sources need a data_source_id as the parent.")
                } else {
                    Refusal::invalid("Databases with multiple data sources are not supported in this API version.")
                };
                refusal.additional = Some(json!({
                    "error_type": "multiple_data_sources_for_database",
                    "database_id": database.to_string(),
                    "child_data_source_ids": children,
                    "minimum_api_version": "2025-09-03",
                }));
                Err(refusal)
            }
        }
    }

    /// The numbers of the data source and row of a page, if its database is shared.
    pub(super) fn page(&self, id: Uuid) -> Answer<(usize, usize)> {
        let found = self.pages.get(&id).copied();
        let shared = found.filter(|(source, _)| self.database(self.sources[*source].database).is_ok());
        shared.ok_or_else(|| Refusal::not_found("page", id))
    }

    /// Appends a row to data source number `source`.
    pub(super) fn add_row(&mut self, source: usize, row: Row) {
        let home = &mut self.sources[source];
        self.pages.insert(row.id, (source, home.rows.len()));
        home.rows.push(row);
        home.changes += 1;
    }

    /// Takes all rows away from data source number `source`; queries under way lose their cursors.
    pub(super) fn clear_rows(&mut self, source: usize) {
        let home = &mut self.sources[source];
        for row in home.rows.drain(..) {
            self.pages.remove(&row.id);
        }
        home.changes += 1;
        self.sessions.forget(home.id);
    }

    /// Counts a request; refuses it if the window is used up.
    pub(super) fn count_request(&mut self) -> Answer<()> {
        match &mut self.rate {
            Some(rate) => rate.count(Instant::now()),
            None => Ok(()),
        }
    }
}

impl Source {
    fn new(id: Uuid, database: Uuid, name: &str, schema: Schema) -> Self {
        let name = name.to_owned();
        let mut source =
            Self { id, database, name, properties: Vec::new(), rows: Vec::new(), changes: 0, next_slot: 0 };
        if !schema.iter().any(|(_, kind)| *kind == PropertyKind::Title) {
            source.add_property("Name".to_owned(), PropertyKind::Title);
        }
        for (name, kind) in schema {
            source.add_property(name, kind);
        }
        source
    }

    pub(super) fn add_property(&mut self, name: String, kind: PropertyKind) {
        self.properties.push(Property::new(name, kind, self.next_slot));
        self.next_slot += 1;
        self.changes += 1;
    }

    /// The property that was created as `name`, whatever it is called now.
    fn created_as(&self, name: &str) -> Option<usize> {
        self.properties.iter().position(|property| property.first_name == name)
    }

    /// The slot of the title.
    pub(super) fn title_slot(&self) -> usize {
        let title = self.properties.iter().find(|property| property.kind == PropertyKind::Title);
        title.map_or(0, |title| title.slot)
    }

    /// Sets the status of row number `row`, if there still is a property that was created as `Status`.
    pub(super) fn set_status(&mut self, row: usize, status: Option<&str>) {
        let Some(place) = self.created_as("Status") else { return };
        let property = &mut self.properties[place];
        let value = match (status, &property.kind) {
            (None, _) => Value::Empty,
            (Some(name), PropertyKind::Select { .. } | PropertyKind::Status { .. }) => {
                if property.choice(name).is_none() {
                    // A status has to be in a group; the middle one is the least surprising.
                    property.add_choice(name, matches!(property.kind, PropertyKind::Status { .. }).then_some(1));
                }
                property.choice(name).map_or(Value::Empty, Value::Choice)
            }
            (Some(name), PropertyKind::RichText) => Value::text(name),
            _ => return,
        };
        let slot = property.slot;
        self.rows[row].set(slot, value);
    }

    /// Sets a number, if there still is a number property that was created as `name`.
    pub(super) fn set_number(&mut self, row: usize, name: &str, number: Option<f64>) {
        let Some(place) = self.created_as(name) else { return };
        let property = &self.properties[place];
        if matches!(property.kind, PropertyKind::Number | PropertyKind::Formula) {
            let number = number.filter(|number| number.is_finite());
            self.rows[row].set(property.slot, number.map_or(Value::Empty, Value::Number));
        }
    }

    /// Sets a text, if there still is a rich-text property that was created as `name`.
    pub(super) fn set_text(&mut self, row: usize, name: &str, text: &str) {
        let Some(place) = self.created_as(name) else { return };
        if self.properties[place].kind == PropertyKind::RichText {
            self.rows[row].set(self.properties[place].slot, Value::text(text));
        }
    }

    /// Sets a date, if there still is a date property that was created as `name`.
    pub(super) fn set_date(&mut self, row: usize, name: &str, moment: Moment) {
        let Some(place) = self.created_as(name) else { return };
        if self.properties[place].kind == PropertyKind::Date {
            let date = DateValue { start: moment.show(), end: None, millis: moment.millis() };
            self.rows[row].set(self.properties[place].slot, Value::Date(date));
        }
    }
}

impl Rate {
    pub(super) fn new(requests: u32, per: Duration) -> Self {
        Self { requests, per, opened: Instant::now(), used: 0 }
    }

    fn count(&mut self, now: Instant) -> Answer<()> {
        if now.duration_since(self.opened) >= self.per {
            (self.opened, self.used) = (now, 0);
        }
        if self.used < self.requests {
            self.used += 1;
            return Ok(());
        }
        let left = self.per.saturating_sub(now.duration_since(self.opened));
        // Whole seconds, and never too few.
        Err(Refusal::rate_limited(left.as_millis().div_ceil(1000).max(1) as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_refuses_what_is_too_much_and_opens_again() {
        let mut rate = Rate::new(2, Duration::from_secs(60));
        let start = rate.opened;
        assert!(rate.count(start).is_ok() && rate.count(start).is_ok());
        let refused = rate.count(start + Duration::from_millis(59_500)).map_err(|refusal| refusal.retry_after);
        assert_eq!(refused, Err(Some(1)));
        assert!(rate.count(start + Duration::from_secs(60)).is_ok());
    }
}
