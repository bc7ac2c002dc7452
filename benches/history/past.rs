//! A year of incidents, told to three channels, as the retention leaves it.

use std::path::Path;

use chrono::{TimeDelta, Utc};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};

/// The cycles of the month whose samples are kept one by one.
pub const CYCLES: usize = 8_600;

/// Incidents ($1 of them, evenly over the year that ends at $2) that opened, recovered and were over after ten minutes;
/// of the last month, who was told so, in three channels, and what these answered; a state of the board, a sample every
/// five minutes; before that, samples by day; the reports of three days.
const HISTORY: [&str; 9] = [
    "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $1)
     INSERT INTO incidents (id, issue, text, detail, magnitude, since, phase, streak, held, told_at, told_text, resolved_at)
     SELECT '0199f000-0000-7000-8000-' || CAST(100000000000 + i AS TEXT),
            CASE i % 3 WHEN 0 THEN 'stuck_jobs' WHEN 1 THEN 'low_completion' ELSE 'notion_offline' END,
            '137 job(s) stuck >30 minutes', 'the oldest: \"Blog outline 1\", for 41 minutes', 137,
            $2 - 31363200000 + i * (31276800000 / $1), 'resolved', 2, 'no', $2 - 31363200000 + i * (31276800000 / $1),
            '137 job(s) stuck >30 minutes', $2 - 31363200000 + i * (31276800000 / $1) + 600000
     FROM n",
    "INSERT INTO incident_changes (incident_id, at, what, text)
     SELECT id, since + later, what, text FROM incidents
     CROSS JOIN (SELECT 0 AS later, 'opened' AS what UNION ALL SELECT 300000, 'recovering'
                 UNION ALL SELECT 600000, 'resolved') AS story
     WHERE $1 > 0 ORDER BY since, later",
    "INSERT INTO notices (id, channel, kind, subject, body, content, created, state, attempts, next_try, delivered_at,
                          receipt)
     SELECT id || channel || kind, channel, kind, '🚨 EchoPilot Auto-Operator Alert',
            'Timestamp: 2025-10-17T13:58:48Z\n\nISSUES DETECTED:\n  • ⚠️ 50 job(s) stuck >30 minutes\n\n' ||
            'Metrics:\n  • Total jobs (24h): 68\n  • Done jobs: 4\n  • Avg QA: 82.3%\n  • Stuck jobs: 50\n',
            '{\"opened\":[{\"id\":\"' || id || '\",\"text\":\"⚠️ 50 job(s) stuck >30 minutes\"}],\"figures\":[68,4,82.3,50]}',
            since + later, 'delivered', 1, since + later, since + later + 500, 'message 4711'
     FROM incidents CROSS JOIN (SELECT 0 AS later, 'alert' AS kind UNION ALL SELECT 600000, 'resolved') AS told
     CROSS JOIN (SELECT 'email' AS channel UNION ALL SELECT 'telegram' UNION ALL SELECT 'notion') AS channels
     WHERE $1 > 0 AND since > $2 - 2500000000 ORDER BY since, later",
    "INSERT INTO notice_incidents (notice_id, incident_id, step)
     SELECT incident.id || channel || kind, incident.id, step FROM incidents AS incident
     CROSS JOIN (SELECT 'alert' AS kind, 'opened' AS step UNION ALL SELECT 'resolved', 'resolved') AS told
     CROSS JOIN (SELECT 'email' AS channel UNION ALL SELECT 'telegram' UNION ALL SELECT 'notion') AS channels
     WHERE $1 > 0 AND since > $2 - 2500000000",
    "WITH RECURSIVE n(i) AS (SELECT 8600 UNION ALL SELECT i - 1 FROM n WHERE i > 1)
     INSERT INTO notices (id, channel, kind, subject, body, created, state, attempts, next_try, delivered_at, receipt)
     SELECT 'state' || CAST(i AS TEXT), 'notion', 'status', 'Auto-Operator', '68 jobs, 4 done', $2 - i * 300000, 'delivered',
            1, $2 - i * 300000, $2 - i * 300000 + 500, '393abc1e-edcd-81f5-ae94-ec2d55fe0000'
     FROM n WHERE $1 > 0",
    "INSERT INTO deliveries (notice_id, attempt, at, outcome, answer)
     SELECT id, 1, delivered_at, 'delivered', receipt FROM notices WHERE $1 > 0 ORDER BY seq",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 8600)
     INSERT INTO samples (at, ok, openai, notion, jobs, done, low_qa, avg_qa_tenths, stuck, health_ms)
     SELECT $2 - i * 300000, i % 2, 1, 1, 68, 4, 3, 823, 137, 400 FROM n WHERE $1 > 0",
    "WITH RECURSIVE n(i) AS (SELECT 31 UNION ALL SELECT i + 1 FROM n WHERE i < 365)
     INSERT INTO sample_days
     SELECT $2 / 86400000 - i, 288, 144, 288, 0, 288, 0, 288, 19584, 1152, 864, 288, 237024, 288, 39456, 137, 288, 115200
     FROM n WHERE $1 > 0",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 860)
     INSERT INTO reports (at, body)
     SELECT $2 - i * 300000, '{\"sections\":\"' || replace('........', '.', 'what there is in a report of fifty jobs, by name: ') ||
            replace('..........', '.', '{\"name\":\"Blog outline\",\"status\":\"Processing\",\"url\":\"https://app.notion.com/p/\"},') || '\"}'
     FROM n WHERE $1 > 0",
];

/// Puts a year with so many incidents into the database in `file`, in which nothing is yet.
pub async fn fill(file: &Path, incidents: u32) {
    let mut raw: SqliteConnection = SqliteConnectOptions::new().filename(file).connect().await.unwrap();
    let end = (Utc::now() - TimeDelta::minutes(1)).timestamp_millis();
    let mut transaction = raw.begin().await.unwrap();
    for statement in HISTORY {
        sqlx::query(statement).bind(i64::from(incidents)).bind(end).execute(&mut *transaction).await.unwrap();
    }
    transaction.commit().await.unwrap();
    raw.close().await.unwrap();
}
