//! Whether somebody is there who would notice that we are gone.

use crate::diagnosis::{Asked, Finding, Party, Question};
use crate::parties::Heartbeat;

/// Asks for something else than the pings' address: a ping would say that all is well.
pub(super) async fn examine(heartbeat: Heartbeat) -> Vec<Asked> {
    let question = Question::put("heartbeat", "GET /robots.txt, which is no ping");
    let finding = match heartbeat.reach().await {
        Ok(()) => Finding::ok("somebody answers there; whether they take our pings, `serve` says in its log"),
        Err(error) => Finding::fail(error.to_string(), Party::HEARTBEAT.remedy(&error)),
    };
    vec![question.found(finding)]
}
