//! The `.env` file of the working directory, read without touching the process's own environment.
//!
//! Parent directories are deliberately not searched: what a service does must not depend on a file that happens to lie
//! somewhere above it. A broken line is named by its number and never shown, since it may hold a secret.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;

use super::problem::Problem;

/// More than any honest `.env` has; what is longer is refused instead of read into memory.
const MAX_BYTES: u64 = 1024 * 1024;

/// What a `.env` file says, and which of its lines could not be understood.
#[derive(Default)]
pub(super) struct Dotenv {
    /// Name to value. Of a name that is set twice the first one counts, as dotenvy has it.
    pub(super) variables: BTreeMap<String, String>,
    /// Its broken lines.
    pub(super) problems: Vec<Problem>,
}

impl Dotenv {
    /// Reads the file at `path`; a missing one is an empty one.
    pub(super) fn read(path: &Path) -> Self {
        let mut bytes = Vec::new();
        let read = std::fs::File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes));
        match read {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::default(),
            Err(error) => Self::broken(format!("cannot be read ({})", error.kind())),
            Ok(_) if bytes.len() as u64 > MAX_BYTES => Self::broken("is larger than 1 MiB".into()),
            Ok(_) => Self::parse(&bytes),
        }
    }

    /// Reads the content of a file.
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let mut dotenv = Self::default();
        let line = Cell::new(0);
        let source = LineByLine { rest: bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes), line: &line };
        for item in dotenvy::Iter::new(source) {
            match item {
                Ok((name, value)) => {
                    dotenv.variables.entry(name).or_insert(value);
                }
                Err(error) => {
                    let number = first_line_of(&error, line.get());
                    dotenv.problems.push(problem(format!("cannot be understood in line {number}")));
                }
            }
        }
        dotenv
    }

    fn broken(wrong: String) -> Self {
        Self { variables: BTreeMap::new(), problems: vec![problem(wrong)] }
    }
}

fn problem(wrong: String) -> Problem {
    let right = "a readable UTF-8 file with lines NAME=value; a value with spaces, `#`, `$`, quotes or backslashes \
                 stands in single quotes";
    Problem { variable: ".env".into(), wrong, right: right.into() }
}

/// The line where the statement began that ended, broken, in line `last`: an unclosed quote runs on to the end.
fn first_line_of(error: &dotenvy::Error, last: usize) -> usize {
    let lines_before_the_last = match error {
        dotenvy::Error::LineParse(text, _) => text.strip_suffix('\n').unwrap_or(text).matches('\n').count(),
        _ => 0,
    };
    last.saturating_sub(lines_before_the_last).max(1)
}

/// Hands out one line a read and counts them. dotenvy gives no line numbers; but its buffer asks for more only when it
/// is empty, so the count is always the number of the line it has last looked at.
struct LineByLine<'a> {
    rest: &'a [u8],
    line: &'a Cell<usize>,
}

impl Read for LineByLine<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let line = self.rest.iter().position(|&byte| byte == b'\n').map_or(self.rest.len(), |end| end + 1);
        let length = line.min(buffer.len());
        buffer[..length].copy_from_slice(&self.rest[..length]);
        self.rest = &self.rest[length..];
        // A last line without a newline is a line too; the empty rest after it, or after a newline, is not.
        let line_is_complete = length == line && length > 0;
        if line_is_complete {
            self.line.set(self.line.get() + 1);
        }
        Ok(length)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn broken_lines(text: &str) -> Vec<String> {
        Dotenv::parse(text.as_bytes()).problems.into_iter().map(|problem| problem.wrong).collect()
    }

    #[test]
    fn values_quotes_comments_and_the_first_of_two_are_read() {
        let dotenv = Dotenv::parse(
            b"\xEF\xBB\xBF# a comment\nPORT=8080 # another\r\nexport HOST='::1'\n\nSMTP_URL='smtps://u:p#$x@h'\nPORT=1\n",
        );
        assert!(dotenv.problems.is_empty());
        let expected = [("HOST", "::1"), ("PORT", "8080"), ("SMTP_URL", "smtps://u:p#$x@h")];
        assert_eq!(dotenv.variables, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    }

    #[test]
    fn a_broken_line_is_named_by_its_number_and_never_shown() {
        let table = [
            ("A=1\nhunter2 is no assignment\nB=2", vec![2]),
            ("# one\n\n=hunter2\n", vec![3]),
            ("A=1\n\nB='hunter2\nC=3\n\n", vec![3]),
            ("A=\"x\ny\" hunter2\nB=2\n1=3", vec![1, 4]),
            ("A=hunter2 hunter2", vec![1]),
        ];
        for (text, lines) in table {
            let expected: Vec<_> = lines.iter().map(|line| format!("cannot be understood in line {line}")).collect();
            assert_eq!(broken_lines(text), expected, "{text:?}");
        }
    }

    #[test]
    fn the_lines_after_a_broken_one_still_count() {
        assert_eq!(Dotenv::parse(b"???\nPORT=1").variables.get("PORT").map(String::as_str), Some("1"));
    }

    #[test]
    fn bytes_that_are_no_text_are_a_problem_of_their_line() {
        let dotenv = Dotenv::parse(b"A=1\nB=\xFF\xFE\nC=3\n");
        assert_eq!(dotenv.problems[0].wrong, "cannot be understood in line 2");
    }

    #[test]
    fn a_missing_file_is_an_empty_one_but_a_directory_is_a_problem() {
        let directory = tempfile::tempdir().unwrap();
        let missing = Dotenv::read(&directory.path().join(".env"));
        assert!(missing.variables.is_empty() && missing.problems.is_empty());
        assert_eq!(Dotenv::read(directory.path()).problems.len(), 1);
    }
}
