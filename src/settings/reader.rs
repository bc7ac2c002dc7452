//! Reads typed values out of an environment given as maps, and collects what there is to say about it: every problem,
//! every warning, and where each value came from.
//!
//! A reading that fails is recorded and gives `None`, and the reading goes on: whoever configures the service sees
//! everything that is wrong at once. The only thing outside that is touched is the file that a NAME_FILE names.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;

use super::problem::{Fault, Problem, Problems};
use super::variables::{Fallback, Variable};

/// A secret longer than this is a wrong file.
const MAX_SECRET_BYTES: u64 = 64 * 1024;

/// What stands for a secret's value.
pub const MASK: &str = "********";

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// It is not set and there is no default.
    Unset,
    /// The default.
    Default,
    /// The process's environment.
    Environment,
    /// The `.env` file.
    Dotenv,
    /// The file at this path, which NAME_FILE names.
    File(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unset => out.write_str("not set"),
            Self::Default => out.write_str("default"),
            Self::Environment => out.write_str("environment"),
            Self::Dotenv => out.write_str(".env"),
            Self::File(path) => write!(out, "file {path}"),
        }
    }
}

/// The effective value of one variable, safe to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The variable's name.
    pub name: &'static str,
    /// Its value; [`MASK`] for a secret, empty for what is not set.
    pub value: String,
    /// Where it came from.
    pub origin: Origin,
}

/// What was read, safe to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// A row for each variable, in the order of the table.
    pub rows: Vec<Row>,
    /// What is no problem but should be said at the start.
    pub warnings: Vec<String>,
}

/// The reading of one environment.
pub(super) struct Reader<'a> {
    environment: &'a BTreeMap<String, String>,
    dotenv: &'a BTreeMap<String, String>,
    rows: BTreeMap<&'static str, Row>,
    problems: Vec<Problem>,
    warnings: Vec<String>,
}

impl<'a> Reader<'a> {
    /// Begins to read, with the problems already known.
    pub(super) fn new(
        environment: &'a BTreeMap<String, String>,
        dotenv: &'a BTreeMap<String, String>,
        problems: Vec<Problem>,
    ) -> Self {
        Self { environment, dotenv, rows: BTreeMap::new(), problems, warnings: Vec::new() }
    }

    /// The value of `variable` or its default; `None` if what is set is faulty.
    pub(super) fn value<T>(&mut self, variable: Variable, parse: impl Fn(&str) -> Result<T, Fault>) -> Option<T> {
        match (self.look(variable), variable.default) {
            (Look::Found(text), _) => self.parsed(variable, &text, parse),
            (Look::Absent, Fallback::Value(default)) => self.parsed(variable, default, parse),
            _ => None,
        }
    }

    /// The value of `variable` if it is set; `None` if it is not, or if it is faulty.
    pub(super) fn given<T>(&mut self, variable: Variable, parse: impl Fn(&str) -> Result<T, Fault>) -> Option<T> {
        match self.look(variable) {
            Look::Found(text) => self.parsed(variable, &text, parse),
            Look::Absent | Look::Faulty => None,
        }
    }

    /// Whether `variable` is set, whatever to.
    pub(super) fn is_set(&self, variable: Variable) -> bool {
        self.text(variable.name).is_some() || (variable.secret && self.text(&file_form(variable.name)).is_some())
    }

    /// Whether a party is to be watched or told: all of `needed` are set. If only some are, or only something of
    /// `optional`, each missing one is a problem.
    pub(super) fn is_complete(&mut self, party: &str, needed: &[Variable], optional: &[Variable]) -> bool {
        let Some(set) = needed.iter().chain(optional).copied().find(|variable| self.is_set(*variable)) else {
            return false;
        };
        let missing: Vec<_> = needed.iter().copied().filter(|variable| !self.is_set(*variable)).collect();
        for variable in &missing {
            self.missing(*variable, set, party);
        }
        missing.is_empty()
    }

    /// Records that `variable` is missing although `set` is there.
    pub(super) fn missing(&mut self, variable: Variable, set: Variable, party: &str) {
        let wrong = format!("is missing, although {} is set", set.name);
        self.problem(variable, wrong, format!("set it too, or unset everything of {party}"));
    }

    /// Records a problem.
    pub(super) fn problem(&mut self, variable: Variable, wrong: impl Into<String>, right: impl Into<String>) {
        let variable = variable.name.to_owned();
        self.problems.push(Problem { variable, wrong: wrong.into(), right: right.into() });
    }

    /// Records a warning.
    pub(super) fn warn(&mut self, warning: impl Into<String>) {
        self.warnings.push(warning.into());
    }

    /// Shows `value` as that of `variable`: a default that follows from others, or the harmless part of a secret.
    pub(super) fn show(&mut self, variable: Variable, value: impl Into<String>) {
        if let Some(row) = self.rows.get_mut(variable.name) {
            row.value = value.into();
            if row.origin == Origin::Unset {
                row.origin = Origin::Default;
            }
        }
    }

    /// Ends the reading: what is effective, or all problems.
    pub(super) fn finish(mut self) -> Result<Effective, Problems> {
        if !self.problems.is_empty() {
            return Err(self.into_problems());
        }
        let rows = super::variables::all().filter_map(|variable| self.rows.remove(variable.name)).collect();
        Ok(Effective { rows, warnings: self.warnings })
    }

    /// Ends a reading that failed: all problems.
    pub(super) fn into_problems(self) -> Problems {
        Problems(self.problems)
    }

    /// The text of a variable, looked for in the environment and then in `.env`; blank counts as not set.
    fn text(&self, name: &str) -> Option<(&'a str, Origin)> {
        let find = |map: &'a BTreeMap<String, String>| map.get(name).map(|text| text.trim()).filter(|t| !t.is_empty());
        let in_environment = find(self.environment).map(|text| (text, Origin::Environment));
        in_environment.or_else(|| find(self.dotenv).map(|text| (text, Origin::Dotenv)))
    }

    /// Looks a variable up and records its row.
    fn look(&mut self, variable: Variable) -> Look {
        let plain = self.text(variable.name);
        let file = if variable.secret { self.text(&file_form(variable.name)) } else { None };
        let found = match (plain, file) {
            (Some(_), Some(_)) => Err(Fault::new(
                format!("is set together with {}", file_form(variable.name)),
                "one of the two, not both",
            )),
            (Some((text, origin)), None) => Ok(Some((text.to_owned(), origin))),
            (None, Some((path, _))) => secret_file(path).map(|text| Some((text, Origin::File(path.to_owned())))),
            (None, None) => Ok(None),
        };
        let (look, value, origin) = match found {
            Ok(Some((text, origin))) => {
                let value = if variable.secret { MASK.to_owned() } else { text.clone() };
                (Look::Found(text), value, origin)
            }
            Ok(None) => match variable.default {
                Fallback::Value(default) => (Look::Absent, default.to_owned(), Origin::Default),
                Fallback::Unset | Fallback::Derived(_) => (Look::Absent, String::new(), Origin::Unset),
            },
            Err(Fault { wrong, right }) => {
                self.problem(variable, wrong, right);
                (Look::Faulty, String::new(), Origin::Unset)
            }
        };
        self.rows.insert(variable.name, Row { name: variable.name, value, origin });
        look
    }

    fn parsed<T>(&mut self, variable: Variable, text: &str, parse: impl Fn(&str) -> Result<T, Fault>) -> Option<T> {
        match parse(text) {
            Ok(value) => Some(value),
            Err(Fault { wrong, right }) => {
                self.problem(variable, wrong, right);
                None
            }
        }
    }
}

enum Look {
    Found(String),
    Absent,
    Faulty,
}

/// The name of the variable that names the file of a secret.
pub(super) fn file_form(name: &str) -> String {
    format!("{name}_FILE")
}

/// The content of a secret's file, without the newlines at its end.
fn secret_file(path: &str) -> Result<String, Fault> {
    let fault = |wrong: String| {
        Fault::new(
            format!("cannot be had from the file {path:?}: {wrong}"),
            "the path of a readable file with the secret in it",
        )
    };
    let metadata = std::fs::metadata(path).map_err(|error| fault(error.kind().to_string()))?;
    if !metadata.is_file() {
        // A pipe could keep us waiting for ever.
        return Err(fault("not a regular file".into()));
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| fault(error.kind().to_string()))?;
    file.take(MAX_SECRET_BYTES + 1).read_to_end(&mut bytes).map_err(|error| fault(error.kind().to_string()))?;
    if bytes.len() as u64 > MAX_SECRET_BYTES {
        return Err(fault("larger than 64 KiB".into()));
    }
    let text = String::from_utf8(bytes).map_err(|_| fault("not UTF-8 text".into()))?;
    match text.trim_end_matches(['\n', '\r']) {
        "" => Err(fault("empty".into())),
        text => Ok(text.to_owned()),
    }
}
