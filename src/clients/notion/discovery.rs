//! From an id in the settings to the place where the rows are. What people copy out of Notion's address line is the id
//! of a database; since 2025-09-03 its rows are in data sources with ids of their own, and there may be several.

use std::time::Instant;

use percent_encoding::utf8_percent_encode;
use serde::Deserialize;

use super::api::{Api, Call, Effect};
use super::fault::{Cause, Fault};
use super::schema::{Schema, Source, UNRESERVED};
use super::text::Text;
use crate::clients::error::{ClientError, ErrorKind};
use crate::clients::reply::Reply;

/// Finds the rows of `id`, a database or, since 2025-09-03, one of the data sources of one.
pub(super) async fn discover(api: &Api, id: &str, deadline: Instant) -> Result<Schema, ClientError> {
    let database = get(api, "databases", id, deadline).await;
    if !api.version().has_data_sources() {
        let reply = database.map_err(|fault| too_old_for_it(api, fault))?;
        return read(&reply, Source::Database(id.to_owned()));
    }
    let (source, not_a_database) = match database {
        Ok(reply) => (only_data_source(&reply)?, None),
        Err(fault) if fault.doubts_schema() => (id.to_owned(), Some(fault.error)),
        Err(fault) => return Err(fault.error),
    };
    match get(api, "data_sources", &source, deadline).await {
        Ok(reply) => read(&reply, Source::DataSource(source)),
        // It is neither; what Notion says about databases is what people understand.
        Err(fault) if fault.doubts_schema() => Err(not_a_database.unwrap_or(fault.error)),
        Err(fault) => Err(fault.error),
    }
}

async fn get(api: &Api, collection: &str, id: &str, deadline: Instant) -> Result<Reply, Fault> {
    let path = format!("/v1/{collection}/{}", utf8_percent_encode(id, UNRESERVED));
    api.call(Call { effect: Effect::Read, path: &path, body: None }, deadline).await
}

fn read(reply: &Reply, source: Source) -> Result<Schema, ClientError> {
    Schema::read(&reply.body, source).map_err(|error| reply.error(format!("a schema that cannot be read: {error}")))
}

fn only_data_source(reply: &Reply) -> Result<String, ClientError> {
    #[derive(Deserialize)]
    struct Database<'a> {
        #[serde(borrow)]
        data_sources: Vec<DataSource<'a>>,
    }
    #[derive(Deserialize)]
    struct DataSource<'a> {
        #[serde(borrow)]
        id: Text<'a>,
        #[serde(borrow)]
        name: Option<Text<'a>>,
    }
    let database: Database<'_> = serde_json::from_slice(&reply.body)
        .map_err(|error| reply.error(format!("a database that cannot be read: {error}")))?;
    match database.data_sources.as_slice() {
        [] => Err(ClientError::new(ErrorKind::Schema, "the database has no data source that is shared with us")),
        [only] => Ok(only.id.0.clone().into_owned()),
        several => {
            let choices: Vec<String> = several
                .iter()
                .map(|source| format!("\"{}\" = {}", source.name.as_ref().map_or("", |name| &name.0), source.id.0))
                .collect();
            let detail = format!("several data sources; use the id of one of them: {}", choices.join(", "));
            Err(ClientError::new(ErrorKind::Schema, detail))
        }
    }
}

fn too_old_for_it(api: &Api, fault: Fault) -> ClientError {
    let Cause::SeveralDataSources(ids) = fault.cause else { return fault.error };
    let detail = format!(
        "several data sources, which version {} cannot read; use a newer version and the id of one of them: {}",
        api.version(),
        ids.join(", ")
    );
    ClientError { status: fault.error.status, ..ClientError::new(ErrorKind::Schema, detail) }
}
