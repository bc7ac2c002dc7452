//! Reading rows: all pages of a query, each row once whatever is read twice, and a count of those that could not be
//! judged.

use std::collections::HashSet;
use std::time::Instant;

use uuid::Uuid;

use super::api::{Api, Call, Effect};
use super::fault::Fault;
use super::listing;
use super::paging::Paging;
use super::query::{self, Selection};
use super::row::{Entry, Row};
use super::schema::{Schema, Wanted};
use crate::clients::error::{ClientError, ErrorKind};

/// What became of reading all rows that were wanted.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Read {
    /// Rows handed over.
    pub rows: usize,
    /// Rows that exist, but could not be looked into. If there are any, what was handed over is not everything.
    pub unreadable: usize,
}

/// Why reading ended early.
pub(super) struct Stop {
    pub(super) error: ClientError,
    /// The schema that was gone by may be out of date.
    pub(super) doubts_schema: bool,
}

impl From<ClientError> for Stop {
    fn from(error: ClientError) -> Self {
        Self { error, doubts_schema: false }
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self { doubts_schema: fault.doubts_schema(), error: fault.error }
    }
}

/// One reader on its way. It may have to begin anew, but hands no row over twice.
pub(super) struct Reading<'r> {
    pub(super) api: &'r Api,
    pub(super) wanted: &'r Wanted<'r>,
    pub(super) select: &'r Selection<'r>,
    pub(super) deadline: Instant,
    pub(super) each: &'r mut dyn FnMut(Row<'_>),
    pub(super) seen: HashSet<Uuid>,
    pub(super) read: Read,
}

impl Reading<'_> {
    /// Reads all rows, going by `schema`. A row that contradicts it casts doubt on it, unless it is `fresh`: then the
    /// row is one that cannot be judged.
    pub(super) async fn walk(&mut self, schema: &Schema, fresh: bool) -> Result<Read, Stop> {
        let doubt = |error| Stop { error, doubts_schema: true };
        let found = schema.find(self.wanted).map_err(doubt)?;
        let columns = found.columns();
        let path = format!("{}/query?{}", schema.source.path(), found.filter_properties());
        let mut paging = Paging::new();
        loop {
            let filter = self.select.filter(found.status, paging.from());
            let body = query::body(&filter, paging.cursor());
            let call = Call { effect: Effect::Read, path: &path, body: Some(&body) };
            let reply = self.api.call(call, self.deadline).await?;
            let mut contradicted = false;
            let list = listing::read(&reply.body, columns, |entry| {
                contradicted |= matches!(entry, Entry::Stale(_));
                if fresh || !contradicted {
                    self.take(entry, &mut paging);
                }
            });
            if contradicted && !fresh {
                return Err(doubt(ClientError::new(ErrorKind::Schema, "a row that contradicts the schema")));
            }
            let list = list.map_err(|error| reply.error(format!("a list of rows that cannot be read: {error}")))?;
            if !paging.turn(list)? {
                return Ok(self.read);
            }
        }
    }

    fn take(&mut self, entry: Entry<'_>, paging: &mut Paging) {
        match entry {
            Entry::Row(row) => {
                paging.saw(row.created);
                if self.seen.insert(row.id) {
                    self.read.rows += 1;
                    (self.each)(row);
                }
            }
            Entry::Stale(row) => {
                paging.saw(row.created);
                self.unreadable(Some(row.id));
            }
            Entry::Unreadable(id) => self.unreadable(id),
            Entry::Other => {}
        }
    }

    fn unreadable(&mut self, id: Option<Uuid>) {
        if id.is_none_or(|id| self.seen.insert(id)) {
            self.read.unreadable += 1;
        }
    }
}
