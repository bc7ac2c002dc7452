//! What is wrong with a configuration, told so that it can be put right without looking anything up.
//!
//! A problem never shows a secret: the parsers of secrets show nothing of what they were given, and the others show only
//! what is short and should have been a number, a duration or a choice.

use std::fmt;

/// What a parser has against a text: what is wrong with it, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// What is wrong, as the rest of a sentence that begins with the variable's name ("is not a duration").
    pub(super) wrong: String,
    /// What would be right, as the rest of a sentence that begins with "Right:".
    pub(super) right: String,
}

impl Fault {
    /// Puts the two halves together.
    pub(super) fn new(wrong: impl Into<String>, right: impl Into<String>) -> Self {
        Self { wrong: wrong.into(), right: right.into() }
    }
}

/// One faulty variable (or line of `.env`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The name of the variable, or `.env`.
    pub variable: String,
    /// What is wrong with it.
    pub wrong: String,
    /// What would be right.
    pub right: String,
}

/// Everything that is wrong, at once; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => writeln!(out, "The configuration has a problem:")?,
            count => writeln!(out, "The configuration has {count} problems:")?,
        }
        for Problem { variable, wrong, right } in &self.0 {
            write!(out, "\n  {variable} {wrong}.\n    Right: {right}.\n")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(variable: &str) -> Problem {
        Problem { variable: variable.into(), wrong: "is wrong".into(), right: "something else".into() }
    }

    #[test]
    fn problems_are_a_list_that_a_person_can_read() {
        assert_eq!(
            Problems(vec![problem("PORT"), problem("HOST")]).to_string(),
            "The configuration has 2 problems:\n\
             \n  PORT is wrong.\n    Right: something else.\n\
             \n  HOST is wrong.\n    Right: something else.\n"
        );
        assert!(Problems(vec![problem("PORT")]).to_string().starts_with("The configuration has a problem:\n"));
    }
}
