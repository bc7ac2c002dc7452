//! The cursors of queries: opaque, of one session, and honest about rows that move while somebody pages.
//!
//! The order of a query is worked out once and again only if the data source has changed since, so that paging through
//! 100,000 rows costs one sort.

use std::collections::VecDeque;

use uuid::Uuid;

use super::error::{Answer, Refusal};
use super::ids;

/// Queries that can be paged on; the oldest is forgotten first, and its cursors with it.
const SESSIONS: usize = 64;
/// The part of a cursor that says how far it is; the rest names the session.
const OFFSET: u128 = 0xffff_ffff;

/// All queries under way.
#[derive(Default)]
pub(super) struct Sessions(VecDeque<Session>);

/// A query under way.
pub(super) struct Session {
    tag: u128,
    source: Uuid,
    /// The filter and sorts, which may not change from page to page.
    key: String,
    pub(super) found: Found,
}

/// The rows that a query wants.
pub(super) struct Found {
    /// Their numbers, in order.
    pub(super) order: Vec<u32>,
    /// Whether there were more than a query may return.
    pub(super) cut: bool,
    /// The state of the data source that this is true for.
    pub(super) changes: u64,
}

impl Sessions {
    /// Keeps a query, to be paged on.
    pub(super) fn keep(&mut self, session: Session) -> &Session {
        if self.0.len() == SESSIONS {
            self.0.pop_front();
        }
        self.0.push_back(session);
        &self.0[self.0.len() - 1]
    }

    /// The query of a cursor, and how many rows it has returned before.
    pub(super) fn resume(&mut self, cursor: &str, source: Uuid, key: &str) -> Answer<(&mut Session, usize)> {
        let cursor = ids::parse(cursor).map(|cursor| cursor.as_u128());
        let session = cursor.and_then(|cursor| {
            let same = |session: &&mut Session| {
                session.tag == cursor & !OFFSET && session.source == source && session.key == key
            };
            Some((self.0.iter_mut().find(same)?, (cursor & OFFSET) as usize))
        });
        session.ok_or_else(|| Refusal::invalid("The start_cursor provided is invalid: it is not one of this query."))
    }

    /// Makes the cursors of a data source invalid.
    pub(super) fn forget(&mut self, source: Uuid) {
        self.0.retain(|session| session.source != source);
    }
}

impl Session {
    pub(super) fn new(source: Uuid, key: String, found: Found) -> Self {
        Self { tag: ids::random().as_u128() & !OFFSET, source, key, found }
    }

    /// The cursor behind `offset` rows.
    pub(super) fn cursor(&self, offset: usize) -> Uuid {
        Uuid::from_u128(self.tag | offset as u128)
    }

    /// Takes a newer order; returns where in it to go on: at the row that would have been next, wherever it is now.
    pub(super) fn renew(&mut self, found: Found, offset: usize) -> usize {
        let next = self.found.order.get(offset).copied();
        self.found = found;
        let order = &self.found.order;
        next.and_then(|next| order.iter().position(|row| *row == next)).unwrap_or_else(|| offset.min(order.len()))
    }
}
