//! From the settings to what each room needs to know: the one translation between the environment's words and ours.

use std::sync::Arc;

use crate::channels::{Channels, email, notion_board, telegram};
use crate::checks::{Checks, JobsConfig, OpenAiConfig};
pub use crate::clients::heartbeat::Heartbeat;
use crate::clients::http::Http;
use crate::clients::notion::pace::Pace;
use crate::clients::notion::version::Version;
use crate::clients::notion::{self, TokenSource};
use crate::clients::openai;
use crate::clients::replit::Connector;
use crate::domain::incident::Patience;
use crate::domain::job::StatusNames;
use crate::domain::message::Wording;
use crate::domain::rules::Thresholds;
use crate::secret::Secret;
use crate::settings::{self, BoardMode, NotionToken, NotionVersion, Settings};
use crate::web::{self, WebSettings};

/// How the parties are asked. What several threads share of them (the pace of Notion, the connector's token) is made
/// here, once.
pub struct Parties {
    notion: Option<notion::Config>,
}

impl Parties {
    /// Of the settings.
    ///
    /// Notion gets `pace` requests a minute at most, from all checks and channels together.
    /// `learn` hears of each token that is handed out while the service runs, for it must not be seen either.
    pub fn new(settings: &Settings, pace: usize, learn: impl Fn(&Secret) + Send + Sync + 'static) -> Self {
        let pace = Arc::new(Pace::per_minute(pace));
        let notion = settings.notion.as_ref().map(|notion| notion::Config {
            base_url: notion.base_url.clone(),
            version: version(notion.version),
            token: token(&notion.token, learn),
            pace,
            request_timeout: settings.timing.request_timeout,
        });
        Self { notion }
    }

    /// What the checks need.
    pub fn checks(&self, settings: &Settings) -> Checks {
        Checks {
            openai: settings.openai.as_ref().map(|openai| OpenAiConfig {
                base_url: openai.base_url.clone(),
                key: openai.key.clone(),
                probe: match openai.probe {
                    settings::Probe::Models => openai::Probe::Models,
                    settings::Probe::Chat => openai::Probe::Chat { model: openai.model.clone() },
                },
                variables: openai.variables,
            }),
            notion: self.notion.clone(),
            jobs: settings.notion.as_ref().and_then(|notion| jobs(notion, settings)),
            request_timeout: settings.timing.request_timeout,
        }
    }

    /// What the channels need.
    pub fn channels(&self, settings: &Settings) -> Channels {
        let email = settings.email.as_ref().map(|email| email::Config {
            server: email.server.clone(),
            from: email.from.clone(),
            to: email.to.clone(),
            connect_timeout: settings.timing.request_timeout,
        });
        let telegram = settings.telegram.as_ref().map(|telegram| telegram::Config {
            api_url: telegram.api_url.clone(),
            token: telegram.token.clone(),
            chat: telegram.chat_id.clone(),
            thread_id: telegram.thread_id,
            allowed: telegram.allowed.clone().into(),
            request_timeout: settings.timing.request_timeout,
        });
        let board = settings.notion.as_ref().and_then(|notion| notion.status_board.as_ref());
        let notion_board = board.zip(self.notion.clone()).map(|(board, notion)| notion_board::Config {
            notion,
            database: board.database.clone(),
            mode: match board.mode {
                BoardMode::Changes => notion_board::Mode::Changes,
                BoardMode::Every => notion_board::Mode::Every,
            },
            commit: settings.build.commit.clone(),
            branch: settings.build.branch.clone(),
        });
        Channels { email, telegram, notion_board }
    }
}

fn version(version: NotionVersion) -> Version {
    match version {
        NotionVersion::V2022_06_28 => Version::V2022_06_28,
        NotionVersion::V2025_09_03 => Version::V2025_09_03,
        NotionVersion::V2026_03_11 => Version::V2026_03_11,
    }
}

fn token(token: &NotionToken, learn: impl Fn(&Secret) + Send + Sync + 'static) -> TokenSource {
    match token {
        NotionToken::Given(token) => TokenSource::Given(token.clone()),
        NotionToken::Replit { hostname, identity } => {
            TokenSource::Replit(Connector::new(hostname, identity.clone(), learn))
        }
    }
}

fn jobs(notion: &settings::Notion, settings: &Settings) -> Option<JobsConfig> {
    let limits = &settings.limits;
    let job_log = notion.job_log.clone()?;
    Some(JobsConfig {
        // The same database under two names is read once.
        queue: notion.queue.clone().filter(|queue| *queue != job_log),
        job_log,
        status_property: limits.status_property.clone(),
        qa_property: limits.qa_property.clone(),
        statuses: StatusNames { done: limits.status_done.clone(), terminal: limits.status_terminal.clone() },
        thresholds: thresholds(settings),
    })
}

/// From where on a figure is an issue.
fn thresholds(settings: &Settings) -> Thresholds {
    let limits = &settings.limits;
    Thresholds {
        qa_avg_min: limits.qa_avg_min,
        qa_low: limits.qa_low,
        completion_min_percent: limits.completion_min_percent,
        completion_min_jobs: limits.completion_min_jobs,
        no_completion_min_jobs: limits.no_completion_min_jobs,
        window: limits.metrics_window,
        stuck_after: limits.stuck_after,
    }
}

/// How many cycles it takes to open and to resolve an incident.
pub fn patience(settings: &Settings) -> Patience {
    Patience { open_after: settings.patience.open_after, resolve_after: settings.patience.resolve_after }
}

/// Who is pinged after each cycle, if anybody is.
pub fn heartbeat(settings: &Settings) -> Option<Heartbeat> {
    let address = settings.heartbeat.clone()?;
    Some(Heartbeat::new(Http::new(), address, settings.timing.request_timeout))
}

/// How things are said.
pub fn wording(settings: &Settings) -> Wording {
    Wording {
        service: settings.service_name.clone(),
        public_url: settings.web.public_url.clone(),
        window: settings.limits.metrics_window,
    }
}

/// What the web needs to know.
pub fn web(settings: &Settings) -> WebSettings {
    WebSettings {
        ops_token: settings.web.ops_token.clone(),
        read_token: settings.web.ops_read_token.clone(),
        service: settings.service_name.clone(),
        public_url: settings.web.public_url.clone(),
        thresholds: thresholds(settings),
        interval: settings.timing.interval,
        check_timeout: settings.timing.check_timeout,
        patience: web::PATIENCE,
        commit: settings.build.commit.clone(),
    }
}
