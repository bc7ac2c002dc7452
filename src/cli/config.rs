//! `auto-operator config`: the effective settings with where each came from, secrets masked.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;

use crate::settings::variables::GROUPS;
use crate::settings::{Effective, NotionToken, Row, Settings};

/// Stands for the value of what is not set.
const NOTHING: &str = "–";

/// Prints the settings, and on stderr what is doubtful about them.
pub(super) fn run(settings: &Settings, effective: &Effective) -> ExitCode {
    for warning in &effective.warnings {
        // Nothing is left to do about a stderr that is closed.
        let _ = writeln!(io::stderr(), "auto-operator: warning: {warning}");
    }
    match print(settings, effective, &mut io::stdout()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => super::fail(super::NOT_OK, &format_args!("the settings cannot be printed: {error}")),
    }
}

/// Prints the settings to `out`.
fn print(settings: &Settings, effective: &Effective, out: &mut impl io::Write) -> io::Result<()> {
    out.write_all(render(settings, effective).as_bytes())?;
    out.flush()
}

/// The settings as text: what is on, then a line for each variable, by groups. Warnings are not part of it: they belong
/// on stderr.
fn render(settings: &Settings, effective: &Effective) -> String {
    let mut text = summary(settings);
    let width = |of: fn(&Row) -> usize| effective.rows.iter().map(of).max().unwrap_or(0);
    let name_width = width(|row| row.name.len());
    // One very long value must not push all origins out of sight.
    let value_width = width(|row| row.value.chars().count()).min(48);
    for group in GROUPS {
        let _ = writeln!(text, "\n{}", group.title);
        let rows =
            group.variables.iter().filter_map(|variable| effective.rows.iter().find(|row| row.name == variable.name));
        for Row { name, value, origin } in rows {
            let value = if value.is_empty() { NOTHING } else { value };
            let _ = writeln!(text, "  {name:name_width$}  {value:value_width$}  {origin}");
        }
    }
    text
}

/// What is watched and who is told.
fn summary(settings: &Settings) -> String {
    let notion = settings.notion.as_ref().map(|notion| match notion.token {
        NotionToken::Given(_) => "Notion",
        NotionToken::Replit { .. } => "Notion (token from Replit's connector)",
    });
    let openai = settings.openai.as_ref().map(|_| "OpenAI");
    let board = settings.notion.as_ref().and_then(|notion| notion.status_board.as_ref()).map(|_| "Notion Status Board");
    let email = settings.email.as_ref().map(|_| "e-mail");
    let telegram = settings.telegram.as_ref().map(|_| "Telegram");
    let listed = |names: &[Option<&str>]| {
        let names: Vec<_> = names.iter().copied().flatten().collect();
        if names.is_empty() { "nobody".to_owned() } else { names.join(", ") }
    };
    format!("Watched: {}\nTold:    {}\n", listed(&[openai, notion]), listed(&[email, telegram, board]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Problems;

    fn rendered(variables: &[(&str, &str)]) -> Result<String, Problems> {
        let environment = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let dotenv = [("PORT".to_owned(), "8080".to_owned())].into();
        Settings::read(&environment, &dotenv).map(|(settings, effective)| render(&settings, &effective))
    }

    fn line<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
        let line = text.lines().find(|line| line.trim_start().starts_with(&format!("{name} ")));
        line.map(|line| line.split_whitespace().collect()).unwrap_or_default()
    }

    #[test]
    fn each_value_is_shown_with_its_origin_and_secrets_masked() -> Result<(), Problems> {
        let text = rendered(&[
            ("TELEGRAM_BOT_TOKEN", "12:hunter2"),
            ("TELEGRAM_CHAT_ID", "42"),
            ("SMTP_URL", "smtps://me%40example.com:hunter2@smtp.example.com:465"),
            ("ALERT_TO", "you@example.com"),
            ("OPS_TOKEN", "hunter2-hunter2"),
        ])?;
        assert!(text.starts_with("Watched: nobody\nTold:    e-mail, Telegram\n\nWeb\n  HOST "), "{text}");
        let table: [(&str, &[&str]); 9] = [
            ("HOST", &["0.0.0.0", "default"]),
            ("PORT", &["8080", ".env"]),
            ("PUBLIC_URL", &["–", "not", "set"]),
            ("TELEGRAM_BOT_TOKEN", &["********", "environment"]),
            ("TELEGRAM_CHAT_ID", &["42", "environment"]),
            ("SMTP_URL", &["smtps://smtp.example.com:465", "environment"]),
            ("ALERT_FROM", &["me@example.com", "default"]),
            ("OPS_TOKEN", &["********", "environment"]),
            ("DATABASE_URL", &["sqlite://auto-operator.db", "default"]),
        ];
        for (name, rest) in table {
            assert_eq!(line(&text, name), [&[name], rest].concat(), "{text}");
        }
        assert!(!text.contains("hunter2"), "{text}");
        Ok(())
    }

    #[test]
    fn it_is_printed_as_it_is_rendered() -> Result<(), Box<dyn std::error::Error>> {
        let (settings, effective) = Settings::read(&Default::default(), &Default::default())?;
        let mut out = Vec::new();
        print(&settings, &effective, &mut out)?;
        assert_eq!(out, render(&settings, &effective).as_bytes());
        Ok(())
    }
}
