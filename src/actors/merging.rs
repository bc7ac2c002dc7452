//! What waits for one channel, made into one notice: a channel that comes back is told once how things are, and what it
//! has missed in a line each.

use serde::{Deserialize, Serialize};

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

/// What a notice says beyond what somebody knows already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct News {
    /// In words.
    pub message: Message,
    /// What it is made of, for whoever has to add to it.
    content: String,
}

/// What `newest` and those of `earlier` that are behind the notice `known` tell somebody who knows it, but for what he
/// lacks of it; none if it is not among them.
pub fn news(
    earlier: &[Notice],
    newest: &Notice,
    known: &str,
    lacking: Option<&News>,
    wording: &Wording,
) -> Option<News> {
    let place = earlier.iter().position(|notice| notice.id == known)?;
    let lacking = lacking.and_then(|news| Bulletin::parse(&news.content));
    let parts: Vec<_> = lacking.into_iter().chain(earlier.iter().skip(place + 1).map(content)).collect();
    let bulletin = Bulletin::merge(&parts, content(newest));
    let message = match parts.as_slice() {
        [] => Message { subject: newest.subject.clone(), body: newest.body.clone() },
        _ => message::bulletin(&bulletin, wording),
    };
    Some(News { message, content: bulletin.to_json() })
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
    use crate::domain::bulletin::{self, Line};
    use crate::domain::notice::NoticeKind;

    fn wording() -> Wording {
        Wording { service: "EchoPilot".into(), public_url: None, window: Duration::from_secs(86_400) }
    }

    fn at(minute: u64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + Duration::from_secs(60 * (12 * 60 + minute))
    }

    fn notice(id: &str, minute: u64, news: bulletin::News) -> Notice {
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
        let merged =
            merge(&[notice("a", 1, bulletin::News::Opened)], notice("b", 9, bulletin::News::Resolved), &wording());
        assert_eq!((merged.id.as_str(), merged.kind), ("b", NoticeKind::Resolved));
        assert_eq!(merged.subject, "✅ EchoPilot Auto-Operator Resolved");
        let line = "MEANWHILE:\n  • ⚠️ 50 job(s) stuck >30 minutes: was down 12:01–12:09";
        assert!(merged.body.ends_with(line), "{}", merged.body);

        // And what is merged once can be merged again.
        let merged = merge(&[merged], notice("c", 20, bulletin::News::Opened), &wording());
        assert!(merged.body.contains(line), "{}", merged.body);
    }

    #[test]
    fn one_alone_stays_as_it_is() {
        let alone = notice("a", 1, bulletin::News::Opened);
        assert_eq!(merge(&[], alone.clone(), &wording()), alone);
    }

    #[test]
    fn who_knows_the_beginning_is_told_the_rest() {
        let earlier = [notice("a", 1, bulletin::News::Opened), notice("b", 5, bulletin::News::StillOpen)];
        let newest = notice("c", 9, bulletin::News::Resolved);
        let all = |known, lacking| news(&earlier, &newest, known, lacking, &wording());
        let news = |known| all(known, None).map(|news| news.message.body);
        assert!(news("a").unwrap().contains("RESOLVED:"));
        assert_eq!(news("b"), Some(newest.body.clone()));
        assert_eq!((news("c"), news("elsewhere")), (None, None));

        // Whoever could not be told what was new then is told so with what is new now.
        let line = |news: Option<News>| news.unwrap().message.body;
        let opened = notice("b", 5, bulletin::News::Opened);
        let lacking = super::news(std::slice::from_ref(&earlier[0]), &opened, "a", None, &wording());
        assert!(line(all("b", lacking.as_ref())).contains("was down 12:01–12:09"));
    }

    #[test]
    fn a_notice_of_another_version_is_told_by_its_text() {
        let old = Notice { content: Some("{\"lines\":5}".into()), ..notice("a", 1, bulletin::News::Opened) };
        let older = Notice { content: None, ..old.clone() };
        for earlier in [old, older] {
            let newest = notice("b", 9, bulletin::News::Resolved);
            let merged = merge(std::slice::from_ref(&earlier), newest, &wording());
            assert_eq!((merged.id.as_str(), merged.kind), ("b", NoticeKind::Alert));
            let said = "⚠️ 50 job(s) stuck >30 minutes";
            assert_eq!(merged.body.matches(said).count(), 2, "{}", merged.body);
        }
    }
}
