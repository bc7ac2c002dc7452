//! How the orders of the chat are carried out: on the same ways as those of the web.

mod alerts;
mod silencing;
mod taking;
mod telling;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::timeout;

use super::listener::Office;
use super::scheduler::RunCycle;
use crate::channels::telegram::console::Console;
use crate::domain::answer::{self, Answer, Known, Looked, plain};
use crate::domain::command::{self, Command, Press, clipped};
use crate::domain::deed::{self, NO_DATABASE};
use crate::domain::issue::{Issue, IssueId};
use crate::domain::report::{self, Overview};
use crate::domain::silence;
use crate::domain::update::{Place, Update, Verdict};
use crate::supervision::AskError;

/// How long somebody waits for a cycle.
const PATIENCE: Duration = Duration::from_secs(25);

/// What a cycle takes beyond the deadline of its checks.
const CYCLE_MARGIN: Duration = Duration::from_secs(5);

/// The longest order that is written into the log, in characters.
const LONGEST_ORDER: usize = 100;

const HOUR: Duration = Duration::from_secs(3_600);

const UNKNOWN_ALERT: &str = "Nothing is known of this alert any more.";

/// Whoever carries out orders.
pub(super) struct Orders<'a> {
    office: &'a Office,
    console: &'a Console,
}

/// What came of a command.
struct Outcome {
    answer: Answer,
    /// The ids of the incidents about which something was done.
    touched: Vec<String>,
}

impl From<Answer> for Outcome {
    fn from(answer: Answer) -> Self {
        Self { answer, touched: vec![] }
    }
}

impl<'a> Orders<'a> {
    pub(super) fn new(office: &'a Office, console: &'a Console) -> Self {
        Self { office, console }
    }

    /// Does what is to be done about `update`, and says so.
    pub(super) async fn obey(&self, update: &Update, verdict: Verdict) {
        let name = update.from.as_ref().map(|person| person.name()).unwrap_or_default();
        let id = update.from.as_ref().map(|person| person.id).unwrap_or_default();
        match verdict {
            Verdict::Silence(_) => {}
            Verdict::Obey(command) => {
                let what = clipped(&command.to_string(), LONGEST_ORDER);
                log::info!("telegram: {name} ({id}) orders {what}");
                let Outcome { answer, touched } = self.done(command, &name).await;
                self.say(&answer, update.place).await;
                self.amend_about(&touched).await;
            }
            Verdict::Correct(right) => self.say(&plain(right), update.place).await,
            Verdict::InVain { query, text } => self.toast(&query, text).await,
            Verdict::Pressed { query, press, notice } => {
                log::info!("telegram: {name} ({id}) presses \"{press}\" of notice {notice}");
                self.pressed(press, &notice, &query, &name, update.place).await;
            }
        }
    }

    /// What comes of a command.
    async fn done(&self, command: Command, by: &str) -> Outcome {
        let now = Utc::now();
        match command {
            Command::Help => answer::help().into(),
            Command::Check => self.checked().await.into(),
            Command::Silence { issue, span } => {
                let (silence, deed) = self.silence(issue, silence::end(now, span), by, now).await;
                Outcome { answer: plain(deed::begun(&silence, deed, now)), touched: self.concerned(issue) }
            }
            Command::EndSilences(issue) => match self.end_silences(issue, by, now).await {
                Ok((ended, left)) => {
                    Outcome { answer: plain(deed::ended(&ended, &left, now)), touched: self.concerned(issue) }
                }
                Err(_) => plain(NO_DATABASE).into(),
            },
            Command::Status | Command::Stuck | Command::Incidents | Command::Acknowledge(_) => {
                match self.first_overview().await {
                    Some(overview) => self.done_about(&overview, command, by).await,
                    None => plain(answer::NOTHING_YET).into(),
                }
            }
        }
    }

    /// What comes of one that is about what is known.
    async fn done_about(&self, overview: &Overview, command: Command, by: &str) -> Outcome {
        let (looked, _) = self.looked(overview, Utc::now());
        match command {
            Command::Stuck => answer::stuck(&looked).into(),
            Command::Incidents => answer::incidents(&looked).into(),
            Command::Acknowledge(names) => match command::chosen(&overview.incidents, &names) {
                Ok(chosen) => {
                    let taken = self.acknowledge(chosen, by).await;
                    let touched = taken.iter().map(|taken| taken.incident().id.clone()).collect();
                    Outcome { answer: deed::taken(&taken), touched }
                }
                Err(right) => plain(right).into(),
            },
            _ => self.status(overview).await.into(),
        }
    }

    /// What is known, with what was acknowledged since.
    fn overview(&self) -> Option<Arc<Overview>> {
        let newest = self.office.overview.borrow().clone();
        newest.map(|newest| self.office.acknowledgements.now().on(&newest))
    }

    /// The same; if no cycle is complete yet, as soon as one is.
    async fn first_overview(&self) -> Option<Arc<Overview>> {
        let mut overview = self.office.overview.clone();
        // Without one in time, there is none.
        let _ = timeout(PATIENCE, overview.wait_for(Option::is_some)).await;
        self.overview()
    }

    /// What the last cycle saw, as it looks at `now`; and the issue that it is too old, if it is.
    fn looked<'o>(&self, overview: &'o Overview, now: DateTime<Utc>) -> (Looked<'o>, Option<Issue>) {
        let cadence = &self.office.cadence;
        let stale = report::stale(overview.report.timestamp, now, cadence.interval, cadence.check_timeout);
        (Looked { overview, is_stale: stale.is_some(), now }, stale)
    }

    async fn status(&self, overview: &Overview) -> Answer {
        let now = Utc::now();
        let (looked, stale) = self.looked(overview, now);
        let known = |id: IssueId| overview.report.issues().any(|issue| issue.id == id);
        let degraded = (self.office.degraded)().into_iter().filter(|issue| !known(issue.id));
        let since: Vec<_> = stale.into_iter().chain(degraded).collect();
        // A report of before the database failed does not say that.
        let silences = self.office.ledger.store().silences(now).await.ok();
        let deliveries = self.office.board.known();
        let known = Known { looked, since: &since, deliveries: &deliveries, silences: silences.as_deref() };
        answer::status(&known, &self.office.wording)
    }

    /// Looks now, or waits for the cycle that is running.
    async fn checked(&self) -> Answer {
        let patience = PATIENCE.min(self.office.cadence.check_timeout + CYCLE_MARGIN);
        // A Scheduler that is replaced meanwhile is asked again: a cycle too many does no harm.
        match self.office.scheduler.call(RunCycle, patience).await {
            Ok(Some(overview)) => self.status(&self.office.acknowledgements.now().on(&overview)).await,
            Ok(None) => plain("The cycle could not be completed."),
            Err(AskError::Late) => plain("The cycle is still running: /status says later what came of it."),
            Err(AskError::Unavailable | AskError::Busy | AskError::Lost) => {
                plain("The Scheduler does not take orders at the moment.")
            }
        }
    }

    /// Carries out what a button of the notice says, about the incidents that it tells of.
    async fn pressed(&self, press: Press, notice: &str, query: &str, by: &str, place: Place) {
        let (store, now) = (self.office.ledger.store(), Utc::now());
        let of = match store.subjects(notice).await {
            Ok(Some(of)) => of,
            Ok(None) => return self.toast(query, UNKNOWN_ALERT).await,
            Err(_) => return self.toast(query, NO_DATABASE).await,
        };
        let live = || of.incidents.iter().filter(|incident| incident.is_live());
        let toast = match press {
            Press::Show => {
                self.toast(query, "").await;
                let overview = self.overview();
                let looked = overview.as_deref().map(|overview| self.looked(overview, now).0);
                return self.say(&answer::shown(&of.incidents, looked.as_ref(), now), place).await;
            }
            Press::Acknowledge => deed::taken_briefly(&self.acknowledge(live(), by).await),
            Press::Silence(hours) => {
                let until = silence::end(now, HOUR * u32::from(hours));
                let issues: Vec<IssueId> = live().map(|incident| incident.issue).collect();
                deed::silenced_briefly(until, &self.silence_all(&issues, until, by, now).await)
            }
        };
        self.toast(query, &toast).await;
        self.amend_pressed(notice, place).await;
    }
}
