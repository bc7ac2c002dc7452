//! Something that happened in a chat, and whether it is obeyed.
//!
//! Only who is allowed to is obeyed, and only in the chat that gets the alerts. Everybody else gets silence: an answer
//! would confirm that there is a bot, and cost what the alerts need. What was written while nobody listened is not obeyed
//! either: it was meant for how things were then.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::command::{self, Command, Press, clipped};

/// What was written longer ago than this is not obeyed. A restart or a change of the leader takes less.
pub const FRESH: Duration = Duration::from_secs(120);

/// The longest name by which somebody is called, in characters.
const LONGEST_NAME: usize = 60;

/// Something that happened in a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// Its number; the one after it has a higher one.
    pub id: i64,
    /// Who did it, if it was somebody.
    pub from: Option<Person>,
    /// Whether it happened in the chat that gets the alerts.
    pub is_here: bool,
    /// Where an answer belongs.
    pub place: Place,
    /// What happened.
    pub content: Content,
}

/// Where an answer belongs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The chat.
    pub chat: i64,
    /// The message that was written, or below which a button was pressed.
    pub message: Option<i64>,
    /// The topic.
    pub thread: Option<i64>,
}

/// Somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The number that stays.
    pub id: i64,
    /// What they call themselves.
    pub first_name: String,
    /// Their public name, without the `@`.
    pub username: Option<String>,
    /// Whether it is a bot, or somebody who hides behind one.
    pub is_bot: bool,
}

impl Person {
    /// By what name they are called.
    pub fn name(&self) -> String {
        let first = clipped(&self.first_name, LONGEST_NAME);
        let public = self.username.as_deref().map(|name| clipped(&format!("@{name}"), LONGEST_NAME));
        Some(first).filter(|name| !name.is_empty()).or(public).unwrap_or_else(|| format!("user {}", self.id))
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Somebody wrote this.
    Text {
        /// What.
        text: String,
        /// When.
        at: DateTime<Utc>,
        /// Whether these are their own words, and not those of somebody else that they pass on.
        is_own: bool,
        /// Whether nobody else is there but the bot.
        is_private: bool,
    },
    /// Somebody pressed a button.
    Press {
        /// By this it is answered.
        query: String,
        /// What the button says.
        data: String,
    },
    /// Something else.
    Other,
}

/// By what it is decided who is obeyed.
#[derive(Clone, Debug)]
pub struct Rules<'a> {
    /// Who may give orders.
    pub allowed: &'a [i64],
    /// The bot's name, without the `@`.
    pub bot: &'a str,
    /// The moment.
    pub now: DateTime<Utc>,
    /// Whether nobody has listened until a moment ago: nobody knows when a button was pressed.
    pub is_backlog: bool,
}

/// What is to be done about an update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing, without a word.
    Silence(Why),
    /// This.
    Obey(Command),
    /// Say what would be right.
    Correct(String),
    /// What the button says, about the notice of this id.
    Pressed {
        /// By this it is answered.
        query: String,
        /// What.
        press: Press,
        /// The id of the notice.
        notice: String,
    },
    /// Say that this does nothing.
    InVain {
        /// By this it is answered.
        query: String,
        /// Why.
        text: &'static str,
    },
}

/// Why nothing is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It happened in another chat.
    Elsewhere,
    /// Whoever did it may not give orders.
    Stranger,
    /// It was written this long ago.
    Old(Duration),
    /// It is no order.
    NoOrder,
}

const UNHEARD: &str = "Nobody was listening when this was pressed. Press it again.";
const UNKNOWN_BUTTON: &str = "This version does not know this button.";

/// Whether somebody did it who may give orders.
fn is_by_allowed(update: &Update, rules: &Rules<'_>) -> bool {
    update.from.as_ref().is_some_and(|person| !person.is_bot && rules.allowed.contains(&person.id))
}

/// What is to be done about `update`.
pub fn judge(update: &Update, rules: &Rules<'_>) -> Verdict {
    if !is_by_allowed(update, rules) {
        return Verdict::Silence(Why::Stranger);
    }
    if !update.is_here {
        return Verdict::Silence(Why::Elsewhere);
    }
    match &update.content {
        Content::Text { text, at, is_own: true, is_private } => {
            let age = (rules.now - at).to_std().unwrap_or_default();
            match command::parse(text, rules.bot, *is_private) {
                None => Verdict::Silence(Why::NoOrder),
                Some(_) if age > FRESH => Verdict::Silence(Why::Old(age)),
                Some(Ok(command)) => Verdict::Obey(command),
                Some(Err(right)) => Verdict::Correct(right),
            }
        }
        Content::Press { query, .. } if rules.is_backlog => Verdict::InVain { query: query.clone(), text: UNHEARD },
        Content::Press { query, data } => match command::pressed(data) {
            Some((press, notice)) => Verdict::Pressed { query: query.clone(), press, notice: notice.into() },
            None => Verdict::InVain { query: query.clone(), text: UNKNOWN_BUTTON },
        },
        Content::Text { .. } | Content::Other => Verdict::Silence(Why::NoOrder),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: i64 = 7;

    fn person(id: i64) -> Person {
        Person { id, first_name: "Ada".into(), username: Some("ada_l".into()), is_bot: false }
    }

    fn now() -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + Duration::from_secs(1_000_000)
    }

    fn text(text: &str) -> Content {
        Content::Text { text: text.into(), at: now(), is_own: true, is_private: false }
    }

    fn press(data: &str) -> Content {
        Content::Press { query: "q".into(), data: data.into() }
    }

    fn update(content: Content) -> Update {
        Update { id: 1, from: Some(person(ADA)), is_here: true, place: Place::default(), content }
    }

    fn judged(update: &Update, is_backlog: bool) -> Verdict {
        judge(update, &Rules { allowed: &[ADA, 8], bot: "ops_bot", now: now(), is_backlog })
    }

    #[test]
    fn who_is_allowed_is_obeyed_here_and_everybody_else_gets_silence() {
        let pressed = Verdict::Pressed { query: "q".into(), press: Press::Acknowledge, notice: "n-1".into() };
        for (content, obeyed) in
            [(text("/status@Ops_Bot"), Verdict::Obey(Command::Status)), (press("ack:n-1"), pressed)]
        {
            let right = update(content);
            assert_eq!(judged(&right, false), obeyed);
            let by = |from| Update { from, ..right.clone() };
            for stranger in [
                by(None),
                by(Some(person(9))),
                by(Some(Person { is_bot: true, ..person(ADA) })),
                Update { is_here: false, ..by(Some(person(9))) },
            ] {
                assert_eq!(judged(&stranger, false), Verdict::Silence(Why::Stranger), "{stranger:?}");
            }
            let elsewhere = Update { is_here: false, ..right.clone() };
            assert_eq!(judged(&elsewhere, false), Verdict::Silence(Why::Elsewhere));
        }
    }

    #[test]
    fn what_was_written_long_ago_is_not_obeyed_nor_what_was_pressed_while_nobody_listened() {
        let after = |seconds: i64| {
            let at = now() - chrono::TimeDelta::seconds(seconds);
            judged(&update(Content::Text { text: "/check".into(), at, is_own: true, is_private: true }), true)
        };
        assert_eq!([after(-30), after(0), after(120)], [const { Verdict::Obey(Command::Check) }; 3]);
        assert_eq!(after(121), Verdict::Silence(Why::Old(Duration::from_secs(121))));
        assert_eq!(judged(&update(press("ack:n-1")), true), Verdict::InVain { query: "q".into(), text: UNHEARD });
    }

    #[test]
    fn what_is_no_order_of_ours_is_met_with_silence_and_what_is_a_wrong_one_is_put_right() {
        let passed_on = Content::Text { text: "/check".into(), at: now(), is_own: false, is_private: true };
        for content in [text("hello"), text("/status@other_bot"), text("/unknown"), text(""), passed_on, Content::Other]
        {
            assert_eq!(judged(&update(content.clone()), false), Verdict::Silence(Why::NoOrder), "{content:?}");
        }
        assert!(matches!(judged(&update(text("/silence")), false), Verdict::Correct(_)));
        let unknown = Verdict::InVain { query: "q".into(), text: UNKNOWN_BUTTON };
        assert_eq!(judged(&update(press("launch:n-1")), false), unknown);
    }

    #[test]
    fn people_are_called_by_what_can_be_read_of_their_names() {
        let named = |first: &str, username: Option<&str>| {
            Person { first_name: first.into(), username: username.map(Into::into), ..person(ADA) }.name()
        };
        assert_eq!(named("Ada", Some("ada_l")), "Ada");
        assert_eq!(named("\u{202e}\n\u{200b}", Some("ada_l")), "@ada_l");
        assert_eq!(named("", None), "user 7");
        assert_eq!(named("A\nd\ta\u{202e}", None), "A d a");
        assert_eq!(named(&"a".repeat(10_000), None).chars().count(), LONGEST_NAME);
    }
}
