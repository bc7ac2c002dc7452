//! A statement in the words that both databases understand, with its values: `$1`, `TEXT` and `BIGINT`, nothing else.

use sqlx::query::Query;
use sqlx::{Database, Encode, Type};

use super::StoreError;
use super::database::{Lent, Speaks};
use super::row::Row;

/// What is bound to a `$n`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// A `TEXT`.
    Text(Option<String>),
    /// A `BIGINT`.
    Number(Option<i64>),
}

/// A statement and its values, in their order.
pub(super) struct Statement {
    sqlite: &'static str,
    postgres: &'static str,
    values: Vec<Value>,
}

impl Statement {
    pub(super) fn new(text: &'static str) -> Self {
        Self::differing(text, text)
    }

    /// One for which the two have no words in common, such as those for the clock.
    pub(super) fn differing(sqlite: &'static str, postgres: &'static str) -> Self {
        Self { sqlite, postgres, values: vec![] }
    }

    /// The value of the next `$n`.
    pub(super) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Runs it; returns how many rows it touched.
    pub(super) async fn execute(self, on: &mut impl Speaks) -> Result<u64, StoreError> {
        Ok(match on.lent() {
            Lent::Sqlite(connection) => query(self.sqlite, self.values).execute(connection).await?.rows_affected(),
            Lent::Postgres(connection) => query(self.postgres, self.values).execute(connection).await?.rows_affected(),
        })
    }

    /// Runs it; returns all its rows.
    pub(super) async fn all(self, on: &mut impl Speaks) -> Result<Vec<Row>, StoreError> {
        Ok(match on.lent() {
            Lent::Sqlite(connection) => {
                query(self.sqlite, self.values).fetch_all(connection).await?.into_iter().map(Row::Sqlite).collect()
            }
            Lent::Postgres(connection) => {
                query(self.postgres, self.values).fetch_all(connection).await?.into_iter().map(Row::Postgres).collect()
            }
        })
    }

    /// Runs one that has a row at most, and returns it.
    pub(super) async fn optional(self, on: &mut impl Speaks) -> Result<Option<Row>, StoreError> {
        Ok(self.all(on).await?.into_iter().next())
    }
}

fn query<'q, D: Database>(text: &'static str, values: Vec<Value>) -> Query<'q, D, D::Arguments>
where
    Option<String>: Encode<'q, D> + Type<D>,
    Option<i64>: Encode<'q, D> + Type<D>,
{
    values.into_iter().fold(sqlx::query(text), |query, value| match value {
        Value::Text(text) => query.bind(text),
        Value::Number(number) => query.bind(number),
    })
}

/// PostgreSQL has no text with a NUL in it, and what others say may have one: better told without than not at all.
fn storable(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{FFFD}") } else { text }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Some(storable(text)))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        text.clone().into()
    }
}

impl From<Option<String>> for Value {
    fn from(text: Option<String>) -> Self {
        Self::Text(text.map(storable))
    }
}

impl From<Option<&str>> for Value {
    fn from(text: Option<&str>) -> Self {
        text.map(str::to_owned).into()
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(Some(number))
    }
}

impl From<Option<i64>> for Value {
    fn from(number: Option<i64>) -> Self {
        Self::Number(number)
    }
}
