//! Two services on one database, of which one leads.

use std::time::Duration;

use super::service::bearer;
use super::{Home, OPS_TOKEN, SOON, Service};
use crate::postgres::Database;

/// A service that is killed is not heard of any more until its lease has run out: the contract grants 15 s. The rest is
/// for a machine that is busy with other tests.
pub const TAKEN_OVER: Duration = Duration::from_secs(25);

/// Two services, and which of them leads.
pub struct Pair {
    /// The one that ticks.
    pub leader: Service,
    /// The one that stands by.
    pub follower: Service,
}

impl Pair {
    /// Starts one, which leads, and then the other.
    pub async fn start(home: &Home) -> Self {
        let leader = home.serve().await;
        assert!(leader.ticks_on(0, SOON).await, "{}", leader.log.all().join("\n"));
        Self { leader, follower: home.serve().await }
    }

    /// Waits until the follower ticks, and calls it the leader from then on.
    pub async fn is_taken_over(&mut self, deadline: Duration) {
        let ticks = self.follower.ticks();
        let (ours, theirs) = (&self.follower.log, &self.leader.log);
        let taken = self.follower.ticks_on(ticks, deadline).await;
        assert!(taken, "nobody has taken over:\n{}\n\n{}", ours.all().join("\n"), theirs.all().join("\n"));
        std::mem::swap(&mut self.leader, &mut self.follower);
    }

    /// Waits until the follower knows that it is one: it runs no cycle when it is asked for one, and says who would.
    pub async fn is_followed(&self) {
        let token = bearer(OPS_TOKEN);
        let refused = async {
            let mut often = tokio::time::interval(Duration::from_millis(100));
            loop {
                often.tick().await;
                let headers = [("authorization", token.as_str())];
                let answer = self.follower.ask("GET", "/ops-report?refresh=1", &headers).await;
                if answer.header("content-type").starts_with("application/problem+json") {
                    return answer;
                }
            }
        };
        let refused = tokio::time::timeout(SOON, refused).await.expect("it does not follow");
        assert_eq!(refused.status, 503, "{:#}", refused.json());
    }
}

impl Home {
    /// Has all its services keep their memory in `database`, and look every few seconds: seldom enough for what Notion
    /// grants a service in a minute.
    pub fn shares(&mut self, database: &Database) {
        self.set("DATABASE_URL", &database.url());
        self.set("CHECK_INTERVAL", "3s");
        self.unset(&["NOTION_STATUS_DB_ID"]);
    }
}
