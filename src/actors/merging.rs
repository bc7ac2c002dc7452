//! What waits for one channel, made into one notice: a channel that comes back is told once how things are, and what it
//! has missed in a line each.

use crate::domain::bulletin::Bulletin;
use crate::domain::message::{self, Message, Wording};
use crate::domain::notice::NoticeKind;
use crate::store::Notice;

/// From the most urgent reason to the least.
const URGENCY: [NoticeKind; 5] =
    [NoticeKind::Alert, NoticeKind::Resolved, NoticeKind::Reminder, NoticeKind::Lifecycle, NoticeKind::Status];

/// The newest one, such that it tells what those before it were to tell, too.
pub fn merge(earlier: &[Notice], newest: Notice, wording: &Wording) -> Notice {
    if earlier.is_empty() {
        return newest;
    }
    let parts: Option<Vec<Bulletin>> = earlier.iter().map(content).collect();
    match parts.zip(content(&newest)) {
        Some((parts, last)) => {
            let bulletin = Bulletin::merge(&parts, last);
            let Message { subject, body } = message::bulletin(&bulletin, wording);
            Notice { kind: bulletin.kind(), subject, body, content: Some(bulletin.to_json()), ..newest }
        }
        None => joined(earlier, newest),
    }
}

/// What `newest` and those of `earlier` that are behind the notice `known` tell somebody who knows it; none if it is not
/// among them.
pub fn news(earlier: &[Notice], newest: &Notice, known: &str, wording: &Wording) -> Option<Message> {
    let place = earlier.iter().position(|notice| notice.id == known)?;
    let Notice { subject, body, .. } = merge(earlier.split_at(place + 1).1, newest.clone(), wording);
    Some(Message { subject, body })
}

fn content(notice: &Notice) -> Option<Bulletin> {
    Bulletin::parse(notice.content.as_deref()?)
}

/// Notices of which one was written by another version, and is known by its text only: one text after the other, the
/// newest first, since a channel cuts what is too long at its end.
fn joined(earlier: &[Notice], newest: Notice) -> Notice {
    let newest_first = || std::iter::once(&newest).chain(earlier.iter().rev());
    let urgent = URGENCY.iter().find_map(|kind| newest_first().find(|notice| notice.kind == *kind));
    let (kind, subject) =
        urgent.map_or((newest.kind, newest.subject.clone()), |notice| (notice.kind, notice.subject.clone()));
    let texts: Vec<String> = newest_first().map(|notice| format!("{}\n\n{}", notice.subject, notice.body)).collect();
    Notice { kind, subject, body: texts.join("\n\n"), content: None, ..newest }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::{DateTime, Utc};

    use super::*;
    use crate::domain::bulletin::{Line, News};

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
        let bulletin = Bulletin { at: at(minute), turns: vec![], lines: vec![line], figures: None, left_out: 0 };
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
            let merged = merge(std::slice::from_ref(&earlier), newest.clone(), &wording());
            assert_eq!((merged.id.as_str(), merged.kind), ("b", NoticeKind::Alert));
            assert_eq!((&merged.subject, &merged.content), (&earlier.subject, &None));
            assert_eq!(
                merged.body,
                format!("{}\n\n{}\n\n{}\n\n{}", newest.subject, newest.body, earlier.subject, earlier.body)
            );
        }
    }
}
