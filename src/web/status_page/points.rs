//! The points of a chart: what the looks of each step of the time make together, and what the newest look alone says.

use std::ops::Range;

use chrono::{DateTime, TimeDelta};

use super::words::span;
use crate::store::Sample;

/// A moment, and what is known of it.
pub(super) type At = (i64, Option<f64>);

/// What a point makes of the looks in its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Point {
    /// Their mean.
    Mean,
    /// The most that any of them saw: what was there for a moment was there.
    Most,
}

impl Point {
    fn of(self, values: &[f64]) -> Option<f64> {
        let most = values.iter().copied().reduce(f64::max)?;
        Some(if self == Self::Most { most } else { values.iter().sum::<f64>() / values.len() as f64 })
    }

    /// Each of so many seconds.
    pub(super) fn words(self, step: i64) -> String {
        let step = span(DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH + TimeDelta::seconds(step));
        match self {
            Self::Mean => format!("means of {step} each, then the newest look"),
            Self::Most => format!("maxima of {step} each, then the newest look"),
        }
    }
}

/// What the newest look within `time` knows, and the points: of each step what was known in it, at its middle, and last
/// what the newest look knows, so that the line ends there. None if there was no look.
pub(super) fn points(
    point: Point,
    of: fn(&Sample) -> Option<f64>,
    samples: &[Sample],
    time: Range<i64>,
    step: i64,
) -> Option<(Option<f64>, Vec<At>)> {
    let within: Vec<&Sample> = samples.iter().filter(|sample| sample.at.timestamp() >= time.start).collect();
    let (newest, earlier) = within.split_last()?;
    let (last, at) = (of(newest), newest.at.timestamp().min(time.end));
    let first = time.start.div_euclid(step);
    let place = |at: i64| usize::try_from(at.div_euclid(step) - first).unwrap_or_default();
    // Of each step whether somebody looked in it, and what was known.
    let mut steps = vec![(false, vec![]); place(time.end) + 1];
    for sample in earlier {
        if let Some((is_seen, known)) = steps.get_mut(place(sample.at.timestamp())) {
            *is_seen = true;
            known.extend(of(sample));
        }
    }
    let mut points = vec![];
    for (begin, (is_seen, known)) in (first..).map(|number| number * step).zip(&steps) {
        if place(begin) != place(at) {
            points.push(((begin + step / 2).clamp(time.start, time.end), point.of(known)));
            continue;
        }
        if *is_seen {
            points.push((begin.max(time.start).midpoint(at), point.of(known)));
        }
        points.push((at, last));
    }
    Some((last, points))
}

/// The runs of points that are known.
pub(super) fn runs(points: &[At]) -> Vec<Vec<(i64, i64)>> {
    let split = points.split(|(_, value)| value.is_none());
    let run = |known: &[At]| known.iter().filter_map(|(at, value)| Some((*at, tenths((*value)?)))).collect();
    split.filter(|known| !known.is_empty()).map(run).collect()
}

/// The axis counts in tenths.
pub(super) fn tenths(value: f64) -> i64 {
    (value * 10.0).round() as i64
}

#[cfg(test)]
mod tests {
    use chrono::Utc;

    use super::*;
    use crate::web::tests::sample;

    fn stuck(sample: &Sample) -> Option<f64> {
        sample.stuck.map(|stuck| stuck as f64)
    }

    fn look(minute: i64, stuck: Option<u64>) -> Sample {
        Sample { stuck, ..sample::look(DateTime::<Utc>::UNIX_EPOCH + TimeDelta::minutes(minute)) }
    }

    #[test]
    fn a_line_ends_at_the_newest_look_and_no_peak_is_averaged_away() {
        let looks = |last: Option<u64>| -> Vec<Sample> {
            let earlier = (100..1_441).map(|minute| look(minute, Some(if minute == 1_000 { 1_000 } else { 0 })));
            earlier.chain([look(1_441, last)]).collect()
        };
        let drawn = |point, last| points(point, stuck, &looks(last), 60..86_460, 900);
        for (point, highest) in [(Point::Most, 1_000.0), (Point::Mean, 1_000.0 / 15.0)] {
            let Some((newest, points)) = drawn(point, Some(12)) else { panic!("there are looks") };
            assert_eq!((newest, points.last()), (Some(12.0), Some(&(86_460, Some(12.0)))));
            assert_eq!(points.iter().filter_map(|(_, value)| *value).fold(0.0, f64::max), highest);
            assert!(points.is_sorted_by_key(|(at, _)| *at), "{points:?}");
            let Some((newest, points)) = drawn(point, None) else { panic!("there are looks") };
            assert_eq!((newest, points.last()), (None, Some(&(86_460, None))), "a line that ends before says so");
        }
    }

    #[test]
    fn the_first_look_of_a_step_does_not_break_the_line() {
        let looks: Vec<Sample> = (1..=285).map(|number| look(number * 5, Some(3))).collect();
        let now = 285 * 300;
        assert_eq!(now % 900, 0, "a step begins");
        let Some((_, points)) = points(Point::Mean, stuck, &looks, now - 86_400..now, 900) else { panic!("looks") };
        assert_eq!(runs(&points).len(), 1, "{points:?}");
    }
}
