//! What we look at: the trait of a check, and the list of them.
//!
//! A check looks (I/O, under a deadline) and judges by the pure rules of the domain. It answers with what it saw or with
//! why it saw nothing, never with a zero in place of a failure. To add one: its file, its `mod` line, and its line in
//! [`Checks::list`].

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use futures_util::future::LocalBoxFuture;

use crate::clients::error::{ClientError, ErrorKind};
use crate::clients::notion;
use crate::clients::openai;
use crate::clients::redact;
use crate::diagnosis::Asked;
use crate::domain::fault::{Fault, FaultKind, Party};
use crate::domain::job::StatusNames;
use crate::domain::report::{CheckName, Sight};
use crate::domain::rules::Thresholds;
use crate::secret::Secret;

pub mod health;
pub mod job_log;
pub mod metrics;
pub mod stuck_jobs;

/// Something that is looked at in each cycle.
pub trait Check {
    /// Its name.
    fn name(&self) -> CheckName;

    /// Looks, as of `now`; whoever calls drops the future when `deadline` has passed.
    fn look(&self, now: DateTime<Utc>, deadline: Instant) -> LocalBoxFuture<'_, Sight>;

    /// Asks, until `deadline` at most, whether it could look: what `doctor` shows. What another check asks as well need
    /// not be asked again.
    fn examine(&self, deadline: Instant) -> LocalBoxFuture<'_, Vec<Asked>>;
}

/// A check that is configured, ready to be built on the thread of its actor.
#[derive(Clone)]
pub struct CheckSpec {
    /// Its name.
    pub name: CheckName,
    /// Builds it. Clients of HTTP belong to one thread, so that this is called on the thread that will look.
    pub build: Arc<dyn Fn() -> Rc<dyn Check> + Send + Sync>,
}

impl CheckSpec {
    fn new<C: Check + 'static>(name: CheckName, build: impl Fn() -> C + Send + Sync + 'static) -> Self {
        Self { name, build: Arc::new(move || Rc::new(build())) }
    }
}

/// How OpenAI is asked.
#[derive(Clone)]
pub struct OpenAiConfig {
    /// Its address, with `/v1` where it has one.
    pub base_url: String,
    /// The key.
    pub key: Secret,
    /// What is asked.
    pub probe: openai::Probe,
    /// The variables that hold the key and the address.
    pub variables: (&'static str, &'static str),
}

/// Where the jobs are, and what their names mean.
#[derive(Clone)]
pub struct JobsConfig {
    /// The database of jobs.
    pub job_log: String,
    /// The database of tasks not yet finished, if there is one.
    pub queue: Option<String>,
    /// The property that holds the status.
    pub status_property: String,
    /// The property that holds the score.
    pub qa_property: String,
    /// The statuses that mean something.
    pub statuses: StatusNames,
    /// From where on a figure is an issue.
    pub thresholds: Thresholds,
}

/// What the checks need to know; a party without its part is not watched.
#[derive(Clone)]
pub struct Checks {
    /// OpenAI.
    pub openai: Option<OpenAiConfig>,
    /// Notion.
    pub notion: Option<notion::Config>,
    /// The jobs, which are in Notion.
    pub jobs: Option<JobsConfig>,
    /// The deadline of one request.
    pub request_timeout: Duration,
}

impl Checks {
    /// The checks that are configured. Health always is: that nothing is configured is for it to say.
    pub fn list(self) -> Vec<CheckSpec> {
        let mut list = vec![];
        let (openai, notion, timeout) = (self.openai, self.notion.clone(), self.request_timeout);
        list.push(CheckSpec::new(CheckName::Health, move || {
            health::Health::new(openai.clone(), notion.clone(), timeout)
        }));
        if let (Some(notion), Some(jobs)) = (self.notion, self.jobs) {
            let log = move || job_log::JobLog::new(notion.clone(), jobs.clone());
            let same = log.clone();
            list.push(CheckSpec::new(CheckName::Metrics, move || metrics::JobMetrics::new(log())));
            list.push(CheckSpec::new(CheckName::StuckJobs, move || stuck_jobs::StuckJobsCheck::new(same())));
        }
        list
    }
}

/// The fault of a look that panicked. What a panic says may hold anything, so that it is cleaned like a party's words.
pub fn panicked(said: &str) -> Fault {
    Fault::new(Party::Check, FaultKind::Panic, redact::clean(said, &[]))
}

/// What a client's error means to the domain.
pub fn fault(party: Party, error: &ClientError) -> Fault {
    let kind = match error.kind {
        ErrorKind::Unauthorized => FaultKind::Unauthorized,
        ErrorKind::Forbidden => FaultKind::Forbidden,
        ErrorKind::NotFound => FaultKind::NotFound,
        ErrorKind::RateLimited => FaultKind::RateLimited,
        ErrorKind::QuotaExhausted => FaultKind::QuotaExhausted,
        ErrorKind::BadRequest => FaultKind::BadRequest,
        ErrorKind::ServerFault => FaultKind::ServerFault,
        ErrorKind::Timeout => FaultKind::Timeout,
        ErrorKind::Connection => FaultKind::Connection,
        ErrorKind::Tls => FaultKind::Tls,
        ErrorKind::Garbage => FaultKind::Garbage,
        ErrorKind::Schema => FaultKind::Schema,
        ErrorKind::Incomplete => FaultKind::Incomplete,
    };
    Fault { party, kind, status: error.status, detail: error.detail.clone() }
}
