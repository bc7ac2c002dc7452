//! Pages: created as rows, updated, read.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::super::wire::Received;
use super::error::{Answer, Refusal};
use super::filter::only;
use super::ids;
use super::property_value;
use super::query::shown_properties;
use super::row::{self, Home, Row};
use super::version::Version;
use super::workspace::Workspace;

/// Creates a page in the parent that the body names.
pub(super) fn create(
    workspace: &mut Workspace,
    body: &Map<String, Json>,
    version: Version,
    now: DateTime<Utc>,
) -> Answer {
    only(body, &["parent", "properties", "children", "icon", "cover"], "")?;
    let source = parent(workspace, body.get("parent"), version)?;
    let changes = property_value::parse(properties(body)?, &workspace.sources[source])?;
    let id = ids::random();
    workspace.add_row(source, Row::new(id, now, now));
    let home = &mut workspace.sources[source];
    let row = home.rows.len() - 1;
    property_value::apply(changes, home, row);
    Ok(write(workspace, (source, row), None, version))
}

/// Updates properties of a page, or moves it to the trash or back.
pub(super) fn update(
    workspace: &mut Workspace,
    id: Uuid,
    body: &Map<String, Json>,
    version: Version,
    now: DateTime<Utc>,
) -> Answer {
    let known = ["properties", "in_trash", "icon", "cover", "is_locked", "archived"];
    only(body, if version.says_archived() { &known } else { &known[..known.len() - 1] }, "")?;
    let (source, row) = workspace.page(id)?;
    let home = &mut workspace.sources[source];
    let mut in_trash = None;
    for key in ["in_trash", "archived"] {
        if let Some(json) = body.get(key) {
            in_trash = Some(json.as_bool().ok_or_else(|| Refusal::body(key, "should be a boolean", Some(json)))?);
        }
    }
    if home.rows[row].in_trash && in_trash != Some(false) {
        let message = "Can't edit block that is archived. You must unarchive the block before editing.";
        return Err(Refusal::invalid(message));
    }
    let changes = match body.get("properties") {
        None => Vec::new(),
        Some(_) => property_value::parse(properties(body)?, home)?,
    };
    property_value::apply(changes, home, row);
    let page = &mut home.rows[row];
    page.in_trash = in_trash.unwrap_or(page.in_trash);
    page.touch(now);
    Ok(write(workspace, (source, row), None, version))
}

/// Reads a page.
pub(super) fn retrieve(workspace: &Workspace, id: Uuid, request: &Received, version: Version) -> Answer {
    let (source, row) = workspace.page(id)?;
    let shown = shown_properties(request, &workspace.sources[source].properties)?;
    Ok(write(workspace, (source, row), shown.as_deref(), version))
}

/// The page object of a row, without the closing brace.
pub(super) fn write(
    workspace: &Workspace,
    (source, row): (usize, usize),
    only: Option<&[usize]>,
    version: Version,
) -> String {
    let source = &workspace.sources[source];
    let envelope = row::envelope(version, source.database, source.id);
    let mut out = String::new();
    source.rows[row].write(&mut out, &Home { version, properties: &source.properties, envelope: &envelope }, only);
    out
}

/// The number of the data source that is meant by a `parent`, in the form of the version.
fn parent(workspace: &Workspace, json: Option<&Json>, version: Version) -> Answer<usize> {
    let object = json.and_then(Json::as_object).ok_or_else(|| Refusal::body("parent", "should be an object", json))?;
    only(object, &["type", "database_id", "data_source_id"], "parent")?;
    let id = |key: &str| match object.get(key) {
        None => Ok(None),
        Some(json) => match json.as_str().and_then(ids::parse) {
            Some(id) => Ok(Some(id)),
            None => Err(Refusal::body(&format!("parent.{key}"), "should be a valid uuid", Some(json))),
        },
    };
    let (database, data_source) = (id("database_id")?, id("data_source_id")?);
    if data_source.is_some() && !version.has_data_sources() {
        return Err(Refusal::body("parent.data_source_id", "should be not present", object.get("data_source_id")));
    }
    let named = object.get("type").map(Json::as_str);
    match (data_source, database, named) {
        (Some(data_source), None, None | Some(Some("data_source_id"))) => workspace.source(data_source),
        (None, Some(database), None | Some(Some("database_id"))) => workspace.only_source(database, version),
        _ => {
            let key = if version.has_data_sources() { "data_source_id" } else { "database_id" };
            Err(Refusal::body(&format!("parent.{key}"), "should be defined", None))
        }
    }
}

fn properties(body: &Map<String, Json>) -> Answer<&Map<String, Json>> {
    let json = body.get("properties");
    json.and_then(Json::as_object).ok_or_else(|| Refusal::body("properties", "should be an object", json))
}
