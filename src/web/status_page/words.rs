//! Moments, spans and other people's texts, as the pages write them.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::domain::message::{duration, timestamp};

/// A moment: for machines, for people, and in UTC for whoever points at it. It is written as markup.
#[derive(Clone, Copy, Debug)]
pub(super) struct When(pub(super) DateTime<Utc>);

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (full, short) = (self.0.format("%Y-%m-%d %H:%M:%S UTC"), self.0.format("%-d %b, %H:%M UTC"));
        write!(f, "<time datetime=\"{}\" title=\"{full}\">{short}</time>", timestamp(self.0))
    }
}

/// A moment to the second, for whoever puts a story together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exactly(pub(super) DateTime<Utc>);

impl fmt::Display for Exactly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (full, short) = (self.0.format("%Y-%m-%d %H:%M:%S UTC"), self.0.format("%-d %b, %H:%M:%S UTC"));
        write!(f, "<time datetime=\"{}\" title=\"{full}\" data-exact>{short}</time>", timestamp(self.0))
    }
}

/// How long it is from one moment to another, as the settings write durations.
pub(super) fn span(from: DateTime<Utc>, to: DateTime<Utc>) -> String {
    let span = (to - from).to_std().unwrap_or_default();
    // Whoever counts hours does not ask for seconds.
    let whole = if span < Duration::from_secs(600) { 1 } else { 60 };
    duration(Duration::from_secs(span.as_secs() / whole * whole))
        .replace('h', " h")
        .replace('m', " min")
        .replace('d', " d")
        .replace('s', " s")
}

/// A text of other people, in at most `longest` characters, on one line.
pub(super) fn cut(text: &str, longest: usize) -> String {
    let plain = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
    let mut cut: String = plain.take(longest + 1).collect();
    if let Some((end, _)) = cut.char_indices().nth(longest) {
        cut.truncate(end);
        cut.push('…');
    }
    cut
}

/// A figure, or that it is not known.
pub(super) fn known(figure: Option<impl fmt::Display>) -> String {
    figure.map_or_else(|| "unknown".into(), |figure| figure.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_where_a_character_ends() {
        assert_eq!(cut("ä🦀b", 3), "ä🦀b");
        assert_eq!(cut("ä🦀bc", 3), "ä🦀b…");
        assert_eq!(cut("a\nb\u{0}c", 9), "a b c");
        assert_eq!(cut(&"x".repeat(10_000), 120).chars().count(), 121);
    }

    #[test]
    fn a_span_is_said_in_its_two_largest_units() {
        let at = |seconds| DateTime::<Utc>::UNIX_EPOCH + chrono::TimeDelta::seconds(seconds);
        for (seconds, expected) in
            [(-5, "0 s"), (12, "12 s"), (95, "1 min 35 s"), (754, "12 min"), (11_530, "3 h 12 min")]
        {
            assert_eq!(span(at(0), at(seconds)), expected);
        }
        assert_eq!(span(at(0), at(200_000)), "2 d 7 h");
    }
}
