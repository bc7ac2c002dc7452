//! The log: one line an event on stderr, for people or as JSON, with every known secret taken out.
//!
//! Whatever ends up in a line, from us or from a library, has passed the [`Scrubber`]; and no message can begin a line
//! of its own or colour a terminal, since control characters are escaped.
//!
//! What a line of ours is about stands at its beginning, as `cycle=7 incident=0199…`; as JSON it has these as fields, too.

mod scrubber;

use std::borrow::Cow;
use std::io::Write;

use chrono::{DateTime, SecondsFormat, Utc};
use log::{Level, LevelFilter, Metadata, SetLoggerError};
use serde::Serialize;

pub use scrubber::Scrubber;

use crate::settings::LogFormat;

/// What readers of the log search for.
const TAG: &str = "[AutoOperator]";

/// The level where none is asked for, and where what is asked for makes no sense.
const DEFAULT_LEVEL: LevelFilter = LevelFilter::Info;

/// The bound of a message, in bytes; what is longer is cut and says so.
const MAX_MESSAGE: usize = 16 * 1024;

/// One event, before it becomes a line.
struct Event<'a> {
    time: DateTime<Utc>,
    level: Level,
    target: &'a str,
    message: &'a str,
}

#[derive(Serialize)]
struct JsonLine<'a> {
    time: String,
    level: &'static str,
    target: &'a str,
    #[serde(flatten)]
    about: About<'a>,
    message: &'a str,
}

/// What a line is about.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct About<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    cycle: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    incident: Option<&'a str>,
}

/// Sends the log of the whole process to stderr. `filter` is in the language of `RUST_LOG`; one that makes no sense is
/// warned about and replaced by `info`. An error means that there is a logger already.
pub fn init(format: LogFormat, filter: Option<&str>, scrubber: Scrubber) -> Result<(), SetLoggerError> {
    let (filter, warning) = understood(filter);
    let mut builder = builder(format, filter, scrubber);
    builder.target(env_logger::Target::Stderr).try_init()?;
    if let Some(warning) = warning {
        log::warn!("{warning}");
    }
    Ok(())
}

/// `actix_http` is off unless it is asked for by name: it calls every garbage request an error, so that anybody outside
/// could fill the log.
fn builder(format: LogFormat, filter: &str, scrubber: Scrubber) -> env_logger::Builder {
    let mut builder = env_logger::Builder::new();
    builder
        .filter_level(DEFAULT_LEVEL)
        .filter_module("actix_http", LevelFilter::Off)
        .parse_filters(filter)
        .write_style(env_logger::WriteStyle::Never);
    builder.format(move |out, record| {
        let message = match record.args().as_str() {
            Some(text) => Cow::Borrowed(text),
            None => Cow::Owned(record.args().to_string()),
        };
        let event = Event {
            time: Utc::now(),
            level: record.level(),
            target: &scrubber.scrub(record.target()),
            message: &scrubber.scrub(&message),
        };
        writeln!(out, "{}", line(format, &event))
    });
    builder
}

/// The filter to use, and what is to be said about it.
fn understood(filter: Option<&str>) -> (&str, Option<&'static str>) {
    let Some(filter) = filter.map(str::trim).filter(|filter| !filter.is_empty()) else { return ("info", None) };
    match env_filter::Builder::new().try_parse(filter).map(env_filter::Builder::build) {
        Err(_) => {
            ("info", Some("RUST_LOG is not understood, so the level is info; right would be: info,auto_operator=debug"))
        }
        // `RUST_LOG=verbose` is the name of a module to the filter, and would silence everything else.
        Ok(built) if !filter.eq_ignore_ascii_case("off") && !shows_our_errors(&built) => {
            ("info", Some("RUST_LOG would hide even our errors, so the level is info; `off` would silence the log"))
        }
        Ok(_) => (filter, None),
    }
}

fn shows_our_errors(filter: &env_filter::Filter) -> bool {
    filter.enabled(&Metadata::builder().level(Level::Error).target(env!("CARGO_CRATE_NAME")).build())
}

/// The line of an event, without a newline at its end.
fn line(format: LogFormat, event: &Event<'_>) -> String {
    let message = &bounded(event.message);
    let about = if is_ours(event.target) { about(message) } else { About::default() };
    let (level, time) = (event.level.as_str(), event.time.to_rfc3339_opts(SecondsFormat::Secs, true));
    match format {
        LogFormat::Text if is_ours(event.target) => format!("{time} {level} {TAG} {}", on_one_line(message)),
        LogFormat::Text => format!("{time} {level} {TAG} {}: {}", on_one_line(event.target), on_one_line(message)),
        LogFormat::Json => serde_json::to_string(&JsonLine { time, level, target: event.target, about, message })
            .unwrap_or_else(|_| format!("{{\"level\":\"{level}\"}}")),
    }
}

/// What a message of ours says that it is about. Only its beginning counts: what follows may be somebody else's words.
fn about(message: &str) -> About<'_> {
    let mut about = About::default();
    for word in message.split(' ') {
        let Some((name, value)) = word.split_once('=') else { break };
        let value = value.trim_end_matches(':');
        match name {
            "cycle" => about.cycle = value.parse().ok(),
            "incident" => about.incident = Some(value),
            _ => {}
        }
        if word.ends_with(':') {
            break;
        }
    }
    about
}

fn is_ours(target: &str) -> bool {
    target.split("::").next() == Some(env!("CARGO_CRATE_NAME"))
}

fn bounded(message: &str) -> Cow<'_, str> {
    if message.len() <= MAX_MESSAGE {
        return Cow::Borrowed(message);
    }
    let end = message.floor_char_boundary(MAX_MESSAGE);
    Cow::Owned(format!("{}… ({} bytes more)", &message[..end], message.len() - end))
}

/// Escapes what would begin a new line, change a terminal or turn the direction of the text.
pub fn on_one_line(text: &str) -> Cow<'_, str> {
    let is_unruly = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200E}' | '\u{200F}')
    };
    if !text.contains(is_unruly) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        if is_unruly(letter) { escaped.extend(letter.escape_default()) } else { escaped.push(letter) }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::{Arc, Mutex};

    use log::Log;

    use super::*;
    use crate::secret::Secret;

    fn at_six(target: &str, message: &str, format: LogFormat) -> String {
        let time = DateTime::from_timestamp(1_795_500_000, 0).unwrap();
        line(format, &Event { time, level: Level::Info, target, message })
    }

    #[test]
    fn a_text_line_has_time_level_tag_and_the_name_of_a_library() {
        let table = [
            ("auto_operator::actors::scheduler", "started", "started"),
            ("auto_operator", "started", "started"),
            ("auto_operator_x", "started", "auto_operator_x: started"),
            ("actix_server::builder", "started", "actix_server::builder: started"),
            ("auto_operator", "a\nb\r\tc\u{1b}[31m\u{202e}d", "a\\nb\\r\\tc\\u{1b}[31m\\u{202e}d"),
            ("auto_operator", "⚠️ 3 Aufträge", "⚠️ 3 Aufträge"),
            ("li\nb", "x", "li\\nb: x"),
        ];
        for (target, message, expected) in table {
            let expected = format!("2026-11-24T06:00:00Z INFO [AutoOperator] {expected}");
            assert_eq!(at_six(target, message, LogFormat::Text), expected);
        }
    }

    #[test]
    fn a_json_line_is_one_object() {
        assert_eq!(
            at_six("auto_operator::web", "a \"b\"\nc", LogFormat::Json),
            r#"{"time":"2026-11-24T06:00:00Z","level":"INFO","target":"auto_operator::web","message":"a \"b\"\nc"}"#
        );
    }

    #[test]
    fn as_json_a_line_has_what_it_is_about_as_fields() {
        let about = |cycle, incident| About { cycle, incident };
        for (message, expected) in [
            ("cycle=7 took 12 ms: all is well", about(Some(7), None)),
            ("cycle=7: the store could not be tidied: cycle=9", about(Some(7), None)),
            ("cycle=7 check=health: the section was not taken", about(Some(7), None)),
            ("cycle=7 check=health incident=i-1 x", about(Some(7), Some("i-1"))),
            ("incident=i-1 stuck_jobs is acknowledged by ada", about(None, Some("i-1"))),
            ("a job is named cycle=7 incident=i-1", about(None, None)),
            ("cycle=seven", about(None, None)),
            ("", about(None, None)),
        ] {
            assert_eq!(super::about(message), expected, "{message}");
        }
        assert_eq!(
            at_six("auto_operator::actors", "cycle=7 incident=i-1 stuck_jobs opened", LogFormat::Json),
            r#"{"time":"2026-11-24T06:00:00Z","level":"INFO","target":"auto_operator::actors","cycle":7,"incident":"i-1","message":"cycle=7 incident=i-1 stuck_jobs opened"}"#
        );
        let foreign = at_six("library", "cycle=7 x", LogFormat::Json);
        assert!(!foreign.contains(r#""cycle""#), "only our own lines are understood: {foreign}");
    }

    #[test]
    fn a_message_without_end_is_cut_between_two_letters() {
        let line = at_six("auto_operator", &"ä".repeat(MAX_MESSAGE), LogFormat::Text);
        assert!(line.ends_with("ää… (16384 bytes more)"), "{}", &line[line.len() - 40..]);
    }

    #[test]
    fn a_filter_that_makes_no_sense_is_replaced_and_said() {
        for good in ["debug", "info,auto_operator=trace", "warn,rustls=off", "auto_operator=info", "OFF"] {
            assert_eq!(understood(Some(good)), (good, None));
        }
        for missing in [None, Some(""), Some(" ")] {
            assert_eq!(understood(missing), ("info", None));
        }
        for bad in ["auto_operator=loud", "a=b=c", "verbose", "rustls=debug"] {
            let (filter, warning) = understood(Some(bad));
            assert!(filter == "info" && warning.is_some(), "{bad}");
        }
    }

    /// What a logger wrote, kept for looking at.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn no_planted_secret_gets_through_the_logger_itself() {
        let secret = "s3cr3t:token/with+signs=";
        for format in [LogFormat::Text, LogFormat::Json] {
            let kept = Kept::default();
            let mut builder = builder(format, "trace", Scrubber::new(&[Secret::new(secret)]));
            let logger = builder.target(env_logger::Target::Pipe(Box::new(kept.clone()))).build();
            let messages = [
                format!("GET /bot{secret}/getMe"),
                format!("header {:?}", format!("Bearer {secret}")),
                format!(
                    "AUTH PLAIN {}",
                    base64::Engine::encode(&base64::prelude::BASE64_STANDARD, format!("\0u\0{secret}"))
                ),
                "two\nlines".to_owned(),
            ];
            for message in &messages {
                logger.log(
                    &log::Record::builder()
                        .level(Level::Trace)
                        .target("library")
                        .args(format_args!("{message}"))
                        .build(),
                );
            }
            let written = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
            assert_eq!(written.lines().count(), messages.len(), "{written}");
            assert_eq!(written.matches("***").count(), 3, "{written}");
            assert!(!written.contains("s3cr3t") && !written.contains("signs"), "{written}");
        }
    }
}
