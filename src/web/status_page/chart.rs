//! Small charts of the last day as inline SVG. What is not known is a gap in the line, not a zero.

use std::fmt::Display;

use chrono::{DateTime, Utc};
use plotters::prelude::*;

use super::points::{At, Point, points, runs, tenths};
use crate::domain::rules::Thresholds;
use crate::store::Sample;

const SIZE: (u32, u32) = (300, 120);

/// Where the axis of the time is named.
const CORNER: (i32, i32) = (10, 110);

const DAY: i64 = 86_400;

/// The points of a chart at most; each stands for the looks in its time.
const POINTS: i64 = 96;

/// Colours that are only names: the stylesheet says what they look like, in the light and in the dark.
const TEXT: RGBColor = RGBColor(1, 1, 1);
const AXIS: RGBColor = RGBColor(2, 2, 2);
const LINE: RGBColor = RGBColor(3, 3, 3);
const RULE: RGBColor = RGBColor(4, 4, 4);

/// Their names in the drawing, and the classes that take their places.
const CLASSES: [(&str, &str); 5] = [
    ("fill=\"#010101\"", "class=\"t\""),
    ("stroke=\"#020202\"", "class=\"a\""),
    ("stroke=\"#030303\"", "class=\"l\""),
    ("fill=\"#030303\"", "class=\"d\""),
    ("stroke=\"#040404\"", "class=\"r\""),
];

/// A chart that is ready to be shown.
#[derive(Clone, Debug)]
pub(super) struct Chart {
    /// What it shows.
    pub(super) title: &'static str,
    /// What its points are.
    pub(super) points: String,
    /// The drawing, as markup.
    pub(super) svg: String,
}

/// What a chart shows.
struct Figure {
    title: &'static str,
    unit: &'static str,
    /// The least that the axis reaches up to; `None` stands for a share, whose axis goes from 0 to 100.
    least_top: Option<f64>,
    threshold: Option<f64>,
    point: Point,
    of: fn(&Sample) -> Option<f64>,
}

/// The chart of how long OpenAI took to answer.
pub(super) fn of_openai(samples: &[Sample], now: DateTime<Utc>, step: i64) -> Option<Chart> {
    let of = |sample: &Sample| sample.openai_ms.map(|took| took as f64);
    chart(&latency("Latency of OpenAI", of), samples, now, step)
}

/// The same of Notion.
pub(super) fn of_notion(samples: &[Sample], now: DateTime<Utc>, step: i64) -> Option<Chart> {
    let of = |sample: &Sample| sample.notion_ms.map(|took| took as f64);
    chart(&latency("Latency of Notion", of), samples, now, step)
}

fn latency(title: &'static str, of: fn(&Sample) -> Option<f64>) -> Figure {
    Figure { title, unit: " ms", least_top: Some(100.0), threshold: None, point: Point::Mean, of }
}

/// The charts of the jobs.
pub(super) fn of_jobs(samples: &[Sample], thresholds: &Thresholds, now: DateTime<Utc>, step: i64) -> Vec<Chart> {
    let rate = |sample: &Sample| {
        let (jobs, done) = sample.jobs.zip(sample.done).filter(|(jobs, _)| *jobs > 0)?;
        Some(100.0 * done as f64 / jobs as f64)
    };
    let figures = [
        Figure {
            title: "Completion rate",
            unit: "%",
            least_top: None,
            threshold: Some(thresholds.completion_min_percent),
            point: Point::Mean,
            of: rate,
        },
        Figure {
            title: "Average QA",
            unit: "%",
            least_top: None,
            threshold: Some(thresholds.qa_avg_min),
            point: Point::Mean,
            of: |sample| sample.avg_qa_tenths.map(|tenths| tenths as f64 / 10.0),
        },
        Figure {
            title: "Stuck jobs",
            unit: "",
            least_top: Some(4.0),
            threshold: None,
            point: Point::Most,
            of: |sample| sample.stuck.map(|stuck| stuck as f64),
        },
    ];
    figures.iter().filter_map(|figure| chart(figure, samples, now, step)).collect()
}

/// How many seconds a point stands for, where somebody looks every `interval` seconds: as many that each has a look.
pub(super) fn step(interval: u64) -> i64 {
    let interval = i64::try_from(interval).unwrap_or(DAY).clamp(1, DAY);
    (DAY / POINTS).max(interval * 2)
}

fn chart(figure: &Figure, samples: &[Sample], now: DateTime<Utc>, step: i64) -> Option<Chart> {
    let (begin, end) = (now.timestamp() - DAY, now.timestamp());
    let (newest, points) = points(figure.point, figure.of, samples, begin..end, step)?;
    let values = || points.iter().filter_map(|(_, value)| *value);
    let highest = values().fold(f64::NEG_INFINITY, f64::max);
    let lowest = values().fold(f64::INFINITY, f64::min);
    values().next()?;
    let top = figure.least_top.map_or(100.0, |least| round_top(highest.max(least)));
    let mut svg = String::new();
    if let Err(error) = draw(&mut svg, figure, &points, begin..end, top) {
        log::warn!("the chart of {} cannot be drawn: {error}", figure.title);
        return None;
    }
    let said = |value: f64| format!("{}{}", rounded(value), figure.unit);
    let words = figure.point.words(step);
    let label = format!(
        "{} over the last 24 hours, {words}: {} at the end, from {} to {}",
        figure.title,
        newest.map_or_else(|| "not known".into(), said),
        said(lowest),
        said(highest)
    );
    let size = format!("width=\"{}\" height=\"{}\"", SIZE.0, SIZE.1);
    svg = svg.replacen(&size, &format!("class=\"chart\" role=\"img\" aria-label=\"{label}\""), 1);
    for (name, class) in CLASSES {
        svg = svg.replace(name, class);
    }
    Some(Chart { title: figure.title, points: words, svg: svg.replace(" opacity=\"1\"", "").replace('\n', "") })
}

fn draw(
    svg: &mut String,
    figure: &Figure,
    points: &[At],
    time: std::ops::Range<i64>,
    top: f64,
) -> Result<(), Box<dyn std::error::Error>> {
    let hours: Vec<i64> = (time.start..=time.end).filter(|at| at % (6 * 3_600) == 0).collect();
    let (marks, top) = ([0.0, top / 2.0, top].map(tenths).to_vec(), tenths(top));
    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    let label = ("sans-serif", 12).into_font().color(&TEXT);
    // Which times those below are, in the corner between the axes.
    root.draw_text("UTC", &label, CORNER)?;
    let (begin, end) = (time.start, time.end);
    let mut chart = ChartBuilder::on(&root)
        .margin_top(8)
        .margin_right(18)
        .x_label_area_size(20)
        .y_label_area_size(48)
        .build_cartesian_2d(time.with_key_points(hours), (0..top).with_key_points(marks))?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(AXIS)
        .axis_style(AXIS)
        .label_style(label)
        .x_labels(5)
        .y_labels(3)
        .x_label_formatter(&|at| {
            DateTime::from_timestamp(*at, 0).map(|at| at.format("%H:%M").to_string()).unwrap_or_default()
        })
        .y_label_formatter(&|value| format!("{}{}", *value as f64 / 10.0, figure.unit))
        .draw()?;
    if let Some(threshold) = figure.threshold {
        chart.draw_series(LineSeries::new([(begin, tenths(threshold)), (end, tenths(threshold))], RULE))?;
    }
    for run in runs(points) {
        match run.as_slice() {
            [alone] => {
                chart.draw_series([Circle::new(*alone, 2, LINE.filled())])?;
            }
            _ => {
                chart.draw_series(LineSeries::new(run, LINE.stroke_width(2)))?;
            }
        }
    }
    root.present()?;
    Ok(())
}

/// The next number from `value` on that halves well: 1, 2, 4 or 10 of a power of ten.
fn round_top(value: f64) -> f64 {
    let power = 10_f64.powf(value.max(1.0).log10().floor());
    [1.0, 2.0, 4.0, 6.0, 10.0].into_iter().map(|times| times * power).find(|top| *top >= value).unwrap_or(value)
}

fn rounded(value: f64) -> impl Display {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::web::tests::sample::{self, thresholds};

    fn sample(minute: i64, stuck: Option<u64>) -> Sample {
        Sample { stuck, ..sample::look(DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)) }
    }

    #[test]
    fn what_is_not_known_is_a_gap_and_not_a_zero() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(1);
        let samples: Vec<Sample> =
            (0..288).map(|number| sample(number * 5, Some(3).filter(|_| !(100..150).contains(&number)))).collect();
        let stuck = |sample: &Sample| sample.stuck.map(|stuck| stuck as f64);
        let runs = runs(&points(Point::Most, stuck, &samples, 0..86_400, step(300)).unwrap().1);
        assert_eq!(runs.len(), 2);
        assert!(runs.iter().flatten().all(|(_, stuck)| *stuck == 30));
        let charts = of_jobs(&samples, &thresholds(), now, step(300));
        let [stuck] = &charts[..] else { panic!("figures that nobody knows have no chart: {charts:?}") };
        assert_eq!(stuck.svg.matches("class=\"l\"").count(), 2, "{}", stuck.svg);
        assert!(stuck.svg.contains("aria-label=\"Stuck jobs over the last 24 hours, maxima of 15 min each, then the newest look: 3 at the end, from 3 to 3\""));
        assert!(stuck.svg.contains("UTC"), "which times these are: {}", stuck.svg);
        assert!(!stuck.svg.contains("#0") && !stuck.svg.contains("style="), "{}", stuck.svg);
    }

    #[test]
    fn a_chart_says_what_its_points_are_and_where_it_ends() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(1);
        let looks = |last| [sample(1_000, Some(0)), sample(1_200, Some(1_000)), sample(1_440, last)];
        let drawn = |last| of_jobs(&looks(last), &thresholds(), now, step(60)).pop().unwrap();
        let chart = drawn(Some(12));
        assert_eq!(chart.points, "maxima of 15 min each, then the newest look");
        assert!(chart.svg.contains(": 12 at the end, from 0 to 1000"), "{}", chart.svg);
        assert!(drawn(None).svg.contains(": not known at the end, from 0 to 1000"));
        let latency = of_openai(&looks(None), now, step(3_600)).unwrap();
        assert_eq!(latency.points, "means of 2 h each, then the newest look");
    }

    #[test]
    fn each_party_has_a_latency_of_its_own() {
        let (now, samples) = (DateTime::UNIX_EPOCH + TimeDelta::days(1), [sample(1_000, None)]);
        for (chart, label) in [
            (of_openai(&samples, now, step(300)), ": 70 ms at the end"),
            (of_notion(&samples, now, step(300)), ": 40 ms at the end"),
        ] {
            let svg = chart.unwrap().svg;
            assert!(svg.contains(label), "{svg}");
        }
    }

    #[test]
    fn an_axis_ends_at_a_round_number() {
        for (value, top) in [(0.0, 1.0), (4.0, 4.0), (5.0, 6.0), (137.0, 200.0), (999.0, 1_000.0)] {
            assert_eq!(round_top(value), top);
        }
    }
}
