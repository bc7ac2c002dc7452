//! One row of a result list, read straight from the bytes of the answer.
//!
//! Only the few properties that somebody asked for are looked into; everything else, of whatever type Notion invents
//! next, is skipped as cheaply as serde_json can. There is no `Value` on this path: a database has 10,000 rows.

use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::text::{Of, Text};
use super::timestamp;

/// A row as the checks want it.
#[derive(Debug, PartialEq)]
pub struct Row<'a> {
    /// The page's id; the same however it is spelled.
    pub id: Uuid,
    /// When it was created, cut down to the minute by Notion.
    pub created: DateTime<Utc>,
    /// When anybody, human or bot, last edited it, cut down likewise.
    pub edited: DateTime<Utc>,
    /// Its address in Notion; empty if Notion gave none.
    pub url: Cow<'a, str>,
    /// The title as plain text; empty unless it was asked for.
    pub title: Cow<'a, str>,
    /// The name of the status; `None` for an empty cell.
    pub status: Option<Cow<'a, str>>,
    /// The score; `None` for an empty cell, for what is no number, and unless it was asked for.
    pub score: Option<f64>,
}

/// The properties to look into, by the names under which rows carry them.
#[derive(Debug, Clone, Copy)]
pub struct Columns<'c> {
    /// A `select` or `status` property.
    pub status: &'c str,
    /// A `number` property.
    pub score: Option<&'c str>,
    /// The `title` property.
    pub title: Option<&'c str>,
}

/// What one entry of a result list turned out to be.
#[derive(Debug, PartialEq)]
pub enum Entry<'a> {
    /// A row with everything that was asked for.
    Row(Row<'a>),
    /// A page that we may know of, but not look into: without properties, or without an id or times.
    Unreadable(Option<Uuid>),
    /// A row that lacks a property that was asked for, or has it as another type: the schema has changed.
    Stale(Row<'a>),
    /// No row at all: a data source of a wiki, for one.
    Other,
}

/// Reads one entry. Fails only on what is no JSON, or of a shape that Notion does not promise.
pub(super) struct EntrySeed<'c>(pub(super) Columns<'c>);

impl<'de> DeserializeSeed<'de> for EntrySeed<'_> {
    type Value = Entry<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Entry<'de>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for EntrySeed<'_> {
    type Value = Entry<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a page")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entry<'de>, A::Error> {
        let (mut page, mut id, mut created, mut edited) = (true, None, None, None);
        let (mut cells, mut url) = (None, None);
        while let Some(field) = map.next_key_seed(Of(Field::named))? {
            match field {
                Field::Object => page = map.next_value_seed(Of(|object: &[u8]| object == b"page"))?,
                Field::Id => id = map.next_value_seed(Of(|id: &[u8]| Uuid::try_parse_ascii(id).ok()))?,
                Field::Created => created = map.next_value_seed(Of(timestamp::read))?,
                Field::Edited => edited = map.next_value_seed(Of(timestamp::read))?,
                Field::Properties => cells = Some(map.next_value_seed(CellsSeed(self.0))?),
                Field::Url => url = map.next_value::<Option<Text<'_>>>()?,
                Field::Other => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        if !page {
            return Ok(Entry::Other);
        }
        let (Some(cells), Some(id), Some(created), Some(edited)) = (cells, id, created, edited) else {
            return Ok(Entry::Unreadable(id));
        };
        let url = url.map_or(Cow::Borrowed(""), |url| url.0);
        let stale = cells.missing != 0;
        let Cells { title, status, score, .. } = cells;
        let row = Row { id, created, edited, url, title, status, score };
        Ok(if stale { Entry::Stale(row) } else { Entry::Row(row) })
    }
}

/// The keys of a page that matter here.
enum Field {
    Object,
    Id,
    Created,
    Edited,
    Properties,
    Url,
    Other,
}

impl Field {
    fn named(name: &[u8]) -> Self {
        match name {
            b"object" => Self::Object,
            b"id" => Self::Id,
            b"created_time" => Self::Created,
            b"last_edited_time" => Self::Edited,
            b"properties" => Self::Properties,
            b"url" => Self::Url,
            _ => Self::Other,
        }
    }
}

/// The cells that were asked for.
struct Cells<'a> {
    title: Cow<'a, str>,
    status: Option<Cow<'a, str>>,
    score: Option<f64>,
    /// A bit for each column not met yet.
    missing: u8,
}

/// Which column a property is; the number is its bit in [`Cells::missing`].
#[derive(Clone, Copy, PartialEq)]
enum Column {
    Status = 1,
    Score = 2,
    Title = 4,
    Other = 0,
}

impl Column {
    fn named(name: &[u8], columns: Columns<'_>) -> Self {
        let is = |column: Option<&str>| column.is_some_and(|column| column.as_bytes() == name);
        match () {
            () if is(Some(columns.status)) => Self::Status,
            () if is(columns.score) => Self::Score,
            () if is(columns.title) => Self::Title,
            () => Self::Other,
        }
    }
}

struct CellsSeed<'c>(Columns<'c>);

impl<'de> DeserializeSeed<'de> for CellsSeed<'_> {
    type Value = Cells<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cells<'de>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for CellsSeed<'_> {
    type Value = Cells<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the properties of a page")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Cells<'de>, A::Error> {
        let wanted = Column::Status as u8
            | self.0.score.map_or(0, |_| Column::Score as u8)
            | self.0.title.map_or(0, |_| Column::Title as u8);
        let mut cells = Cells { title: Cow::Borrowed(""), status: None, score: None, missing: wanted };
        while let Some(column) = map.next_key_seed(Of(|name: &[u8]| Column::named(name, self.0)))? {
            let cell = map.next_value_seed(CellSeed(column))?;
            let met = match cell {
                Cell::Status(status) if column == Column::Status => {
                    cells.status = status;
                    true
                }
                Cell::Score(score) if column == Column::Score => {
                    cells.score = score;
                    true
                }
                Cell::Title(title) if column == Column::Title => {
                    cells.title = title;
                    true
                }
                _ => false,
            };
            if met {
                cells.missing &= !(column as u8);
            }
        }
        Ok(cells)
    }
}

/// The value of one property, as far as it is one of ours.
enum Cell<'a> {
    Status(Option<Cow<'a, str>>),
    Score(Option<f64>),
    Title(Cow<'a, str>),
    /// Not asked for, or of a type that does not fit the column.
    Other,
}

struct CellSeed(Column);

impl<'de> DeserializeSeed<'de> for CellSeed {
    type Value = Cell<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cell<'de>, D::Error> {
        if self.0 == Column::Other {
            return deserializer.deserialize_ignored_any(IgnoredAny).map(|_| Cell::Other);
        }
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for CellSeed {
    type Value = Cell<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a property")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Cell<'de>, A::Error> {
        let column = self.0;
        // The key under which a property holds its value is the name of its type.
        let fits = |kind: &[u8]| match column {
            Column::Status => matches!(kind, b"select" | b"status"),
            Column::Score => kind == b"number",
            Column::Title => kind == b"title",
            Column::Other => false,
        };
        let mut cell = Cell::Other;
        while let Some(value) = map.next_key_seed(Of(fits))? {
            match column {
                Column::Status if value => {
                    let choice: Option<Choice<'_>> = map.next_value()?;
                    cell = Cell::Status(choice.and_then(|choice| choice.name).map(|name| name.0));
                }
                Column::Score if value => {
                    let number: &RawValue = map.next_value()?;
                    cell = Cell::Score(score(number.get()));
                }
                Column::Title if value => {
                    let parts: Vec<Part<'_>> = map.next_value()?;
                    cell = Cell::Title(joined(parts));
                }
                _ => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        Ok(cell)
    }
}

/// What is no finite number is no score: an empty cell, a text, a number beyond a double.
fn score(json: &str) -> Option<f64> {
    json.parse().ok().filter(|score: &f64| score.is_finite())
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
}

/// A piece of rich text. Notion cuts a title at each change of style.
#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow)]
    plain_text: Option<Text<'a>>,
}

fn joined(parts: Vec<Part<'_>>) -> Cow<'_, str> {
    parts.into_iter().filter_map(|part| part.plain_text).fold(Cow::Borrowed(""), |so_far, part| {
        if so_far.is_empty() {
            return part.0;
        }
        so_far + part.0
    })
}

#[cfg(test)]
#[path = "row_tests.rs"]
mod tests;
