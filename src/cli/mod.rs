//! The commands. Each one says how it ended by its exit code: 0 all is well, 1 something is not, 2 bad configuration.

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::logging::{self, Scrubber};
use crate::settings::{Effective, Settings};
use crate::store::StoreError;

pub mod check;
pub mod config;
pub mod demo;
pub mod doctor;
mod findings;
mod progress;
pub mod serve;
pub mod test_alert;

/// Something watched is failing or unknown, or a fault that ends the command.
const NOT_OK: u8 = 1;

/// The configuration has to be changed first.
const BAD_CONFIGURATION: u8 = 2;

/// Watches an AI job pipeline around the clock. Its settings are environment variables: `auto-operator config` lists them.
#[derive(Parser)]
#[command(version, propagate_version = true, about)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// The service: scheduler, checks, alerts, web. This is what runs when no command is given.
    Serve,
    /// One full cycle, alerts and Status Board included; prints the report as JSON.
    Check {
        /// Do not send or write anything outside.
        #[arg(long)]
        dry_run: bool,
    },
    /// Asks every party a harmless question and says what to do where something is wrong.
    ///
    /// Nothing is sent to anybody. A line a question: ok, warn or fail, the part, what was asked, what came back and how
    /// long it took. The exit code is 0 if nothing failed, warnings or not; 1 if something did; 2 if the configuration is
    /// bad.
    Doctor {
        /// Add the properties that the Status Board lacks, after saying which.
        #[arg(long)]
        fix: bool,
    },
    /// Sends one test message to each channel and says what each answered.
    ///
    /// It says that it is a test, opens no incident, and needs no database: it may be sent while the service runs. The
    /// exit code is 0 if all channels took it; 1 if one did not, or none is configured; 2 if the configuration is bad or
    /// there is no such channel.
    TestAlert {
        /// Only to the channel of this name, such as telegram.
        #[arg(long, value_name = "NAME")]
        channel: Option<String>,
    },
    /// The effective settings and where each comes from, secrets masked.
    Config,
    /// Everything at once, with no account and no set-up: stand-ins of all parties on this machine.
    Demo,
}

/// Runs the command that was given.
pub fn run() -> ExitCode {
    let command = Arguments::parse().command.unwrap_or(Command::Serve);
    if let Command::Demo = command {
        return demo::run();
    }
    let (settings, effective) = match Settings::load() {
        Ok(loaded) => loaded,
        Err(problems) => return fail(BAD_CONFIGURATION, &problems),
    };
    if let Command::Config = command {
        return config::run(&settings, &effective);
    }
    let scrubber = match begin_log(&settings) {
        Ok(scrubber) => scrubber,
        Err(error) => return fail(NOT_OK, &error),
    };
    // What is doubtful about the settings is a part of what the doctor finds.
    if !matches!(command, Command::Doctor { .. }) {
        warn(&effective);
    }
    let outcome = match command {
        Command::Check { dry_run } => check::run(&settings, scrubber, dry_run),
        Command::Doctor { fix } => doctor::run(&settings, &effective, scrubber, fix),
        Command::TestAlert { channel } => test_alert::run(&settings, scrubber, channel.as_deref()),
        _ => serve::run(&settings, scrubber),
    };
    outcome.unwrap_or_else(|error| {
        let code = if needs_another_setting(&error) { BAD_CONFIGURATION } else { NOT_OK };
        fail(code, &format_args!("{error:#}"))
    })
}

/// Whether the database that is configured can never be used.
fn needs_another_setting(error: &anyhow::Error) -> bool {
    use StoreError::{Newer, NoDirectory, Unusable};
    matches!(error.downcast_ref(), Some(Newer { .. } | NoDirectory { .. } | Unusable { .. }))
}

/// From here on everything that is said goes through the log, which knows the secrets that must not be seen.
fn begin_log(settings: &Settings) -> Result<Scrubber, log::SetLoggerError> {
    let scrubber = Scrubber::new(&settings.secrets());
    logging::init(settings.log_format, Some(&settings.log_filter), scrubber.clone())?;
    Ok(scrubber)
}

/// Says what is doubtful about the settings.
fn warn(effective: &Effective) {
    effective.warnings.iter().for_each(|warning| log::warn!("{warning}"));
}

fn fail(code: u8, reason: &dyn Display) -> ExitCode {
    // Nothing is left to do about a stderr that is closed.
    let _ = writeln!(std::io::stderr(), "auto-operator: {reason}");
    ExitCode::from(code)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Arguments::command().debug_assert();
    }
}
