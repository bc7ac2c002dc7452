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
    /// Reads `Sun 02:00-04:00 UTC; Mon-Fri 22:00-23:30 UTC; daily 03:00-03:15 UTC`. The fault says what would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts = text.split(';').map(str::trim).filter(|part| !part.is_empty());
        let mut windows = vec![];
        for part in parts {
            windows.extend(parse(part)?);
        }
        let windows = Self(windows);
        if windows.0.iter().any(|window| windows.end_of(window.begin) >= window.begin + WEEK) {
            return Err("the windows cover the whole week, so that nothing would ever be told".into());
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
    let fault = || format!("{part:?} is not a window: use {FORM}");
    let mut words = part.split_whitespace();
    let (days, times) = (words.next().ok_or_else(fault)?, words.next().ok_or_else(fault)?);
    match words.next() {
        None | Some("UTC" | "Z") => {}
        Some(zone) => return Err(format!("{part:?} is in the zone {zone:?}: use the times in UTC")),
    }
    let (begin, end) = times.split_once('-').and_then(|(begin, end)| time(begin).zip(time(end))).ok_or_else(fault)?;
    if words.next().is_some() || begin == DAY {
        return Err(fault());
    }
    if begin == end {
        return Err(format!("{part:?} ends when it begins: a whole day is 00:00-24:00"));
    }
    let length = if end > begin { end - begin } else { end + DAY - begin };
    let days = days_of(days).ok_or_else(fault)?;
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
    let number = |digits: &str| {
        (digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_digit())).then_some(digits)?.parse().ok()
    };
    let (hour, minute): (u32, u32) =
        text.split_once(':').and_then(|(hour, minute)| number(hour).zip(number(minute)))?;
    let minutes = hour * 60 + minute;
    (minute < 60 && minutes <= DAY).then_some(minutes)
}
