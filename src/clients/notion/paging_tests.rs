#![allow(clippy::unwrap_used)]

use super::*;
use chrono::TimeDelta;

/// Creation times of rows, and the limits of a Notion that holds them.
struct Database {
    created: Vec<DateTime<Utc>>,
    limit: usize,
    page_size: usize,
}

impl Database {
    /// `rows` rows, `per_minute` of them in each minute.
    fn new(rows: usize, per_minute: usize) -> Self {
        let start = DateTime::UNIX_EPOCH;
        let created = (0..rows).map(|row| start + TimeDelta::minutes((row / per_minute) as i64)).collect();
        Self { created, limit: 10_000, page_size: 100 }
    }

    /// The positions of the rows on the page that `paging` stands at, and how it goes on.
    fn page(&self, paging: &Paging) -> (Vec<usize>, Continuation) {
        let matching =
            (0..self.created.len()).filter(|row| paging.from().is_none_or(|from| self.created[*row] >= from));
        let start: usize = paging.cursor().map_or(0, |cursor| cursor.parse().unwrap());
        let all = matching.clone().count();
        let rows: Vec<usize> = matching.take(self.limit).skip(start).take(self.page_size).collect();
        let end = start + rows.len();
        let has_more = end < all.min(self.limit);
        let next_cursor = has_more.then(|| end.to_string());
        (rows.clone(), Continuation { entries: rows.len(), has_more, next_cursor, cut_short: all > self.limit })
    }

    /// How many different rows a reader sees, and on how many pages.
    fn read(&self) -> Result<(usize, usize), ClientError> {
        let (mut paging, mut seen) = (Paging::new(), HashSet::new());
        loop {
            let (rows, list) = self.page(&paging);
            for row in rows {
                paging.saw(self.created[row]);
                seen.insert(row);
            }
            if !paging.turn(list)? {
                return Ok((seen.len(), paging.pages));
            }
        }
    }
}

#[test]
fn every_row_is_seen_however_many_there_are() {
    for (rows, per_minute) in
        [(0, 1), (1, 1), (100, 7), (101, 7), (9_999, 3), (10_000, 10_000), (10_001, 3), (25_000, 4), (25_000, 9_000)]
    {
        assert_eq!(
            Database::new(rows, per_minute).read().map(|seen| seen.0),
            Ok(rows),
            "{rows} rows, {per_minute} a minute"
        );
    }
}

#[test]
fn splitting_costs_no_more_pages_than_there_are_rows_for() {
    assert_eq!(Database::new(25_000, 4).read(), Ok((25_000, 251)));
}

#[test]
fn a_minute_with_more_rows_than_notion_gives_is_an_error_and_no_short_count() {
    for per_minute in [10_001, 25_000] {
        assert_eq!(Database::new(25_000, per_minute).read().unwrap_err().kind, ErrorKind::Incomplete);
    }
}

#[test]
fn a_query_out_of_order_is_not_split() {
    let mut database = Database::new(10_001, 3);
    database.created.swap(0, 9_000);
    assert_eq!(database.read().unwrap_err().kind, ErrorKind::Incomplete);
    let mut small = Database::new(500, 3);
    small.created.swap(0, 400);
    assert_eq!(small.read().map(|seen| seen.0), Ok(500));
}

#[test]
fn a_list_that_cannot_be_followed_is_garbage() {
    let page = |entries, cursor: Option<&str>| Continuation {
        entries,
        has_more: true,
        next_cursor: cursor.map(str::to_owned),
        cut_short: false,
    };
    for (pages, what) in [
        (vec![page(0, Some("a"))], "empty"),
        (vec![page(1, None)], "no cursor"),
        (vec![page(1, Some("a")), page(1, Some("a"))], "the same again"),
        (vec![page(1, Some("a")), page(1, Some("b")), page(1, Some("a"))], "a circle"),
    ] {
        let mut paging = Paging::new();
        let last = pages.into_iter().map(|page| paging.turn(page)).last().unwrap();
        assert_eq!(last.unwrap_err().kind, ErrorKind::Garbage, "{what}");
    }
}

#[test]
fn a_list_without_end_is_given_up() {
    let mut database = Database::new(1_000, 3);
    database.page_size = 1;
    let mut paging = Paging { pages_at_most: 10, ..Paging::new() };
    let fault = loop {
        let (_, list) = database.page(&paging);
        if let Err(error) = paging.turn(list) {
            break error;
        }
    };
    assert_eq!((fault.kind, paging.pages), (ErrorKind::Incomplete, 10));
}

#[test]
fn a_query_once_called_incomplete_stays_so_until_its_end() {
    let mut paging = Paging::new();
    let list = |has_more, cut_short| Continuation {
        entries: 1,
        has_more,
        next_cursor: has_more.then(|| "a".to_owned()),
        cut_short,
    };
    paging.saw(DateTime::UNIX_EPOCH);
    assert_eq!(paging.turn(list(true, true)), Ok(true));
    assert_eq!(paging.turn(list(false, false)), Ok(true));
    assert_eq!((paging.from(), paging.cursor()), (Some(DateTime::UNIX_EPOCH), None));
    assert_eq!(paging.turn(list(false, false)), Ok(false));
}
