//! Filters of a query: read against the schema, with Notion's refusals, into something that is quick to ask of a row.
//!
//! Read strictly: a filter has to be of its property's type, options have to exist, and nothing may be in it that
//! Notion does not document.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value as Json};

use super::error::{Answer, Refusal};
use super::row::Row;
use super::schema::{Property, PropertyKind};
use super::span::Span;
use super::value::Value;

/// A filter whose properties have become the places in a row.
#[derive(Debug, PartialEq)]
pub(super) enum Filter {
    All(Vec<Filter>),
    Any(Vec<Filter>),
    Created(Span),
    Edited(Span),
    Value(usize, Test),
}

/// A condition on a value.
#[derive(Debug, PartialEq)]
pub(super) enum Test {
    Empty(bool),
    Number(Compare, f64),
    Checkbox(bool),
    /// The text, how it is looked for, and whether it has to be so.
    Text(Look, String, bool),
    /// One of these options, or none of them.
    Choice(Vec<usize>, bool),
    /// This option, or not this one, among several.
    Choices(usize, bool),
    Date(Span),
    People(uuid::Uuid, bool),
}

/// How two numbers compare.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Compare {
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
}

/// How a text is looked for; always without regard to case.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Look {
    Whole,
    Within,
    Start,
    End,
}

/// `and` and `or` may be nested so deep.
const LEVELS: usize = 2;

impl Filter {
    /// Reads a filter; `path` is where it stands in the body, as `filter`.
    pub(super) fn parse(json: &Json, properties: &[Property], now: DateTime<Utc>) -> Answer<Self> {
        parse(json, properties, now, "filter", LEVELS)
    }

    /// Whether `row` is wanted.
    pub(super) fn holds(&self, row: &Row) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(row)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(row)),
            Self::Created(span) => span.holds(Some(row.created_minute() * 1000)),
            Self::Edited(span) => span.holds(Some(row.edited_minute() * 1000)),
            Self::Value(slot, test) => test.holds(row.value(*slot)),
        }
    }
}

fn parse(json: &Json, properties: &[Property], now: DateTime<Utc>, path: &str, levels: usize) -> Answer<Filter> {
    let Some(object) = json.as_object() else {
        return Err(Refusal::body(path, "should be an object", Some(json)));
    };
    for (key, join) in [("and", Filter::All as fn(Vec<Filter>) -> Filter), ("or", Filter::Any)] {
        let Some(parts) = object.get(key) else { continue };
        let path = format!("{path}.{key}");
        only(object, &[key], &path)?;
        let parts = match parts.as_array() {
            Some(parts) if parts.is_empty() => Err(Refusal::body(&path, "should have at least 1 item", None)),
            Some(parts) if parts.len() > 100 => Err(Refusal::body(&path, "should have at most 100 items", None)),
            Some(_) if levels == 0 => {
                Err(Refusal::body(&path, "should be not present: filters nest 2 levels deep", None))
            }
            Some(parts) => Ok(parts),
            None => Err(Refusal::body(&path, "should be an array", object.get(key))),
        }?;
        let parts = parts.iter().enumerate();
        let parts = parts.map(|(place, part)| parse(part, properties, now, &format!("{path}[{place}]"), levels - 1));
        return Ok(join(parts.collect::<Answer<_>>()?));
    }
    match (object.get("timestamp").and_then(Json::as_str), object.get("property").and_then(Json::as_str)) {
        (Some(key @ ("created_time" | "last_edited_time")), None) => {
            only(object, &["timestamp", key], path)?;
            let path = format!("{path}.{key}");
            let (condition, operand) = condition(object.get(key), &path)?;
            let span = Span::parse(condition, operand, &path, now)?;
            Ok(if key == "created_time" { Filter::Created(span) } else { Filter::Edited(span) })
        }
        (None, Some(name)) => {
            let property = properties.iter().find(|property| property.is(name));
            let property = property.ok_or_else(|| Refusal::no_such_property(name))?;
            on_property(object, property, now, path)
        }
        _ => Err(Refusal::body(&format!("{path}.or"), "should be defined", None)),
    }
}

/// `{"property":"Status","select":{"equals":"Done"}}`.
fn on_property(object: &Map<String, Json>, property: &Property, now: DateTime<Utc>, path: &str) -> Answer<Filter> {
    let key = property.kind.key();
    if let Some(other) = object.keys().find(|other| !matches!(other.as_str(), "property" | "type") && *other != key) {
        return Err(Refusal::invalid(format!("database property {key} does not match filter {other}")));
    }
    let path = format!("{path}.{key}");
    let (mut name, mut operand) = condition(object.get(key), &path)?;
    let mut path = path;
    if property.kind == PropertyKind::Formula {
        if name != "number" {
            return Err(Refusal::invalid(format!("database property formula number does not match filter {name}")));
        }
        path.push_str(".number");
        (name, operand) = condition(Some(operand), &path)?;
    }
    if matches!(property.kind, PropertyKind::CreatedTime | PropertyKind::LastEditedTime) {
        let span = Span::parse(name, operand, &path, now)?;
        let created = property.kind == PropertyKind::CreatedTime;
        return Ok(if created { Filter::Created(span) } else { Filter::Edited(span) });
    }
    Ok(Filter::Value(property.slot, test(property, name, operand, &path, now)?))
}

fn test(property: &Property, name: &str, operand: &Json, path: &str, now: DateTime<Utc>) -> Answer<Test> {
    let place = format!("{path}.{name}");
    let wrong = |rule: &str| Refusal::body(&place, rule, Some(operand));
    let unknown = || wrong("should be not present");
    let text = || operand.as_str().map(str::to_owned).ok_or_else(|| wrong("should be a string"));
    if property.kind == PropertyKind::Date {
        return Span::parse(name, operand, path, now).map(Test::Date);
    }
    if property.kind == PropertyKind::Checkbox {
        let yes = operand.as_bool().ok_or_else(|| wrong("should be a boolean"))?;
        return match name {
            "equals" => Ok(Test::Checkbox(yes)),
            "does_not_equal" => Ok(Test::Checkbox(!yes)),
            _ => Err(unknown()),
        };
    }
    if matches!(name, "is_empty" | "is_not_empty") {
        return if *operand == Json::Bool(true) {
            Ok(Test::Empty(name == "is_empty"))
        } else {
            Err(wrong("should be `true`"))
        };
    }
    match (&property.kind, name) {
        (PropertyKind::Number | PropertyKind::Formula, _) => {
            let compare = match name {
                "equals" => Compare::Equal,
                "does_not_equal" => Compare::NotEqual,
                "greater_than" => Compare::Greater,
                "less_than" => Compare::Less,
                "greater_than_or_equal_to" => Compare::GreaterOrEqual,
                "less_than_or_equal_to" => Compare::LessOrEqual,
                _ => return Err(unknown()),
            };
            Ok(Test::Number(compare, operand.as_f64().ok_or_else(|| wrong("should be a number"))?))
        }
        (PropertyKind::Select { .. } | PropertyKind::Status { .. }, "equals" | "does_not_equal") => {
            let names = match operand {
                Json::String(name) => vec![name.as_str()],
                Json::Array(names) => {
                    let names: Option<Vec<_>> = names.iter().map(Json::as_str).collect();
                    names.filter(|names| !names.is_empty()).ok_or_else(|| wrong("should be an array of strings"))?
                }
                _ => return Err(wrong("should be a string")),
            };
            let mut choices = Vec::new();
            for name in names {
                choices.extend(meant(property, name)?);
            }
            Ok(Test::Choice(choices, name == "equals"))
        }
        (PropertyKind::MultiSelect { .. }, "contains" | "does_not_contain") => {
            let choice = text()?;
            let choice = property.choice(&choice).ok_or_else(|| no_such_option(property, &choice))?;
            Ok(Test::Choices(choice, name == "contains"))
        }
        (PropertyKind::People, "contains" | "does_not_contain") => {
            let id = super::ids::parse(&text()?).ok_or_else(|| wrong("should be a valid uuid"))?;
            Ok(Test::People(id, name == "contains"))
        }
        (PropertyKind::Title | PropertyKind::RichText | PropertyKind::Url | PropertyKind::Email, _) => {
            let (look, wanted) = match name {
                "equals" => (Look::Whole, true),
                "does_not_equal" => (Look::Whole, false),
                "contains" => (Look::Within, true),
                "does_not_contain" => (Look::Within, false),
                "starts_with" => (Look::Start, true),
                "ends_with" => (Look::End, true),
                _ => return Err(unknown()),
            };
            Ok(Test::Text(look, text()?.to_lowercase(), wanted))
        }
        _ => Err(unknown()),
    }
}

/// The options that `name` means: the one of this name, or all in the status group of this name.
fn meant(property: &Property, name: &str) -> Answer<Vec<usize>> {
    if let Some(choice) = property.choice(name) {
        return Ok(vec![choice]);
    }
    let PropertyKind::Status { groups } = &property.kind else { return Err(no_such_option(property, name)) };
    let group = groups.iter().position(|(group, _)| group == name).ok_or_else(|| no_such_option(property, name))?;
    Ok((0..property.choices.len()).filter(|choice| property.choices[*choice].group == Some(group)).collect())
}

fn no_such_option(property: &Property, name: &str) -> Refusal {
    let kind = property.kind.key();
    Refusal::invalid(format!("{kind} option \"{name}\" not found for property \"{}\".", property.name))
}

/// The one entry of a condition's object.
fn condition<'a>(json: Option<&'a Json>, path: &str) -> Answer<(&'a str, &'a Json)> {
    let object = json.and_then(Json::as_object).ok_or_else(|| Refusal::body(path, "should be an object", json))?;
    let mut entries = object.iter();
    match (entries.next(), entries.next()) {
        (Some((name, operand)), None) => Ok((name, operand)),
        _ => Err(Refusal::body(path, "should have exactly 1 condition", json)),
    }
}

/// Refuses keys that are not in `known`.
pub(super) fn only(object: &Map<String, Json>, known: &[&str], path: &str) -> Answer<()> {
    match object.iter().find(|(key, _)| !known.contains(&key.as_str())) {
        Some((key, value)) if path.is_empty() => Err(Refusal::body(key, "should be not present", Some(value))),
        Some((key, value)) => Err(Refusal::body(&format!("{path}.{key}"), "should be not present", Some(value))),
        None => Ok(()),
    }
}

impl Test {
    fn holds(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Empty(wanted), value) => (*value == Value::Empty) == *wanted,
            (Self::Number(compare, than), Value::Number(number)) => match compare {
                Compare::Equal => number == than,
                Compare::NotEqual => number != than,
                Compare::Greater => number > than,
                Compare::Less => number < than,
                Compare::GreaterOrEqual => number >= than,
                Compare::LessOrEqual => number <= than,
            },
            // What is empty is not equal to anything.
            (Self::Number(compare, _), _) => *compare == Compare::NotEqual,
            (Self::Checkbox(wanted), value) => (*value == Value::Checkbox(true)) == *wanted,
            (Self::Choice(choices, wanted), Value::Choice(choice)) => choices.contains(choice) == *wanted,
            (Self::Choices(choice, wanted), Value::Choices(choices)) => choices.contains(choice) == *wanted,
            (Self::Choice(_, wanted) | Self::Choices(_, wanted), _) => !wanted,
            (Self::People(id, wanted), Value::People(people)) => people.contains(id) == *wanted,
            (Self::People(_, wanted), _) => !wanted,
            (Self::Date(span), Value::Date(date)) => span.holds(Some(date.millis)),
            (Self::Date(span), _) => span.holds(None),
            (Self::Text(look, text, wanted), value) => {
                let plain = value.plain().to_lowercase();
                let found = match look {
                    Look::Whole => plain == *text,
                    Look::Within => plain.contains(text.as_str()),
                    Look::Start => plain.starts_with(text.as_str()),
                    Look::End => plain.ends_with(text.as_str()),
                };
                found == *wanted
            }
        }
    }
}
