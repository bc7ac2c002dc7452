//! A database of an older version is brought up to date with all that is in it.

use std::borrow::Cow;

use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnection;
use sqlx::{Connection, SqliteConnection};

use super::*;
use crate::store::{postgres as on_postgres, sqlite as on_sqlite};

/// What the first version left behind.
const FIRST: [&str; 4] = [
    "INSERT INTO incidents VALUES
         ('i1', 'stuck_jobs', '137 job(s)', '', 1000, 'open', 3, 'no', NULL, 2000, NULL),
         ('i2', 'low_completion', '40.0%', 'x', 1000, 'recovering', 1, 'by', 'notion_offline', NULL, NULL),
         ('i3', 'stuck_jobs', '3 job(s)', '', 500, 'resolved', 2, 'no', NULL, 600, 900)",
    "INSERT INTO notices (id, channel, kind, subject, body, thread, created, state, attempts, next_try,
         claimed_until, claimed_by, failed_at, last_error, delivered_at, receipt) VALUES
         ('n1', 'email', 'alert', 's', 'b', NULL, 1000, 'delivered', 1, 1000, NULL, NULL, NULL, NULL, 1100, '250'),
         ('n2', 'telegram', 'alert', 's', 'b', NULL, 1000, 'pending', 2, 5000, NULL, NULL, 1200, '502', NULL, NULL),
         ('n3', 'telegram', 'resolved', 's', 'b', 'n2', 1300, 'failed', 1, 1300, NULL, NULL, 1400, '403', NULL, NULL)",
    "INSERT INTO notice_incidents VALUES ('n1', 'i1', 'opened'), ('n2', 'i1', 'opened'), ('n3', 'i3', 'resolved')",
    "INSERT INTO channel_state VALUES ('notion', 'memory', 'page-7')",
];

/// What has to be there afterwards as it was before.
const KEPT: [&str; 4] = [
    "SELECT id || ' ' || issue || ' ' || text || ' ' || phase || ' ' || streak || ' ' || held || ' '
         || COALESCE(held_cause, '-') || ' ' || COALESCE(told_at, 0) || ' ' || COALESCE(resolved_at, 0) AS it
     FROM incidents ORDER BY id",
    "SELECT seq || ' ' || id || ' ' || channel || ' ' || kind || ' ' || state || ' ' || attempts || ' ' || next_try || ' '
         || COALESCE(thread, '-') || ' ' || COALESCE(last_error, '-') || ' ' || COALESCE(receipt, '-') AS it
     FROM notices ORDER BY seq",
    "SELECT notice_id || ' ' || incident_id || ' ' || step AS it FROM notice_incidents ORDER BY 1",
    "SELECT channel || ' ' || key || ' ' || value AS it FROM channel_state ORDER BY 1",
];

/// The first migration of all.
fn first_of(all: &Migrator) -> Migrator {
    let first = all.iter().take(1).cloned().collect();
    Migrator { migrations: Cow::Owned(first), ..Migrator::DEFAULT }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_the_first_version_left_behind_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let mut file: SqliteConnection = raw(&directory.path().join("test.db")).await;
    first_of(&on_sqlite::MIGRATIONS).run_direct(None, &mut file, false).await.unwrap();
    let server = postgres::shared().database();
    let mut connection = PgConnection::connect(&server.url()).await.unwrap();
    first_of(&on_postgres::MIGRATIONS).run_direct(None, &mut connection, false).await.unwrap();
    let mut before = [vec![], vec![]];
    for statement in FIRST {
        sqlx::query(statement).execute(&mut file).await.unwrap();
        sqlx::query(statement).execute(&mut connection).await.unwrap();
    }
    for statement in KEPT {
        before[0].push(sqlx::query_scalar::<_, String>(statement).fetch_all(&mut file).await.unwrap());
        before[1].push(sqlx::query_scalar::<_, String>(statement).fetch_all(&mut connection).await.unwrap());
    }
    file.close().await.unwrap();
    connection.close().await.unwrap();

    for (ground, before) in [Ground::Directory(directory), Ground::Server(server)].into_iter().zip(before) {
        let store = ground.open().await;
        for (statement, before) in KEPT.into_iter().zip(before) {
            assert!(!before.is_empty());
            assert_eq!(texts(&store, statement).await, before);
        }
        // And it is gone on with.
        let told = store.told().await.unwrap();
        assert_eq!((told["i1"].len(), told["i1"]["telegram"].as_str()), (2, "n2"));
        assert_eq!(store.known().await.unwrap().incidents.len(), 2);
        assert_eq!(claimed(&store, "telegram", 0).await, Some("n2".into()));
        store.post(vec![notice("n4", "email", NoticeKind::Alert, &[("i1", Step::Reminded)])]).await.unwrap();
        let last = "SELECT seq AS it FROM notices WHERE id = 'n4'";
        assert!(number(&store, last).await > 3, "behind those that were there");
    }
}
