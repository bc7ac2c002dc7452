//! Texts into values: durations, numbers, lists, addresses, booleans, choices.
//!
//! Everything here is pure and total. Every number has bounds, so that nothing computed from a setting can overflow.
//! A value is shown in a fault only where it is short and of a kind that is nobody's secret.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use url::Url;

use super::problem::Fault;
use crate::domain::span::{self, NoSpan};
pub(super) use crate::domain::span::{LONGEST, written};
use crate::secret::Secret;

/// More entries in a list than this are a mistake.
const MAX_LIST: usize = 50;

/// A duration such as `30s`, `5m`, `2h 30m` or `0`, of at most [`LONGEST`].
pub(super) fn duration(text: &str) -> Result<Duration, Fault> {
    span::parse(text).map_err(|why| match why {
        NoSpan::Unreadable => Fault::new(format!("{}is not a duration", shown(text)), "30s, 5m, 24h or 2h 30m"),
        NoSpan::TooLong => Fault::new("is too long", format!("a duration of at most {}", written(LONGEST))),
    })
}

/// A duration of at least `least`.
pub(super) fn duration_from(least: Duration) -> impl Fn(&str) -> Result<Duration, Fault> {
    move |text| match duration(text)? {
        value if value < least => Err(Fault::new(
            format!("{}is too short", shown(text)),
            format!("a duration of at least {}", written(least)),
        )),
        value => Ok(value),
    }
}

/// A whole number within `range`.
pub(super) fn whole<N>(range: RangeInclusive<N>) -> impl Fn(&str) -> Result<N, Fault>
where
    N: std::str::FromStr + PartialOrd + std::fmt::Display,
{
    move |text| match text.parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => Err(Fault::new(
            format!("{}is not a whole number in its range", shown(text)),
            format!("a number from {} to {}", range.start(), range.end()),
        )),
    }
}

/// A percentage from 0 to 100; a `%` at its end is welcome.
pub(super) fn percent(text: &str) -> Result<f64, Fault> {
    let number = text.strip_suffix('%').unwrap_or(text).trim_end();
    match number.parse() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(percent),
        _ => {
            Err(Fault::new(format!("{}is not a percentage", shown(text)), "a number from 0 to 100, such as 75 or 82.5"))
        }
    }
}

/// `true` or `false`, in the usual ways to write them.
pub(super) fn boolean(text: &str) -> Result<bool, Fault> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err(Fault::new(format!("{}is neither true nor false", shown(text)), "true or false")),
    }
}

/// One of a few words, whatever their case.
pub(super) fn choice<T: Copy>(choices: &[(&str, T)]) -> impl Fn(&str) -> Result<T, Fault> {
    move |text| match choices.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)) {
        Some((_, value)) => Ok(*value),
        None => {
            let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
            Err(Fault::new(format!("{}is not one of its choices", shown(text)), words.join(" or ")))
        }
    }
}

/// The address to listen on; `localhost` is understood.
pub(super) fn address(text: &str) -> Result<IpAddr, Fault> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let bare = if bare.eq_ignore_ascii_case("localhost") { "127.0.0.1" } else { bare };
    bare.parse().map_err(|_| {
        Fault::new(format!("{}is not an IP address", shown(text)), "0.0.0.0 for every interface, or 127.0.0.1 or ::1")
    })
}

/// A text of one line, of at most `longest` characters.
pub(super) fn line(longest: usize) -> impl Fn(&str) -> Result<String, Fault> {
    move |text| {
        if text.chars().any(char::is_control) || text.chars().count() > longest {
            Err(Fault::new("is not a short text of one line", format!("at most {longest} characters, no line breaks")))
        } else {
            Ok(text.to_owned())
        }
    }
}

/// Names separated by commas: at least one, each once, in their order.
pub(super) fn list(text: &str) -> Result<Vec<String>, Fault> {
    let mut entries: Vec<String> = Vec::new();
    for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        let entry = line(200)(entry)?;
        if !entries.contains(&entry) {
            entries.push(entry);
        }
    }
    if entries.is_empty() || entries.len() > MAX_LIST {
        return Err(Fault::new("is not a list", format!("1 to {MAX_LIST} entries, separated by commas")));
    }
    Ok(entries)
}

/// A token or key, of which only a header or a URL is made: printable ASCII without spaces, so that no paste with a
/// line break in it can become a second header.
pub(super) fn token(text: &str) -> Result<Secret, Fault> {
    if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(Secret::new(text))
    } else {
        Err(Fault::new("holds spaces, line breaks or letters beyond ASCII", "the token alone, as it was issued"))
    }
}

/// The address of a web service, `http` or `https`, without its last slash. One with a user or a password in it is
/// refused, since it would be shown; so are a query and a fragment, since paths are appended.
pub(super) fn web_address(text: &str) -> Result<String, Fault> {
    let fault = |wrong: &str| Fault::new(wrong, "an address such as https://api.example.com, without user or password");
    let url = Url::parse(text).map_err(|_| fault("is not a web address"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(fault("is not an http or https address"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(fault("has a user or a password in it"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(fault("has a query or a fragment in it"));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// Whether what is sent to this address can be read on the way: plain `http` to anywhere but this machine.
pub(super) fn is_readable_on_the_way(address: &str) -> bool {
    Url::parse(address).is_ok_and(|url| {
        let is_here = match url.host() {
            Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        url.scheme() == "http" && !is_here
    })
}

/// The start of a fault's sentence, with the value if it is short enough to be no token.
fn shown(text: &str) -> String {
    let is_plain = text.chars().count() <= 16 && !text.chars().any(char::is_control);
    if is_plain { format!("is `{text}`, which ") } else { String::new() }
}

#[cfg(test)]
#[path = "values_tests.rs"]
mod tests;
