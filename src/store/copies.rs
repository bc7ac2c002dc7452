//! Rows that go from one database of ours to another as they are.

use super::StoreError;
use super::database::{Speaks, Transaction};
use super::row::Row;
use super::statement::{Statement, Value};

/// A column, by its name.
#[derive(Clone, Copy, Debug)]
pub(super) enum Column {
    /// Of a `TEXT`.
    Text(&'static str),
    /// Of a `BIGINT`.
    Number(&'static str),
}

/// A row: its values in the order of the columns that were asked for.
pub(super) type Copied = Vec<Value>;

impl Column {
    fn of(self, row: &Row) -> Result<Value, StoreError> {
        Ok(match self {
            Self::Text(name) => row.optional_text(name)?.into(),
            Self::Number(name) => row.optional_number(name)?.into(),
        })
    }
}

/// What there is in a row at the place of a text.
pub(super) fn text(row: &Copied, place: usize) -> &str {
    match row.get(place) {
        Some(Value::Text(Some(text))) => text,
        _ => "",
    }
}

/// What there is in a row at the place of a number.
pub(super) fn number(row: &Copied, place: usize) -> i64 {
    match row.get(place) {
        Some(Value::Number(Some(number))) => *number,
        _ => 0,
    }
}

/// The rows of `select`, which names those columns.
pub(super) async fn rows(
    on: &mut impl Speaks,
    select: Statement,
    columns: &[Column],
) -> Result<Vec<Copied>, StoreError> {
    let rows = select.all(on).await?;
    rows.iter().map(|row| columns.iter().map(|column| column.of(row)).collect()).collect()
}

/// Writes `rows` with `insert`, which takes a row's values in their order.
pub(super) async fn insert(
    transaction: &mut Transaction,
    insert: &'static str,
    rows: &[Copied],
) -> Result<(), StoreError> {
    for row in rows {
        insert_row(transaction, insert, row).await?;
    }
    Ok(())
}

/// The same for one row.
pub(super) async fn insert_row(
    transaction: &mut Transaction,
    insert: &'static str,
    row: &Copied,
) -> Result<(), StoreError> {
    row.iter().cloned().fold(Statement::new(insert), Statement::bind).execute(transaction).await?;
    Ok(())
}
