//! Nobody looks through a long history to find a little of it.

use super::*;
use crate::store::claim::ABSORB;
use crate::store::deliveries::CHANNEL;
use crate::store::history::{INCIDENTS, INCIDENTS_OF_ISSUE, OPEN, OPEN_OF_ISSUE, RESOLVED, RESOLVED_OF_ISSUE};
use crate::store::incidents::PAST;
use crate::store::ledger::ASKED;
use crate::store::outbox::TOLD;
use crate::store::prune::SWEEPS;
use crate::store::records::{ALL, OF_CHANNEL, OF_INCIDENT};
use crate::store::revival::{DELIVERED, ENDED, REFUSALS, REFUSED};
use crate::store::silences::LATEST;
use crate::store::subjects::{NEWEST_ABOUT, SUBJECTS};
use crate::store::waiting::{ANSWERS, WAITING};

#[tokio::test(flavor = "multi_thread")]
async fn a_long_history_is_not_looked_through() {
    let (store, _directory) = in_file().await;
    let mut statements =
        vec![TOLD, WAITING[0], ANSWERS, REFUSED, ENDED, REFUSALS, DELIVERED, ABSORB, CHANNEL, PAST, LATEST, SUBJECTS];
    statements.push(NEWEST_ABOUT);
    statements.extend(SWEEPS.iter().flat_map(|sweep| sweep.dependents.into_iter().chain([sweep.rows])));
    statements.extend([INCIDENTS, INCIDENTS_OF_ISSUE, OPEN, OPEN_OF_ISSUE, RESOLVED, RESOLVED_OF_ISSUE]);
    statements.extend([ALL, OF_CHANNEL, OF_INCIDENT].concat());
    statements.extend(ASKED);
    for statement in statements {
        let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
        let plan: Vec<(i64, i64, i64, String)> = sqlx::query_as(explain).fetch_all(sqlite_of(&store).0).await.unwrap();
        for (.., step) in plan {
            // What is not over is little, of the silences only the last ones are wanted, and there are few gaps in a year.
            let is_short = ["CONSTANT ROW", "incidents_unresolved", "silences_until", "gaps"];
            let is_long = step.starts_with("SCAN") && !is_short.iter().any(|short| step.contains(short));
            // All notices of a channel.
            let is_wide = step.contains("notices_channel") && !OF_CHANNEL.contains(&statement);
            assert!(!is_long && !is_wide, "{statement}: {step}");
        }
    }
}
