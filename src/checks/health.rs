//! Do the parties answer? One harmless question to each, side by side; a failing one is asked once more.

mod examination;

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, join};

use super::{Check, OpenAiConfig, fault};
use crate::clients::error::{ClientError, ErrorKind};
use crate::clients::http::Http;
use crate::clients::notion::{self, Notion};
use crate::clients::openai::OpenAi;
use crate::diagnosis;
use crate::domain::fault::{Fault, FaultKind, Party};
use crate::domain::issue::{Issue, IssueId};
use crate::domain::report::{Answer, CheckName, Figures, Latency, Sight};

/// How long to wait before asking again, unless the party asked for more: a blip of a second is no outage.
const PAUSE: Duration = Duration::from_secs(1);

/// The health of the parties.
pub struct Health {
    openai: Option<OpenAi>,
    /// The variables that hold OpenAI's key and its address.
    openai_variables: (&'static str, &'static str),
    notion: Option<Notion>,
    request_timeout: Duration,
}

impl Health {
    /// Asks the parties that are configured.
    pub fn new(openai: Option<OpenAiConfig>, notion: Option<notion::Config>, request_timeout: Duration) -> Self {
        let http = Http::new();
        let openai_variables = openai.as_ref().map(|config| config.variables).unwrap_or_default();
        let openai = openai.map(|config| OpenAi::new(http.clone(), config.base_url, config.key, config.probe));
        let notion = notion.map(|config| Notion::new(http, config));
        Self { openai, openai_variables, notion, request_timeout }
    }

    async fn openai(&self, deadline: Instant) -> Asked {
        let Some(openai) = &self.openai else { return NOBODY };
        answer(Party::OpenAi, ask_twice(self.request_timeout, deadline, |limit| openai.probe(limit)).await)
    }

    async fn notion(&self, deadline: Instant) -> Asked {
        let Some(notion) = &self.notion else { return NOBODY };
        answer(
            Party::Notion,
            ask_twice(self.request_timeout, deadline, |limit| notion.me(Instant::now() + limit)).await,
        )
    }
}

impl Check for Health {
    fn name(&self) -> CheckName {
        CheckName::Health
    }

    fn look(&self, _: DateTime<Utc>, deadline: Instant) -> LocalBoxFuture<'_, Sight> {
        async move {
            let ((openai, of_openai), (notion, of_notion)) = join(self.openai(deadline), self.notion(deadline)).await;
            match notion {
                Answer::No(fault) if is_our_own(&fault) => Sight::Blind(fault),
                notion => sight(openai, notion, Latency { openai: of_openai, notion: of_notion }),
            }
        }
        .boxed_local()
    }

    fn examine(&self, deadline: Instant) -> LocalBoxFuture<'_, Vec<diagnosis::Asked>> {
        examination::examine(self, deadline).boxed_local()
    }
}

/// Whether a party answers, and how long the answer took.
type Asked = (Answer, Option<Duration>);

const NOBODY: Asked = (Answer::NotConfigured, None);

fn answer(party: Party, asked: Result<Duration, ClientError>) -> Asked {
    asked.map_or_else(|error| (Answer::No(fault(party, &error)), None), |took| (Answer::Yes, Some(took)))
}

/// Asks, and once more if that failed; both within `deadline`, whatever the party does. Says how long the answer took
/// that counts.
async fn ask_twice<A: AsyncFn(Duration) -> Result<(), ClientError>>(
    request_timeout: Duration,
    deadline: Instant,
    ask: A,
) -> Result<Duration, ClientError> {
    let ask = async |limit| {
        let asked = Instant::now();
        ask(limit).await.map(|()| asked.elapsed())
    };
    let limit = request_timeout.min(deadline.saturating_duration_since(Instant::now()).mul_f64(0.4));
    let error = match ask(limit).await {
        Err(error) => error,
        answered => return answered,
    };
    let spare = deadline.saturating_duration_since(Instant::now()).saturating_sub(limit.mul_f64(1.2));
    tokio::time::sleep(error.retry_after.unwrap_or(PAUSE).min(spare)).await;
    // That there was no time left for the second question says less than the answer to the first one.
    let says_less = |second: &ClientError| second.kind == ErrorKind::Timeout || second.is_unasked();
    ask(limit).await.map_err(|second| if says_less(&second) { error } else { second })
}

/// Whether nobody was asked, since our own pace did not allow it: that says nothing about the party.
fn is_our_own(fault: &Fault) -> bool {
    fault.kind == FaultKind::RateLimited && fault.status.is_none()
}

fn sight(openai: Answer, notion: Answer, latency: Latency) -> Sight {
    if (&openai, &notion) == (&Answer::NotConfigured, &Answer::NotConfigured) {
        let detail = "set OPENAI_API_KEY, or NOTION_TOKEN and JOB_LOG_DB_ID: nothing is being watched";
        return Sight::Blind(Fault::new(Party::Check, FaultKind::NotConfigured, detail));
    }
    let parties = [(&openai, IssueId::OpenaiOffline), (&notion, IssueId::NotionOffline)];
    let issues = parties.into_iter().filter_map(|(answer, id)| offline(answer, id)).collect();
    Sight::Seen { figures: Figures::Health { openai, notion, latency }, issues }
}

fn offline(answer: &Answer, id: IssueId) -> Option<Issue> {
    let Answer::No(fault) = answer else { return None };
    let issue = Issue::new(id, format!("{} integration offline", fault.party.name()));
    let detail = if fault.detail.is_empty() { fault.to_string() } else { format!("{fault}: {}", fault.detail) };
    Some(Issue { detail, ..issue })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::report::Section;

    #[test]
    fn with_nothing_to_watch_it_is_unknown_and_not_well() {
        let sight = sight(Answer::NotConfigured, Answer::NotConfigured, Latency::default());
        assert!(matches!(&sight, Sight::Blind(fault) if fault.kind == FaultKind::NotConfigured));
    }

    #[test]
    fn a_party_that_does_not_answer_is_an_issue_and_one_that_is_off_is_not() {
        let fault = Fault { party: Party::OpenAi, kind: FaultKind::Timeout, status: None, detail: String::new() };
        let sight = sight(Answer::No(fault), Answer::NotConfigured, Latency::default());
        let Sight::Seen { issues, .. } = &sight else { panic!("health was seen") };
        assert_eq!(issues.len(), 1);
        assert_eq!(issues[0].line(), "❌ OpenAI integration offline");
        assert_eq!(issues[0].detail, "OpenAI timeout");
        let section = Section { check: CheckName::Health, took: Duration::ZERO, sight };
        assert_eq!(section.faults().len(), 1);
    }

    #[test]
    fn who_was_not_asked_is_not_called_offline() {
        let refused =
            |status| Fault { party: Party::Notion, kind: FaultKind::RateLimited, status, detail: String::new() };
        assert!(is_our_own(&refused(None)));
        assert!(!is_our_own(&refused(Some(429))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_blip_is_no_outage() {
        let asked = std::cell::Cell::new(0);
        let deadline = Instant::now() + Duration::from_secs(60);
        let outcome = ask_twice(Duration::from_secs(10), deadline, async |_| {
            asked.set(asked.get() + 1);
            if asked.get() == 1 {
                std::thread::sleep(PAUSE);
                Err(ClientError::new(ErrorKind::ServerFault, ""))
            } else {
                Ok(())
            }
        });
        let took = outcome.await.unwrap();
        assert_eq!(asked.get(), 2);
        assert!(took < PAUSE, "neither the first question nor the pause is a part of the answer: {took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_question_that_was_not_asked_does_not_take_back_the_answer_to_the_first() {
        let deadline = Instant::now() + Duration::from_secs(60);
        let busy = ClientError { status: Some(429), ..ClientError::new(ErrorKind::RateLimited, "") };
        let asked = std::cell::Cell::new(0);
        let outcome = ask_twice(Duration::from_secs(10), deadline, async |_| {
            asked.set(asked.get() + 1);
            Err(if asked.get() == 1 { busy.clone() } else { ClientError::new(ErrorKind::RateLimited, "no place") })
        });
        assert_eq!((outcome.await, asked.get()), (Err(busy.clone()), 2));
    }

    #[tokio::test(start_paused = true)]
    async fn the_second_question_fits_into_the_deadline_however_long_the_party_asks_to_wait() {
        let began = tokio::time::Instant::now();
        let deadline = Instant::now() + Duration::from_secs(60);
        let outcome = ask_twice(Duration::from_secs(10), deadline, async |limit: Duration| {
            tokio::time::sleep(limit).await;
            let mut error = ClientError::new(ErrorKind::RateLimited, "");
            error.retry_after = Some(Duration::from_secs(3_600));
            Err(error)
        });
        assert!(outcome.await.is_err());
        // The check's own clock does not stand still: the first question is not seen to have taken any time.
        assert!(began.elapsed() <= Duration::from_secs(69), "took {:?}", began.elapsed());
    }
}
