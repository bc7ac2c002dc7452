//! The watch itself: how often and how long it looks, what it holds against the jobs, how patient it is.

use std::time::Duration;

use super::problem::Fault;
use super::reader::Reader;
use super::values::{duration, duration_from, line, list, percent, whole, written};
use super::variables::{
    CHECK_INTERVAL, CHECK_TIMEOUT, COMPLETION_MIN_JOBS, COMPLETION_MIN_PERCENT, JOB_QA_PROPERTY, JOB_STATUS_PROPERTY,
    METRICS_WINDOW, NO_COMPLETION_MIN_JOBS, OPEN_AFTER, QA_AVG_MIN, QA_LOW, REMINDER_INTERVAL, REQUEST_TIMEOUT,
    RESOLVE_AFTER, STATUS_DONE, STATUS_TERMINAL, STUCK_AFTER,
};

const A_MILLISECOND: Duration = Duration::from_millis(1);
const A_SECOND: Duration = Duration::from_secs(1);
const A_MINUTE: Duration = Duration::from_secs(60);

/// Counts of jobs beyond this are a mistake.
const MANY_JOBS: u64 = 1_000_000;
/// Counts of cycles beyond this are a mistake.
const MANY_CYCLES: u32 = 1_000;
/// Notion's property names are shorter.
const LONGEST_NAME: usize = 200;

/// How often and how long it looks.
pub struct Timing {
    /// From one cycle to the next; at least a second.
    pub interval: Duration,
    /// The deadline of one check.
    pub check_timeout: Duration,
    /// The deadline of one request outside, body included; at most `check_timeout`.
    pub request_timeout: Duration,
}

/// What is held against the jobs.
pub struct Limits {
    /// Not finished and not edited for longer is stuck.
    pub stuck_after: Duration,
    /// How far back the metrics look; at least a minute.
    pub metrics_window: Duration,
    /// An average score below it is an issue, 0 to 100.
    pub qa_avg_min: f64,
    /// A score below it counts as low, 0 to 100.
    pub qa_low: f64,
    /// A completion rate below it is an issue, in percent.
    pub completion_min_percent: f64,
    /// From so many jobs on the completion rate is judged; at least 1.
    pub completion_min_jobs: u64,
    /// No job done although at least so many were there is an issue; at least 1.
    pub no_completion_min_jobs: u64,
    /// Names of finished-well.
    pub status_done: Vec<String>,
    /// Names that are never stuck, those of `status_done` among them.
    pub status_terminal: Vec<String>,
    /// The property with a job's status.
    pub status_property: String,
    /// The property with a job's QA score.
    pub qa_property: String,
}

/// How patient it is.
pub struct Patience {
    /// Cycles in a row until an incident opens; at least 1.
    pub open_after: u32,
    /// Cycles in a row until it is resolved; at least 1.
    pub resolve_after: u32,
    /// After this an open incident is told again; `None` is never.
    pub reminder_interval: Option<Duration>,
}

impl Timing {
    /// Reads it; `None` if something is faulty.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let interval = reader.value(CHECK_INTERVAL, duration_from(A_SECOND));
        let check_timeout = reader.value(CHECK_TIMEOUT, duration_from(A_MILLISECOND));
        let request_timeout = reader.value(REQUEST_TIMEOUT, duration_from(A_MILLISECOND));
        let (interval, check_timeout, mut request_timeout) = (interval?, check_timeout?, request_timeout?);
        if request_timeout > check_timeout && !reader.is_set(REQUEST_TIMEOUT) {
            // Nobody asked for the default.
            request_timeout = check_timeout;
            reader.show(REQUEST_TIMEOUT, written(request_timeout));
        }
        if request_timeout > check_timeout {
            let wrong = format!(
                "is {}, longer than {}, {}",
                written(request_timeout),
                CHECK_TIMEOUT.name,
                written(check_timeout)
            );
            reader.problem(REQUEST_TIMEOUT, wrong, "no request may take longer than the check that it belongs to");
        }
        Some(Self { interval, check_timeout, request_timeout })
    }
}

impl Limits {
    /// Reads them; `None` if something is faulty.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let stuck_after = reader.value(STUCK_AFTER, duration_from(A_MILLISECOND));
        let metrics_window = reader.value(METRICS_WINDOW, duration_from(A_MINUTE));
        let qa_avg_min = reader.value(QA_AVG_MIN, percent);
        let qa_low = reader.value(QA_LOW, percent);
        let completion_min_percent = reader.value(COMPLETION_MIN_PERCENT, percent);
        let completion_min_jobs = reader.value(COMPLETION_MIN_JOBS, whole(1..=MANY_JOBS));
        let no_completion_min_jobs = reader.value(NO_COMPLETION_MIN_JOBS, whole(1..=MANY_JOBS));
        let status_done = reader.value(STATUS_DONE, list);
        let status_terminal = reader.value(STATUS_TERMINAL, list);
        let status_property = reader.value(JOB_STATUS_PROPERTY, line(LONGEST_NAME));
        let qa_property = reader.value(JOB_QA_PROPERTY, line(LONGEST_NAME));

        let (status_done, mut status_terminal) = (status_done?, status_terminal?);
        for name in &status_done {
            if !status_terminal.contains(name) {
                status_terminal.push(name.clone());
            }
        }
        reader.show(STATUS_TERMINAL, status_terminal.join(","));
        Some(Self {
            stuck_after: stuck_after?,
            metrics_window: metrics_window?,
            qa_avg_min: qa_avg_min?,
            qa_low: qa_low?,
            completion_min_percent: completion_min_percent?,
            completion_min_jobs: completion_min_jobs?,
            no_completion_min_jobs: no_completion_min_jobs?,
            status_done,
            status_terminal,
            status_property: status_property?,
            qa_property: qa_property?,
        })
    }
}

impl Patience {
    /// Reads it; `None` if something is faulty.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let open_after = reader.value(OPEN_AFTER, whole(1..=MANY_CYCLES));
        let resolve_after = reader.value(RESOLVE_AFTER, whole(1..=MANY_CYCLES));
        let reminder_interval = reader.value(REMINDER_INTERVAL, reminder);
        Some(Self { open_after: open_after?, resolve_after: resolve_after?, reminder_interval: reminder_interval? })
    }
}

fn reminder(text: &str) -> Result<Option<Duration>, Fault> {
    match duration(text)? {
        Duration::ZERO => Ok(None),
        _ => duration_from(A_SECOND)(text).map(Some),
    }
}
