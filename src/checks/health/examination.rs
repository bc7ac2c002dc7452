//! Whether the parties answer, and what to do if not.

use std::time::{Duration, Instant};

use chrono::{Days, NaiveDate, Utc};
use futures_util::future::join;

use super::Health;
use crate::clients::error::{ClientError, ErrorKind};
use crate::clients::notion::Notion;
use crate::clients::openai::{Model, OpenAi};
use crate::clients::reply::NOT_JSON;
use crate::diagnosis::{Asked, Finding, Party, Question, Remedy};

/// So many days before a model is taken out of service somebody may want to know.
const NOTICE: Days = Days::new(90);

/// As many names of models as are shown.
const SHOWN: usize = 5;

/// The parties side by side, what is asked of one of them in order.
pub(super) async fn examine(health: &Health, deadline: Instant) -> Vec<Asked> {
    let limit = || health.request_timeout.min(deadline.saturating_duration_since(Instant::now()));
    let openai = async {
        match &health.openai {
            Some(openai) => of_openai(openai, health.openai_variables, limit).await,
            None => vec![],
        }
    };
    let notion = async {
        match &health.notion {
            Some(notion) => vec![of_notion(notion, Instant::now() + limit()).await],
            None => vec![],
        }
    };
    let (openai, notion) = join(openai, notion).await;
    [openai, notion].concat()
}

/// The list of models, which costs nothing; where a model is probed, that too, as each cycle does.
async fn of_openai(
    openai: &OpenAi,
    (key, address): (&'static str, &'static str),
    limit: impl Fn() -> Duration,
) -> Vec<Asked> {
    let party = Party { name: "OpenAI", address, status_page: Some("https://status.openai.com") };
    let question = Question::put("openai", "GET /models");
    let models = openai.models(limit()).await;
    let finding = match &models {
        Ok(models) => Finding::ok(format!("{} models", models.len())),
        // Proxies that pass on nothing but completions have no list.
        Err(error) if error.kind == ErrorKind::NotFound && openai.probed_model().is_some() => {
            Finding::ok("no list here, as with some proxies")
        }
        Err(error) => Finding::fail(error.to_string(), remedy(error, party, key)),
    };
    let listed = question.found(finding);
    let Some(model) = openai.probed_model() else { return vec![listed] };
    let question = Question::put("openai:model", format!("a few words of {model}"));
    let answered = openai.probe(limit()).await;
    let finding = of_model(&answered, model, models.as_deref().unwrap_or_default(), Utc::now().date_naive());
    let finding = finding.unwrap_or_else(|error| Finding::fail(error.to_string(), remedy(error, party, key)));
    vec![listed, question.found(finding)]
}

/// What the answer of the model means; an error that has nothing to do with the model is given back.
fn of_model<'e>(
    answered: &'e Result<(), ClientError>,
    model: &str,
    there: &[Model],
    today: NaiveDate,
) -> Result<Finding, &'e ClientError> {
    let shutdown = there.iter().find(|known| known.id == model).and_then(|known| known.shutdown.as_deref());
    let is_soon = |day: &str| day.parse().is_ok_and(|day: NaiveDate| today + NOTICE >= day);
    match (answered, shutdown) {
        (Ok(()), Some(day)) if is_soon(day) => {
            Ok(Finding::warn(format!("answers, until {day}, when it is taken out of service"), Remedy::OpenAiRetires))
        }
        (Ok(()), _) => Ok(Finding::ok("answers")),
        (Err(error), _) if error.kind == ErrorKind::NotFound => {
            // Those that stay are the better advice.
            let (passing, staying): (Vec<_>, Vec<_>) = there.iter().partition(|model| model.shutdown.is_some());
            let there = staying.into_iter().chain(passing).take(SHOWN).map(|model| model.id.clone()).collect();
            Ok(Finding::fail(error.to_string(), Remedy::OpenAiModel { there }))
        }
        (Err(error), _) => Err(error),
    }
}

fn remedy(error: &ClientError, party: Party, key: &'static str) -> Remedy {
    match error.kind {
        ErrorKind::Unauthorized => Remedy::OpenAiKey { variable: key },
        ErrorKind::QuotaExhausted => Remedy::OpenAiMoney,
        ErrorKind::Forbidden => Remedy::OpenAiForbidden,
        _ => party.remedy(error),
    }
}

async fn of_notion(notion: &Notion, deadline: Instant) -> Asked {
    let question = Question::put("notion", "GET /v1/users/me");
    let finding = match notion.integration(deadline).await {
        Ok(Some(name)) => Finding::ok(format!("the integration \"{name}\"")),
        Ok(None) => Finding::ok("an integration without a name"),
        Err(error) => {
            let remedy = match error.kind {
                ErrorKind::Unauthorized if notion.asks_replit() => Remedy::NotionConnector,
                ErrorKind::Unauthorized => Remedy::NotionToken,
                // What is not even JSON is not Notion's.
                ErrorKind::Forbidden if !error.detail.ends_with(NOT_JSON) => Remedy::NotionForbidden,
                _ => Party::NOTION.remedy(&error),
            };
            Finding::fail(error.to_string(), remedy)
        }
    };
    question.found(finding)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_that_is_about_to_go_is_told_of_ninety_days_before() {
        let there = |shutdown: Option<&str>| [Model { id: "m".into(), shutdown: shutdown.map(str::to_owned) }];
        let today = NaiveDate::from_ymd_opt(2026, 11, 27).unwrap_or_default();
        for (shutdown, remedy) in [
            (None, None),
            (Some("2027-02-25"), Some(Remedy::OpenAiRetires)),
            (Some("2027-02-26"), None),
            (Some("2026-01-01"), Some(Remedy::OpenAiRetires)),
            (Some("some day"), None),
        ] {
            let found = of_model(&Ok(()), "m", &there(shutdown), today).map(|finding| finding.remedy);
            assert_eq!(found, Ok(remedy), "{shutdown:?}");
        }
    }
}
