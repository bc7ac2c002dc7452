//! What has happened since the process was started, counted where it happens and read by `/metrics`.
//!
//! What *is* (figures, states, what waits) is not kept here: that is translated from what is known when it is asked for.
//! The sets of labels are bounded by the code: no name that comes from outside is one.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use prometheus::proto::MetricFamily;
use prometheus::{Gauge, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};

use crate::domain::issue::IssueId;
use crate::domain::report::{CheckState, Latency, Report};

/// A look, in seconds: from a quick answer to beyond the usual deadline.
const LOOKS: [f64; 11] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0];

/// From a notice's posting to its delivery, in seconds: up to a day, after which it is given up.
const LAGS: [f64; 12] = [0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1_800.0, 14_400.0, 86_400.0];

/// An answer of the web, in seconds: up to what a request may wait for a cycle.
const ANSWERS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 10.0, 25.0];

/// The counters of the process. Clones count together.
#[derive(Clone)]
pub struct Telemetry {
    registry: Registry,
    cycles: IntCounterVec,
    last_complete: Arc<Mutex<Option<DateTime<Utc>>>>,
    checks: IntCounterVec,
    looks: HistogramVec,
    probes: HistogramVec,
    opened: IntCounterVec,
    notices: IntCounterVec,
    retries: IntCounterVec,
    lags: HistogramVec,
    requests: IntCounterVec,
    answers: HistogramVec,
}

impl Telemetry {
    /// Nothing has happened yet in the process that was started at `started`. What can be named beforehand begins at
    /// zero: `increase()` would not see the first event of a series that begins with it.
    ///
    /// # Errors
    /// A name or a label is none that Prometheus allows, which is so always or never.
    pub fn new(started: DateTime<Utc>, channels: &[&str]) -> prometheus::Result<Self> {
        let registry = Registry::new();
        let counter = |name: &str, help: &str, labels: &[&str]| {
            let counter = IntCounterVec::new(Opts::new(format!("auto_operator_{name}"), help), labels)?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        let histogram = |name: &str, help: &str, labels: &[&str], buckets: &[f64]| {
            let options = HistogramOpts::new(format!("auto_operator_{name}"), help).buckets(buckets.to_vec());
            let histogram = HistogramVec::new(options, labels)?;
            registry.register(Box::new(histogram.clone()))?;
            Ok::<_, prometheus::Error>(histogram)
        };
        // The name that every client library of Prometheus has for it.
        let start = Gauge::new("process_start_time_seconds", "When the process was started, in seconds of Unix time.")?;
        start.set(started.timestamp_millis() as f64 / 1_000.0);
        registry.register(Box::new(start))?;
        let telemetry = Self {
            cycles: counter(
                "cycles_total",
                "Cycles that this process ran, by outcome: incomplete where a check did not come to its end, what it saw \
                 could not be written, or a channel does not get its notices. A party that is down does \
                 not make it incomplete.",
                &["outcome"],
            )?,
            last_complete: Arc::default(),
            checks: counter("checks_total", "Looks of each check, by their outcome.", &["check", "outcome"])?,
            looks: histogram("check_duration_seconds", "How long the looks of each check took.", &["check"], &LOOKS)?,
            probes: histogram(
                "probe_duration_seconds",
                "How long each party took to answer the question whether it is there; what failed before is not counted in.",
                &["party"],
                &LOOKS,
            )?,
            opened: counter(
                "incidents_opened_total",
                "Incidents that this process opened, also those that are held back by their cause.",
                &["issue", "severity"],
            )?,
            notices: counter(
                "notices_total",
                "Notices of which this process saw the end, by channel and outcome; merged ones count as one.",
                &["channel", "outcome"],
            )?,
            retries: counter(
                "notice_retries_total",
                "Attempts of this process that a channel did not take and that are repeated later.",
                &["channel"],
            )?,
            lags: histogram(
                "delivery_lag_seconds",
                "From the posting of a notice until its channel has taken it.",
                &["channel"],
                &LAGS,
            )?,
            requests: counter(
                "http_requests_total",
                "Requests answered by the web, by the pattern of their path and the class of their status.",
                &["handler", "status"],
            )?,
            answers: histogram(
                "http_request_duration_seconds",
                "How long the web took to answer, by the pattern of the path.",
                &["handler"],
                &ANSWERS,
            )?,
            registry,
        };
        telemetry.begin_at_zero(channels);
        Ok(telemetry)
    }

    fn begin_at_zero(&self, channels: &[&str]) {
        for outcome in ["complete", "incomplete"] {
            self.cycles.with_label_values(&[outcome]);
        }
        for issue in IssueId::ALL {
            self.of_issue(issue);
        }
        for channel in channels {
            for outcome in ["delivered", "undelivered"] {
                self.notices.with_label_values(&[*channel, outcome]);
            }
            self.retries.with_label_values(&[channel]);
            self.lags.with_label_values(&[channel]);
        }
    }

    fn of_issue(&self, issue: IssueId) -> prometheus::IntCounter {
        self.opened.with_label_values(&[&*issue.to_string(), issue.severity().name()])
    }

    /// A cycle is over; `is_complete` as the heartbeat has it.
    pub(super) fn cycle(&self, report: &Report, is_complete: bool) {
        self.cycles.with_label_values(&[if is_complete { "complete" } else { "incomplete" }]).inc();
        if is_complete {
            *self.last_complete.lock().unwrap_or_else(PoisonError::into_inner) = Some(report.timestamp);
        }
        for section in &report.sections {
            let name = section.check.name();
            for state in [CheckState::Ok, CheckState::Failing, CheckState::Unknown] {
                let count = u64::from(state == section.state());
                self.checks.with_label_values(&[name, state.name()]).inc_by(count);
            }
            self.looks.with_label_values(&[name]).observe(section.took.as_secs_f64());
        }
        let Latency { openai, notion } = report.latency();
        for (party, took) in [("openai", openai), ("notion", notion)] {
            if let Some(took) = took {
                self.probes.with_label_values(&[party]).observe(took.as_secs_f64());
            }
        }
    }

    /// The moment of the last cycle that this process has completed.
    pub fn last_complete_cycle(&self) -> Option<DateTime<Utc>> {
        *self.last_complete.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An incident was opened.
    pub(super) fn opened(&self, issue: IssueId) {
        self.of_issue(issue).inc();
    }

    /// A channel has taken what was posted so long ago.
    pub(super) fn delivered(&self, channel: &str, lag: Duration) {
        self.notices.with_label_values(&[channel, "delivered"]).inc();
        self.lags.with_label_values(&[channel]).observe(lag.as_secs_f64());
    }

    /// A channel has not taken something; `again` says whether it is asked once more.
    pub(super) fn refused(&self, channel: &str, again: bool) {
        if again {
            self.retries.with_label_values(&[channel]).inc();
        } else {
            self.notices.with_label_values(&[channel, "undelivered"]).inc();
        }
    }

    /// The web has answered, with a status of this class, such as `2xx`, for a path of the pattern `handler`: never the
    /// path itself, of which there are as many as somebody likes.
    pub fn answered(&self, handler: &str, class: &'static str, took: Duration) {
        self.requests.with_label_values(&[handler, class]).inc();
        self.answers.with_label_values(&[handler]).observe(took.as_secs_f64());
    }

    /// Everything that was counted.
    pub fn gather(&self) -> Vec<MetricFamily> {
        self.registry.gather()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_complete_cycle_is_not_the_last_one() {
        let telemetry = Telemetry::new(DateTime::UNIX_EPOCH, &[]).unwrap();
        let report = |second| Report::assemble(1, DateTime::UNIX_EPOCH + Duration::from_secs(second), vec![]);
        telemetry.cycle(&report(1), false);
        assert_eq!(telemetry.last_complete_cycle(), None);
        telemetry.cycle(&report(2), true);
        telemetry.cycle(&report(3), false);
        assert_eq!(telemetry.last_complete_cycle(), Some(report(2).timestamp));
    }
}
