//! The outside world of one watched pipeline: all parties, a Job Log and a Status Board, and what can happen to them.

use std::collections::BTreeMap;
use std::io;

use chrono::{DateTime, TimeDelta, Utc};

use super::notion::{DatabaseId, JobRow, Notion, job_log_schema, status_board_schema};
use super::openai::OpenAi;
use super::smtp::MailServer;
use super::telegram::Telegram;

/// Who gets the mail of this world.
pub const RECEIVER: &str = "ops@example.org";

/// Who sends it.
pub const SENDER: &str = "auto-operator@example.org";

/// A world of its own; it ends when it is dropped.
pub struct World {
    /// Where the jobs are, and the Status Board.
    pub notion: Notion,
    /// What the pipeline thinks with.
    pub openai: OpenAi,
    /// Where alerts go.
    pub telegram: Telegram,
    /// Where alerts go, too.
    pub smtp: MailServer,
    /// The database of jobs.
    pub job_log: DatabaseId,
    /// The Status Board.
    pub status_board: DatabaseId,
}

impl World {
    /// Starts all parties on loopback, with an empty Job Log and an empty Status Board.
    ///
    /// # Errors
    /// There is no free port.
    pub fn start() -> io::Result<Self> {
        let notion = Notion::start()?;
        let job_log = notion.create_database("Job Log", job_log_schema());
        let status_board = notion.create_database("Status Board", status_board_schema());
        let (openai, telegram, smtp) = (OpenAi::start()?, Telegram::start()?, MailServer::start()?);
        Ok(Self { notion, openai, telegram, smtp, job_log, status_board })
    }

    /// The variables of a service that lives in this world.
    pub fn variables(&self) -> BTreeMap<String, String> {
        let variables = [
            ("HOST", "127.0.0.1".to_owned()),
            ("PORT", "0".to_owned()),
            ("NOTION_BASE_URL", self.notion.url()),
            ("NOTION_TOKEN", self.notion.token()),
            ("JOB_LOG_DB_ID", self.job_log.to_string()),
            ("NOTION_STATUS_DB_ID", self.status_board.to_string()),
            ("OPENAI_BASE_URL", self.openai.url()),
            ("OPENAI_API_KEY", self.openai.key().to_owned()),
            ("TELEGRAM_API_URL", self.telegram.url()),
            ("TELEGRAM_BOT_TOKEN", self.telegram.bot_token().to_owned()),
            ("TELEGRAM_CHAT_ID", self.telegram.chat_id().to_string()),
            ("SMTP_URL", self.smtp.url()),
            ("ALERT_FROM", SENDER.to_owned()),
            ("ALERT_TO", RECEIVER.to_owned()),
            ("DATABASE_URL", "sqlite::memory:".to_owned()),
        ];
        variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// The jobs of the guide's sample: 68 of them, 4 done, 3 with a low score, an average of 82.3, 50 stuck.
    pub fn has_the_sample_jobs(&self, now: DateTime<Utc>) {
        let scores = [75.0, 76.0, 77.0, 85.0, 85.0, 85.0, 85.0, 85.0, 85.0, 85.0];
        let jobs = (0..68).map(|number| {
            let (status, idle) = match number {
                0..4 => ("Done", 300),
                4..18 => ("Failed", 300),
                _ => ("Processing", 45),
            };
            job(number, Some(status), scores.get(number).copied(), now, idle)
        });
        self.notion.add_jobs(self.job_log, jobs);
    }

    /// A pipeline that is well: so many jobs, nine of ten done with good scores, the rest just begun.
    pub fn has_good_jobs(&self, count: usize, now: DateTime<Utc>) {
        let jobs = (0..count).map(|number| match number % 10 {
            0 => job(number, Some("Processing"), None, now, 3),
            _ => job(number, Some("Done"), Some(86.0 + (number % 9) as f64), now, 20),
        });
        self.notion.add_jobs(self.job_log, jobs);
    }

    /// So many jobs that nobody has touched for 45 minutes.
    pub fn jobs_get_stuck(&self, count: usize, now: DateTime<Utc>) {
        let jobs = (0..count).map(|number| job(1_000 + number, Some("Processing"), None, now, 45));
        self.notion.add_jobs(self.job_log, jobs);
    }

    /// Nothing is stuck any more, and the jobs are good ones.
    pub fn all_is_well_again(&self, count: usize, now: DateTime<Utc>) {
        self.openai.comes_back();
        self.notion.clear_jobs(self.job_log);
        self.has_good_jobs(count, now);
    }
}

/// A job that was last edited `idle` minutes ago, and created a little before.
fn job(number: usize, status: Option<&str>, qa: Option<f64>, now: DateTime<Utc>, idle: i64) -> JobRow {
    const WORK: [&str; 5] = ["Blog outline", "Release notes", "Market summary", "Support answer", "Product text"];
    let last_edited = now - TimeDelta::minutes(idle);
    JobRow {
        name: format!("{} {number}", WORK[number % WORK.len()]),
        status: status.map(str::to_owned),
        qa,
        created: last_edited - TimeDelta::minutes(2),
        last_edited,
    }
}
