//! Whether the Status Board has the properties that an entry fills, and adding those that it lacks.

use std::time::Instant;

use super::COLUMNS;
use crate::clients::error::{ClientError, ErrorKind};
use crate::clients::notion::Notion;
use crate::clients::notion::schema::Schema;
use crate::diagnosis::party::notion_remedy;
use crate::diagnosis::{Asked, Finding, Question, Remedy, quoted};

const NAME: &str = "notion:status_board";
const VARIABLE: &str = "NOTION_STATUS_DB_ID";

type Column = (&'static str, &'static str);

pub(super) async fn examine(notion: &Notion, database: &str, deadline: Instant) -> Vec<Asked> {
    let question = Question::put(NAME, format!("the properties of {VARIABLE}"));
    match notion.schema(database, deadline).await {
        Err(error) => vec![question.found(failed(notion, &error, "Read"))],
        Ok(schema) => {
            let others =
                of_another_type(&schema).map(|finding| Asked::at_home(NAME, "the types of those there", finding));
            std::iter::once(question.found(of_what_is_there(&schema))).chain(others).collect()
        }
    }
}

pub(super) async fn mend(notion: &Notion, database: &str, deadline: Instant) -> Vec<Asked> {
    let question = Question::put(NAME, "add the properties");
    let added = async {
        let missing = missing(&*notion.schema(database, deadline).await?);
        notion.add_properties(database, &missing, deadline).await
    };
    let finding = match added.await {
        Ok(()) => Finding::ok("added"),
        Err(error) => failed(notion, &error, "Update"),
    };
    vec![question.found(finding)]
}

fn failed(notion: &Notion, error: &ClientError, capability: &'static str) -> Finding {
    let remedy = match error.kind {
        ErrorKind::Forbidden => Remedy::NotionCapability { capability },
        _ => notion_remedy(error, VARIABLE, notion.asks_replit()),
    };
    Finding::fail(error.to_string(), remedy)
}

/// The columns that the board does not have under any type.
fn missing(schema: &Schema) -> Vec<Column> {
    COLUMNS.into_iter().filter(|(name, _)| schema.property(name).is_none()).collect()
}

fn of_what_is_there(schema: &Schema) -> Finding {
    let missing = missing(schema);
    if missing.is_empty() {
        return Finding::ok("all that an entry fills are there");
    }
    let there = quoted(schema.properties.iter().map(|property| property.name.as_str()));
    let missing = with_types(&missing);
    Finding::warn(format!("{missing} missing; there are {there}"), Remedy::BoardProperties)
        .mendable(format!("add {missing}"))
}

fn of_another_type(schema: &Schema) -> Option<Finding> {
    let kind = |name| schema.property(name).map(|property| property.kind.as_str());
    let wanted: Vec<Column> =
        COLUMNS.into_iter().filter(|(name, wanted)| kind(name).is_some_and(|kind| kind != *wanted)).collect();
    let says = wanted.iter().map(|(name, wanted)| {
        let kind = kind(name).unwrap_or_default();
        format!("\"{name}\" is of type {kind}, not {wanted}, and stays empty")
    });
    let says = says.collect::<Vec<_>>().join("; ");
    (!wanted.is_empty()).then(|| Finding::warn(says, Remedy::BoardTypes { wanted }))
}

/// `"OK" (checkbox), "Notes" (rich_text)`.
fn with_types(columns: &[Column]) -> String {
    columns.iter().map(|(name, kind)| format!("\"{name}\" ({kind})")).collect::<Vec<_>>().join(", ")
}
