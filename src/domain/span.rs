//! Spans of time as people write them: `30s`, `5m`, `2h 30m`.

use std::time::Duration;

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// A year: longer waits are typing errors, and short enough for every date arithmetic.
pub const LONGEST: Duration = Duration::from_millis(366 * DAY);

/// The units of a span, longest first, in milliseconds.
const UNITS: [(&str, u64); 5] = [("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", SECOND), ("ms", 1)];

/// Why a text is no span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoSpan {
    /// It is not written as one.
    Unreadable,
    /// It is longer than [`LONGEST`].
    TooLong,
}

/// A span such as `30s`, `5m`, `2h 30m` or `0`, of at most [`LONGEST`].
pub fn parse(text: &str) -> Result<Duration, NoSpan> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let (mut rest, mut total, mut units) = (text, 0_u64, UNITS.iter());
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit()).ok_or(NoSpan::Unreadable)?;
        let number: u64 = rest[..digits].parse().map_err(|_| NoSpan::Unreadable)?;
        rest = &rest[digits..];
        let end = rest.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(rest.len());
        // Going on in the same iterator refuses a unit that comes twice or after a shorter one.
        let (_, milliseconds) = units.find(|(unit, _)| *unit == &rest[..end]).ok_or(NoSpan::Unreadable)?;
        rest = rest[end..].trim_start();
        let part = number.checked_mul(*milliseconds);
        total = part.and_then(|part| total.checked_add(part)).ok_or(NoSpan::TooLong)?;
    }
    Some(Duration::from_millis(total)).filter(|total| *total <= LONGEST).ok_or(NoSpan::TooLong)
}

/// A span as [`parse`] reads it: `2h 30m`.
pub fn written(span: Duration) -> String {
    let mut rest = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    let mut parts = Vec::new();
    for (unit, milliseconds) in UNITS {
        if rest >= milliseconds {
            parts.push(format!("{}{unit}", rest / milliseconds));
            rest %= milliseconds;
        }
    }
    if parts.is_empty() { "0".into() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_as_people_write_them() {
        let table = [
            ("0", 0),
            ("0s", 0),
            ("250ms", 250),
            ("30s", 30 * SECOND),
            ("5m", 5 * MINUTE),
            ("24h", 24 * HOUR),
            ("2h 30m", 2 * HOUR + 30 * MINUTE),
            ("2h30m", 2 * HOUR + 30 * MINUTE),
            ("1d  6h", 30 * HOUR),
            ("366d", 366 * DAY),
        ];
        for (text, milliseconds) in table {
            assert_eq!(parse(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
    }

    #[test]
    fn what_is_no_span_is_refused() {
        let table = ["5", "5 m", "m", "-5m", "1.5h", "5min", "5m 5m", "30m 2h", "5m,", "5µ", "٣m", "1h30", "s5"];
        for text in table {
            assert_eq!(parse(text), Err(NoSpan::Unreadable), "{text}");
        }
        for text in ["367d", "99999999999999999d", "365d 48h"] {
            assert_eq!(parse(text), Err(NoSpan::TooLong), "{text}");
        }
    }

    #[test]
    fn a_span_is_written_as_it_is_read() {
        for text in ["0", "250ms", "30s", "5m", "2h 30m", "1d 6h"] {
            assert_eq!(parse(text).map(written).as_deref(), Ok(text));
        }
    }
}
