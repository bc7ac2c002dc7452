//! Why an actor ended.

use std::fmt;

use chrono::{DateTime, Utc};

/// The kinds of end. The words of [`Reason::as_str`] are labels of metrics and fields of reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// It stopped of its own accord (`ctx.stop()`, `ctx.terminate()`).
    Stopped,
    /// It gave up with an error (`ctx.fail(..)`).
    Error,
    /// It panicked, wherever its code ran.
    Panic,
    /// Its factory panicked, or no thread could be had for it.
    StartFailed,
    /// It waits for something and takes no message meanwhile, although its thread is free.
    Stuck,
    /// Its thread does not come back.
    Blocked,
    /// Its thread was ended under it.
    ThreadLost,
    /// Somebody asked for a restart.
    Manual,
    /// It was told to stop for good.
    Shutdown,
}

impl Reason {
    /// Every reason, in the order of the declaration.
    pub const ALL: [Self; 9] = [
        Self::Stopped,
        Self::Error,
        Self::Panic,
        Self::StartFailed,
        Self::Stuck,
        Self::Blocked,
        Self::ThreadLost,
        Self::Manual,
        Self::Shutdown,
    ];

    /// The word for it: lower case, with underscores.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Error => "error",
            Self::Panic => "panic",
            Self::StartFailed => "start_failed",
            Self::Stuck => "stuck",
            Self::Blocked => "blocked",
            Self::ThreadLost => "thread_lost",
            Self::Manual => "manual",
            Self::Shutdown => "shutdown",
        }
    }

    /// Whether it was wanted from outside, and so is nobody's failure.
    pub fn is_wanted(self) -> bool {
        matches!(self, Self::Manual | Self::Shutdown)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One end of one actor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// The kind.
    pub reason: Reason,
    /// What the panic or the error said; empty if there is nothing to say.
    pub message: String,
    /// `file:line:column` of the panic or of the call of `fail`, where known.
    pub place: Option<String>,
    /// The generation that ended.
    pub generation: u64,
    /// When it was noticed.
    pub at: DateTime<Utc>,
}

impl Exit {
    pub(super) fn new(reason: Reason, generation: u64, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), place: None, generation, at: Utc::now() }
    }

    pub(super) fn at_place(mut self, place: Option<String>) -> Self {
        self.place = place;
        self
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)?;
        if let Some(place) = &self.place {
            write!(f, " at {place}")?;
        }
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exit_reads_as_one_line() {
        let bare = Exit::new(Reason::Stopped, 1, "");
        assert_eq!(bare.to_string(), "stopped");
        let full = Exit::new(Reason::Panic, 2, "boom").at_place(Some("src/a.rs:3:5".into()));
        assert_eq!(full.to_string(), "panic at src/a.rs:3:5: boom");
    }

    #[test]
    fn every_reason_stands_at_its_own_place_in_the_list() {
        for (place, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, place);
        }
    }
}
