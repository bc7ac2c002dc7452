//! What became of each notice, and what channels said to it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::StoreError;
use super::database::Speaks;
use super::deliveries::Outcome;
use super::row::{Row, readable};
use super::statement::Statement;

/// What became of a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeState {
    /// It waits, or is being sent.
    Pending,
    /// The channel took it.
    Delivered,
    /// The channel will never get it.
    Undelivered,
    /// Another notice tells what it was to tell.
    Merged,
}

impl NoticeState {
    /// The name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Undelivered => "undelivered",
            Self::Merged => "merged",
        }
    }

    /// By the name in the store.
    fn parse(name: &str) -> Option<Self> {
        match name {
            "pending" => Some(Self::Pending),
            "delivered" => Some(Self::Delivered),
            "failed" => Some(Self::Undelivered),
            "merged" => Some(Self::Merged),
            _ => None,
        }
    }
}

/// A notice, and what channels said to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryRecord {
    /// The id of the notice.
    pub id: String,
    /// Whom it is for.
    pub channel: String,
    /// Why it goes out, by its name; perhaps one that only a newer version knows.
    pub kind: String,
    /// What became of it.
    pub state: NoticeState,
    /// The subject, or first line.
    pub subject: String,
    /// The text.
    pub body: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was posted.
    pub created: DateTime<Utc>,
    /// When it is tried next, if it is.
    pub next_try: Option<DateTime<Utc>>,
    /// When the channel took it.
    pub delivered_at: Option<DateTime<Utc>>,
    /// What the channel answered then.
    pub answer: Option<String>,
    /// What it said when it last did not take it.
    pub last_error: Option<String>,
    /// The id of the notice that tells it.
    pub merged_into: Option<String>,
    /// The ids of the incidents that it is about, and what it tells of each, by its name.
    pub incidents: Vec<(String, String)>,
    /// Each attempt whose outcome is known, the first one first.
    pub tries: Vec<Attempt>,
}

/// An attempt to deliver a notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The how manieth.
    pub number: u32,
    /// When its outcome was known.
    pub at: DateTime<Utc>,
    /// What came of it.
    pub outcome: Outcome,
    /// What the channel said.
    pub answer: String,
}

/// The notices that are wanted, the newest first; which incidents they are about; what was answered.
macro_rules! select_notices {
    ($wanted:literal) => {
        [
            concat!(
                "SELECT seq, id, channel, kind, state, subject, body, attempts, created, next_try, delivered_at, ",
                "receipt, last_error, merged_into FROM notices WHERE ",
                $wanted,
                " ORDER BY seq DESC LIMIT $2"
            ),
            concat!(
                "SELECT notice_id, incident_id, step FROM notice_incidents WHERE notice_id IN ",
                "(SELECT id FROM notices WHERE ",
                $wanted,
                " ORDER BY seq DESC LIMIT $2) ",
                "ORDER BY notice_id, incident_id, step"
            ),
            concat!(
                "SELECT notice_id, attempt, at, outcome, answer FROM deliveries WHERE notice_id IN ",
                "(SELECT id FROM notices WHERE ",
                $wanted,
                " ORDER BY seq DESC LIMIT $2) ORDER BY seq"
            ),
        ]
    };
}

pub(super) const ALL: [&str; 3] = select_notices!("seq < $1");
pub(super) const OF_CHANNEL: [&str; 3] = select_notices!("seq < $1 AND channel = $3");
pub(super) const OF_INCIDENT: [&str; 3] =
    select_notices!("seq < $1 AND id IN (SELECT notice_id FROM notice_incidents WHERE incident_id = $3)");

/// The newest `limit` notices that were posted before the one at `before`, by their places; one that cannot be read is
/// none. `of` is the channel or the incident that `texts` ask for.
pub(super) async fn records(
    on: &mut impl Speaks,
    [notices, links, tries]: [&'static str; 3],
    before: i64,
    limit: u32,
    of: Option<&str>,
) -> Result<Vec<(i64, Option<DeliveryRecord>)>, StoreError> {
    let ask = |text, before: i64| {
        let statement = Statement::new(text).bind(before).bind(i64::from(limit));
        of.into_iter().fold(statement, Statement::bind)
    };
    let rows = ask(notices, before).all(on).await?;
    let Some(newest) = rows.first() else { return Ok(vec![]) };
    // What was posted meanwhile is behind that one.
    let before = newest.number("seq")?.saturating_add(1);
    let mut about: HashMap<String, Vec<(String, String)>> = HashMap::new();
    for link in ask(links, before).all(on).await? {
        about.entry(link.text("notice_id")?).or_default().push((link.text("incident_id")?, link.text("step")?));
    }
    let mut tried: HashMap<String, Vec<Attempt>> = HashMap::new();
    for (notice, attempt) in readable(&ask(tries, before).all(on).await?, attempt) {
        tried.entry(notice).or_default().push(attempt);
    }
    let mut records = vec![];
    for row in &rows {
        let record = readable(std::slice::from_ref(row), record).pop().map(|record| DeliveryRecord {
            incidents: about.remove(&record.id).unwrap_or_default(),
            tries: tried.remove(&record.id).unwrap_or_default(),
            ..record
        });
        records.push((row.number("seq")?, record));
    }
    Ok(records)
}

fn attempt(row: &Row) -> Result<Option<(String, Attempt)>, StoreError> {
    let outcome = row.text("outcome")?;
    let outcome = Outcome::parse(&outcome)
        .ok_or_else(|| StoreError::nonsense(format!("an attempt came out in the unknown way {outcome:?}")))?;
    let (number, at, answer) = (row.count("attempt")?, row.moment("at")?, row.text("answer")?);
    Ok(Some((row.text("notice_id")?, Attempt { number, at, outcome, answer })))
}

fn record(row: &Row) -> Result<Option<DeliveryRecord>, StoreError> {
    let (id, state) = (row.text("id")?, row.text("state")?);
    let state = NoticeState::parse(&state)
        .ok_or_else(|| StoreError::nonsense(format!("notice {id} is in the unknown state {state:?}")))?;
    let next_try = if state == NoticeState::Pending { Some(row.moment("next_try")?) } else { None };
    Ok(Some(DeliveryRecord {
        id,
        channel: row.text("channel")?,
        kind: row.text("kind")?,
        state,
        subject: row.text("subject")?,
        body: row.text("body")?,
        attempts: row.count("attempts")?,
        created: row.moment("created")?,
        next_try,
        delivered_at: row.optional_moment("delivered_at")?,
        answer: row.optional_text("receipt")?,
        last_error: row.optional_text("last_error")?,
        merged_into: row.optional_text("merged_into")?,
        incidents: vec![],
        tries: vec![],
    }))
}
