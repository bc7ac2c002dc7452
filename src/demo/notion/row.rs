//! A row, which is a page: its values and its page object in JSON.

use std::fmt::Write as _;

use chrono::{DateTime, Datelike, Timelike, Utc};
use uuid::Uuid;

use super::ids;
use super::schema::{Property, PropertyKind};
use super::value::Value;
use super::version::Version;

/// A page in a data source.
pub(super) struct Row {
    pub(super) id: Uuid,
    created: i64,
    edited: i64,
    pub(super) in_trash: bool,
    /// By the slots of the properties; what is not there is empty.
    values: Vec<Value>,
}

/// Seconds since 1970, rounded down to the minute, as Notion does with the times of pages.
fn minute(time: DateTime<Utc>) -> i64 {
    time.timestamp().div_euclid(60) * 60
}

impl Row {
    pub(super) fn new(id: Uuid, created: DateTime<Utc>, edited: DateTime<Utc>) -> Self {
        Self { id, created: minute(created), edited: minute(edited), in_trash: false, values: Vec::new() }
    }

    /// When it was created, in seconds since 1970; a whole minute.
    pub(super) fn created_minute(&self) -> i64 {
        self.created
    }

    /// When it was last edited, likewise.
    pub(super) fn edited_minute(&self) -> i64 {
        self.edited
    }

    /// Notes that somebody edited it.
    pub(super) fn touch(&mut self, at: DateTime<Utc>) {
        self.edited = minute(at);
    }

    /// The value in a property's slot.
    pub(super) fn value(&self, slot: usize) -> &Value {
        self.values.get(slot).unwrap_or(&Value::Empty)
    }

    pub(super) fn set(&mut self, slot: usize, value: Value) {
        if self.values.len() <= slot {
            self.values.resize(slot + 1, Value::Empty);
        }
        self.values[slot] = value;
    }

    /// Writes the page object, without the closing brace: answers with one page go on with their request id.
    /// `only` are the slots of the properties to show.
    pub(super) fn write(&self, out: &mut String, home: &Home<'_>, only: Option<&[usize]>) {
        let id = self.id.hyphenated();
        // Writing to a String cannot fail, here and below.
        let _ = write!(out, r#"{{"object":"page","id":"{id}","created_time":""#);
        write_time(out, self.created);
        out.push_str(r#"","last_edited_time":""#);
        write_time(out, self.edited);
        out.push('"');
        out.push_str(home.envelope);
        let trashed = if self.in_trash { "true" } else { "false" };
        let _ = write!(out, r#","in_trash":{trashed},"is_archived":false,"is_locked":false,"properties":{{"#);
        let mut first = true;
        for property in home.properties {
            if only.is_some_and(|only| !only.contains(&property.slot)) {
                continue;
            }
            if !first {
                out.push(',');
            }
            first = false;
            match property.kind {
                PropertyKind::CreatedTime => write_time_property(out, property, self.created),
                PropertyKind::LastEditedTime => write_time_property(out, property, self.edited),
                _ => self.value(property.slot).write(out, property),
            }
        }
        out.push_str(r#"},"url":"https://app.notion.com/p/"#);
        let title = home.properties.iter().find(|property| property.kind == PropertyKind::Title);
        write_slug(out, &title.map(|title| self.value(title.slot).plain()).unwrap_or_default());
        let _ = write!(out, r#"{}","public_url":null"#, self.id.simple());
        if home.version.says_archived() {
            let _ = write!(out, r#","archived":{trashed}"#);
        }
    }
}

/// What the rows of a data source share when they are written.
pub(super) struct Home<'a> {
    pub(super) version: Version,
    pub(super) properties: &'a [Property],
    /// The part of a page object from `created_by` to `parent`.
    pub(super) envelope: &'a str,
}

/// The part of a page object that is the same for all rows of a data source.
pub(super) fn envelope(version: Version, database: Uuid, data_source: Uuid) -> String {
    let bot = ids::BOT;
    let parent = if version.has_data_sources() {
        format!(r#"{{"type":"data_source_id","data_source_id":"{data_source}","database_id":"{database}"}}"#)
    } else {
        format!(r#"{{"type":"database_id","database_id":"{database}"}}"#)
    };
    format!(
        concat!(
            r#","created_by":{{"object":"user","id":"{bot}"}},"last_edited_by":{{"object":"user","id":"{bot}"}},"#,
            r#""cover":null,"icon":null,"parent":{parent}"#
        ),
        bot = bot,
        parent = parent
    )
}

/// Writes `2026-11-23T22:14:00.000Z`.
pub(super) fn write_time(out: &mut String, seconds: i64) {
    let time = DateTime::from_timestamp(seconds, 0).unwrap_or_default();
    let (date, hour, minute) = (time.date_naive(), time.hour(), time.minute());
    let _ = write!(out, "{:04}-{:02}-{:02}T{hour:02}:{minute:02}:00.000Z", date.year(), date.month(), date.day());
}

fn write_time_property(out: &mut String, property: &Property, seconds: i64) {
    out.push_str(&property.head);
    out.push('"');
    write_time(out, seconds);
    out.push_str("\"}");
}

/// Writes a title as it stands in a URL: `Blog-outline-`.
fn write_slug(out: &mut String, title: &str) {
    let words = title.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    for word in words {
        out.push_str(word);
        out.push('-');
    }
}
