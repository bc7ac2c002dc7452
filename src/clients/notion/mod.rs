//! Notion: databases of jobs read row by row, and pages written into a database.
//!
//! The lower files know one thing each: [`row`] and [`listing`] how answers look, [`query`] what is asked, `paging`
//! how to come to the end of it, [`schema`] and `discovery` where rows are and what they carry, `api` how a question is
//! asked, [`pace`] how often. This file puts them together.
//!
//! Two promises hold throughout. A count is complete or it is an error; a page limit never shows through. And what is
//! known of a database is only believed until Notion contradicts it: then it is looked up again, once, so that neither
//! a renamed property nor a mended setting needs a restart.

mod api;
mod discovery;
mod fault;
pub mod listing;
pub mod pace;
mod paging;
pub mod query;
mod reading;
pub mod row;
pub mod schema;
mod text;
mod timestamp;
pub mod version;

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::time::{Duration, Instant};

use percent_encoding::utf8_percent_encode;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use self::api::{Api, Call, Effect};
pub use self::api::{Config, TokenSource};
use self::fault::{Cause, Fault};
use self::query::Selection;
pub use self::reading::Read;
use self::reading::Reading;
use self::row::Row;
use self::schema::{Schema, Source, UNRESERVED, Wanted};
use self::text::Text;
use super::error::ClientError;
use super::http::Http;

/// How long a schema is believed without asking. A second data source that somebody adds changes nothing in the
/// answers about the first, so it would never be noticed otherwise.
const BELIEVED: Duration = Duration::from_secs(60 * 60);

/// A client of Notion; one per thread, as its HTTP client is.
pub struct Notion {
    api: Api,
    schemas: RefCell<HashMap<String, Known>>,
}

struct Known {
    schema: Rc<Schema>,
    since: Instant,
}

impl Notion {
    /// A client that has asked nothing yet.
    pub fn new(http: Http, config: Config) -> Self {
        Self { api: Api::new(http, config), schemas: RefCell::default() }
    }

    /// Asks who we are: whether Notion answers and knows our token. It says nothing about access to any database.
    ///
    /// The first answer counts, a server fault included; only a rest that Notion asks for is waited for.
    pub async fn me(&self, deadline: Instant) -> Result<(), ClientError> {
        self.integration(deadline).await.map(drop)
    }

    /// The same, with the name that the integration has in Notion, by which people share databases with it.
    pub async fn integration(&self, deadline: Instant) -> Result<Option<String>, ClientError> {
        #[derive(Deserialize)]
        struct User<'a> {
            #[serde(borrow)]
            object: Text<'a>,
            #[serde(borrow)]
            name: Option<Text<'a>>,
        }
        let call = Call { effect: Effect::Probe, path: "/v1/users/me", body: None };
        let reply = self.api.call(call, deadline).await.map_err(|fault| fault.error)?;
        match serde_json::from_slice(&reply.body) {
            Ok(User { object, name }) if object.0 == "user" => Ok(name.map(Text::into_string)),
            Ok(_) => Err(reply.error("asked for a user, but got something else")),
            Err(_) => Err(reply.of_another_shape()),
        }
    }

    /// Hands every row of `select` in `database` to `each`, once, in order of creation. `database` is the id of a
    /// database or of one of its data sources.
    ///
    /// After an error some rows may have been handed over already: they are not all, and nothing to count.
    pub async fn jobs(
        &self,
        database: &str,
        wanted: &Wanted<'_>,
        select: &Selection<'_>,
        deadline: Instant,
        each: &mut dyn FnMut(Row<'_>),
    ) -> Result<Read, ClientError> {
        let (seen, read) = (HashSet::new(), Read::default());
        let mut reading = Reading { api: &self.api, wanted, select, deadline, each, seen, read };
        if let Some(schema) = self.known(database) {
            match reading.walk(&schema, false).await {
                Err(stop) if stop.doubts_schema => self.forget(database),
                result => return result.map_err(|stop| stop.error),
            }
        }
        let schema = self.discover(database, deadline).await?;
        reading.walk(&schema, true).await.map_err(|stop| {
            if stop.doubts_schema {
                self.forget(database);
            }
            stop.error
        })
    }

    /// What `database` looks like: as it is known, or looked up. What is known is an hour old at most, and
    /// forgotten as soon as [`Notion::jobs`] or [`Notion::create_page`] find that it is out of date.
    pub async fn schema(&self, database: &str, deadline: Instant) -> Result<Rc<Schema>, ClientError> {
        match self.known(database) {
            Some(schema) => Ok(schema),
            None => self.discover(database, deadline).await,
        }
    }

    /// Adds properties, each a name and Notion's word for its type, to `database`. One that is there with that type stays
    /// as it is.
    pub async fn add_properties(
        &self,
        database: &str,
        properties: &[(&str, &str)],
        deadline: Instant,
    ) -> Result<(), ClientError> {
        let schema = self.schema(database, deadline).await?;
        let properties: Map<String, Value> =
            properties.iter().map(|(name, kind)| ((*name).to_owned(), json!({ *kind: {} }))).collect();
        let body = json!({ "properties": properties });
        let call = Call { effect: Effect::Update, path: &schema.source.path(), body: Some(&body) };
        let answer = self.api.call(call, deadline).await;
        self.forget(database);
        answer.map(drop).map_err(|fault| fault.error)
    }

    /// Whether the token comes from Replit and not from the settings.
    pub fn asks_replit(&self) -> bool {
        self.api.asks_replit()
    }

    /// Writes a page into `database`, with `properties` as Notion wants them, and gives its id. Sent once only: after a
    /// timeout or a broken connection it may be there or not.
    pub async fn create_page(
        &self,
        database: &str,
        properties: &Map<String, Value>,
        deadline: Instant,
    ) -> Result<String, ClientError> {
        let schema = self.schema(database, deadline).await?;
        let fault = match self.create_in(&schema.source, properties, deadline).await {
            Err(fault) if fault.doubts_schema() => fault,
            result => return result.map_err(|fault| fault.error),
        };
        // Nothing was written. If the rows have moved, that was the reason; if not, the properties were, and who
        // composes them is to look at the schema again.
        self.forget(database);
        let now = self.schema(database, deadline).await?;
        if now.source == schema.source {
            return Err(fault.error);
        }
        self.create_in(&now.source, properties, deadline).await.map_err(|fault| fault.error)
    }

    async fn create_in(
        &self,
        source: &Source,
        properties: &Map<String, Value>,
        deadline: Instant,
    ) -> Result<String, Fault> {
        #[derive(Deserialize)]
        struct Page {
            id: String,
        }
        let body = json!({"parent": source.as_parent(), "properties": properties});
        let call = Call { effect: Effect::Create, path: "/v1/pages", body: Some(&body) };
        match self.api.call(call, deadline).await {
            Ok(reply) => match serde_json::from_slice(&reply.body) {
                Ok(Page { id }) => Ok(id),
                Err(error) => Err(reply.error(format!("a page that cannot be read: {error}")).into()),
            },
            Err(Fault { cause: Cause::Stored(id), .. }) => Ok(id),
            Err(fault) => Err(fault),
        }
    }

    /// Sets `properties` of a page; the others stay as they are.
    pub async fn update_page(
        &self,
        page: &str,
        properties: &Map<String, Value>,
        deadline: Instant,
    ) -> Result<(), ClientError> {
        let path = format!("/v1/pages/{}", utf8_percent_encode(page, UNRESERVED));
        let body = json!({"properties": properties});
        let call = Call { effect: Effect::Update, path: &path, body: Some(&body) };
        match self.api.call(call, deadline).await {
            Ok(_) | Err(Fault { cause: Cause::Stored(_), .. }) => Ok(()),
            Err(fault) => Err(fault.error),
        }
    }

    async fn discover(&self, database: &str, deadline: Instant) -> Result<Rc<Schema>, ClientError> {
        let schema = Rc::new(discovery::discover(&self.api, database, deadline).await?);
        let known = Known { schema: Rc::clone(&schema), since: Instant::now() };
        self.schemas.borrow_mut().insert(database.to_owned(), known);
        Ok(schema)
    }

    fn known(&self, database: &str) -> Option<Rc<Schema>> {
        let schemas = self.schemas.borrow();
        let known = schemas.get(database).filter(|known| known.since.elapsed() < BELIEVED)?;
        Some(Rc::clone(&known.schema))
    }

    fn forget(&self, database: &str) {
        self.schemas.borrow_mut().remove(database);
    }
}

#[cfg(test)]
mod tests;
