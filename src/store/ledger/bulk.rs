//! What a long outage leaves much of, a row or two a cycle: it goes into the database first, some rows at a time.
//!
//! Each batch is written there and then deleted here. Whatever happens in between, it can be written again: what is there
//! already stays as it is.

use super::outstanding::{ATTEMPT, INSERT_ATTEMPT, INSERT_NOTICE, NOTICE};
use super::standby::Standby;
use crate::store::copies::{self, Column, Copied};
use crate::store::statement::Statement;
use crate::store::{Store, StoreError};

/// How many rows at a time.
const BATCH: usize = 100;

/// One sort of rows that never change any more.
struct Bulk {
    /// The first column of it, `place`, says which row it is, and is not written.
    select: &'static str,
    columns: &'static [Column],
    insert: &'static str,
    delete: &'static str,
}

static BULKS: [Bulk; 4] = [
    Bulk {
        select: "SELECT at AS place, at, ok, openai, notion, jobs, done, low_qa, avg_qa_tenths, stuck, health_ms,
                     openai_ms, notion_ms
                 FROM samples ORDER BY at LIMIT 100",
        columns: &[
            Column::Number("at"),
            Column::Number("ok"),
            Column::Number("openai"),
            Column::Number("notion"),
            Column::Number("jobs"),
            Column::Number("done"),
            Column::Number("low_qa"),
            Column::Number("avg_qa_tenths"),
            Column::Number("stuck"),
            Column::Number("health_ms"),
            Column::Number("openai_ms"),
            Column::Number("notion_ms"),
        ],
        insert: "INSERT INTO samples (at, ok, openai, notion, jobs, done, low_qa, avg_qa_tenths, stuck, health_ms,
                                      openai_ms, notion_ms)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (at) DO NOTHING",
        delete: "DELETE FROM samples WHERE at = $1",
    },
    Bulk {
        select: "SELECT seq AS place, at, body FROM reports ORDER BY seq LIMIT 100",
        columns: &[Column::Number("at"), Column::Text("body")],
        insert: "INSERT INTO reports (at, body) SELECT CAST($1 AS BIGINT), CAST($2 AS TEXT)
                 WHERE NOT EXISTS (SELECT 1 FROM reports WHERE at = $1)",
        delete: "DELETE FROM reports WHERE seq = $1",
    },
    Bulk {
        select: "SELECT seq AS place, id, channel, state, kind, subject, body, thread, created, attempts, next_try,
                     claimed_until, claimed_by, failed_at, last_error, delivered_at, receipt, content, merged_into
                 FROM notices WHERE kind = 'status' AND state <> 'pending' ORDER BY seq LIMIT 100",
        columns: &NOTICE,
        insert: INSERT_NOTICE,
        delete: "DELETE FROM notices WHERE seq = $1",
    },
    // The attempts to deliver those.
    Bulk {
        select: "SELECT seq AS place, notice_id, attempt, at, outcome, answer FROM deliveries
                 WHERE notice_id NOT IN (SELECT id FROM notices) ORDER BY seq LIMIT 100",
        columns: &ATTEMPT,
        insert: INSERT_ATTEMPT,
        delete: "DELETE FROM deliveries WHERE seq = $1",
    },
];

/// Takes out of `standby` into `store` what never changes any more.
pub(super) async fn carry(standby: &Standby, store: &Store) -> Result<(), StoreError> {
    for bulk in &BULKS {
        while carry_batch(bulk, &standby.store, store).await? == BATCH {}
    }
    Ok(())
}

async fn carry_batch(bulk: &'static Bulk, from: &Store, to: &Store) -> Result<usize, StoreError> {
    let (places, rows) = read(bulk, from).await?;
    let carried = places.len();
    if carried > 0 {
        write(bulk.insert, rows, to).await?;
        write(bulk.delete, places, from).await?;
    }
    Ok(carried)
}

/// The places of the first rows, and the rows.
async fn read(bulk: &'static Bulk, from: &Store) -> Result<(Vec<Copied>, Vec<Copied>), StoreError> {
    let database = from.database.clone();
    let rows = from.run(async move {
        let columns: Vec<Column> =
            std::iter::once(Column::Number("place")).chain(bulk.columns.iter().copied()).collect();
        copies::rows(&mut database.session().await?, Statement::new(bulk.select), &columns).await
    });
    let split = |mut row: Copied| {
        let values = row.split_off(1);
        (row, values)
    };
    Ok(rows.await?.into_iter().map(split).unzip())
}

/// Has `statement` done for each of `rows`.
async fn write(statement: &'static str, rows: Vec<Copied>, to: &Store) -> Result<(), StoreError> {
    let database = to.database.clone();
    to.run(async move {
        let mut transaction = database.begin().await?;
        copies::insert(&mut transaction, statement, &rows).await?;
        transaction.commit().await
    })
    .await
}
