//! The endpoints: who may ask, in which version, and where the answer comes from.

use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::Utc;
use serde_json::{Map, Value as Json, json};

use super::super::stand_in::Party;
use super::super::wire::{Received, Reply};
use super::error::{Answer, Refusal};
use super::version::Version;
use super::workspace::{Database, Source, Workspace};
use super::{ids, new_properties, pages, query};

/// A request's body may have so many bytes.
const BODY_LIMIT: usize = 500 * 1024;

/// Notion, as seen from the server thread.
pub struct NotionApi(Mutex<Workspace>);

impl NotionApi {
    pub(super) fn new(workspace: Workspace) -> Self {
        Self(Mutex::new(workspace))
    }

    /// The state, for switches and answers; held only while one of them is carried out.
    pub(super) fn workspace(&self) -> MutexGuard<'_, Workspace> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Party for NotionApi {
    const NAME: &'static str = "notion";

    async fn answer(&self, request: &Received) -> Reply {
        match route(&mut self.workspace(), request) {
            Ok(mut body) => {
                let request_id = ids::random();
                body.push_str(&format!(r#","request_id":"{request_id}"}}"#));
                Reply { status: 200, headers: Vec::new(), body }.with("x-notion-request-id", &request_id)
            }
            Err(refusal) => refusal.reply(),
        }
    }

    fn refusal(&self, status: u16, retry_after: Option<u64>) -> Reply {
        Refusal::of_status(status, retry_after).reply()
    }
}

/// The answer to a request: a JSON object without its closing brace.
fn route(workspace: &mut Workspace, request: &Received) -> Answer {
    if workspace.token_revoked || request.bearer() != Some(&workspace.token) {
        return Err(Refusal::of_status(401, None));
    }
    workspace.count_request()?;
    let version = Version::parse(request.header("notion-version"))?;
    if request.body.len() > BODY_LIMIT {
        return Err(Refusal::of_status(413, None));
    }
    let now = Utc::now();
    let path = request.path.strip_prefix("/v1/").unwrap_or_default();
    let steps: Vec<&str> = path.split('/').collect();
    match (request.method.as_str(), steps.as_slice()) {
        ("GET", ["users", "me"]) => Ok(open_object(&bot_user())),
        ("GET", ["databases", id]) => {
            let id = ids::in_path("database_id", id)?;
            let database = workspace.database(id)?;
            let only = if version.has_data_sources() { None } else { Some(workspace.only_source(id, version)?) };
            Ok(open_object(&database_object(workspace, database, only, version)))
        }
        ("POST", ["databases", id, "query"]) if !version.has_data_sources() => {
            let source = workspace.only_source(ids::in_path("database_id", id)?, version)?;
            query::run(workspace, source, request, &body(request)?, version, now)
        }
        ("GET", ["data_sources", id]) if version.has_data_sources() => {
            let source = workspace.source(ids::in_path("data_source_id", id)?)?;
            Ok(open_object(&data_source_object(&workspace.sources[source], version)))
        }
        ("POST", ["data_sources", id, "query"]) if version.has_data_sources() => {
            let source = workspace.source(ids::in_path("data_source_id", id)?)?;
            query::run(workspace, source, request, &body(request)?, version, now)
        }
        ("PATCH" | "POST", ["pages" | "databases" | "data_sources", rest @ ..])
            if workspace.only_reads && rest.last() != Some(&"query") =>
        {
            Err(Refusal::of_status(403, None))
        }
        ("PATCH", ["databases", id]) if !version.has_data_sources() => {
            let id = ids::in_path("database_id", id)?;
            let source = workspace.only_source(id, version)?;
            new_properties::add(&mut workspace.sources[source], &body(request)?)?;
            let database = workspace.database(id)?;
            Ok(open_object(&database_object(workspace, database, Some(source), version)))
        }
        ("PATCH", ["data_sources", id]) if version.has_data_sources() => {
            let source = workspace.source(ids::in_path("data_source_id", id)?)?;
            new_properties::add(&mut workspace.sources[source], &body(request)?)?;
            Ok(open_object(&data_source_object(&workspace.sources[source], version)))
        }
        ("POST", ["pages"]) => pages::create(workspace, &body(request)?, version, now),
        ("GET", ["pages", id]) => pages::retrieve(workspace, ids::in_path("page_id", id)?, request, version),
        ("PATCH", ["pages", id]) => {
            pages::update(workspace, ids::in_path("page_id", id)?, &body(request)?, version, now)
        }
        _ => Err(Refusal::no_such_endpoint()),
    }
}

/// The body, which has to be a JSON object; none at all is an empty one.
fn body(request: &Received) -> Answer<Map<String, Json>> {
    if request.body.is_empty() {
        return Ok(Map::new());
    }
    let declared = request.header("content-type").is_some_and(|kind| kind.starts_with("application/json"));
    match request.json() {
        Some(Json::Object(body)) if declared => Ok(body),
        Some(other) if declared => {
            Err(Refusal::invalid(format!("body failed validation: body should be an object, instead was `{other}`.")))
        }
        _ => Err(Refusal::new(400, "invalid_json", "Error parsing JSON body.")),
    }
}

/// A JSON object as text, without its closing brace.
fn open_object(json: &Json) -> String {
    let mut text = json.to_string();
    text.pop();
    text
}

fn bot_user() -> Json {
    json!({
        "object": "user", "id": ids::BOT.to_string(), "name": ids::INTEGRATION_NAME, "avatar_url": null, "type": "bot",
        "bot": {
            "owner": {"type": "workspace", "workspace": true}, "workspace_name": "Demo", "workspace_id": ids::WORKSPACE.to_string(),
            "workspace_limits": {"max_file_upload_size_in_bytes": 5_242_880}
        }
    })
}

/// `only`: the number of the data source whose schema is the database's own, in the version where it has one.
fn database_object(workspace: &Workspace, database: &Database, only: Option<usize>, version: Version) -> Json {
    let mut object = container("database", &database.title, version);
    let time = database.created.format("%Y-%m-%dT%H:%M:%S%.3f+00:00").to_string();
    object["id"] = json!(database.id.to_string());
    object["created_time"] = json!(time);
    object["last_edited_time"] = json!(time);
    object["parent"] = json!({"type": "page_id", "page_id": ids::ROOT_PAGE.to_string()});
    object["is_inline"] = json!(false);
    object["url"] = json!(format!("https://app.notion.com/p/{}", database.id.simple()));
    match only {
        Some(source) => object["properties"] = properties(&workspace.sources[source]),
        None => {
            let sources = workspace.sources.iter().filter(|source| source.database == database.id);
            let sources = sources.map(|source| json!({"id": source.id.to_string(), "name": source.name}));
            object["data_sources"] = sources.collect();
        }
    }
    object
}

fn data_source_object(source: &Source, version: Version) -> Json {
    let mut object = container("data_source", &source.name, version);
    object["id"] = json!(source.id.to_string());
    object["created_time"] = json!("2026-07-04T09:08:00.000Z");
    object["last_edited_time"] = json!("2026-07-04T09:08:00.000Z");
    object["parent"] = json!({"type": "database_id", "database_id": source.database.to_string()});
    object["database_parent"] = json!({"type": "page_id", "page_id": ids::ROOT_PAGE.to_string()});
    object["url"] = json!(format!("https://app.notion.com/p/{}", source.id.simple()));
    object["properties"] = properties(source);
    object
}

/// What databases and data sources have in common.
fn container(object: &str, title: &str, version: Version) -> Json {
    let bot = json!({"object": "user", "id": ids::BOT.to_string()});
    let annotations = json!({"bold": false, "italic": false, "strikethrough": false, "underline": false, "code": false,
                             "color": "default"});
    let mut container = json!({
        "object": object, "cover": null, "icon": null, "created_by": bot, "last_edited_by": bot, "description": [],
        "title": [{"type": "text", "text": {"content": title, "link": null}, "annotations": annotations,
                   "plain_text": title, "href": null}],
        "public_url": null, "in_trash": false, "is_locked": false,
    });
    if version.says_archived() {
        container["archived"] = json!(false);
    }
    container
}

fn properties(source: &Source) -> Json {
    Json::Object(source.properties.iter().map(|property| (property.name.clone(), property.describe())).collect())
}
