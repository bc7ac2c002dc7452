//! What the channels of a world have got, and the wait for it.

use auto_operator::demo::smtp::ReceivedMail;
use auto_operator::demo::telegram::Delivered;
use auto_operator::demo::world::World;

use super::SOON;

/// How a message begins that says that something is wrong, is still wrong, is over.
pub const ALERT: &str = "🚨 EchoPilot Auto-Operator Alert";
pub const REMINDER: &str = "⏰ EchoPilot Auto-Operator Reminder";
pub const RESOLVED: &str = "✅ EchoPilot Auto-Operator Resolved";

/// The messages on Telegram once there are `count`; there must not be more.
pub async fn telegrams(world: &World, count: usize) -> Vec<Delivered> {
    let journal = world.telegram.messages();
    let enough = journal.wait_for_count(count as u64, SOON).await;
    let all = journal.all();
    assert!(enough && all.len() == count, "{count} messages are expected: {:#?}", texts(&all));
    all
}

/// The mails once there are `count`; there must not be more.
pub async fn mails(world: &World, count: usize) -> Vec<ReceivedMail> {
    let journal = world.smtp.mails();
    let enough = journal.wait_for_count(count as u64, SOON).await;
    let all = journal.all();
    let subjects: Vec<_> = all.iter().map(|mail| (&mail.subject, &mail.body)).collect();
    assert!(enough && all.len() == count, "{count} mails are expected: {subjects:#?}");
    all
}

/// Telegram and e-mail have both got messages of these subjects, once that is so; they must not have got more.
pub async fn told(world: &World, expected: &[&str]) {
    let messages = telegrams(world, expected.len()).await;
    assert_eq!(subjects(&messages), expected, "{:#?}", texts(&messages));
    let mails = mails(world, expected.len()).await;
    assert_eq!(mails.iter().map(|mail| mail.subject.as_str()).collect::<Vec<_>>(), expected);
}

/// The texts of messages.
pub fn texts(messages: &[Delivered]) -> Vec<&str> {
    messages.iter().map(|message| message.text.as_str()).collect()
}

/// The first lines of messages.
pub fn subjects(messages: &[Delivered]) -> Vec<&str> {
    messages.iter().map(|message| message.text.lines().next().unwrap_or_default()).collect()
}
