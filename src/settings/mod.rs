//! The environment, typed. All that is wrong with it is said at once; nothing secret in it can be printed.
//!
//! The table in `variables.rs` says what there is. Each noun below reads its own variables through the reader and
//! gives `None` where it is off or faulty. Deliberately absent: the process environment is never changed, nothing but
//! `.env` and the files of secrets is read, nobody outside is asked.

mod database;
mod dotenv;
mod email;
mod heartbeat;
mod notion;
mod openai;
mod problem;
mod reader;
mod spelling;
mod telegram;
mod values;
pub mod variables;
mod watch;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::IpAddr;
use std::path::Path;

pub use database::Database;
pub use email::Email;
pub use notion::{BoardMode, Notion, NotionToken, NotionVersion, StatusBoard};
pub use openai::{OpenAi, Probe};
pub use problem::{Problem, Problems};
pub use reader::{Effective, MASK, Origin, Row};
pub use spelling::MISSPELT;
pub use telegram::Telegram;
pub use watch::{Limits, Patience, Timing};

use crate::clients::heartbeat::Address;
use crate::clients::replit::Identity;
use crate::domain::maintenance::Windows;
use crate::secret::Secret;
use problem::Fault;
use reader::Reader;
use values::{address, boolean, choice, line, token, web_address, whole};
use variables::{
    GIT_BRANCH, GIT_COMMIT, HEROKU_BUILD_COMMIT, HEROKU_SLUG_COMMIT, HOST, LIFECYCLE_NOTICES, LOG_FORMAT, MAINTENANCE,
    OPS_READ_TOKEN, OPS_TOKEN, PORT, PUBLIC_URL, RUST_LOG, SERVICE_NAME,
};

/// A bearer token shorter than this can be guessed.
const SHORTEST_SAFE_TOKEN: usize = 8;

/// The warning that there is nothing to look at.
pub const NOTHING_WATCHED: &str = "Neither Notion nor OpenAI is configured: nothing is watched";

/// The warning that there is nobody to tell.
pub const NOBODY_TOLD: &str = "No channel is configured: alerts reach nobody";

/// Everything that can be set.
pub struct Settings {
    /// The web.
    pub web: Web,
    /// The name of the watched service.
    pub service_name: String,
    /// Notion, if it is on.
    pub notion: Option<Notion>,
    /// OpenAI, if it is on.
    pub openai: Option<OpenAi>,
    /// E-mail, if it is on.
    pub email: Option<Email>,
    /// Telegram, if it is on.
    pub telegram: Option<Telegram>,
    /// Where incidents are kept.
    pub database: Database,
    /// How often and how long it looks.
    pub timing: Timing,
    /// What is held against the jobs.
    pub limits: Limits,
    /// How patient it is.
    pub patience: Patience,
    /// When nothing is told.
    pub maintenance: Windows,
    /// Who is pinged after each cycle, if anybody is.
    pub heartbeat: Option<Address>,
    /// Whether people are told when the service starts and when it is stopped.
    pub lifecycle_notices: bool,
    /// What runs here.
    pub build: Build,
    /// How log lines look.
    pub log_format: LogFormat,
    /// Which log lines there are, in the language of `RUST_LOG`; not checked here.
    pub log_filter: String,
}

/// The web.
pub struct Web {
    /// Where it listens.
    pub host: IpAddr,
    /// On which port; 0 is any free one.
    pub port: u16,
    /// The token for changes and details.
    pub ops_token: Option<Secret>,
    /// The token for reading.
    pub ops_read_token: Option<Secret>,
    /// This service's own address, without a slash at its end.
    pub public_url: Option<String>,
}

/// What runs here, as far as the host says it.
pub struct Build {
    /// The commit.
    pub commit: Option<String>,
    /// The branch.
    pub branch: Option<String>,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Settings {
    /// Reads the process's environment and the `.env` of the working directory.
    pub fn load() -> Result<(Self, Effective), Problems> {
        Self::load_from(std::env::vars_os(), Path::new(".env"))
    }

    /// Reads an environment as the operating system gives it, and the `.env` file at `dotenv`.
    pub fn load_from(
        environment: impl Iterator<Item = (OsString, OsString)>,
        dotenv: &Path,
    ) -> Result<(Self, Effective), Problems> {
        let dotenv::Dotenv { variables: dotenv, mut problems } = dotenv::Dotenv::read(dotenv);
        let mut texts = BTreeMap::new();
        for (name, value) in environment {
            match (name.into_string(), value.into_string()) {
                (Ok(name), Ok(value)) => {
                    texts.insert(name, value);
                }
                (Ok(name), Err(_)) if variables::find(name.strip_suffix("_FILE").unwrap_or(&name)).is_some() => {
                    let (wrong, right) = ("is not UTF-8 text".into(), "text in UTF-8".into());
                    problems.push(Problem { variable: name, wrong, right });
                }
                // Whatever else is in the environment is none of our business.
                _ => {}
            }
        }
        Self::read_after(&texts, &dotenv, problems)
    }

    /// Reads an environment and the variables of a `.env`; what is set in the first wins.
    pub fn read(
        environment: &BTreeMap<String, String>,
        dotenv: &BTreeMap<String, String>,
    ) -> Result<(Self, Effective), Problems> {
        Self::read_after(environment, dotenv, Vec::new())
    }

    fn read_after(
        environment: &BTreeMap<String, String>,
        dotenv: &BTreeMap<String, String>,
        problems: Vec<Problem>,
    ) -> Result<(Self, Effective), Problems> {
        let mut reader = Reader::new(environment, dotenv, problems);
        let settings = Self::read_all(&mut reader);
        for doubt in spelling::doubts(environment.keys().chain(dotenv.keys()).map(String::as_str)) {
            reader.warn(doubt);
        }
        match settings {
            Some(settings) => reader.finish().map(|effective| (settings, effective)),
            None => Err(reader.into_problems()),
        }
    }

    fn read_all(reader: &mut Reader<'_>) -> Option<Self> {
        let web = Web::read(reader);
        let service_name = reader.value(SERVICE_NAME, line(100));
        let notion = Notion::read(reader);
        let openai = OpenAi::read(reader);
        let email = Email::read(reader);
        let telegram = Telegram::read(reader);
        let database = Database::read(reader);
        let timing = Timing::read(reader);
        let limits = Limits::read(reader);
        let patience = Patience::read(reader);
        let maintenance = maintenance(reader);
        let heartbeat = heartbeat::read(reader);
        let lifecycle_notices = reader.value(LIFECYCLE_NOTICES, boolean);
        let build = Build::read(reader);
        let log_format = reader.value(LOG_FORMAT, choice(&[("text", LogFormat::Text), ("json", LogFormat::Json)]));
        let log_filter = reader.value(RUST_LOG, line(1_000));

        if notion.is_none() && openai.is_none() {
            reader.warn(NOTHING_WATCHED);
        }
        if email.is_none() && telegram.is_none() && notion.as_ref().is_none_or(|notion| notion.status_board.is_none()) {
            reader.warn(NOBODY_TOLD);
        }
        Some(Self {
            web: web?,
            service_name: service_name?,
            notion,
            openai,
            email,
            telegram,
            database: database?,
            timing: timing?,
            limits: limits?,
            patience: patience?,
            maintenance: maintenance?,
            heartbeat,
            lifecycle_notices: lifecycle_notices?,
            build,
            log_format: log_format?,
            log_filter: log_filter?,
        })
    }

    /// Everything that must never be seen, for whoever cleans the log.
    pub fn secrets(&self) -> Vec<Secret> {
        let mut secrets: Vec<Secret> =
            [&self.web.ops_token, &self.web.ops_read_token].into_iter().flatten().cloned().collect();
        match self.notion.as_ref().map(|notion| &notion.token) {
            Some(NotionToken::Given(token)) => secrets.push(token.clone()),
            Some(NotionToken::Replit {
                identity: Identity::Workspace(proof) | Identity::Deployment(proof), ..
            }) => {
                secrets.push(proof.clone());
            }
            None => {}
        }
        secrets.extend(self.openai.iter().map(|openai| openai.key.clone()));
        secrets.extend(self.telegram.iter().map(|telegram| telegram.token.clone()));
        if let Some(email) = &self.email {
            secrets.extend(email.secrets.iter().cloned());
        }
        if let Database::Postgres(server) = &self.database {
            secrets.extend(server.secrets.iter().cloned());
        }
        secrets.extend(self.heartbeat.iter().flat_map(Address::secrets).cloned());
        secrets
    }
}

impl Web {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let host = reader.value(HOST, address);
        let port = reader.value(PORT, whole(0..=u16::MAX));
        let public_url = reader.given(PUBLIC_URL, web_address);
        let ops_token = reader.given(OPS_TOKEN, token);
        let ops_read_token = reader.given(OPS_READ_TOKEN, token);
        for (variable, token) in [(OPS_TOKEN, &ops_token), (OPS_READ_TOKEN, &ops_read_token)] {
            if token.as_ref().is_some_and(|token| token.expose().len() < SHORTEST_SAFE_TOKEN) {
                reader.warn(format!(
                    "{} has fewer than {SHORTEST_SAFE_TOKEN} characters: it can be guessed",
                    variable.name
                ));
            }
        }
        Some(Self { host: host?, port: port?, ops_token, ops_read_token, public_url })
    }
}

impl Build {
    /// What the operator says comes before what the host says.
    fn read(reader: &mut Reader<'_>) -> Self {
        let commits = [GIT_COMMIT, HEROKU_BUILD_COMMIT, HEROKU_SLUG_COMMIT].map(|name| reader.given(name, line(200)));
        Self { commit: commits.into_iter().flatten().next(), branch: reader.given(GIT_BRANCH, line(200)) }
    }
}

fn maintenance(reader: &mut Reader<'_>) -> Option<Windows> {
    let is_set = reader.is_set(MAINTENANCE);
    let windows = reader
        .given(MAINTENANCE, |text| Windows::parse(&line(1_000)(text)?).map_err(|sentence| not_windows(&sentence)));
    if is_set { windows } else { Some(Windows::default()) }
}

/// The sentence says what is wrong, then what to write instead.
fn not_windows(sentence: &str) -> Fault {
    let (wrong, right) = sentence.rsplit_once(": ").unwrap_or((sentence, "use such as Sun 02:00-04:00 UTC"));
    Fault::new(format!("cannot be used: {wrong}"), right)
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
