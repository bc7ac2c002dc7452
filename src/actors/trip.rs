//! One trip of a Courier: the notice whose turn it is, to the channel, and what came of it, into the ledger.

use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use serde::{Deserialize, Serialize};

use super::courier::{Outcome, Route};
use super::leadership::Footing;
use super::merging::{self, News};
use crate::channels::{Audience, Channel, Letter, Part, Receipt, Refusal, Retry};
use crate::domain::bulletin::Bulletin;
use crate::domain::delivery;
use crate::domain::message::duration;
use crate::store::{Due, Ledger, Notice, StoreError};

/// What a channel's memory is kept under in the store, and what is known of a letter that was taken in part.
pub(super) const MEMORY: &str = "memory";
const PART: &str = "part";

/// When it is looked again after a term has run out.
const WITHOUT_FOOTING: Duration = Duration::from_secs(1);

/// How much longer than a send its claim lasts: as long as writing down the outcome may take. After a crash in between,
/// the notice is due again when the claim has run out.
const WRITING: Duration = Duration::from_secs(5);

/// For how long, and at which distance, it is tried to write down that something was delivered. If the store is away for
/// longer, that one message is sent again.
const INSISTENCE: Duration = Duration::from_secs(20);
const BETWEEN_WRITES: Duration = Duration::from_secs(1);

/// So many incidents are named in a line of the log: more than there are issues.
const MOST_NAMED: usize = 20;

/// How much later than the channel itself the Courier gives up on a send. A channel that keeps its deadline has the last
/// word: one that took the letter and then waited for a good-bye must not be asked again.
const BACKSTOP: Duration = Duration::from_secs(1);

/// Sends what is due on `route`, if anything is and this process may.
pub(super) async fn make(route: &Route, channel: &Rc<dyn Channel>) -> Outcome {
    let Some(footing) = route.leadership.footing() else { return without_footing(route) };
    let ledger = footing.epoch().map_or_else(|| route.ledger.clone(), |epoch| route.ledger.under(epoch));
    let trip = Trip { route, footing, ledger, name: route.channel.name };
    let outcome = trip.carry(channel).await;
    if !matches!(outcome, Ok(Outcome::Nothing(_))) {
        route.board.refresh(&route.ledger).await;
    }
    outcome.unwrap_or_else(|error| trip.complain(&error))
}

/// Who stands by is woken when it leads. A term that has just run out may go on, or another has begun.
fn without_footing(route: &Route) -> Outcome {
    Outcome::Nothing((!route.leadership.stands_by()).then(|| Utc::now() + WITHOUT_FOOTING))
}

struct Trip<'a> {
    route: &'a Route,
    footing: Footing,
    /// As far as this process may write.
    ledger: Ledger,
    name: &'static str,
}

/// What was taken of the notice that was last taken in part.
#[derive(Clone, Serialize, Deserialize)]
struct Partly {
    notice: String,
    memory: String,
    answer: String,
    /// What those who have a part of it do not have, if there is more of it since.
    #[serde(default)]
    news: Option<News>,
    /// The notice which they have had in whole before that.
    #[serde(default)]
    had: Option<String>,
}

/// A notice, and what there is to know of it before it is sent.
struct Load {
    due: Due,
    partly: Option<Partly>,
    /// What is new in it to those who have taken that part.
    news: Option<News>,
}

impl Trip<'_> {
    fn complain(&self, error: &StoreError) -> Outcome {
        if matches!(error, StoreError::NotLeading) {
            log::info!("{}: another term has begun: whoever leads by now sees to what is due", self.name);
            return without_footing(self.route);
        }
        log::error!("{}: the store does not say what is due: {error}", self.name);
        Outcome::StoreFault
    }

    /// Sends the next notice that is due, and writes down what came of it.
    async fn carry(&self, channel: &Rc<dyn Channel>) -> Result<Outcome, StoreError> {
        let maintenance = self.maintenance();
        let load = if maintenance.is_none() { self.load().await? } else { None };
        match load {
            Some(load) => self.send(channel, &load).await,
            None => {
                let next = self.ledger.next_due(self.name, Utc::now()).await?;
                Ok(Outcome::Nothing(next.map(|next| maintenance.map_or(next, |end| end.max(next)))))
            }
        }
    }

    /// The end of the maintenance in which nobody is told anything, not even what has waited since before it. A board goes
    /// on to show how things are.
    fn maintenance(&self) -> Option<DateTime<Utc>> {
        let Route { maintenance, channel, .. } = self.route;
        maintenance.until(Utc::now()).filter(|_| channel.audience == Audience::Told)
    }

    /// Claims what is to be sent now.
    async fn load(&self) -> Result<Option<Load>, StoreError> {
        let (now, partly) = (Utc::now(), self.partly().await?);
        if let Some(partly) = &partly {
            // Some receivers have it, and must not wait for the others to be told what is new.
            self.ledger.hasten(&partly.notice, now).await?;
        }
        let news = Arc::<Mutex<Option<News>>>::default();
        let merge = {
            let (wording, news) = (self.route.wording.clone(), Arc::clone(&news));
            let known = partly.clone();
            move |earlier: Vec<Notice>, newest: Notice| {
                *unpoisoned(&news) = known
                    .as_ref()
                    .and_then(|known| merging::news(&earlier, &newest, &known.notice, known.news.as_ref(), &wording));
                merging::merge(&earlier, newest, &wording)
            }
        };
        let until = now + self.route.pace.longest() + self.route.deadline + WRITING;
        let due = self.ledger.claim(self.name, now, until, &self.route.owner, merge).await?;
        let news = unpoisoned(&news).take();
        Ok(due.map(|due| {
            let partly = partly.filter(|partly| partly.notice == due.notice.id || news.is_some());
            let news = news.or_else(|| partly.as_ref().and_then(|partly| partly.news.clone()));
            Load { due, partly, news }
        }))
    }

    async fn partly(&self) -> Result<Option<Partly>, StoreError> {
        let kept = self.ledger.recall(self.name, PART).await?;
        Ok(kept.and_then(|kept| serde_json::from_str(&kept).ok()))
    }

    async fn send(&self, channel: &Rc<dyn Channel>, load: &Load) -> Result<Outcome, StoreError> {
        let (name, notice) = (self.name, &load.due.notice);
        let memory = self.ledger.recall(name, MEMORY).await?;
        let thread_answer = match &notice.thread {
            Some(first) => self.ledger.receipt_of(first).await?,
            None => None,
        };
        let letter = Letter {
            id: &notice.id,
            kind: notice.kind,
            subject: &notice.subject,
            body: &notice.body,
            thread: notice.thread.as_deref(),
            thread_answer: thread_answer.as_deref(),
            memory: memory.as_deref(),
            part: load.partly.as_ref().map(|partly| partly.memory.as_str()),
            news: load.news.as_ref().map(|news| &news.message),
        };
        self.route.pace.wait().await;
        // Whoever was paused until here finds that its term is over.
        if self.route.leadership.footing() != Some(self.footing) {
            log::info!("{name}: {} {} is left to the process that leads by now", notice.kind.name(), notice.id);
            return Ok(without_footing(self.route));
        }
        let sent = deliver(channel, letter, self.route.deadline).await;
        self.route.pace.sent();
        match sent {
            Ok(receipt) => {
                // It has arrived: as long as that is not written down, it would be sent again. What is to be remembered
                // comes first, since the next notice may be claimed as soon as this one is off the list.
                if let Some(memory) = receipt.memory {
                    match insist(|| self.ledger.remember(name, MEMORY, &memory)).await {
                        // Whoever leads by now remembers his own; that it has arrived is true all the same.
                        Err(StoreError::NotLeading) => {
                            log::info!("{name}: what it remembers is left to who leads by now");
                        }
                        remembered => remembered?,
                    }
                }
                self.delivered(notice, &receipt.answer).await
            }
            Err(refusal) => self.refused(load, refusal).await,
        }
    }

    async fn delivered(&self, notice: &Notice, answer: &str) -> Result<Outcome, StoreError> {
        let now = Utc::now();
        insist(|| self.ledger.delivered(&notice.id, now, answer)).await?;
        self.route.telemetry.delivered(self.name, (now - notice.created).to_std().unwrap_or_default());
        log::info!("{}{}: delivered {} {}: {answer}", about(notice), self.name, notice.kind.name(), notice.id);
        Ok(Outcome::Delivered)
    }

    async fn refused(&self, load: &Load, refusal: Refusal) -> Result<Outcome, StoreError> {
        let (name, Load { due, partly, news }, now) = (self.name, load, Utc::now());
        let notice = &due.notice;
        let next = match refusal.retry {
            Retry::Later(asked) => {
                let since = due.tried_since.unwrap_or(now);
                delivery::next_try(since, due.refusals + 1, now, asked, fastrand::f64())
            }
            Retry::Never => None,
        };
        let id = || notice.id.clone();
        // If nobody has taken any more of it, they have what they had.
        let before = partly.clone().map(|partly| {
            let had = partly.had.clone().or_else(|| news.is_some().then(|| partly.notice.clone()));
            Partly { notice: id(), news: news.clone(), had, ..partly }
        });
        let taken =
            refusal.part.map(|Part { memory, answer }| Partly { notice: id(), memory, answer, news: None, had: None });
        match (next, taken.or(before)) {
            // Those who have it were told, and are told the end of it, too.
            (None, Some(partly)) if partly.news.is_none() => {
                let answer = format!("{}; not to all: {}", partly.answer, refusal.text);
                return self.delivered(notice, &answer).await;
            }
            (_, Some(partly)) => {
                if let (None, Some(had)) = (next, &partly.had) {
                    // That was told, and the end of it will be: with what goes there next.
                    insist(|| self.ledger.delivered(had, now, &partly.answer)).await?;
                }
                if let Ok(partly) = serde_json::to_string(&partly) {
                    insist(|| self.ledger.remember(name, PART, &partly)).await?;
                }
            }
            (_, None) => {}
        }
        self.ledger.failed(&notice.id, now, &refusal.text, next).await?;
        self.route.telemetry.refused(name, next.is_some());
        let what_next = match (next, refusal.retry) {
            (Some(next), _) => format!("tried again in {}", duration((next - now).to_std().unwrap_or_default())),
            (None, Retry::Later(_)) => format!("given up: in vain for {}", duration(delivery::GIVE_UP_AFTER)),
            (None, Retry::Never) => "not tried again: somebody has to do something".into(),
        };
        let (about, kind, id, text) = (about(notice), notice.kind.name(), &notice.id, &refusal.text);
        log::error!("{about}{name}: {kind} {id} was not delivered (attempt {}), {what_next}: {text}", due.attempts);
        Ok(Outcome::Refused)
    }
}

/// The incidents that the notice tells of, as they stand at the beginning of a line of the log.
fn about(notice: &Notice) -> String {
    let bulletin = notice.content.as_deref().and_then(Bulletin::parse);
    let lines = bulletin.as_ref().map(|bulletin| bulletin.lines.as_slice()).unwrap_or_default();
    let ids: Vec<&str> = lines.iter().take(MOST_NAMED).map(|line| line.incident.as_str()).collect();
    if ids.is_empty() { String::new() } else { format!("incident={} ", ids.join(",")) }
}

/// What is in there is replaced as a whole.
fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tries to write something down, again and again if the store does not answer.
async fn insist<F: Future<Output = Result<(), StoreError>>>(write: impl Fn() -> F) -> Result<(), StoreError> {
    let began = Instant::now();
    loop {
        match write().await {
            Err(error)
                if !matches!(error, StoreError::Closed | StoreError::NotLeading) && began.elapsed() < INSISTENCE =>
            {
                log::warn!("what was delivered cannot be written down yet: {error}");
                tokio::time::sleep(BETWEEN_WRITES).await;
            }
            written => return written,
        }
    }
}

/// Sends one letter, within `deadline`, whatever the channel does.
async fn deliver(channel: &Rc<dyn Channel>, letter: Letter<'_>, deadline: Duration) -> Result<Receipt, Refusal> {
    let sending = AssertUnwindSafe(channel.send(letter, deadline)).catch_unwind();
    let limit = deadline + BACKSTOP;
    match tokio::time::timeout(limit, sending).await {
        Ok(Ok(sent)) => sent,
        Ok(Err(_)) => Err(Refusal::new(Retry::Later(None), "panic: the channel panicked")),
        Err(_) => Err(Refusal::new(Retry::Later(None), format!("timeout: no answer within {}", duration(limit)))),
    }
}

#[cfg(test)]
#[path = "trip_tests.rs"]
mod tests;
