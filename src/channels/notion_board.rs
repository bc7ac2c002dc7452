//! The Status Board: a database in Notion in which an entry shows how things are.
//!
//! The schema is read first, and only those properties are written that exist with the right type: a board that lacks
//! one loses that figure and nothing else.

mod examination;

use std::time::{Duration, Instant};

use chrono::SecondsFormat;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Channel, Letter, Receipt, Refusal, Retry};
use crate::clients::error::ErrorKind;
use crate::clients::http::Http;
use crate::clients::notion::schema::Schema;
use crate::clients::notion::{self, Notion};
use crate::diagnosis::Asked;
use crate::domain::message::{STATUS_TITLE, StatusEntry};

/// The longest text that Notion takes in one piece, in UTF-16 units.
const TEXT_LIMIT: usize = 2_000;

/// The most pieces of text that Notion takes in one property.
const PIECES: usize = 100;

/// The properties that an entry fills beside its title, with Notion's words for their types. The title is filled whatever
/// it is called.
const COLUMNS: [(&str, &str); 8] = [
    ("When", "date"),
    ("OK", "checkbox"),
    ("Jobs (24h)", "number"),
    ("Avg QA (24h)", "number"),
    ("Low-QA Count", "number"),
    ("Commit", "rich_text"),
    ("Branch", "rich_text"),
    ("Notes", "rich_text"),
];

/// When a new entry is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// When the set of issues changes; otherwise the last entry is updated in place.
    Changes,
    /// In every cycle.
    Every,
}

/// Which board, and what is shown on it.
#[derive(Clone)]
pub struct Config {
    /// How Notion is asked.
    pub notion: notion::Config,
    /// The database.
    pub database: String,
    /// When a new entry is made.
    pub mode: Mode,
    /// The commit that runs, where the host says it.
    pub commit: Option<String>,
    /// Its branch.
    pub branch: Option<String>,
}

/// The channel.
pub struct NotionBoard {
    notion: Notion,
    config: Config,
}

/// What the channel remembers: its last entry, and for which issues it stands.
#[derive(Serialize, Deserialize)]
struct LastEntry {
    database: String,
    page: String,
    issues: String,
}

impl NotionBoard {
    /// Writes as `config` says.
    pub fn new(config: Config) -> Self {
        Self { notion: Notion::new(Http::new(), config.notion.clone()), config }
    }

    async fn show(&self, letter: Letter<'_>, deadline: Instant) -> Result<Receipt, Refusal> {
        let entry: StatusEntry = serde_json::from_str(letter.body).map_err(|error| {
            Refusal::new(Retry::Never, format!("bad request: the entry in the outbox cannot be read: {error}"))
        })?;
        let schema = self.notion.schema(&self.config.database, deadline).await?;
        let properties = self.properties(&entry, &schema);
        let last = letter.memory.and_then(|memory| serde_json::from_str::<LastEntry>(memory).ok());
        let in_place = last.filter(|last| {
            self.config.mode == Mode::Changes && last.issues == entry.issues && last.database == self.config.database
        });
        if let Some(last) = in_place {
            match self.notion.update_page(&last.page, &properties, deadline).await {
                Ok(()) => return Ok(Receipt { answer: format!("updated {}", last.page), memory: None }),
                // Somebody deleted the entry: it gets a successor.
                Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::BadRequest) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let page = self.notion.create_page(&self.config.database, &properties, deadline).await?;
        let answer = format!("created {page}");
        let last = LastEntry { database: self.config.database.clone(), page, issues: entry.issues };
        Ok(Receipt { answer, memory: serde_json::to_string(&last).ok() })
    }

    /// The entry in Notion's terms, as far as the board has a place for it.
    fn properties(&self, entry: &StatusEntry, schema: &Schema) -> Map<String, Value> {
        let when = entry.when.to_rfc3339_opts(SecondsFormat::Secs, true);
        let text = |text: &Option<String>| text.as_deref().map(|text| json!({ "rich_text": pieces(text) }));
        let values = [
            Some(json!({ "date": { "start": when } })),
            entry.ok.map(|ok| json!({ "checkbox": ok })),
            Some(json!({ "number": entry.jobs })),
            Some(json!({ "number": entry.avg_qa })),
            Some(json!({ "number": entry.low_qa })),
            text(&self.config.commit),
            text(&self.config.branch),
            Some(json!({ "rich_text": pieces(&entry.notes) })),
        ];
        let mut properties = Map::new();
        if let Some(title) = schema.title() {
            properties.insert(title.name.clone(), json!({ "title": pieces(STATUS_TITLE) }));
        }
        for ((name, kind), value) in COLUMNS.into_iter().zip(values) {
            if let Some(value) = value.filter(|_| has(schema, name, kind)) {
                properties.insert(name.into(), value);
            }
        }
        properties
    }
}

impl Channel for NotionBoard {
    fn send<'a>(&'a self, letter: Letter<'a>, deadline: Duration) -> LocalBoxFuture<'a, Result<Receipt, Refusal>> {
        self.show(letter, Instant::now() + deadline).boxed_local()
    }

    fn examine(&self, deadline: Instant) -> LocalBoxFuture<'_, Vec<Asked>> {
        examination::examine(&self.notion, &self.config.database, deadline).boxed_local()
    }

    fn mend(&self, deadline: Instant) -> LocalBoxFuture<'_, Vec<Asked>> {
        examination::mend(&self.notion, &self.config.database, deadline).boxed_local()
    }
}

fn has(schema: &Schema, name: &str, kind: &str) -> bool {
    schema.property(name).is_some_and(|property| property.kind == kind)
}

/// A text in pieces that Notion takes, cut between characters.
fn pieces(text: &str) -> Vec<Value> {
    let mut pieces = vec![String::new()];
    let mut units = 0;
    for character in text.chars() {
        if units + character.len_utf16() > TEXT_LIMIT {
            pieces.push(String::new());
            units = 0;
        }
        units += character.len_utf16();
        if let Some(piece) = pieces.last_mut() {
            piece.push(character);
        }
    }
    pieces.truncate(PIECES);
    pieces.into_iter().map(|piece| json!({ "text": { "content": piece } })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_into_pieces_between_characters() {
        let lengths = |text: &str| -> Vec<usize> {
            let pieces = pieces(text);
            let contents = pieces.iter().filter_map(|piece| piece["text"]["content"].as_str());
            contents.map(|content| content.encode_utf16().count()).collect()
        };
        assert_eq!(lengths(""), [0]);
        assert_eq!(lengths(&"x".repeat(2_000)), [2_000]);
        assert_eq!(lengths(&"x".repeat(4_001)), [2_000, 2_000, 1]);
        assert_eq!(lengths(&format!("{}🚨", "x".repeat(1_999))), [1_999, 2]);
        assert_eq!(lengths(&"x".repeat(1_000_000)).len(), PIECES);
    }
}
