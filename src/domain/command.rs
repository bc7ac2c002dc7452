//! What people order in a chat: from the words of a command, or from a pressed button, to what is meant.

use std::fmt;
use std::time::Duration;

use super::incident::Incident;
use super::issue::IssueId;
use super::silence;
use super::span;

/// An order that somebody writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// How it is.
    Status,
    /// The jobs that are stuck, the oldest first.
    Stuck,
    /// The incidents that are open.
    Incidents,
    /// Take on the incidents of these names or beginnings of an id; all of them, if none is named.
    Acknowledge(Vec<String>),
    /// Tell nothing of an issue, or of any, for so long.
    Silence {
        /// The issue; all of them if there is none.
        issue: Option<IssueId>,
        /// For how long.
        span: Duration,
    },
    /// Tell again of an issue that is silenced; of all, if there is none.
    EndSilences(Option<IssueId>),
    /// Look now.
    Check,
    /// What can be ordered.
    Help,
}

impl fmt::Display for Command {
    /// As it is written: `/silence stuck_jobs 2h`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |issue: &Option<IssueId>| issue.map(|issue| format!("{issue} ")).unwrap_or_default();
        match self {
            Self::Status => f.write_str("/status"),
            Self::Stuck => f.write_str("/stuck"),
            Self::Incidents => f.write_str("/incidents"),
            Self::Acknowledge(names) => {
                f.write_str("/ack")?;
                names.iter().try_for_each(|name| write!(f, " {name}"))
            }
            Self::Silence { issue, span } => write!(f, "/silence {}{}", of(issue), span::written(*span)),
            Self::EndSilences(issue) => write!(f, "/silence {}{OFF}", of(issue)),
            Self::Check => f.write_str("/check"),
            Self::Help => f.write_str("/help"),
        }
    }
}

/// The commands, by their names, and what they do.
pub const COMMANDS: [(&str, &str); 7] = [
    ("status", "How it is, and since when that is known"),
    ("stuck", "The jobs that are stuck, the oldest first"),
    ("incidents", "What is open, since when, and who has taken it on"),
    ("ack", "Take on what is open: /ack, or /ack stuck_jobs"),
    ("silence", "Tell nothing for a while: /silence 2h, /silence stuck_jobs 2h, /silence off"),
    ("check", "Look now"),
    ("help", "These commands"),
];

/// The longest piece of what somebody wrote that is repeated to them, in characters.
const REPEATED: usize = 40;

/// The fewest characters of an id that stand for it.
const SHORTEST_ID: usize = 4;

/// What ends silences, in place of a time.
const OFF: &str = "off";

const HOW_TO_SILENCE: &str = "Say for how long: /silence 2h, or /silence stuck_jobs 2h. A silence is longer than 0 and at most 30d: 30m, 2h, 7d. /silence off ends it.";

/// What `text` orders of `bot`; nothing if it orders nothing, or another bot. `alone` says that nobody else could be
/// meant. What is not right comes back as what would be.
pub fn parse(text: &str, bot: &str, alone: bool) -> Option<Result<Command, String>> {
    let mut words = text.split_whitespace();
    let name = words.next()?.strip_prefix('/')?;
    let (name, is_meant) = match name.split_once('@') {
        Some((name, other)) if other.eq_ignore_ascii_case(bot) => (name, true),
        Some(_) => return None,
        None => (name, alone),
    };
    let words: Vec<&str> = words.collect();
    Some(Ok(match name.to_ascii_lowercase().as_str() {
        "status" => Command::Status,
        "stuck" => Command::Stuck,
        "incidents" => Command::Incidents,
        "ack" => Command::Acknowledge(words.into_iter().map(str::to_owned).collect()),
        "silence" => return Some(silence(&words)),
        "check" => Command::Check,
        // What Telegram itself sends when somebody opens a chat with the bot.
        "help" | "start" => Command::Help,
        _ if is_meant => {
            return Some(Err(format!("There is no /{}; /help says what there is.", clipped(name, REPEATED))));
        }
        _ => return None,
    }))
}

/// The issue comes first or last; the rest is the time, or says that it is over.
fn silence(words: &[&str]) -> Result<Command, String> {
    let (issue, rest) = match words {
        [first, rest @ ..] if IssueId::parse(first).is_some() => (IssueId::parse(first), rest),
        [rest @ .., last] if IssueId::parse(last).is_some() => (IssueId::parse(last), rest),
        rest => (None, rest),
    };
    let time = rest.join(" ");
    if time.eq_ignore_ascii_case(OFF) {
        return Ok(Command::EndSilences(issue));
    }
    match span::parse(&time) {
        Ok(span) if silence::is_possible(span) => Ok(Command::Silence { issue, span }),
        Err(_) if is_time_of(rest) => Err(no_issue(rest[0])),
        _ => Err(HOW_TO_SILENCE.into()),
    }
}

/// Whether all but the first of `words` is a time: the first one is meant to be an issue.
fn is_time_of(words: &[&str]) -> bool {
    let rest = words.get(1..).unwrap_or_default().join(" ");
    rest.eq_ignore_ascii_case(OFF) || span::parse(&rest).is_ok()
}

fn no_issue(name: &str) -> String {
    let names: Vec<String> = IssueId::ALL.iter().map(IssueId::to_string).collect();
    format!("There is no issue {}; there are {}.", clipped(name, REPEATED), names.join(", "))
}

/// Of `incidents`, which are open, those that are meant by `names`; what would be right, if one of these means none.
/// Without names, all that nobody has taken on yet. That includes what its cause explains: it is open as well, and whoever
/// takes on all of it hears of it again only if it becomes an alert of its own.
pub fn chosen<'a>(incidents: &'a [Incident], names: &[String]) -> Result<Vec<&'a Incident>, String> {
    if names.is_empty() {
        return Ok(incidents.iter().filter(|incident| incident.acknowledged.is_none()).collect());
    }
    let mut chosen: Vec<&Incident> = vec![];
    for name in names {
        let name = name.trim_end_matches(',');
        let by_id = |incident: &Incident| name.len() >= SHORTEST_ID && incident.id.starts_with(name);
        let meant: Vec<_> =
            incidents.iter().filter(|incident| incident.issue.to_string() == name || by_id(incident)).collect();
        if meant.is_empty() {
            let open: Vec<String> = incidents.iter().map(|incident| incident.issue.to_string()).collect();
            let open = if open.is_empty() { "nothing is".into() } else { open.join(", ") };
            return Err(format!("No incident {} is open; open: {open}.", clipped(name, REPEATED)));
        }
        chosen.extend(
            meant
                .into_iter()
                .filter(|incident| !chosen.iter().any(|other| other.id == incident.id))
                .collect::<Vec<_>>(),
        );
    }
    Ok(chosen)
}

/// What a button below an alert orders, about all the incidents that the alert tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Press {
    /// Take them on.
    Acknowledge,
    /// Tell nothing of them for so many hours.
    Silence(u8),
    /// Say more about them.
    Show,
}

/// The buttons of an alert, row by row, and what stands on them.
const BUTTONS: [&[(Press, &str)]; 2] = [
    &[(Press::Acknowledge, "Acknowledge"), (Press::Silence(1), "Silence 1 h"), (Press::Silence(4), "Silence 4 h")],
    &[(Press::Show, "Show")],
];

/// What a button looks like, and what it says when it is pressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Button {
    /// What stands on it.
    pub label: &'static str,
    /// At most 64 bytes, which [`pressed`] reads.
    pub data: String,
}

/// The buttons below the message that carries the notice `id`, as far as they make sense.
pub fn buttons(id: &str, makes_sense: impl Fn(Press) -> bool) -> Vec<Vec<Button>> {
    let row = |row: &&[(Press, &'static str)]| -> Vec<Button> {
        let useful = row.iter().filter(|(press, _)| makes_sense(*press));
        useful.map(|(press, label)| Button { label, data: format!("{}:{id}", press.name()) }).collect()
    };
    BUTTONS.iter().map(row).filter(|row| !row.is_empty()).collect()
}

/// Whether a button makes sense below a message about `incidents`.
pub fn is_of_use(press: Press, incidents: &[Incident]) -> bool {
    let mut live = incidents.iter().filter(|incident| incident.is_live());
    match press {
        Press::Acknowledge => live.any(|incident| incident.acknowledged.is_none()),
        Press::Silence(_) | Press::Show => live.next().is_some(),
    }
}

/// What a button says, and the id of the notice below which it is; nothing if it is none of ours.
pub fn pressed(data: &str) -> Option<(Press, &str)> {
    let (name, id) = data.split_once(':')?;
    let press = BUTTONS.iter().flat_map(|row| row.iter()).find(|(press, _)| press.name() == name)?.0;
    let is_id = (1..=40).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    is_id.then_some((press, id))
}

impl fmt::Display for Press {
    /// What stands on the button.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let label = BUTTONS.iter().flat_map(|row| row.iter()).find(|(press, _)| press == self).map(|(_, label)| *label);
        f.write_str(label.unwrap_or(&self.name()))
    }
}

impl Press {
    fn name(self) -> String {
        match self {
            Self::Acknowledge => "ack".into(),
            Self::Silence(hours) => format!("silence{hours}h"),
            Self::Show => "show".into(),
        }
    }
}

/// `text` as one line of at most `limit` characters, without what is not seen or turns the line around.
pub fn clipped(text: &str, limit: usize) -> String {
    let is_hidden = |letter: char| {
        matches!(letter, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
    };
    let seen: String = text
        .chars()
        // No more than can be needed is looked at, however long it is.
        .take(limit.saturating_mul(8))
        .filter(|letter| !is_hidden(*letter))
        .map(|letter| if letter.is_control() || letter.is_whitespace() { ' ' } else { letter })
        .collect();
    let line = seen.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    if line.chars().count() <= limit {
        return line;
    }
    line.chars().take(limit.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
#[path = "command_tests.rs"]
mod tests;
