//! Notion's times. Rows carry them cut down to the minute (`2026-07-04T09:08:00.000Z`), other objects to the
//! millisecond and with another spelling of the zone, so anything that RFC 3339 allows is read. The tolerance for the
//! lost minute belongs to whoever judges, not here.

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};

/// Reads a time of a row. The usual spelling takes a short cut past chrono's general parser, as there are two of these
/// in every row. `None` if it is no time.
pub(super) fn read(text: &[u8]) -> Option<DateTime<Utc>> {
    usual(text).or_else(|| general(text))
}

/// Writes a time as filters want it: to the millisecond, with `Z`, as Notion takes a missing zone for UTC but says so
/// only in one place of its manual.
pub(super) fn write(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// `YYYY-MM-DDTHH:MM:SS.mmmZ` and nothing else.
fn usual(text: &[u8]) -> Option<DateTime<Utc>> {
    let text: &[u8; 24] = text.try_into().ok()?;
    let signs = [text[4], text[7], text[10], text[13], text[16], text[19], text[23]];
    if &signs != b"--T::.Z" {
        return None;
    }
    let number = |from: usize, to: usize| {
        text[from..to].iter().try_fold(0_u32, |sum, digit| match digit.wrapping_sub(b'0') {
            value @ 0..=9 => Some(sum * 10 + u32::from(value)),
            _ => None,
        })
    };
    let year = i32::try_from(number(0, 4)?).ok()?;
    let day = NaiveDate::from_ymd_opt(year, number(5, 7)?, number(8, 10)?)?;
    let time = day.and_hms_milli_opt(number(11, 13)?, number(14, 16)?, number(17, 19)?, number(20, 23)?)?;
    Some(time.and_utc())
}

fn general(text: &[u8]) -> Option<DateTime<Utc>> {
    let text = std::str::from_utf8(text).ok()?;
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_short_cut_and_the_general_way_agree() {
        for text in ["2026-07-04T09:08:00.000Z", "2024-02-29T23:59:59.999Z", "1970-01-01T00:00:00.000Z"] {
            assert_eq!(usual(text.as_bytes()), general(text.as_bytes()), "{text}");
            assert_eq!(write(usual(text.as_bytes()).unwrap()), text);
        }
    }

    #[test]
    fn every_spelling_of_rfc_3339_is_read() {
        let expected = read(b"2026-07-04T09:08:57.778Z");
        assert!(expected.is_some());
        for text in ["2026-07-04T09:08:57.778+00:00", "2026-07-04T11:08:57.778+02:00", "2026-07-04T09:08:57.778000Z"] {
            assert_eq!(read(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(read(b"2026-07-04T09:08:00Z"), read(b"2026-07-04T09:08:00.000Z"));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in
            ["", "2026-07-04", "2026-02-30T09:08:00.000Z", "2026-07-04T25:08:00.000Z", "2026-07-0aT09:08:00.000Z"]
        {
            assert_eq!(read(text.as_bytes()), None, "{text}");
        }
        assert_eq!(read(&[0xff; 24]), None);
    }
}
