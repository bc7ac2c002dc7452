//! What is posted into the outbox: the words of the domain, with a name and a channel.

use chrono::{DateTime, Utc};

use crate::domain::bulletin::Bulletin;
use crate::domain::message::{self, StatusEntry, Wording};
use crate::domain::notice::{Announcement, NoticeKind};
use crate::domain::report::Report;
use crate::store::Notice;

/// A new name for an incident or a notice: unique, and sortable by time.
pub(super) fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// What `announcement` says to its channel.
pub(super) fn announced(announcement: &Announcement, report: &Report, wording: &Wording) -> Notice {
    let bulletin = Bulletin::of(announcement, report, wording);
    let message = message::bulletin(&bulletin, wording);
    Notice {
        id: new_id(),
        channel: announcement.channel.clone(),
        kind: announcement.kind,
        subject: message.subject,
        body: message.body,
        thread: announcement.thread.clone(),
        created: report.timestamp,
        incidents: announcement.subjects().map(|(incident, step)| (incident.id.clone(), step)).collect(),
        content: Some(bulletin.to_json()),
        not_before: announcement.not_before,
    }
}

/// What is to be told of a start or a stop, to each of `channels`, but not before the end of a `maintenance`.
pub fn of_lifecycle(
    bulletin: &Bulletin,
    channels: &[&str],
    wording: &Wording,
    maintenance: Option<DateTime<Utc>>,
) -> Vec<Notice> {
    let message = message::bulletin(bulletin, wording);
    let notice = |channel: &&str| Notice {
        id: new_id(),
        channel: (*channel).into(),
        kind: NoticeKind::Lifecycle,
        subject: message.subject.clone(),
        body: message.body.clone(),
        thread: None,
        created: bulletin.at,
        incidents: vec![],
        content: Some(bulletin.to_json()),
        not_before: maintenance,
    };
    channels.iter().map(notice).collect()
}

/// How things are, for a channel that shows it.
pub(super) fn shown(channel: &str, report: &Report) -> Notice {
    Notice {
        id: new_id(),
        channel: channel.into(),
        kind: NoticeKind::Status,
        subject: message::STATUS_TITLE.into(),
        body: StatusEntry::of(report).to_json(),
        thread: None,
        created: report.timestamp,
        incidents: vec![],
        content: None,
        not_before: None,
    }
}
