//! One answer to a query: up to 100 entries, and how it goes on.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::row::{Columns, Entry, EntrySeed};
use super::text::{Of, Text};

/// How a list goes on after the entries in hand.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Continuation {
    /// Entries of any sort in this answer.
    pub entries: usize,
    /// Whether there are more.
    pub has_more: bool,
    /// Where they begin.
    pub next_cursor: Option<String>,
    /// Notion gives 10,000 rows a query and leaves out the rest: `has_more` alone does not tell that it did.
    pub cut_short: bool,
}

/// Reads an answer to a query and hands each entry to `each` as soon as it is read, so a list is never held twice.
/// On an error some entries may have been handed over already.
pub fn read<'a, F: FnMut(Entry<'a>)>(
    json: &'a [u8],
    columns: Columns<'_>,
    each: F,
) -> Result<Continuation, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let continuation = ListSeed { columns, each }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(continuation)
}

struct ListSeed<'c, F> {
    columns: Columns<'c>,
    each: F,
}

impl<'de, F: FnMut(Entry<'de>)> DeserializeSeed<'de> for ListSeed<'_, F> {
    type Value = Continuation;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Continuation, D::Error> {
        deserializer.deserialize_map(self)
    }
}

enum Field {
    Results,
    NextCursor,
    HasMore,
    RequestStatus,
    Other,
}

impl Field {
    fn named(name: &[u8]) -> Self {
        match name {
            b"results" => Self::Results,
            b"next_cursor" => Self::NextCursor,
            b"has_more" => Self::HasMore,
            b"request_status" => Self::RequestStatus,
            _ => Self::Other,
        }
    }
}

#[derive(Deserialize)]
struct RequestStatus<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
}

impl<'de, F: FnMut(Entry<'de>)> Visitor<'de> for ListSeed<'_, F> {
    type Value = Continuation;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of results")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Continuation, A::Error> {
        let (mut list, mut entries, mut has_more) = (Continuation::default(), None, None);
        while let Some(field) = map.next_key_seed(Of(Field::named))? {
            match field {
                Field::Results => {
                    let results = ResultsSeed { columns: self.columns, each: &mut self.each };
                    entries = Some(map.next_value_seed(results)?);
                }
                Field::NextCursor => list.next_cursor = map.next_value()?,
                Field::HasMore => has_more = Some(map.next_value()?),
                Field::RequestStatus => {
                    let status: Option<RequestStatus<'_>> = map.next_value()?;
                    list.cut_short = status.and_then(|status| status.kind).is_some_and(|kind| kind.0 == "incomplete");
                }
                Field::Other => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        // A list that does not say whether it ends here could pass for a complete one.
        list.entries = entries.ok_or_else(|| serde::de::Error::missing_field("results"))?;
        list.has_more = has_more.ok_or_else(|| serde::de::Error::missing_field("has_more"))?;
        Ok(list)
    }
}

struct ResultsSeed<'c, 'f, F> {
    columns: Columns<'c>,
    each: &'f mut F,
}

impl<'de, F: FnMut(Entry<'de>)> DeserializeSeed<'de> for ResultsSeed<'_, '_, F> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, F: FnMut(Entry<'de>)> Visitor<'de> for ResultsSeed<'_, '_, F> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of results")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<usize, A::Error> {
        let mut entries = 0;
        while let Some(entry) = seq.next_element_seed(EntrySeed(self.columns))? {
            entries += 1;
            (self.each)(entry);
        }
        Ok(entries)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const COLUMNS: Columns<'_> = Columns { status: "Status", score: None, title: None };

    fn continuation(json: &str) -> Option<Continuation> {
        read(json.as_bytes(), COLUMNS, |_| ()).ok()
    }

    #[test]
    fn how_a_list_goes_on_is_read_whatever_stands_around_it() {
        let more = r#"{"object":"list","results":[{"object":"page","id":"x"}],"next_cursor":"abc","has_more":true,"type":"page_or_data_source","page_or_data_source":{},"request_id":"r"}"#;
        let expected = Continuation { entries: 1, has_more: true, next_cursor: Some("abc".into()), cut_short: false };
        assert_eq!(continuation(more), Some(expected));
        let cut = r#"{"request_status":{"type":"incomplete","incomplete_reason":"query_result_limit_reached"},"has_more":false,"next_cursor":null,"results":[]}"#;
        assert_eq!(continuation(cut), Some(Continuation { cut_short: true, ..Continuation::default() }));
        let whole = r#"{"results":[],"has_more":false,"request_status":{"type":"complete"}}"#;
        assert_eq!(continuation(whole), Some(Continuation::default()));
    }

    #[test]
    fn a_list_that_could_pass_for_complete_without_being_it_is_refused() {
        for json in [
            r#"{"results":[]}"#,
            r#"{"has_more":false}"#,
            r#"{"results":null,"has_more":false}"#,
            r#"{"results":[],"has_more":null}"#,
            r#"{"results":[],"has_more":false}{"#,
            r#"{"results":[{"object":"page","id":"x"#,
            r#"{"results":[],"has_more":false"#,
            "<html>",
            "",
            "[]",
        ] {
            assert_eq!(continuation(json), None, "{json}");
        }
    }
}
