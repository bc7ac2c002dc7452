//! What is asked of a database: which rows, in which order, from where on.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::schema::Property;
use super::timestamp;

/// The most rows that Notion gives at once.
const PAGE_SIZE: u32 = 100;

/// Notion takes arrays of 100 at most; some room is left for the conditions around them. Further names are not sent,
/// which costs rows, not truth: who asks judges again.
const NAMES_AT_MOST: usize = 90;

/// Which rows are wanted. Notion cuts times down to the minute: slack for that is the caller's business, and so is
/// judging again, as the filter may let more through.
#[derive(Debug, Clone, Copy)]
pub enum Selection<'s> {
    /// Rows created at this time or later.
    CreatedSince(DateTime<Utc>),
    /// Rows that nobody has edited since a time and that have no status among some.
    Untouched {
        /// The last edit was before this.
        edited_before: DateTime<Utc>,
        /// Names of statuses to leave out.
        not_in: &'s [String],
    },
}

impl Selection<'_> {
    /// The filter for it, of rows created at `from` or later if the query was split. At most two levels deep, as
    /// Notion allows.
    pub(super) fn filter(&self, status: &Property, from: Option<DateTime<Utc>>) -> Value {
        match *self {
            Self::CreatedSince(since) => created_since(from.map_or(since, |from| from.max(since))),
            Self::Untouched { edited_before, not_in } => {
                let edited = json!({
                    "timestamp": "last_edited_time",
                    "last_edited_time": {"before": timestamp::write(edited_before)},
                });
                let common: Vec<Value> = [edited].into_iter().chain(from.map(created_since)).collect();
                let named = not_named(status, not_in);
                if named.is_empty() {
                    return all(common);
                }
                // Whether an empty status differs from every name is nowhere promised, so it is asked for as well.
                let empty = json!({"property": status.name, &status.kind: {"is_empty": true}});
                json!({"or": [
                    all(common.iter().cloned().chain(named).collect()),
                    all(common.iter().cloned().chain([empty]).collect()),
                ]})
            }
        }
    }
}

fn created_since(time: DateTime<Utc>) -> Value {
    json!({"timestamp": "created_time", "created_time": {"on_or_after": timestamp::write(time)}})
}

/// A condition for each name. Names that the property does not offer are left out: no row has them, and Notion may
/// refuse the whole query for one.
fn not_named(status: &Property, names: &[String]) -> Vec<Value> {
    names
        .iter()
        .filter(|name| status.options.contains(name))
        .take(NAMES_AT_MOST)
        .map(|name| json!({"property": status.name, &status.kind: {"does_not_equal": name}}))
        .collect()
}

fn all(mut conditions: Vec<Value>) -> Value {
    match conditions.len() {
        1 => conditions.swap_remove(0),
        _ => json!({"and": conditions}),
    }
}

/// The body of a query. Sorted by what never changes: a row that is edited meanwhile keeps its place.
pub(super) fn body(filter: &Value, cursor: Option<&str>) -> Value {
    let mut body = json!({
        "filter": filter,
        "sorts": [{"timestamp": "created_time", "direction": "ascending"}],
        "page_size": PAGE_SIZE,
    });
    if let Some(cursor) = cursor {
        body["start_cursor"] = cursor.into();
    }
    body
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn time(text: &str) -> DateTime<Utc> {
        timestamp::read(text.as_bytes()).unwrap()
    }

    fn status(kind: &str) -> Property {
        let options = ["Done", "Failed", "Processing"].map(str::to_owned).to_vec();
        Property { name: "Status".into(), id: "%3AUPp".into(), kind: kind.into(), options, complete: vec![] }
    }

    #[test]
    fn created_since_is_one_condition_that_moves_on_when_the_query_is_split() {
        let since = Selection::CreatedSince(time("2026-11-23T22:14:05Z"));
        let from = |from: &str| json!({"timestamp": "created_time", "created_time": {"on_or_after": from}});
        assert_eq!(since.filter(&status("select"), None), from("2026-11-23T22:14:05.000Z"));
        let later = Some(time("2026-11-24T01:00:00Z"));
        assert_eq!(since.filter(&status("select"), later), from("2026-11-24T01:00:00.000Z"));
        let earlier = Some(time("2026-11-23T22:14:00Z"));
        assert_eq!(since.filter(&status("select"), earlier), from("2026-11-23T22:14:05.000Z"));
    }

    #[test]
    fn untouched_leaves_out_the_known_names_and_keeps_the_empty_status_under_either_reading() {
        let not_in = ["Done", "Cancelled", "Failed"].map(str::to_owned);
        let selection = Selection::Untouched { edited_before: time("2026-11-23T22:14:05Z"), not_in: &not_in };
        let edited =
            json!({"timestamp": "last_edited_time", "last_edited_time": {"before": "2026-11-23T22:14:05.000Z"}});
        let (not_done, not_failed, empty) = (
            json!({"property": "Status", "status": {"does_not_equal": "Done"}}),
            json!({"property": "Status", "status": {"does_not_equal": "Failed"}}),
            json!({"property": "Status", "status": {"is_empty": true}}),
        );
        assert_eq!(
            selection.filter(&status("status"), None),
            json!({"or": [{"and": [edited, not_done, not_failed]}, {"and": [edited, empty]}]})
        );
        let created = json!({"timestamp": "created_time", "created_time": {"on_or_after": "2026-11-01T00:00:00.000Z"}});
        assert_eq!(
            selection.filter(&status("status"), Some(time("2026-11-01T00:00:00Z"))),
            json!({"or": [{"and": [edited, created, not_done, not_failed]}, {"and": [edited, created, empty]}]})
        );
    }

    #[test]
    fn untouched_without_a_known_name_is_as_flat_as_can_be() {
        let edited =
            json!({"timestamp": "last_edited_time", "last_edited_time": {"before": "2026-11-23T22:14:05.000Z"}});
        for not_in in [vec![], vec!["Cancelled".to_owned(), "done".to_owned()]] {
            let selection = Selection::Untouched { edited_before: time("2026-11-23T22:14:05Z"), not_in: &not_in };
            assert_eq!(selection.filter(&status("select"), None), edited);
        }
    }

    #[test]
    fn the_array_limit_of_notion_is_kept() {
        let names: Vec<String> = (0..300).map(|number| format!("State {number}")).collect();
        let property = Property { options: names.clone(), ..status("select") };
        let selection = Selection::Untouched { edited_before: time("2026-11-23T22:14:05Z"), not_in: &names };
        let filter = selection.filter(&property, Some(time("2026-11-01T00:00:00Z")));
        assert_eq!(filter["or"][0]["and"].as_array().unwrap().len(), NAMES_AT_MOST + 2);
    }

    #[test]
    fn a_body_carries_the_cursor_only_when_there_is_one() {
        let sorts = json!([{"timestamp": "created_time", "direction": "ascending"}]);
        let filter = json!({"f": 1});
        assert_eq!(body(&filter, None), json!({"filter": filter, "sorts": sorts, "page_size": 100}));
        assert_eq!(
            body(&filter, Some("abc")),
            json!({"filter": filter, "sorts": sorts, "page_size": 100, "start_cursor": "abc"})
        );
    }
}
