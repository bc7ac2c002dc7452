//! What a stand-in can be told to do wrong.
//!
//! A fault is something between the party and its caller: except for [`Fault::Delay`], the party itself never sees the
//! request, so nothing is stored or delivered.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// One way to misbehave.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// Answers with this status. Without `body` it is the party's own error document for that status.
    Status {
        /// The HTTP status.
        code: u16,
        /// The `Retry-After` header, in seconds; the party's own field for it is filled likewise.
        retry_after: Option<u64>,
        /// The body to send instead of the party's own, as `application/json`.
        body: Option<String>,
    },
    /// Answers with this status and a page of HTML, as an edge proxy does.
    Html {
        /// The HTTP status.
        code: u16,
    },
    /// Answers 200 with a JSON document that breaks off in the middle, in a response that is complete.
    HalfJson,
    /// Answers 200 with JSON of this many bytes, in chunks and without telling the length before.
    HugeBody {
        /// How many bytes the body has, roughly.
        bytes: u64,
    },
    /// Answers 200 and then sends one byte of JSON at a time, for ever.
    Drip {
        /// The pause between two bytes.
        every: Duration,
    },
    /// Resets the connection (TCP RST) before any byte of an answer.
    Reset,
    /// Takes the request and never answers.
    Hang,
    /// Answers 200 with JSON that would be read as "all is well, nothing there", but says that it is plain text.
    WrongContentType,
    /// Does what was asked at once and answers properly, but only after this time.
    Delay(Duration),
    /// Answers 307 to this URL.
    Redirect {
        /// The `Location` header.
        to: String,
    },
}

impl Fault {
    /// A bare [`Fault::Status`]: the party's own error document, no `Retry-After`.
    pub fn status(code: u16) -> Self {
        Self::Status { code, retry_after: None, body: None }
    }
}

/// A fault and the requests that meet it.
struct Rule {
    /// A part of the path; `None` is every request.
    path: Option<String>,
    fault: Fault,
    /// How many requests still meet it; `None` is all, until it is taken away.
    left: Option<u32>,
}

impl Rule {
    fn concerns(&self, path: &str) -> bool {
        self.path.as_deref().is_none_or(|part| path.contains(part))
    }
}

/// The faults that one stand-in is told to show, the newest counted ones first.
#[derive(Default)]
pub(super) struct Faults(Mutex<VecDeque<Rule>>);

impl Faults {
    /// Puts a standing fault in the place of the one with the same `path`, or takes that away.
    pub(super) fn stand(&self, path: Option<&str>, fault: Option<Fault>) {
        let mut rules = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rules.retain(|rule| rule.left.is_some() || rule.path.as_deref() != path);
        if let Some(fault) = fault {
            let rule = Rule { path: path.map(str::to_owned), fault, left: None };
            // Those for some paths are asked before the one for all.
            if path.is_some() { rules.push_front(rule) } else { rules.push_back(rule) }
        }
    }

    /// The next `requests` requests meet `fault`, after those that were counted before.
    pub(super) fn next(&self, path: Option<&str>, requests: u32, fault: Fault) {
        let mut rules = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rules.push_back(Rule { path: path.map(str::to_owned), fault, left: Some(requests) });
    }

    /// The fault that a request to `path` meets now; counted faults go before standing ones.
    pub(super) fn meet(&self, path: &str) -> Option<Fault> {
        let mut rules = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rules.retain(|rule| rule.left != Some(0));
        if let Some(rule) = rules.iter_mut().find(|rule| rule.left.is_some() && rule.concerns(path)) {
            rule.left = rule.left.map(|left| left - 1);
            return Some(rule.fault.clone());
        }
        rules.iter().find(|rule| rule.concerns(path)).map(|rule| rule.fault.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counted_faults_come_first_and_run_out() {
        let faults = Faults::default();
        faults.stand(None, Some(Fault::Hang));
        faults.next(None, 2, Fault::Reset);
        faults.next(Some("/query"), 1, Fault::HalfJson);
        let met: Vec<_> = ["/a", "/b", "/query", "/query", "/c"].map(|path| faults.meet(path)).into();
        assert_eq!(met, [Fault::Reset, Fault::Reset, Fault::HalfJson, Fault::Hang, Fault::Hang].map(Some).to_vec());
    }

    #[test]
    fn a_standing_fault_of_one_path_goes_before_that_of_all_and_is_taken_away_alone() {
        let faults = Faults::default();
        faults.stand(Some("/query"), Some(Fault::Reset));
        faults.stand(None, Some(Fault::Hang));
        assert_eq!(faults.meet("/v1/query"), Some(Fault::Reset));
        faults.stand(None, None);
        assert_eq!((faults.meet("/v1/query"), faults.meet("/v1/pages")), (Some(Fault::Reset), None));
        faults.stand(Some("/query"), None);
        assert_eq!(faults.meet("/v1/query"), None);
    }
}
