//! Conditions on times: every one of them is a span of time, or asks for emptiness.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, TimeDelta, Utc};
use serde_json::Value as Json;

use super::error::{Answer, Refusal};
use super::value::Moment;

/// A condition on a time.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Span {
    /// From the first millisecond, before the second.
    Within(i64, i64),
    Empty,
    NotEmpty,
}

impl Span {
    /// Reads `{"on_or_after":"…"}` and its like; `path` is where it stands in the body.
    pub(super) fn parse(condition: &str, operand: &Json, path: &str, now: DateTime<Utc>) -> Answer<Self> {
        let place = || format!("{path}.{condition}");
        let today = now.date_naive();
        if let Some((from, to)) = relative(condition, today, now) {
            let empty_object = operand.as_object().is_some_and(serde_json::Map::is_empty);
            return if empty_object {
                Ok(Self::Within(from, to))
            } else {
                Err(Refusal::body(&place(), "should be an empty object", Some(operand)))
            };
        }
        match condition {
            "is_empty" | "is_not_empty" if *operand != Json::Bool(true) => {
                return Err(Refusal::body(&place(), "should be `true`", Some(operand)));
            }
            "is_empty" => return Ok(Self::Empty),
            "is_not_empty" => return Ok(Self::NotEmpty),
            "equals" | "before" | "after" | "on_or_before" | "on_or_after" => {}
            _ => return Err(Refusal::body(&place(), "should be not present", Some(operand))),
        }
        let moment = operand.as_str().and_then(|text| word(text, today).or_else(|| Moment::parse(text)));
        let Some(moment) = moment else {
            return Err(Refusal::body(&place(), "should be a valid ISO 8601 date string", Some(operand)));
        };
        let from = moment.millis();
        // A date without a time stands for its whole day.
        let past = match moment {
            Moment::Day(_) => from + TimeDelta::days(1).num_milliseconds(),
            Moment::Instant(_) => from + 1,
        };
        Ok(match condition {
            "equals" => Self::Within(from, past),
            "before" => Self::Within(i64::MIN, from),
            "after" => Self::Within(past, i64::MAX),
            "on_or_before" => Self::Within(i64::MIN, past),
            _ => Self::Within(from, i64::MAX),
        })
    }

    /// Whether a time, in milliseconds since 1970, or the lack of one meets the condition.
    pub(super) fn holds(&self, millis: Option<i64>) -> bool {
        match (self, millis) {
            (Self::Within(from, to), Some(millis)) => (*from..*to).contains(&millis),
            (Self::Within(..), None) => false,
            (Self::Empty, millis) => millis.is_none(),
            (Self::NotEmpty, millis) => millis.is_some(),
        }
    }
}

/// The words that stand for a date.
fn word(text: &str, today: NaiveDate) -> Option<Moment> {
    let day = match text {
        "today" => Some(today),
        "tomorrow" => today.checked_add_days(Days::new(1)),
        "yesterday" => today.checked_sub_days(Days::new(1)),
        "one_week_ago" => today.checked_sub_days(Days::new(7)),
        "one_week_from_now" => today.checked_add_days(Days::new(7)),
        "one_month_ago" => today.checked_sub_months(Months::new(1)),
        "one_month_from_now" => today.checked_add_months(Months::new(1)),
        _ => None,
    };
    day.map(Moment::Day)
}

/// The spans that are relative to now, as (from, before).
fn relative(condition: &str, today: NaiveDate, now: DateTime<Utc>) -> Option<(i64, i64)> {
    let start = |day: NaiveDate| Moment::Day(day).millis();
    let instant = now.timestamp_millis();
    let back = |day: Option<NaiveDate>| day.map(|day| (start(day), instant + 1));
    let ahead = |day: Option<NaiveDate>| day.map(|day| (instant, start(day) + TimeDelta::days(1).num_milliseconds()));
    match condition {
        "this_week" => {
            let since_sunday = u64::from(today.weekday().num_days_from_sunday());
            let sunday = today.checked_sub_days(Days::new(since_sunday))?;
            Some((start(sunday), start(sunday.checked_add_days(Days::new(7))?)))
        }
        "past_week" => back(today.checked_sub_days(Days::new(7))),
        "past_month" => back(today.checked_sub_months(Months::new(1))),
        "past_year" => back(today.checked_sub_months(Months::new(12))),
        "next_week" => ahead(today.checked_add_days(Days::new(7))),
        "next_month" => ahead(today.checked_add_months(Months::new(1))),
        "next_year" => ahead(today.checked_add_months(Months::new(12))),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_date_is_a_whole_day_and_a_time_without_a_zone_is_utc() {
        let now = "2026-11-24T12:00:00Z".parse().unwrap();
        let at = |text: &str| Moment::parse(text).unwrap().millis();
        let noon = at("2026-11-24T12:00:00Z");
        for (condition, operand, holds) in [
            ("equals", "2026-11-24", true),
            ("equals", "today", true),
            ("after", "2026-11-24", false),
            ("on_or_after", "2026-11-24", true),
            ("on_or_before", "2026-11-24", true),
            ("before", "tomorrow", true),
            ("on_or_after", "2026-11-24T12:00:00", true),
            ("on_or_after", "2026-11-24T12:00:00.000001", true),
            ("after", "2026-11-24T12:00:00", false),
            ("on_or_after", "2026-11-24T13:30:00+01:00", false),
            ("before", "2026-11-24T12:00:01Z", true),
        ] {
            let span = Span::parse(condition, &json!(operand), "filter.date", now).unwrap();
            assert_eq!(span.holds(Some(noon)), holds, "{condition} {operand}");
            assert!(!span.holds(None));
        }
        assert!(Span::parse("past_week", &json!({}), "f", now).unwrap().holds(Some(noon)));
        for (condition, operand) in [
            ("after", json!("soon")),
            ("after", json!("2026-1-1")),
            ("is_empty", json!(false)),
            ("since", json!("today")),
        ] {
            assert_eq!(Span::parse(condition, &operand, "f", now).unwrap_err().status, 400, "{condition} {operand}");
        }
    }
}
