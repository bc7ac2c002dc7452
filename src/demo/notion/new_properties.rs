//! Properties that are added to a schema through the API.

use serde_json::{Map, Value as Json};

use super::error::{Answer, Refusal};
use super::filter::only;
use super::schema::PropertyKind;
use super::workspace::Source;

/// Adds the properties that the body describes, each as `"Name": {"number": {}}`. One that is there with the same type
/// stays as it is; another type would convert what the rows hold, which this world does not.
pub(super) fn add(source: &mut Source, body: &Map<String, Json>) -> Answer<()> {
    only(body, &["properties"], "")?;
    let described = body.get("properties").and_then(Json::as_object);
    let described =
        described.ok_or_else(|| Refusal::body("properties", "should be an object", body.get("properties")))?;
    let mut added = Vec::new();
    for (name, description) in described {
        let kind = kind(name, description)?;
        match source.properties.iter().find(|property| property.is(name)) {
            None => added.push((name.clone(), kind)),
            Some(known) if known.kind.key() == kind.key() => {}
            Some(_) => return Err(Refusal::invalid(format!("Cannot convert the property {name}."))),
        }
    }
    added.into_iter().for_each(|(name, kind)| source.add_property(name, kind));
    Ok(())
}

fn kind(name: &str, description: &Json) -> Answer<PropertyKind> {
    let path = format!("properties.{name}");
    let wrong = || Refusal::body(&path, "should be an object with one type", Some(description));
    let object = description.as_object().ok_or_else(wrong)?;
    let mut described = object.iter().filter(|(key, _)| !matches!(key.as_str(), "type" | "name" | "description"));
    let (Some((key, Json::Object(_))), None) = (described.next(), described.next()) else { return Err(wrong()) };
    match key.as_str() {
        "rich_text" => Ok(PropertyKind::RichText),
        "number" => Ok(PropertyKind::Number),
        "checkbox" => Ok(PropertyKind::Checkbox),
        "date" => Ok(PropertyKind::Date),
        "select" => Ok(PropertyKind::select([])),
        "url" => Ok(PropertyKind::Url),
        "email" => Ok(PropertyKind::Email),
        "people" => Ok(PropertyKind::People),
        _ => Err(wrong()),
    }
}
