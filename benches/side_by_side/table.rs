//! The rows of the table, and how each is judged.

use std::io::{self, Write};

/// What a figure has to be.
#[derive(Clone, Copy)]
pub enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

impl Bound {
    fn holds(self, figure: f64) -> bool {
        match self {
            Self::AtMost(limit) => figure <= limit,
            Self::AtLeast(limit) => figure >= limit,
        }
    }

    fn text(self, unit: &str) -> String {
        match self {
            Self::AtMost(limit) => format!("≤ {limit}{unit}"),
            Self::AtLeast(limit) => format!("≥ {limit}{unit}"),
        }
    }
}

/// One measurement.
pub struct Row {
    what: String,
    measured: f64,
    unit: &'static str,
    /// The limit or the peer, measured in the same run.
    beside: Option<(String, f64)>,
    must: Bound,
    aim: Option<Bound>,
}

impl Row {
    /// A figure that is judged by itself.
    pub fn alone(what: impl Into<String>, measured: f64, unit: &'static str, must: Bound, aim: Option<Bound>) -> Self {
        Self { what: what.into(), measured, unit, beside: None, must, aim }
    }

    /// A figure that is judged by its ratio to one beside it.
    pub fn beside(
        what: impl Into<String>,
        (measured, unit): (f64, &'static str),
        peer: impl Into<String>,
        beside: f64,
        must: Bound,
        aim: Option<Bound>,
    ) -> Self {
        Self { what: what.into(), measured, unit, beside: Some((peer.into(), beside)), must, aim }
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let Self { what, measured, unit, beside, must, aim } = self;
        let (peer, ratio, judged, judged_unit) = match beside {
            Some((peer, beside)) => {
                let ratio = measured / beside;
                (format!("{peer}: {} {unit}", figure(*beside)), figure(ratio), ratio, String::new())
            }
            None => ("–".to_owned(), "–".to_owned(), *measured, format!(" {unit}")),
        };
        let said =
            |bound: Bound| format!("{} {}", bound.text(&judged_unit), if bound.holds(judged) { "✓" } else { "✗" });
        let (must, aim) = (said(*must), aim.map_or("–".to_owned(), said));
        writeln!(out, "| {what} | {} {unit} | {peer} | {ratio} | {must} | {aim} |", figure(*measured))
    }
}

/// Three digits are as many as there is anything in.
fn figure(value: f64) -> String {
    match value.abs() {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// Writes the head of the table.
pub fn begin(out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "| | measured | beside it | ratio | must | aim |\n|---|---|---|---|---|---|")
}

/// Writes rows, as soon as they are known.
pub fn add(out: &mut impl Write, rows: &[Row]) -> io::Result<()> {
    rows.iter().try_for_each(|row| row.write(out))?;
    out.flush()
}

/// The middle one of `values`, the smaller of two; not a number if there are none.
pub fn median(values: &[f64]) -> f64 {
    percentile(values, 0.5)
}

/// The smallest of `values` that `part` of them do not exceed.
pub fn percentile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = (sorted.len() as f64 * part).ceil() as usize;
    sorted.get(place.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}
