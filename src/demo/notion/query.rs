//! Queries of a data source: what is asked, which rows that is, and one page of them.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value as Json, json};

use super::super::wire::Received;
use super::error::{Answer, Refusal};
use super::filter::{Filter, only};
use super::paging::{Found, Session};
use super::row::{self, Home, Row};
use super::schema::Property;
use super::value::Value;
use super::version::Version;
use super::workspace::{Source, Workspace};

/// No query returns more rows, however long one pages.
pub(super) const RESULT_LIMIT: usize = 10_000;
/// No page holds more rows.
const PAGE_LIMIT: u64 = 100;

/// What a query asks.
struct Ask {
    filter: Option<Filter>,
    sorts: Vec<Sort>,
    page_size: usize,
    cursor: Option<String>,
    /// Filter and sorts as they came.
    key: String,
    /// Data sources in the place of pages, of which there are none here.
    other_type: bool,
}

/// One key of the order.
struct Sort {
    by: SortKey,
    descending: bool,
}

enum SortKey {
    Created,
    Edited,
    Slot(usize),
}

/// Answers a query of data source number `source`, without the closing brace.
pub(super) fn run(
    workspace: &mut Workspace,
    source: usize,
    request: &Received,
    body: &Map<String, Json>,
    version: Version,
    now: DateTime<Utc>,
) -> Answer {
    let Workspace { sources, sessions, partial_every, page_at_most, .. } = workspace;
    let source = &sources[source];
    let shown = shown_properties(request, &source.properties)?;
    let ask = Ask::parse(body, source, version, now)?;
    let single;
    let (session, offset): (&Session, usize) = match &ask.cursor {
        None => {
            let session = Session::new(source.id, ask.key.clone(), ask.find(source));
            if session.found.order.len() > ask.page_size.min(*page_at_most) {
                (sessions.keep(session), 0)
            } else {
                single = session;
                (&single, 0)
            }
        }
        Some(cursor) => {
            let (session, mut offset) = sessions.resume(cursor, source.id, &ask.key)?;
            if session.found.changes != source.changes {
                offset = session.renew(ask.find(source), offset);
            }
            (session, offset)
        }
    };
    let found = &session.found;
    let rest = &found.order[offset..];
    let page = &rest[..rest.len().min(ask.page_size).min(*page_at_most)];
    let has_more = page.len() < rest.len();

    let envelope = row::envelope(version, source.database, source.id);
    let home = Home { version, properties: &source.properties, envelope: &envelope };
    let mut out = String::with_capacity(512 + page.len() * if shown.is_some() { 1_536 } else { 4_096 });
    out.push_str(r#"{"object":"list","results":["#);
    for (place, row) in page.iter().enumerate() {
        let row = &source.rows[*row as usize];
        if place > 0 {
            out.push(',');
        }
        if partial_every.is_some_and(|every| (offset + place).is_multiple_of(every)) {
            out.push_str(&format!(r#"{{"object":"page","id":"{}"}}"#, row.id));
        } else {
            row.write(&mut out, &home, shown.as_deref());
            out.push('}');
        }
    }
    let next = if has_more { Json::from(session.cursor(offset + page.len()).to_string()) } else { Json::Null };
    let kind = version.list_type();
    out.push_str(&format!(r#"],"next_cursor":{next},"has_more":{has_more},"type":"{kind}","{kind}":{{}}"#));
    if found.cut {
        let status = json!({"type": "incomplete", "incomplete_reason": "query_result_limit_reached"});
        out.push_str(&format!(r#","request_status":{status}"#));
    }
    Ok(out)
}

impl Ask {
    fn parse(body: &Map<String, Json>, source: &Source, version: Version, now: DateTime<Utc>) -> Answer<Self> {
        let known = ["filter", "sorts", "start_cursor", "page_size", "in_trash", "archived", "result_type"];
        let known = if version.has_data_sources() { &known[..] } else { &known[..known.len() - 1] };
        only(body, known, "")?;
        let filter = body.get("filter").map(|filter| Filter::parse(filter, &source.properties, now)).transpose()?;
        let sorts = match body.get("sorts") {
            None => Vec::new(),
            Some(Json::Array(sorts)) if sorts.len() <= 100 => {
                sorts.iter().enumerate().map(|(place, sort)| Sort::parse(sort, place, source)).collect::<Answer<_>>()?
            }
            Some(other) => return Err(Refusal::body("sorts", "should be an array", Some(other))),
        };
        let page_size = match body.get("page_size") {
            None => PAGE_LIMIT,
            Some(size) => match size.as_u64() {
                Some(0) => return Err(Refusal::body("page_size", "should be ≥ `1`", Some(size))),
                Some(count) if count <= PAGE_LIMIT => count,
                Some(_) => return Err(Refusal::body("page_size", "should be ≤ `100`", Some(size))),
                None => return Err(Refusal::body("page_size", "should be a number", Some(size))),
            },
        };
        let cursor = match body.get("start_cursor") {
            None => None,
            Some(Json::String(cursor)) => Some(cursor.clone()),
            Some(other) => return Err(Refusal::body("start_cursor", "should be a string or `undefined`", Some(other))),
        };
        let other_type = match body.get("result_type").map(Json::as_str) {
            None | Some(Some("page")) => false,
            Some(Some("data_source")) => true,
            Some(_) => {
                return Err(Refusal::body("result_type", "should be `page` or `data_source`", body.get("result_type")));
            }
        };
        let key = json!([body.get("filter"), body.get("sorts"), other_type]).to_string();
        Ok(Self { filter, sorts, page_size: page_size as usize, cursor, key, other_type })
    }

    /// All rows that are wanted, in order, up to the limit.
    fn find(&self, source: &Source) -> Found {
        let wanted = |row: &Row| {
            !self.other_type && !row.in_trash && self.filter.as_ref().is_none_or(|filter| filter.holds(row))
        };
        // Without sorts nothing is promised; the newest first shows whoever relies on their own order.
        let rows = source.rows.iter().enumerate().rev().filter(|(_, row)| wanted(row));
        let mut order: Vec<u32> = rows.map(|(number, _)| number as u32).collect();
        if !self.sorts.is_empty() {
            order.reverse();
            let rows = &source.rows;
            order.sort_by(|left, right| {
                let (left, right) = (&rows[*left as usize], &rows[*right as usize]);
                let keys = self.sorts.iter().map(|sort| sort.compare(left, right));
                keys.fold(Ordering::Equal, Ordering::then)
            });
        }
        let cut = order.len() > RESULT_LIMIT;
        order.truncate(RESULT_LIMIT);
        Found { order, cut, changes: source.changes }
    }
}

impl Sort {
    fn parse(json: &Json, place: usize, source: &Source) -> Answer<Self> {
        let path = format!("sorts[{place}]");
        let object = json.as_object().ok_or_else(|| Refusal::body(&path, "should be an object", Some(json)))?;
        only(object, &["property", "timestamp", "direction"], &path)?;
        let text = |key| object.get(key).and_then(Json::as_str);
        let by = match (text("timestamp"), text("property")) {
            (Some("created_time"), None) => SortKey::Created,
            (Some("last_edited_time"), None) => SortKey::Edited,
            (None, Some(name)) => {
                let property = source.properties.iter().find(|property| property.is(name));
                let property = property
                    .ok_or_else(|| Refusal::invalid(format!("Could not find sort property with name or id: {name}")))?;
                SortKey::Slot(property.slot)
            }
            _ => return Err(Refusal::body(&format!("{path}.property"), "should be defined", object.get("property"))),
        };
        let descending = match text("direction") {
            Some("ascending") => false,
            Some("descending") => true,
            _ => {
                let rule = "should be `\"ascending\"` or `\"descending\"`";
                return Err(Refusal::body(&format!("{path}.direction"), rule, object.get("direction")));
            }
        };
        Ok(Self { by, descending })
    }

    /// Empty values come last, in either direction.
    fn compare(&self, left: &Row, right: &Row) -> Ordering {
        let order = match self.by {
            SortKey::Created => left.created_minute().cmp(&right.created_minute()),
            SortKey::Edited => left.edited_minute().cmp(&right.edited_minute()),
            SortKey::Slot(slot) => match (left.value(slot), right.value(slot)) {
                (Value::Empty, Value::Empty) => return Ordering::Equal,
                (Value::Empty, _) => return Ordering::Greater,
                (_, Value::Empty) => return Ordering::Less,
                (Value::Number(left), Value::Number(right)) => left.total_cmp(right),
                (Value::Checkbox(left), Value::Checkbox(right)) => left.cmp(right),
                (Value::Choice(left), Value::Choice(right)) => left.cmp(right),
                (Value::Date(left), Value::Date(right)) => left.millis.cmp(&right.millis),
                (left, right) => left.plain().to_lowercase().cmp(&right.plain().to_lowercase()),
            },
        };
        if self.descending { order.reverse() } else { order }
    }
}

/// The slots that `filter_properties` asks for; `None` is all. It takes the ids of properties, decoded once, and no
/// names; nothing else may be in the query string.
pub(super) fn shown_properties(request: &Received, properties: &[Property]) -> Answer<Option<Vec<usize>>> {
    let mut shown = None;
    for (name, value) in request.parameters() {
        if !matches!(name.as_str(), "filter_properties" | "filter_properties[]") {
            return Err(Refusal::invalid(format!(
                "query failed validation: query.{name} should be not present, instead was `{}`.",
                Json::from(value)
            )));
        }
        let property = properties.iter().find(|property| property.id == value);
        let property = property.ok_or_else(|| Refusal::no_such_property(&value))?;
        shown.get_or_insert_with(Vec::new).push(property.slot);
    }
    Ok(shown)
}
