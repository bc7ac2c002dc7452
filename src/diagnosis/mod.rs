//! What came of a harmless question to a party, and what to do about it: what `doctor` and `test-alert` say.
//!
//! Whoever knows a party asks it (a check, a channel) and says what the answer means in a [`Finding`]; with the question
//! and the time that it took this is an [`Asked`], one line on the screen. Nothing is asked in here: from what a party
//! answered to what is said of it, all is pure.

use std::time::{Duration, Instant};

pub mod party;
pub mod remedy;
mod sentence;

pub use party::Party;
pub use remedy::Remedy;

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// It works, but somebody may want to know.
    Warn,
    /// Something that is configured does not work.
    Fail,
}

impl Verdict {
    /// The word that a line begins with.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub verdict: Verdict,
    /// What came back, in a few words.
    pub says: String,
    /// What to do; where all is as it should be, what somebody may want to do.
    pub remedy: Option<Remedy>,
    /// What `doctor --fix` would do about it by itself.
    pub mend: Option<String>,
}

impl Finding {
    /// All is as it should be.
    pub fn ok(says: impl Into<String>) -> Self {
        Self { verdict: Verdict::Ok, says: says.into(), remedy: None, mend: None }
    }

    /// It works, but somebody may want to know.
    pub fn warn(says: impl Into<String>, remedy: Remedy) -> Self {
        Self { verdict: Verdict::Warn, says: says.into(), remedy: Some(remedy), mend: None }
    }

    /// It does not work.
    pub fn fail(says: impl Into<String>, remedy: Remedy) -> Self {
        Self { verdict: Verdict::Fail, says: says.into(), remedy: Some(remedy), mend: None }
    }

    /// With what somebody may want to do, although nothing is wrong.
    pub fn hint(self, remedy: Remedy) -> Self {
        Self { remedy: Some(remedy), ..self }
    }

    /// With what `doctor --fix` would do.
    pub fn mendable(self, mend: impl Into<String>) -> Self {
        Self { mend: Some(mend.into()), ..self }
    }
}

/// A question that is under way.
pub struct Question {
    name: &'static str,
    words: String,
    since: Instant,
}

impl Question {
    /// Puts a question to the part `name` (`telegram:chat`), in `words` that say what is asked.
    pub fn put(name: &'static str, words: impl Into<String>) -> Self {
        Self { name, words: words.into(), since: Instant::now() }
    }

    /// The answer is here.
    pub fn found(self, finding: Finding) -> Asked {
        Asked { name: self.name, question: self.words, took: Some(self.since.elapsed()), finding }
    }
}

/// A question with what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Of which part.
    pub name: &'static str,
    /// What was asked.
    pub question: String,
    /// How long the answer took, where somebody outside was asked.
    pub took: Option<Duration>,
    /// What the answer means.
    pub finding: Finding,
}

impl Asked {
    /// A question that is answered by looking at what is known already.
    pub fn at_home(name: &'static str, question: impl Into<String>, finding: Finding) -> Self {
        Self { name, question: question.into(), took: None, finding }
    }
}

/// As many names as are listed; what is more is counted.
const LISTED: usize = 12;

/// Names in quotation marks, by commas: `"Status", "Stage"`.
pub fn quoted<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.into_iter().map(|name| format!("\"{name}\"")).collect();
    match names.get(..LISTED) {
        Some(first) if names.len() > LISTED => format!("{} and {} more", first.join(", "), names.len() - LISTED),
        _ => names.join(", "),
    }
}
