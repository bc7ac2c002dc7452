//! What a row holds in a property, and how it looks in JSON.

use std::borrow::Cow;
use std::fmt::Write as _;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use uuid::Uuid;

use super::schema::{Property, PropertyKind};

/// A value. Which one a property can hold follows from its kind; `Empty` can be anywhere.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Value {
    #[default]
    Empty,
    /// Texts as they were written, one for each rich-text object; a URL or an address is a single one.
    Text(Vec<String>),
    Number(f64),
    Checkbox(bool),
    /// The number of an option.
    Choice(usize),
    Choices(Vec<usize>),
    Date(DateValue),
    People(Vec<Uuid>),
}

/// A date or a point in time.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct DateValue {
    /// As Notion shows it: a date alone, or a time with milliseconds and a zone.
    pub(super) start: String,
    pub(super) end: Option<String>,
    /// The start in milliseconds since 1970; a date alone is its midnight, UTC.
    pub(super) millis: i64,
}

/// A date in a filter or a property.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Moment {
    /// A whole day, UTC.
    Day(NaiveDate),
    /// A point in time.
    Instant(DateTime<Utc>),
}

impl Moment {
    /// Reads ISO 8601: a date, or a date and time with a zone or, if without one, in UTC.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
            return Some(Self::Instant(instant.to_utc()));
        }
        let forms = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"];
        if let Some(naive) = forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok()) {
            return Some(Self::Instant(naive.and_utc()));
        }
        // chrono would take one-digit months.
        (text.len() == 10).then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(Self::Day))?
    }

    /// The beginning, in milliseconds since 1970.
    pub(super) fn millis(self) -> i64 {
        match self {
            Self::Day(day) => day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis(),
            Self::Instant(instant) => instant.timestamp_millis(),
        }
    }

    /// As Notion writes it.
    pub(super) fn show(self) -> String {
        match self {
            Self::Day(day) => day.to_string(),
            Self::Instant(instant) => instant.format("%Y-%m-%dT%H:%M:%S%.3f+00:00").to_string(),
        }
    }
}

impl Value {
    /// Text in one piece; the empty one is no piece.
    pub(super) fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        if text.is_empty() { Self::Empty } else { Self::Text(vec![text]) }
    }

    /// The text of all pieces.
    pub(super) fn plain(&self) -> Cow<'_, str> {
        match self {
            Self::Text(pieces) => match pieces.as_slice() {
                [one] => Cow::Borrowed(one),
                several => Cow::Owned(several.concat()),
            },
            _ => Cow::Borrowed(""),
        }
    }

    /// Writes `"name":{"id":…,"type":…,"type":value}`.
    pub(super) fn write(&self, out: &mut String, property: &Property) {
        out.push_str(&property.head);
        match (self, &property.kind) {
            (
                Self::Empty,
                PropertyKind::Title | PropertyKind::RichText | PropertyKind::People | PropertyKind::MultiSelect { .. },
            ) => {
                out.push_str("[]");
            }
            (Self::Empty, PropertyKind::Checkbox) => out.push_str("false"),
            (Self::Empty, PropertyKind::Formula) => out.push_str(r#"{"type":"number","number":null}"#),
            (Self::Number(number), PropertyKind::Formula) => {
                out.push_str(r#"{"type":"number","number":"#);
                write_number(out, *number);
                out.push('}');
            }
            (Self::Empty, _) => out.push_str("null"),
            (Self::Text(pieces), PropertyKind::Title | PropertyKind::RichText) => {
                write_list(out, pieces, |out, piece| write_rich_text(out, piece));
            }
            (Self::Text(_), _) => write_string(out, &self.plain()),
            (Self::Number(number), _) => write_number(out, *number),
            (Self::Checkbox(yes), _) => out.push_str(if *yes { "true" } else { "false" }),
            (Self::Choice(choice), _) => {
                out.push_str(property.choices.get(*choice).map_or("null", |choice| &choice.json));
            }
            (Self::Choices(choices), _) => {
                let known: Vec<_> = choices.iter().filter_map(|choice| property.choices.get(*choice)).collect();
                write_list(out, &known, |out, choice| out.push_str(&choice.json));
            }
            (Self::Date(date), _) => {
                out.push_str(r#"{"start":"#);
                write_string(out, &date.start);
                out.push_str(r#","end":"#);
                match &date.end {
                    Some(end) => write_string(out, end),
                    None => out.push_str("null"),
                }
                out.push_str(r#","time_zone":null}"#);
            }
            (Self::People(people), _) => write_list(out, people, |out, id| {
                // Writing to a String cannot fail.
                let _ = write!(out, r#"{{"object":"user","id":"{id}"}}"#);
            }),
        }
        out.push('}');
    }
}

/// Writes a JSON array.
pub(super) fn write_list<T>(out: &mut String, items: &[T], mut write: impl FnMut(&mut String, &T)) {
    out.push('[');
    for (place, item) in items.iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        write(out, item);
    }
    out.push(']');
}

/// Writes a rich-text object of plain text.
pub(super) fn write_rich_text(out: &mut String, text: &str) {
    out.push_str(r#"{"type":"text","text":{"content":"#);
    let from = out.len();
    write_string(out, text);
    let quoted = from..out.len();
    out.push_str(concat!(
        r#","link":null},"annotations":{"bold":false,"italic":false,"strikethrough":false,"underline":false,"#,
        r#""code":false,"color":"default"},"plain_text":"#
    ));
    out.extend_from_within(quoted);
    out.push_str(r#","href":null}"#);
}

/// Writes a JSON string.
pub(super) fn write_string(out: &mut String, text: &str) {
    let plain = text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\');
    if plain {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        // Writing to a String cannot fail.
        let _ = write!(out, "{}", serde_json::Value::from(text));
    }
}

fn write_number(out: &mut String, number: f64) {
    // Whole numbers have no point in Notion's JSON; `{}` writes an f64 in its shortest form, without an exponent.
    let _ = write!(out, "{number}");
}
