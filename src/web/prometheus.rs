//! What is known, in the words of Prometheus: a pure translation. What is not known is absent, never 0.

use std::time::Duration;

use ::prometheus::core::Collector;
use ::prometheus::proto::MetricFamily;
use ::prometheus::{GaugeVec, IntCounterVec, Opts, Result, TextEncoder};

use crate::domain::delivery::{ChannelDelivery, DeliveryState};
use crate::domain::fault::Party;
use crate::domain::issue::IssueId;
use crate::domain::report::Overview;
use crate::supervision::{ChildInfo, Reason, State};

/// All that is known at one moment.
pub(super) struct Snapshot<'a> {
    /// How long ago the newest cycle began; none before the first.
    pub(super) last_cycle: Option<Duration>,
    /// How long ago the newest one that this process has completed began.
    pub(super) last_complete_cycle: Option<Duration>,
    /// What is known after the newest cycle; nothing before the first, nor if that was so long ago that nobody knows what
    /// is by now.
    pub(super) overview: Option<&'a Overview>,
    /// Whether all is well by now; not known before the first cycle.
    pub(super) is_well: Option<bool>,
    /// How it is with the channels.
    pub(super) deliveries: &'a [ChannelDelivery],
    /// Our actors.
    pub(super) actors: &'a [ChildInfo],
    /// Whether this instance runs the cycles.
    pub(super) leads: bool,
    /// The version that runs.
    pub(super) version: &'a str,
    /// The commit that runs, where the host says it.
    pub(super) commit: Option<&'a str>,
}

/// The text of what was `counted` and of what is.
pub(super) fn text(counted: Vec<MetricFamily>, snapshot: &Snapshot<'_>) -> Result<String> {
    let mut families = counted;
    families.extend(of_the_process(snapshot)?);
    families.extend(of_actors(snapshot.actors)?);
    families.extend(of_channels(snapshot.deliveries)?);
    families.extend(of_cycles(snapshot)?);
    if let Some(overview) = snapshot.overview {
        families.extend(of_parties(overview)?);
        families.extend(of_jobs(overview)?);
        families.extend(of_incidents(overview)?);
    }
    // The encoder refuses a family without a value.
    families.retain(|family| !family.get_metric().is_empty());
    families.sort_by(|one, other| one.name().cmp(other.name()));
    TextEncoder::new().encode_to_string(&families)
}

/// A gauge under construction: a value for each set of labels that has one.
fn gauge(name: &str, help: &str, labels: &[&str], values: &[(&[&str], Option<f64>)]) -> Result<Vec<MetricFamily>> {
    let gauge = GaugeVec::new(Opts::new(format!("auto_operator_{name}"), help), labels)?;
    for (labels, value) in values {
        if let Some(value) = value {
            gauge.get_metric_with_label_values(labels)?.set(*value);
        }
    }
    Ok(gauge.collect())
}

fn flag(is: bool) -> f64 {
    if is { 1.0 } else { 0.0 }
}

fn of_the_process(snapshot: &Snapshot<'_>) -> Result<Vec<MetricFamily>> {
    let Snapshot { is_well, leads, version, commit, .. } = *snapshot;
    let build = [version, commit.unwrap_or_default()];
    let families = [
        gauge("build_info", "What runs; always 1.", &["version", "commit"], &[(&build, Some(1.0))])?,
        gauge(
            "leading",
            "Whether this instance runs the cycles and sends the notices.",
            &[],
            &[(&[], Some(flag(leads)))],
        )?,
        gauge(
            "well",
            "Whether all is well, as /ops-report has it: not if the newest report is too old to say so.",
            &[],
            &[(&[], is_well.map(flag))],
        )?,
    ];
    Ok(families.concat())
}

fn of_cycles(snapshot: &Snapshot<'_>) -> Result<Vec<MetricFamily>> {
    let age = |name, help, age: Option<Duration>| gauge(name, help, &[], &[(&[], age.map(|age| age.as_secs_f64()))]);
    let families = [
        age(
            "last_cycle_age_seconds",
            "How long ago the newest cycle began that is known here, complete or not, run by whichever instance.",
            snapshot.last_cycle,
        )?,
        age(
            "last_complete_cycle_age_seconds",
            "How long ago the newest complete cycle of this process began; absent where it has run none.",
            snapshot.last_complete_cycle,
        )?,
    ];
    Ok(families.concat())
}

fn of_parties(overview: &Overview) -> Result<Vec<MetricFamily>> {
    let health = [Party::OpenAi, Party::Notion].map(|party| overview.report.answers(party).map(flag));
    gauge(
        "party_up",
        "Whether a party answers; absent where it is not configured or could not be asked.",
        &["party"],
        &[(&["openai"], health[0]), (&["notion"], health[1])],
    )
}

fn of_jobs(overview: &Overview) -> Result<Vec<MetricFamily>> {
    let (metrics, stuck) = (overview.report.metrics(), overview.report.stuck_jobs());
    let count = |count: Option<u64>| count.map(|count| count as f64);
    let figure = |name, help, value| gauge(name, help, &[], &[(&[], value)]);
    let families = [
        figure("jobs", "Jobs of the window.", count(metrics.map(|metrics| metrics.total)))?,
        figure("jobs_done", "Jobs of the window that are done.", count(metrics.map(|metrics| metrics.done)))?,
        figure("jobs_low_qa", "Jobs of the window with a low score.", count(metrics.map(|metrics| metrics.low_qa)))?,
        figure(
            "qa_average_ratio",
            "Average score of the jobs of the window that have one, 1 being the best; absent if none has.",
            metrics.and_then(|metrics| metrics.average()).map(|average| average / 100.0),
        )?,
        figure("jobs_stuck", "Jobs that nobody has touched for too long.", count(stuck.map(|stuck| stuck.count)))?,
    ];
    Ok(families.concat())
}

fn of_incidents(overview: &Overview) -> Result<Vec<MetricFamily>> {
    let gauge = GaugeVec::new(
        Opts::new("auto_operator_incidents_open", "Incidents that are open, by issue."),
        &["issue", "severity"],
    )?;
    for issue in IssueId::ALL {
        let open = overview.incidents.iter().filter(|incident| incident.issue == issue).count();
        let name = issue.to_string();
        gauge.get_metric_with_label_values(&[name.as_str(), issue.severity().name()])?.set(open as f64);
    }
    Ok(gauge.collect())
}

fn of_channels(deliveries: &[ChannelDelivery]) -> Result<Vec<MetricFamily>> {
    let pending = GaugeVec::new(
        Opts::new("auto_operator_notices_pending", "Notices that wait for their channel."),
        &["channel"],
    )?;
    let state = GaugeVec::new(
        Opts::new("auto_operator_channel_state", "How it is with each channel: 1 for its state, 0 for the others."),
        &["channel", "state"],
    )?;
    for delivery in deliveries {
        let channel = delivery.channel.as_str();
        pending.get_metric_with_label_values(&[channel])?.set(delivery.pending as f64);
        for possible in [DeliveryState::Ok, DeliveryState::Retrying, DeliveryState::Failing] {
            let is = flag(possible == delivery.state);
            state.get_metric_with_label_values(&[channel, possible.name()])?.set(is);
        }
    }
    Ok([pending.collect(), state.collect()].concat())
}

fn of_actors(actors: &[ChildInfo]) -> Result<Vec<MetricFamily>> {
    let restarts = IntCounterVec::new(
        Opts::new("auto_operator_actor_restarts_total", "Fresh actors after the first, by the reason for each."),
        &["actor", "reason"],
    )?;
    let state = GaugeVec::new(
        Opts::new("auto_operator_actor_state", "How it is with each actor: 1 for its state, 0 for the others."),
        &["actor", "state"],
    )?;
    for actor in actors {
        let id = &*actor.id;
        for reason in Reason::ALL.into_iter().filter(|reason| *reason != Reason::Shutdown) {
            let of_reason = actor.restarts_by.iter().find(|(known, _)| *known == reason);
            let count = of_reason.map_or(0, |(_, count)| *count);
            restarts.get_metric_with_label_values(&[id, reason.as_str()])?.inc_by(count);
        }
        for possible in [State::Running, State::Restarting, State::Degraded, State::Stopped] {
            let is = flag(possible == actor.state);
            state.get_metric_with_label_values(&[id, possible.as_str()])?.set(is);
        }
    }
    Ok([restarts.collect(), state.collect()].concat())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::web::tests::sample::{ill, of_scores};

    fn written(overview: Option<&Overview>) -> String {
        let (is_well, commit) = (overview.map(|overview| overview.report.overall_ok()), Some("2f\"c\n"));
        let last_cycle = overview.map(|_| Duration::from_secs(90));
        let snapshot = Snapshot {
            last_cycle,
            last_complete_cycle: last_cycle.map(|age| age * 2),
            overview,
            is_well,
            deliveries: &[],
            actors: &[],
            leads: false,
            version: "1.2.3",
            commit,
        };
        text(vec![], &snapshot).unwrap()
    }

    fn value(text: &str, name: &str) -> Option<String> {
        let line = |line: &str| line.strip_prefix(&format!("auto_operator_{name} ")).map(str::to_owned);
        text.lines().find_map(line)
    }

    #[test]
    fn figures_are_said_in_the_units_of_prometheus() {
        let text = written(Some(&ill()));
        for (name, expected) in [
            ("jobs", "68"),
            ("jobs_done", "4"),
            ("jobs_low_qa", "3"),
            ("jobs_stuck", "137"),
            ("last_cycle_age_seconds", "90"),
            ("last_complete_cycle_age_seconds", "180"),
            ("party_up{party=\"openai\"}", "1"),
            ("incidents_open{issue=\"stuck_jobs\",severity=\"warning\"}", "1"),
            ("incidents_open{issue=\"notion_offline\",severity=\"critical\"}", "0"),
            ("well", "0"),
            ("leading", "0"),
        ] {
            assert_eq!(value(&text, name).as_deref(), Some(expected), "{name} in {text}");
        }
        let average = value(&text, "qa_average_ratio").unwrap();
        assert!((average.parse::<f64>().unwrap() - 0.823).abs() < 1e-9, "{average}");
    }

    #[test]
    fn what_is_not_known_is_absent() {
        let text = written(Some(&of_scores(&[])));
        assert_eq!((value(&text, "jobs").as_deref(), value(&text, "qa_average_ratio")), (Some("0"), None));
        let text = written(None);
        assert_eq!(text.lines().filter(|line| !line.starts_with('#')).count(), 2, "the build, and who leads: {text}");
        assert!(text.contains(r#"build_info{commit="2f\"c\n",version="1.2.3"} 1"#), "{text}");
    }
}
