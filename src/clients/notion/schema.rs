//! What a database looks like: where its rows are and which properties they have. Users rename, retype and delete
//! properties at any time, so a schema is a guess that rows and refusals may prove wrong.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::row::Columns;
use super::text::Text;
use crate::clients::error::{ClientError, ErrorKind};

/// What Notion calls the group of those names of a `status` that mean an end. Users can change neither it nor its name.
const COMPLETE: &str = "Complete";

/// Where rows are queried and created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A database, before 2025-09-03.
    Database(String),
    /// A data source of a database.
    DataSource(String),
}

impl Source {
    /// Its path from `/v1` on.
    pub(super) fn path(&self) -> String {
        let (collection, id) = match self {
            Self::Database(id) => ("databases", id),
            Self::DataSource(id) => ("data_sources", id),
        };
        format!("/v1/{collection}/{}", utf8_percent_encode(id, UNRESERVED))
    }

    /// What a new page in it names as its parent.
    pub(super) fn as_parent(&self) -> Value {
        match self {
            Self::Database(id) => json!({"database_id": id}),
            Self::DataSource(id) => json!({"type": "data_source_id", "data_source_id": id}),
        }
    }
}

/// A property as the schema describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Property {
    /// Its name now; case matters to Notion.
    pub name: String,
    /// Its id, which outlives renaming; percent-encoded as Notion gives it.
    pub id: String,
    /// Its type in Notion's word: `number`, `select`, …
    pub kind: String,
    /// The names to choose from, of a `select`, `multi_select` or `status`.
    pub options: Vec<String>,
    /// Those of them that mean an end to Notion: of a `status`, the group `Complete`.
    pub complete: Vec<String>,
}

/// A database as it was when somebody looked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    /// Where its rows are.
    pub source: Source,
    /// Its properties by name.
    pub properties: Vec<Property>,
}

/// The properties that a reader of rows wants, by the names in the settings.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'w> {
    /// The status: a `select` or `status` property.
    pub status: &'w str,
    /// The score, if wanted: a `number` property.
    pub score: Option<&'w str>,
    /// Whether the title is wanted; it is found by its type.
    pub title: bool,
}

/// The wanted properties as the schema has them.
pub(super) struct Found<'s> {
    pub(super) status: &'s Property,
    pub(super) score: Option<&'s Property>,
    pub(super) title: Option<&'s Property>,
}

impl Schema {
    /// Reads the properties out of a database (before 2025-09-03) or data source object.
    pub(super) fn read(json: &[u8], source: Source) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Described<'a> {
            #[serde(borrow)]
            properties: BTreeMap<Text<'a>, Description<'a>>,
        }
        #[derive(Deserialize)]
        struct Description<'a> {
            #[serde(borrow)]
            id: Text<'a>,
            #[serde(borrow, rename = "type")]
            kind: Text<'a>,
            #[serde(borrow, alias = "status", alias = "multi_select")]
            select: Option<Choices<'a>>,
        }
        #[derive(Deserialize)]
        struct Choices<'a> {
            #[serde(borrow, default)]
            options: Vec<Choice<'a>>,
            #[serde(borrow, default)]
            groups: Vec<Group<'a>>,
        }
        #[derive(Deserialize)]
        struct Choice<'a> {
            #[serde(borrow)]
            id: Option<Text<'a>>,
            #[serde(borrow)]
            name: Text<'a>,
        }
        #[derive(Deserialize)]
        struct Group<'a> {
            #[serde(borrow)]
            name: Text<'a>,
            #[serde(borrow, default)]
            option_ids: Vec<Text<'a>>,
        }
        let described: Described<'_> = serde_json::from_slice(json)?;
        let property = |(name, description): (Text<'_>, Description<'_>)| {
            let (options, groups) =
                description.select.map(|choices| (choices.options, choices.groups)).unwrap_or_default();
            let ends: Vec<_> =
                groups.iter().filter(|group| group.name.0 == COMPLETE).flat_map(|g| &g.option_ids).collect();
            let is_end =
                |choice: &&Choice<'_>| choice.id.as_ref().is_some_and(|id| ends.iter().any(|end| end.0 == id.0));
            let complete = options.iter().filter(is_end).map(|choice| choice.name.0.clone().into_owned()).collect();
            Property {
                name: name.into_string(),
                id: description.id.into_string(),
                kind: description.kind.into_string(),
                options: options.into_iter().map(|choice| choice.name.into_string()).collect(),
                complete,
            }
        };
        Ok(Self { source, properties: described.properties.into_iter().map(property).collect() })
    }

    /// The property with this name, if there is one.
    pub fn property(&self, name: &str) -> Option<&Property> {
        self.properties.iter().find(|property| property.name == name)
    }

    /// The title property; every database has exactly one.
    pub fn title(&self) -> Option<&Property> {
        self.properties.iter().find(|property| property.kind == "title")
    }

    /// The names of the properties of one of these types.
    pub fn of_kinds<'s>(&'s self, kinds: &[&str]) -> impl Iterator<Item = &'s str> {
        let fits = move |property: &&Property| kinds.contains(&property.kind.as_str());
        self.properties.iter().filter(fits).map(|property| property.name.as_str())
    }

    /// Finds what is wanted; what is missing or of another type is named, and so is what is there instead.
    pub(super) fn find(&self, wanted: &Wanted<'_>) -> Result<Found<'_>, ClientError> {
        let title = || self.title().ok_or_else(|| ClientError::new(ErrorKind::Schema, "no title property"));
        Ok(Found {
            status: self.require(wanted.status, &["select", "status"])?,
            score: wanted.score.map(|name| self.require(name, &["number"])).transpose()?,
            title: wanted.title.then(title).transpose()?,
        })
    }

    fn require(&self, name: &str, kinds: &[&str]) -> Result<&Property, ClientError> {
        let fits = |property: &&Property| kinds.contains(&property.kind.as_str());
        let wanted = kinds.join(" or ");
        let problem = match self.property(name) {
            Some(property) if fits(&property) => return Ok(property),
            Some(property) => format!("property \"{name}\" is of type {}, not {wanted}", property.kind),
            None => format!("no property \"{name}\""),
        };
        let (candidates, others): (Vec<_>, Vec<_>) = self.properties.iter().partition(fits);
        let candidates = match candidates.as_slice() {
            [] => format!("there is none of type {wanted}"),
            some => format!("of type {wanted} there are: {}", names(some)),
        };
        let others = if others.is_empty() { String::new() } else { format!("; others: {}", names(&others)) };
        Err(ClientError::new(ErrorKind::Schema, format!("{problem}; {candidates}{others}")))
    }
}

fn names(properties: &[&Property]) -> String {
    properties.iter().map(|property| format!("\"{}\"", property.name)).collect::<Vec<_>>().join(", ")
}

impl<'s> Found<'s> {
    pub(super) fn columns(&self) -> Columns<'s> {
        let name = |property: &'s Property| property.name.as_str();
        Columns { status: name(self.status), score: self.score.map(name), title: self.title.map(name) }
    }

    /// The query string that leaves all other properties out of the answer.
    pub(super) fn filter_properties(&self) -> String {
        [Some(self.status), self.score, self.title]
            .into_iter()
            .flatten()
            .map(|property| format!("filter_properties={}", encoded_once(&property.id)))
            .collect::<Vec<_>>()
            .join("&")
    }
}

/// An id of a property for the wire. Notion gives ids that are encoded already; encoding the `%` once more would ask
/// for another property.
fn encoded_once(id: &str) -> String {
    let raw = percent_decode_str(id).decode_utf8_lossy();
    utf8_percent_encode(&raw, UNRESERVED).to_string()
}

/// What may stand in a URL as it is.
pub(super) const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

#[cfg(test)]
#[path = "schema_tests.rs"]
mod tests;
