//! How findings are shown: a line each on stdout, what to do below it, and how many things there are to do.

use std::io::{self, Write};
use std::time::Duration;

use anstyle::{AnsiColor, Style};

use crate::diagnosis::{Asked, Remedy, Verdict};
use crate::logging::{Scrubber, on_one_line};

/// As wide as the longest name of a part.
const NAME_WIDTH: usize = 19;

/// What a line below a finding begins with.
const INDENT: &str = "      ";

/// Writes findings, and keeps count.
pub(super) struct Printer<W> {
    out: W,
    scrubber: Scrubber,
    tally: Tally,
}

/// What was found so far. A cause that shows in several places is one thing to do.
#[derive(Default)]
struct Tally {
    fails: Vec<Remedy>,
    warnings: Vec<Remedy>,
}

impl<W: Write> Printer<W> {
    /// Writes to `out` what `scrubber` lets through.
    pub(super) fn new(out: W, scrubber: Scrubber) -> Self {
        Self { out, scrubber, tally: Tally::default() }
    }

    /// Shows what came of a question, and what to do; what is mended at once is neither counted nor left to somebody.
    pub(super) fn show(&mut self, asked: &Asked, mended_at_once: bool) -> io::Result<()> {
        let Asked { name, question, took, finding } = asked;
        let (verdict, style) = (finding.verdict.word(), style(finding.verdict));
        let text = self.fit(&format!("{name:NAME_WIDTH$}  {question} → {}{}", finding.says, in_words(*took)));
        writeln!(self.out, "{style}{verdict:4}{style:#}  {text}")?;
        match (&finding.remedy, &finding.mend) {
            (_, Some(mend)) if mended_at_once => writeln!(self.out, "{INDENT}Fix: {}", self.fit(mend))?,
            (Some(remedy), _) => {
                let known = self.tally.note(finding.verdict, remedy);
                let label = if finding.verdict == Verdict::Ok { "Hint" } else { "Do this" };
                if !known {
                    writeln!(self.out, "{INDENT}{label}: {}", self.fit(&remedy.to_string()))?;
                }
            }
            (None, _) => {}
        }
        self.out.flush()
    }

    /// The same for several.
    pub(super) fn show_all(&mut self, asked: &[Asked], mended_at_once: bool) -> io::Result<()> {
        asked.iter().try_for_each(|asked| self.show(asked, mended_at_once))
    }

    /// Says `line` by itself.
    pub(super) fn say(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.out, "{}", self.fit(line))?;
        self.out.flush()
    }

    /// Whether nothing has failed so far.
    pub(super) fn all_well(&self) -> bool {
        self.tally.fails.is_empty()
    }

    /// How it stands, in a sentence.
    pub(super) fn summary(&self) -> String {
        let things = |count, one: &str, several: &str| match count {
            1 => format!("1 thing {one}"),
            count => format!("{count} things {several}"),
        };
        let looks = |count| things(count, "is worth a look", "are worth a look");
        match (self.tally.fails.len(), self.tally.warnings.len()) {
            (0, 0) => "All is well.".to_owned(),
            (0, warnings) => format!("All is well; {}.", looks(warnings)),
            (fails, 0) => format!("{}.", things(fails, "needs a hand", "need a hand")),
            (fails, warnings) => format!("{}; {}.", things(fails, "needs a hand", "need a hand"), looks(warnings)),
        }
    }

    /// Without secrets, on one line.
    fn fit(&self, text: &str) -> String {
        on_one_line(&self.scrubber.scrub(text)).into_owned()
    }
}

impl Tally {
    /// Counts a remedy; whether it was there before.
    fn note(&mut self, verdict: Verdict, remedy: &Remedy) -> bool {
        let list = match verdict {
            Verdict::Ok => return false,
            Verdict::Warn => &mut self.warnings,
            Verdict::Fail => &mut self.fails,
        };
        let known = list.contains(remedy);
        if !known {
            list.push(remedy.clone());
        }
        known
    }
}

fn style(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Ok => AnsiColor::Green.on_default(),
        Verdict::Warn => AnsiColor::Yellow.on_default(),
        Verdict::Fail => AnsiColor::Red.on_default().bold(),
    }
}

fn in_words(took: Option<Duration>) -> String {
    took.map(|took| format!(" ({} ms)", took.as_millis())).unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::diagnosis::Finding;
    use crate::secret::Secret;

    fn shown(findings: &[Finding], mended_at_once: bool) -> (String, String) {
        let mut out = Vec::new();
        let mut printer = Printer::new(anstream::StripStream::new(&mut out), Scrubber::new(&[Secret::new("hunter2")]));
        for finding in findings {
            let asked = Asked {
                name: "part",
                question: "how it is".into(),
                took: Some(Duration::from_millis(12)),
                finding: finding.clone(),
            };
            printer.show(&asked, mended_at_once).unwrap();
        }
        let summary = printer.summary();
        (String::from_utf8(out).unwrap(), summary)
    }

    #[test]
    fn a_finding_is_one_line_and_what_to_do_another() {
        let bad = Finding::fail("said hunter2\nand \u{202e}more", Remedy::BotToken);
        let (text, summary) = shown(&[Finding::ok("fine"), bad.clone(), bad], false);
        let first = "ok    part                 how it is → fine (12 ms)\n";
        let line = "fail  part                 how it is → said ***\\nand \\u{202e}more (12 ms)\n";
        let remedy = format!("      Do this: {}\n", Remedy::BotToken);
        assert_eq!(text, format!("{first}{line}{remedy}{line}"), "the same remedy is not said twice");
        assert_eq!(summary, "1 thing needs a hand.");
    }

    #[test]
    fn things_are_counted_by_what_there_is_to_do() {
        let fail = |remedy| Finding::fail("", remedy);
        let warn = |remedy| Finding::warn("", remedy);
        for (findings, summary) in [
            (vec![], "All is well."),
            (vec![Finding::ok("").hint(Remedy::HerokuMaySleep)], "All is well."),
            (vec![warn(Remedy::InMemory)], "All is well; 1 thing is worth a look."),
            (vec![warn(Remedy::InMemory), warn(Remedy::NoOpsToken)], "All is well; 2 things are worth a look."),
            (vec![fail(Remedy::BotToken), fail(Remedy::NotionToken)], "2 things need a hand."),
            (vec![fail(Remedy::BotToken), warn(Remedy::InMemory)], "1 thing needs a hand; 1 thing is worth a look."),
        ] {
            assert_eq!(shown(&findings, false).1, summary);
        }
    }

    #[test]
    fn what_is_mended_at_once_is_shown_and_not_counted() {
        let board = Finding::warn("one missing", Remedy::BoardProperties).mendable("add one");
        let (text, summary) = shown(&[board], true);
        assert!(text.ends_with("\n      Fix: add one\n"), "{text}");
        assert_eq!(summary, "All is well.");
    }
}
