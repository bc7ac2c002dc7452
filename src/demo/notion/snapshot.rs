//! What is in a database, for those who want to see what was written there.

use serde_json::{Map, Value as Json};

use super::super::stand_in::StandIn;
use super::ids::{DatabaseId, PageId};
use super::pages;
use super::routes::NotionApi;
use super::version::Version;

/// A page as it was at one moment.
#[derive(Clone, Debug)]
pub struct PageSnapshot {
    /// The page's id.
    pub id: PageId,
    /// Whether it is in the trash.
    pub in_trash: bool,
    /// The page object's `properties`.
    pub properties: Map<String, Json>,
}

impl PageSnapshot {
    /// The whole text of a title or rich-text property.
    pub fn text(&self, name: &str) -> Option<String> {
        let pieces = self.value(name)?.as_array()?.iter();
        Some(pieces.filter_map(|piece| piece["plain_text"].as_str()).collect())
    }

    /// A number property.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.value(name)?.as_f64()
    }

    /// A checkbox property.
    pub fn checkbox(&self, name: &str) -> Option<bool> {
        self.value(name)?.as_bool()
    }

    /// The start of a date property.
    pub fn date(&self, name: &str) -> Option<String> {
        Some(self.value(name)?["start"].as_str()?.to_owned())
    }

    /// The name of the option of a select or status property.
    pub fn option(&self, name: &str) -> Option<String> {
        Some(self.value(name)?["name"].as_str()?.to_owned())
    }

    fn value(&self, name: &str) -> Option<&Json> {
        let property = self.properties.get(name)?;
        property.get(property["type"].as_str()?)
    }
}

impl StandIn<NotionApi> {
    /// All pages of a database, trashed ones included, in the order of their creation.
    pub fn pages(&self, database: DatabaseId) -> Vec<PageSnapshot> {
        let workspace = self.party().workspace();
        let sources = workspace.sources_of(database.0).into_iter();
        let places = sources.flat_map(|source| (0..workspace.sources[source].rows.len()).map(move |row| (source, row)));
        let snapshot = |(source, row): (usize, usize)| {
            let text = pages::write(&workspace, (source, row), None, Version::V2026) + "}";
            let properties = match serde_json::from_str::<Json>(&text).map(|mut page| page["properties"].take()) {
                Ok(Json::Object(properties)) => properties,
                _ => Map::new(),
            };
            let row = &workspace.sources[source].rows[row];
            PageSnapshot { id: PageId(row.id), in_trash: row.in_trash, properties }
        };
        places.map(snapshot).collect()
    }
}
