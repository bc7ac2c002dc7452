//! The way through all pages of a query, and how to know that it was really all of them.
//!
//! Notion ends a query after 10,000 rows as if it were complete and says so only in `request_status`. Then the query
//! starts again from the last creation time that was seen. Times are cut down to the minute, so rows of that minute
//! come twice (whoever takes them drops the second one), and a minute with 10,000 rows cannot be passed: that is an
//! error. A short count is never an answer.

use std::collections::HashSet;

use chrono::{DateTime, Utc};

use super::listing::Continuation;
use crate::clients::error::{ClientError, ErrorKind};

/// No database that can be read within a check's deadline comes near it: 200,000 rows.
const PAGES_AT_MOST: usize = 2_000;

/// Where a reader stands.
pub(super) struct Paging {
    /// The creation time from which on the present query asks; `None` in the first.
    from: Option<DateTime<Utc>>,
    cursor: Option<String>,
    pages: usize,
    pages_at_most: usize,
    query: Query,
}

/// What the pages of the present query have shown.
#[derive(Default)]
struct Query {
    cursors: HashSet<String>,
    latest: Option<DateTime<Utc>>,
    out_of_order: bool,
    cut_short: bool,
}

impl Paging {
    pub(super) fn new() -> Self {
        Self { from: None, cursor: None, pages: 0, pages_at_most: PAGES_AT_MOST, query: Query::default() }
    }

    pub(super) fn from(&self) -> Option<DateTime<Utc>> {
        self.from
    }

    pub(super) fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    /// Takes note of a row, in the order of the answers.
    pub(super) fn saw(&mut self, created: DateTime<Utc>) {
        self.query.out_of_order |= self.query.latest.is_some_and(|latest| created < latest);
        self.query.latest = self.query.latest.max(Some(created));
    }

    /// Turns to the next page, after all rows of this one; `false` if there is none and everything was seen.
    pub(super) fn turn(&mut self, list: Continuation) -> Result<bool, ClientError> {
        self.pages += 1;
        self.query.cut_short |= list.cut_short;
        if !list.has_more && !self.query.cut_short {
            return Ok(false);
        }
        if self.pages >= self.pages_at_most {
            return Err(incomplete(&format!("still not at the end after {} pages", self.pages)));
        }
        let turned = if list.has_more { self.follow(list) } else { self.split() };
        turned.map(|()| true)
    }

    fn follow(&mut self, list: Continuation) -> Result<(), ClientError> {
        let garbage = |detail| Err(ClientError::new(ErrorKind::Garbage, detail));
        if list.entries == 0 {
            return garbage("an empty page that promises more");
        }
        let Some(cursor) = list.next_cursor else {
            return garbage("a page that promises more without saying where");
        };
        if !self.query.cursors.insert(cursor.clone()) {
            return garbage("pages that go round in a circle");
        }
        self.cursor = Some(cursor);
        Ok(())
    }

    fn split(&mut self) -> Result<(), ClientError> {
        if self.query.out_of_order {
            return Err(incomplete("more rows than Notion gives at once, and not in order of creation"));
        }
        if self.query.latest <= self.from {
            return Err(incomplete("more rows created within one minute than Notion gives at once"));
        }
        *self = Self { from: self.query.latest, cursor: None, query: Query::default(), ..*self };
        Ok(())
    }
}

fn incomplete(detail: &str) -> ClientError {
    ClientError::new(ErrorKind::Incomplete, detail)
}

#[cfg(test)]
#[path = "paging_tests.rs"]
mod tests;
