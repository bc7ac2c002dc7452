//! How the orders of the chat are carried out: on the same ways as those of the web.

mod silencing;

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use tokio::time::{sleep, timeout};

use self::silencing::Failed;
use super::leadership::Footing;
use super::listener::Office;
use super::scheduler::RunCycle;
use crate::channels::telegram::console::{Amended, Console};
use crate::channels::{Refusal, Retry};
use crate::domain::answer::{self, Answer, Known, Taken, plain};
use crate::domain::command::{self, Command, Press, clipped};
use crate::domain::incident::Incident;
use crate::domain::issue::IssueId;
use crate::domain::report::{self, Overview};
use crate::domain::silence;
use crate::domain::update::{Place, Update, Verdict};
use crate::store::{Acknowledged, StoreError, Subjects};
use crate::supervision::AskError;

/// How long somebody waits for a cycle.
const PATIENCE: Duration = Duration::from_secs(25);

/// What a cycle takes beyond the deadline of its checks.
const CYCLE_MARGIN: Duration = Duration::from_secs(5);

/// How often an answer is tried, and the longest wait between two tries that is worth it.
const TRIES: u32 = 3;
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// The longest order that is written into the log, in characters.
const LONGEST_ORDER: usize = 100;

const HOUR: Duration = Duration::from_secs(3_600);

const NO_DATABASE: &str = "The database does not answer: nothing was done. Try again later.";
const UNKNOWN_ALERT: &str = "Nothing is known of this alert any more.";

/// Whoever carries out orders, on the footing of a leader.
pub(super) struct Orders<'a> {
    office: &'a Office,
    console: &'a Console,
    footing: Footing,
}

impl<'a> Orders<'a> {
    pub(super) fn new(office: &'a Office, console: &'a Console, footing: Footing) -> Self {
        Self { office, console, footing }
    }

    /// Does what is to be done about `update`, and says so.
    pub(super) async fn obey(&self, update: &Update, verdict: Verdict) {
        let name = update.from.as_ref().map(|person| person.name()).unwrap_or_default();
        let id = update.from.as_ref().map(|person| person.id).unwrap_or_default();
        match verdict {
            Verdict::Silence(_) => {}
            Verdict::Obey(command) => {
                let what = clipped(&format!("{command:?}"), LONGEST_ORDER);
                log::info!("telegram: {name} ({id}) orders {what}");
                let answer = self.done(command, &name).await;
                self.say(&answer, update.place).await;
            }
            Verdict::Correct(right) => self.say(&plain(right), update.place).await,
            Verdict::InVain { query, text } => self.toast(&query, text).await,
            Verdict::Pressed { query, press, notice } => {
                log::info!("telegram: {name} ({id}) presses {press:?} of notice {notice}");
                self.pressed(press, &notice, &query, &name, update.place).await;
            }
        }
    }

    /// What comes of a command.
    async fn done(&self, command: Command, by: &str) -> Answer {
        let now = Utc::now();
        match command {
            Command::Help => return answer::help(),
            Command::Check => return self.checked().await,
            Command::Silence { issue, span } => {
                let begun = self.silence(issue, silence::end(now, span), by, now).await;
                return plain(begun.map_or_else(Failed::words, |silence| answer::silent(&silence, now)));
            }
            Command::EndSilences(issue) => {
                let ended = self.end_silences(issue, by, now).await;
                return plain(ended.map_or_else(Failed::words, |(ended, left)| answer::ended(&ended, &left, now)));
            }
            Command::Status | Command::Stuck | Command::Incidents | Command::Acknowledge(_) => {}
        }
        let Some(overview) = self.first_overview().await else { return plain(answer::NOTHING_YET) };
        match command {
            Command::Stuck => answer::stuck(&overview, now),
            Command::Incidents => answer::incidents(&overview.incidents, now),
            Command::Acknowledge(names) => match command::chosen(&overview.incidents, &names) {
                Ok(chosen) => match self.acknowledge(chosen, by).await {
                    Ok(taken) => answer::taken(&taken),
                    Err(_) => plain(NO_DATABASE),
                },
                Err(right) => plain(right),
            },
            _ => self.status(&overview).await,
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

    async fn status(&self, overview: &Overview) -> Answer {
        let now = Utc::now();
        let cadence = &self.office.cadence;
        let stale = report::stale(overview.report.timestamp, now, cadence.interval, cadence.check_timeout);
        let known = |id: IssueId| overview.report.issues().any(|issue| issue.id == id);
        let degraded = (self.office.degraded)().into_iter().filter(|issue| !known(issue.id));
        let since: Vec<_> = stale.into_iter().chain(degraded).collect();
        // That the database does not answer is an issue of the report.
        let silences = self.office.ledger.store().silences(now).await.unwrap_or_default();
        let deliveries = self.office.board.known();
        let known = Known { overview, since: &since, deliveries: &deliveries, silences: &silences, now };
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

    async fn acknowledge(
        &self,
        incidents: impl IntoIterator<Item = &Incident>,
        by: &str,
    ) -> Result<Vec<Taken>, StoreError> {
        let mut all = vec![];
        for incident in incidents {
            let taken = self.office.ledger.store().acknowledge(&incident.id, by, Utc::now()).await?;
            all.push(match taken {
                Acknowledged::Done(incident) => {
                    log::info!("incident={} {} is acknowledged by {by}", incident.id, incident.issue);
                    self.note(&incident);
                    Taken::Now(incident)
                }
                Acknowledged::Already(incident) => {
                    self.note(&incident);
                    Taken::Already(incident)
                }
                Acknowledged::NotOpen | Acknowledged::Unknown => Taken::Over(incident.clone()),
            });
        }
        Ok(all)
    }

    fn note(&self, incident: &Incident) {
        let newest = self.office.overview.borrow().clone();
        self.office.acknowledgements.note(incident, newest.as_deref());
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
                return self.say(&answer::shown(&of.incidents, overview.as_deref(), now), place).await;
            }
            Press::Acknowledge => match self.acknowledge(live(), by).await {
                Ok(taken) => answer::taken_briefly(&taken),
                Err(_) => NO_DATABASE.into(),
            },
            Press::Silence(hours) => {
                let until = silence::end(now, HOUR * u32::from(hours));
                let issues: Vec<IssueId> = live().map(|incident| incident.issue).collect();
                self.silence_all(&issues, until, by, now).await.unwrap_or_else(Failed::words)
            }
        };
        self.toast(query, &toast).await;
        self.amend(notice, place).await;
    }

    /// Has the alert say who did what.
    async fn amend(&self, notice: &str, place: Place) {
        let (store, now) = (self.office.ledger.store(), Utc::now());
        let (Ok(Some(of)), Ok(silences)) = (store.subjects(notice).await, store.silences(now).await) else { return };
        let Subjects { subject, body, incidents } = &of;
        let aftermath = answer::aftermath(incidents, &silences, now);
        let alert = Amended { notice, subject, body, aftermath: &aftermath };
        let edit = || self.console.amend(place, alert, |press| command::is_of_use(press, incidents));
        if self.insist("an alert is not edited", edit).await == Some(false) && !aftermath.is_empty() {
            self.say(&plain(aftermath), place).await;
        }
    }

    /// Says something, as an answer to what is at `place`.
    async fn say(&self, answer: &Answer, place: Place) {
        self.insist("an answer does not arrive", || self.console.say(answer, place)).await;
    }

    /// Shows something for a moment to whoever pressed a button.
    async fn toast(&self, query: &str, text: &str) {
        // Whoever pressed it does not wait for long; what was done stands below the alert.
        if let Err(refused) = self.console.toast(query, text).await {
            log::debug!("telegram: a pressed button is not answered: {}", refused.text);
        }
    }

    /// Sends something as soon as no notice wants to be sent, a few times if it is not taken. No answer is worth holding up
    /// notices or orders for long.
    async fn insist<T, F>(&self, otherwise: &str, send: impl Fn() -> F) -> Option<T>
    where
        F: Future<Output = Result<T, Refusal>>,
    {
        for number in 1..=TRIES {
            self.office.pace.wait_for_gap().await;
            if self.office.leadership.footing() != Some(self.footing) {
                return None;
            }
            let sent = send().await;
            self.office.pace.sent();
            let refused = match sent {
                Ok(done) => return Some(done),
                Err(refused) => refused,
            };
            let wait = match refused.retry {
                Retry::Later(asked) => asked.unwrap_or(Duration::from_secs(1)),
                Retry::Never => Duration::MAX,
            };
            if number == TRIES || wait > LONGEST_WAIT {
                log::warn!("telegram: {otherwise}: {}", refused.text);
                return None;
            }
            sleep(wait).await;
        }
        None
    }
}
