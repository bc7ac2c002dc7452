//! What waits for one channel, made into one notice: a channel that comes back is told once how things are, and what it
//! has missed in a line each.

use crate::domain::bulletin::Bulletin;
use crate::domain::message::{self, Message, Wording};
use crate::store::Notice;

/// The newest one, such that it tells what those before it were to tell, too.
pub fn merge(earlier: &[Notice], newest: Notice, wording: &Wording) -> Notice {
    if earlier.is_empty() {
        return newest;
    }
    let parts: Vec<Bulletin> = earlier.iter().map(content).collect();
    let bulletin = Bulletin::merge(&parts, content(&newest));
    let Message { subject, body } = message::bulletin(&bulletin, wording);
    Notice { kind: bulletin.kind(), subject, body, content: Some(bulletin.to_json()), ..newest }
}

/// What `newest` and those of `earlier` that are behind the notice `known` tell somebody who knows it; none if it is not
/// among them.
pub fn news(earlier: &[Notice], newest: &Notice, known: &str, wording: &Wording) -> Option<Message> {
    let place = earlier.iter().position(|notice| notice.id == known)?;
    let Notice { subject, body, .. } = merge(earlier.split_at(place + 1).1, newest.clone(), wording);
    Some(Message { subject, body })
}

/// What a notice was made of. Of one that another version has left behind only the words are known.
fn content(notice: &Notice) -> Bulletin {
    let Notice { kind, subject, body, created, .. } = notice;
    let known = notice.content.as_deref().and_then(Bulletin::parse);
    known.unwrap_or_else(|| Bulletin::quoting(*kind, subject, body, *created))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::{DateTime, Utc};

    use super::*;
    use crate::domain::bulletin::{Line, News};
    use crate::domain::notice::NoticeKind;

    fn wording() -> Wording {
        Wording { service: "EchoPilot".into(), public_url: None, window: Duration::from_secs(86_400) }
    }

    fn at(minute: u64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + Duration::from_secs(60 * (12 * 60 + minute))
    }

    fn notice(id: &str, minute: u64, news: News) -> Notice {
        let line = Line {
            incident: "i".into(),
            news,
            sign: "⚠️".into(),
            text: "50 job(s) stuck >30 minutes".into(),
            detail: String::new(),
            since: at(1),
            at: at(minute),
            told: None,
            acknowledged_by: None,
            unstable: false,
        };
        let bulletin =
            Bulletin { at: at(minute), turns: vec![], lines: vec![line], figures: None, left_out: 0, quotes: vec![] };
        let Message { subject, body } = message::bulletin(&bulletin, &wording());
        Notice {
            id: id.into(),
            channel: "telegram".into(),
            kind: bulletin.kind(),
            subject,
            body,
            thread: None,
            created: at(minute),
            incidents: vec![],
            content: Some(bulletin.to_json()),
            not_before: None,
        }
    }

    #[test]
    fn what_began_and_ended_while_it_waited_is_one_line() {
        let merged = merge(&[notice("a", 1, News::Opened)], notice("b", 9, News::Resolved), &wording());
        assert_eq!((merged.id.as_str(), merged.kind), ("b", NoticeKind::Resolved));
        assert_eq!(merged.subject, "✅ EchoPilot Auto-Operator Resolved");
        let line = "MEANWHILE:\n  • ⚠️ 50 job(s) stuck >30 minutes: was down 12:01–12:09";
        assert!(merged.body.ends_with(line), "{}", merged.body);

        // And what is merged once can be merged again.
        let merged = merge(&[merged], notice("c", 20, News::Opened), &wording());
        assert!(merged.body.contains(line), "{}", merged.body);
    }

    #[test]
    fn one_alone_stays_as_it_is() {
        let alone = notice("a", 1, News::Opened);
        assert_eq!(merge(&[], alone.clone(), &wording()), alone);
    }

    #[test]
    fn who_knows_the_beginning_is_told_the_rest() {
        let earlier = [notice("a", 1, News::Opened), notice("b", 5, News::StillOpen)];
        let newest = notice("c", 9, News::Resolved);
        let news = |known| news(&earlier, &newest, known, &wording()).map(|message| message.body);
        assert!(news("a").unwrap().contains("RESOLVED:"));
        assert_eq!(news("b"), Some(newest.body.clone()));
        assert_eq!((news("c"), news("elsewhere")), (None, None));
    }

    #[test]
    fn a_notice_of_another_version_is_told_by_its_text() {
        let old = Notice { content: Some("{\"lines\":5}".into()), ..notice("a", 1, News::Opened) };
        let older = Notice { content: None, ..old.clone() };
        for earlier in [old, older] {
            let newest = notice("b", 9, News::Resolved);
            let merged = merge(std::slice::from_ref(&earlier), newest, &wording());
            assert_eq!((merged.id.as_str(), merged.kind), ("b", NoticeKind::Alert));
            let said = "⚠️ 50 job(s) stuck >30 minutes";
            assert_eq!(merged.body.matches(said).count(), 2, "{}", merged.body);
        }
    }
}
