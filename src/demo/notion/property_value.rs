//! Property values as they are written through the API: read against the schema, strictly.

use serde_json::{Map, Value as Json};

use super::error::{Answer, Refusal};
use super::ids;
use super::schema::{Property, PropertyKind};
use super::value::{DateValue, Moment, Value};
use super::workspace::Source;

/// One text object holds so many UTF-16 units.
const TEXT_LIMIT: usize = 2_000;
/// One array holds so many entries.
const ARRAY_LIMIT: usize = 100;

/// A value to write, in the property of that number.
pub(super) type Change = (usize, Written);

/// A value as it was written: options that do not exist yet are still names.
pub(super) enum Written {
    Value(Value),
    Options(Vec<String>),
}

/// Reads the `properties` of a body; nothing is changed yet.
pub(super) fn parse(properties: &Map<String, Json>, source: &Source) -> Answer<Vec<Change>> {
    let one = |(name, json): (&String, &Json)| {
        let place = source.properties.iter().position(|property| property.is(name));
        let place = place.ok_or_else(|| Refusal::invalid(format!("{name} is not a property that exists.")))?;
        Ok((place, value(name, json, &source.properties[place])?))
    };
    properties.iter().map(one).collect()
}

/// Writes changes into row number `row`, with the options that they need.
pub(super) fn apply(changes: Vec<Change>, source: &mut Source, row: usize) {
    for (place, written) in changes {
        let property = &mut source.properties[place];
        let value = match written {
            Written::Value(value) => value,
            Written::Options(names) => {
                let mut choices = Vec::new();
                for name in names {
                    if property.choice(&name).is_none() {
                        property.add_choice(&name, None);
                    }
                    choices.extend(property.choice(&name));
                }
                match (&property.kind, choices.first()) {
                    (_, None) => Value::Empty,
                    (PropertyKind::MultiSelect { .. }, _) => Value::Choices(choices),
                    (_, Some(choice)) => Value::Choice(*choice),
                }
            }
        };
        source.rows[row].set(property.slot, value);
    }
    source.changes += 1;
}

fn value(name: &str, json: &Json, property: &Property) -> Answer<Written> {
    let key = property.kind.key();
    let mistaken = || Refusal::invalid(format!("{name} is expected to be {key}."));
    let object = json.as_object().ok_or_else(mistaken)?;
    if object.keys().any(|other| !matches!(other.as_str(), "id" | "type" | "name") && *other != key) {
        return Err(mistaken());
    }
    let inner = object.get(key).ok_or_else(mistaken)?;
    let path = format!("properties.{name}.{key}");
    let wrong = |rule: &str| Refusal::body(&path, rule, Some(inner));
    let empty = inner.is_null();
    let value = match &property.kind {
        PropertyKind::Formula | PropertyKind::CreatedTime | PropertyKind::LastEditedTime => {
            return Err(Refusal::invalid(format!("{name} is a {key} property, which cannot be updated with the API.")));
        }
        PropertyKind::Title | PropertyKind::RichText => texts(inner, &path)?,
        PropertyKind::Select { .. } | PropertyKind::Status { .. } if empty => Value::Empty,
        PropertyKind::Select { .. } | PropertyKind::Status { .. } => {
            return option(inner, property, &path).map(Written::Options);
        }
        PropertyKind::MultiSelect { .. } => {
            let options = list(inner, &path)?.iter().enumerate();
            let options = options.map(|(place, json)| option(json, property, &format!("{path}[{place}]")));
            return Ok(Written::Options(options.collect::<Answer<Vec<_>>>()?.concat()));
        }
        PropertyKind::Checkbox => Value::Checkbox(inner.as_bool().ok_or_else(|| wrong("should be a boolean"))?),
        PropertyKind::People => {
            let id = |json: &Json| json.get("id").and_then(Json::as_str).and_then(ids::parse);
            let people: Option<Vec<_>> = list(inner, &path)?.iter().map(id).collect();
            Value::People(people.ok_or_else(|| wrong("should be an array of users"))?)
        }
        PropertyKind::Number | PropertyKind::Date | PropertyKind::Url | PropertyKind::Email if empty => Value::Empty,
        PropertyKind::Number => Value::Number(inner.as_f64().ok_or_else(|| wrong("should be a number"))?),
        PropertyKind::Date => Value::Date(date(inner, &path)?),
        PropertyKind::Url | PropertyKind::Email => {
            let limit = if property.kind == PropertyKind::Url { TEXT_LIMIT } else { 200 };
            let text = inner.as_str().ok_or_else(|| wrong("should be a string"))?;
            within(text, limit, &path)?;
            Value::text(text)
        }
    };
    Ok(Written::Value(value))
}

/// The name of an option, given by name or id; a status takes no new ones.
fn option(json: &Json, property: &Property, path: &str) -> Answer<Vec<String>> {
    if let Some(id) = json.get("id").and_then(Json::as_str) {
        let known = property.choices.iter().find(|choice| ids::parse(id) == Some(choice.id));
        let known = known
            .ok_or_else(|| Refusal::body(&format!("{path}.id"), "should be an existing option", json.get("id")))?;
        return Ok(vec![known.name.clone()]);
    }
    let name = json.get("name").and_then(Json::as_str);
    let name = name.ok_or_else(|| Refusal::body(&format!("{path}.name"), "should be a string", json.get("name")))?;
    let status = matches!(property.kind, PropertyKind::Status { .. });
    if status && property.choice(name).is_none() {
        return Err(Refusal::invalid(format!(
            "Invalid status option. Status option \"{name}\" does not exist\" for property \"{}\".",
            property.name
        )));
    }
    if name.contains(',') {
        return Err(Refusal::invalid("Invalid select option, commas not allowed."));
    }
    within(name, 100, &format!("{path}.name"))?;
    Ok(vec![name.to_owned()])
}

fn texts(json: &Json, path: &str) -> Answer<Value> {
    let mut pieces = Vec::new();
    for (place, json) in list(json, path)?.iter().enumerate() {
        let path = format!("{path}[{place}].text");
        let content = json.get("text").and_then(|text| text.get("content"));
        let content = match content {
            Some(Json::String(content)) => content,
            // Mentions and equations are not part of this world.
            None => return Err(Refusal::body(&path, "should be defined", None)),
            other => return Err(Refusal::body(&format!("{path}.content"), "should be a string", other)),
        };
        within(content, TEXT_LIMIT, &format!("{path}.content"))?;
        if !content.is_empty() {
            pieces.push(content.clone());
        }
    }
    Ok(if pieces.is_empty() { Value::Empty } else { Value::Text(pieces) })
}

fn date(json: &Json, path: &str) -> Answer<DateValue> {
    let read = |key: &str| {
        let text = json.get(key).and_then(Json::as_str);
        let rule = "should be a valid ISO 8601 date string";
        text.and_then(Moment::parse).ok_or_else(|| Refusal::body(&format!("{path}.{key}"), rule, json.get(key)))
    };
    let start = read("start")?;
    let end = match json.get("end") {
        None | Some(Json::Null) => None,
        Some(_) => Some(read("end")?.show()),
    };
    Ok(DateValue { start: start.show(), end, millis: start.millis() })
}

fn list<'a>(json: &'a Json, path: &str) -> Answer<&'a Vec<Json>> {
    let items = json.as_array().ok_or_else(|| Refusal::body(path, "should be an array", Some(json)))?;
    if items.len() > ARRAY_LIMIT {
        let length = Json::from(items.len());
        return Err(Refusal::body(&format!("{path}.length"), "should be ≤ `100`", Some(&length)));
    }
    Ok(items)
}

/// Refuses a text of more than `limit` UTF-16 units.
fn within(text: &str, limit: usize, path: &str) -> Answer<()> {
    let length = text.encode_utf16().count();
    if length <= limit {
        return Ok(());
    }
    let rule = format!("should be ≤ `{limit}`");
    Err(Refusal::body(&format!("{path}.length"), &rule, Some(&Json::from(length))))
}
