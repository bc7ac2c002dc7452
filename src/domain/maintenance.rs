//! Maintenance: the windows of the week in which nothing is told.
//!
//! All times are UTC, so that no hour comes twice a year or never.

use chrono::{DateTime, Datelike, TimeDelta, Timelike, Utc};

const DAY: u32 = 24 * 60;
const WEEK: u32 = 7 * DAY;

/// The names of the days, by their first three letters.
const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// What a window looks like.
const FORM: &str = "Sun 02:00-04:00 UTC, Mon-Fri 22:00-23:30 UTC or daily 03:00-03:15 UTC, several separated by ;";

/// The longest part that is shown in a fault, in characters.
const SHOWN: usize = 60;

/// The windows of maintenance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Windows(Vec<Window>);

/// In minutes since the beginning of the week; the end may lie in the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Window {
    begin: u32,
    end: u32,
}

impl Windows {
    /// Reads `Sun 02:00-04:00 UTC; Mon-Fri 22:00-23:30 UTC; daily 03:00-03:15 UTC`.
    ///
    /// The error is the rest of a sentence that begins with the name of the setting: what is wrong, a colon, what would
    /// be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts = text.split(';').map(str::trim).filter(|part| !part.is_empty());
        let mut windows = vec![];
        for part in parts {
            windows.extend(parse(part)?);
        }
        let windows = Self(windows);
        if windows.0.iter().any(|window| windows.end_of(window.begin) >= window.begin + WEEK) {
            return Err(format!("covers the whole week, so that nothing would ever be told: {FORM}"));
        }
        Ok(windows)
    }

    /// The end of the maintenance that `now` falls into, if it falls into one. Windows that touch are one.
    pub fn until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let minute = now.weekday().num_days_from_monday() * DAY + now.hour() * 60 + now.minute();
        let end = self.end_of(minute);
        let begun = TimeDelta::seconds(now.second().into()) + TimeDelta::nanoseconds(now.nanosecond().into());
        (end > minute).then(|| now - begun + TimeDelta::minutes((end - minute).into()))
    }

    /// From `minute` on, the first minute that is in no window; at most a week later.
    fn end_of(&self, minute: u32) -> u32 {
        let mut end = minute;
        while end < minute + WEEK {
            let further = self.0.iter().filter_map(|window| window.end_from(end)).max();
            match further.filter(|further| *further > end) {
                Some(further) => end = further,
                None => break,
            }
        }
        end
    }
}

impl Window {
    /// If the window holds `minute`, which may lie in the next weeks: the minute at which it ends.
    fn end_from(self, minute: u32) -> Option<u32> {
        let gone = (minute % WEEK + WEEK - self.begin) % WEEK;
        let length = self.end - self.begin;
        (gone < length).then(|| minute + length - gone)
    }
}

/// The windows of one part: one a day.
fn parse(part: &str) -> Result<Vec<Window>, String> {
    let is_plain = part.chars().count() <= SHOWN && !part.contains(": ") && !part.chars().any(char::is_control);
    let which = if is_plain { format!("has `{part}` in it, which") } else { "has a part that".into() };
    let fault = || format!("{which} is not a window: {FORM}");
    let mut words = part.split_whitespace();
    let (days, times) = (words.next().ok_or_else(fault)?, words.next().ok_or_else(fault)?);
    let is_utc = |zone: &str| ["UTC", "Z"].iter().any(|utc| utc.eq_ignore_ascii_case(zone));
    if words.next().is_some_and(|zone| !is_utc(zone)) {
        return Err(format!("{which} is in another zone than UTC: {FORM}"));
    }
    if words.next().is_some() {
        return Err(fault());
    }
    let days = days_of(days).ok_or_else(fault)?;
    let (begin, end) = times.split_once('-').and_then(|(begin, end)| time(begin).zip(time(end))).ok_or_else(fault)?;
    if begin == end || begin == DAY {
        return Err(format!("{which} ends when it begins: a whole day is 00:00-24:00"));
    }
    let length = if end > begin { end - begin } else { end + DAY - begin };
    Ok(days.into_iter().map(|day| day * DAY + begin).map(|begin| Window { begin, end: begin + length }).collect())
}

/// `daily`, `Sun`, `Sat,Sun`, `Mon-Fri`, `Fri-Mon`.
fn days_of(text: &str) -> Option<Vec<u32>> {
    if text.eq_ignore_ascii_case("daily") {
        return Some((0..7).collect());
    }
    let mut days = vec![];
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (day(first)?, day(last)?);
        days.extend((0..=(last + 7 - first) % 7).map(|further| (first + further) % 7));
    }
    Some(days)
}

fn day(name: &str) -> Option<u32> {
    let name = name.to_ascii_lowercase();
    let place = DAYS.iter().position(|day| *day == name || day[..3] == name)?;
    u32::try_from(place).ok()
}

/// `HH:MM` in minutes; `24:00` is the end of the day.
fn time(text: &str) -> Option<u32> {
    let (hour, minute) = text.split_once(':')?;
    let minutes = two_digits(hour)? * 60 + two_digits(minute).filter(|minute| *minute < 60)?;
    (minutes <= DAY).then_some(minutes)
}

fn two_digits(text: &str) -> Option<u32> {
    (text.len() == 2 && text.bytes().all(|digit| digit.is_ascii_digit())).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows(text: &str) -> Windows {
        Windows::parse(text).unwrap_or_else(|wrong| panic!("MAINTENANCE {wrong}"))
    }

    /// 2024-01-01 was a Monday.
    fn at(text: &str) -> DateTime<Utc> {
        format!("2024-01-{text}Z").parse().unwrap_or_else(|_| panic!("{text} is no time"))
    }

    #[test]
    fn a_moment_in_a_window_knows_its_end() {
        let weekend = "Sun 02:00-04:00 UTC; Mon-Fri 22:00-23:30 UTC";
        for (text, now, until) in [
            (weekend, "07T01:59:59", None),
            (weekend, "07T02:00:00", Some("07T04:00:00")),
            (weekend, "07T03:59:59.999", Some("07T04:00:00")),
            (weekend, "07T04:00:00", None),
            (weekend, "05T22:10:30", Some("05T23:30:00")),
            (weekend, "06T22:10:30", None),
            ("daily 03:00-03:15", "03T03:05:00", Some("03T03:15:00")),
            ("DAILY 03:00-03:15 z", "03T03:05:00", Some("03T03:15:00")),
            ("Sat,Sun 03:00-03:15 utc", "06T03:05:00", Some("06T03:15:00")),
            ("saturday,SUNDAY 03:00-03:15", "05T03:05:00", None),
            // Over midnight, and over the end of the week.
            ("Mon 23:00-01:00", "02T00:30:00", Some("02T01:00:00")),
            ("Mon 23:00-01:00", "01T00:30:00", None),
            ("Sun 23:00-01:00", "01T00:30:00", Some("01T01:00:00")),
            ("Sun 23:00-01:00", "07T23:30:00", Some("08T01:00:00")),
            ("Fri-Mon 10:00-11:00", "01T10:30:00", Some("01T11:00:00")),
            ("Fri-Mon 10:00-11:00", "02T10:30:00", None),
            // Those that touch or overlap are one.
            ("Sat 00:00-24:00; Sun 00:00-24:00", "06T12:00:00", Some("08T00:00:00")),
            ("Sat,Sun 00:00-24:00; Mon 00:00-06:00", "06T12:00:00", Some("08T06:00:00")),
            ("Mon 10:00-12:00; Mon 11:00-13:00; Mon 11:30-11:45", "01T11:35:00", Some("01T13:00:00")),
            ("Mon 10:00-12:00; Mon 12:01-13:00", "01T11:35:00", Some("01T12:00:00")),
            ("daily 12:00-11:59", "03T11:58:00", Some("03T11:59:00")),
            ("", "03T11:58:00", None),
            (" ; ", "03T11:58:00", None),
        ] {
            assert_eq!(windows(text).until(at(now)), until.map(at), "{text} at {now}");
        }
    }

    #[test]
    fn what_is_no_window_is_refused_with_what_would_be_right() {
        let none = |part| format!("has `{part}` in it, which is not a window: {FORM}");
        for part in [
            "Sun",
            "02:00-04:00",
            "Sun 2:00-4:00",
            "Sun 02:00",
            "Sun 02:00-04:60",
            "Sun 02:00-25:00",
            "Sun 02:00-24:01",
            "Sun 02:00-+4:00",
            "Son 02:00-04:00",
            "Su 02:00-04:00",
            "Sun- 02:00-04:00",
            "Sun, 02:00-04:00",
            "Sun 02:00-04:00 UTC daily",
        ] {
            assert_eq!(Windows::parse(part), Err(none(part)));
            assert_eq!(Windows::parse(&format!("daily 03:00-03:15; {part}")), Err(none(part)), "behind a good one");
        }
        for (text, wrong) in [
            ("Sun 02:00-04:00 CET", "has `Sun 02:00-04:00 CET` in it, which is in another zone than UTC: "),
            ("Sun 02:00-02:00", "has `Sun 02:00-02:00` in it, which ends when it begins: a whole day is 00:00-24:00"),
            ("Sun 24:00-02:00", "has `Sun 24:00-02:00` in it, which ends when it begins: a whole day is 00:00-24:00"),
            ("daily 00:00-24:00", "covers the whole week, so that nothing would ever be told: "),
            ("daily 00:00-12:00; daily 11:00-01:00", "covers the whole week, so that nothing would ever be told: "),
            ("every: Sunday", "has a part that is not a window: "),
        ] {
            let fault = Windows::parse(text).expect_err("no window");
            assert!(fault.starts_with(wrong), "{fault}");
        }
    }
}
