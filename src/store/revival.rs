//! All-clears that a channel has refused for good: whoever heard of the beginning is to hear of the end.
//!
//! Nobody tries them again by themselves. They go with the next notice that goes there anyway, and of a notice that was to
//! tell more than that only the ends go: what else it was to tell is over by now, or told anew by what is posted later.

use super::StoreError;
use super::database::Transaction;
use super::statement::Statement;
use super::waiting::{self, MOST, Waiting};
use crate::domain::bulletin::Bulletin;
use crate::domain::notice::{NoticeKind, Step};

/// So many times an all-clear may be refused for good before it waits until the channel has taken something else, and so
/// many times in all: should it be its words that the channel refuses, it must not take with it what is told together with
/// it for ever.
const REFUSALS_AT_FIRST: u32 = 8;
const MOST_REFUSALS: u32 = 16;

/// An all-clear that is to be told with another notice, and the incidents whose end it tells.
pub(super) struct Revived {
    pub(super) waiting: Waiting,
    pub(super) ended: Vec<String>,
}

/// What `channel` refused for good although it tells the end of what was told there.
pub(super) const REFUSED: &str = "SELECT seq, id, channel, kind, subject, body, thread, created, attempts, next_try,
         claimed_until, claimed_epoch, content, failed_at, last_error FROM notices
     WHERE channel = $1 AND state = 'failed' AND EXISTS (
         SELECT 1 FROM notice_incidents AS over
         JOIN notice_incidents AS begun ON begun.incident_id = over.incident_id AND begun.step = $3
         JOIN notices AS told ON told.id = begun.notice_id AND told.channel = $1 AND told.state = 'delivered'
         WHERE over.notice_id = notices.id AND over.step = $4)
     ORDER BY seq DESC LIMIT $2";

/// Of the notice `$1` the incidents whose beginning was told on its channel.
pub(super) const ENDED: &str = "SELECT DISTINCT over.incident_id FROM notice_incidents AS over
     JOIN notices AS refused ON refused.id = over.notice_id
     JOIN notice_incidents AS begun ON begun.incident_id = over.incident_id AND begun.step = $2
     JOIN notices AS told ON told.id = begun.notice_id AND told.channel = refused.channel AND told.state = 'delivered'
     WHERE over.notice_id = $1 AND over.step = $3";

pub(super) const REFUSALS: &str = "SELECT COUNT(*) AS refusals FROM deliveries WHERE outcome = 'never'
     AND notice_id IN (SELECT id FROM notices WHERE id = $1 OR merged_into = $1)";

/// When `$1` last took something.
pub(super) const DELIVERED: &str =
    "SELECT delivered_at FROM notices WHERE channel = $1 AND state = 'delivered' ORDER BY seq DESC LIMIT 1";

/// The all-clears that go with whatever goes to `channel` next, the oldest first.
pub(super) async fn revived(transaction: &mut Transaction, channel: &str) -> Result<Vec<Revived>, StoreError> {
    let (opened, resolved) = (Step::Opened.name(), Step::Resolved.name());
    let rows = Statement::new(REFUSED).bind(channel).bind(MOST).bind(opened).bind(resolved).all(transaction).await?;
    if rows.is_empty() {
        return Ok(vec![]);
    }
    let delivered = Statement::new(DELIVERED).bind(channel).optional(transaction).await?;
    let delivered = delivered.map_or(Ok(None), |row| row.optional_moment("delivered_at"))?;
    let mut revived = vec![];
    for row in rows.iter().rev() {
        // What cannot be read was given up for that, and is told by nobody.
        let Ok(mut waiting) = Waiting::of(row, None) else { continue };
        let id = waiting.notice.id.clone();
        let refusals = Statement::new(REFUSALS).bind(&id).optional(transaction).await?;
        let refusals = refusals.map_or(Ok(0), |row| row.count("refusals"))?;
        let is_well = delivered.is_some_and(|delivered| waiting.turn.failed_at < Some(delivered));
        if refusals >= MOST_REFUSALS || (refusals >= REFUSALS_AT_FIRST && !is_well) {
            continue;
        }
        let ended = Statement::new(ENDED).bind(&id).bind(opened).bind(resolved).all(transaction).await?;
        let ended: Vec<String> = ended.iter().map(|row| row.text("incident_id")).collect::<Result<_, _>>()?;
        if !keeps_only_ends(&mut waiting, &ended) {
            continue;
        }
        // None of its attempts is in doubt: it goes out in other words, under another name.
        waiting::answered(transaction, &mut waiting).await?;
        waiting.turn.attempts = waiting.turn.answers;
        revived.push(Revived { waiting, ended });
    }
    Ok(revived)
}

/// Leaves nothing of the notice but the ends of these incidents; says whether that can be done. Of a notice of another
/// version only the words are known: they may stand if they are of ends alone.
fn keeps_only_ends(waiting: &mut Waiting, ended: &[String]) -> bool {
    let notice = &mut waiting.notice;
    match notice.content.as_deref().and_then(Bulletin::parse) {
        Some(bulletin) => {
            notice.content = Some(bulletin.only_ends_of(ended).to_json());
            notice.kind = NoticeKind::Resolved;
            true
        }
        None => notice.kind == NoticeKind::Resolved,
    }
}
