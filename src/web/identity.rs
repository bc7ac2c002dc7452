//! What requests name: incidents and silences by their ids, issues by their names, people by theirs.

use super::problem::{Problem, quoted};
use crate::domain::issue::IssueId;

/// Who did it, if they do not say.
pub(super) const OPERATOR: &str = "operator";

/// The longest name of a person, in characters.
pub(super) const LONGEST_NAME: usize = 100;

/// The longest id; ours are UUIDs.
const LONGEST_ID: usize = 64;

/// Whether something could have this id: what could not is not worth asking the database, which understands less of
/// hostile texts than we do.
pub(super) fn is_possible(id: &str) -> bool {
    (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// The issue of this name, or the names there are.
pub(super) fn issue(name: &str) -> Result<IssueId, Problem> {
    IssueId::parse(name).ok_or_else(|| {
        let names: Vec<String> = IssueId::ALL.iter().map(IssueId::to_string).collect();
        Problem::bad_request(format!("There is no issue {}; there are {}.", quoted(name), names.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_short_and_plain() {
        assert!(is_possible("0199f3a2-7c1e-7d4b-9a55-0d2f6b1c8e90") && is_possible("i-1"));
        for id in ["", "a/b", "../a", "a\0", "a b", "ä", "a'--", &"a".repeat(65), &"a".repeat(10_000)] {
            assert!(!is_possible(id), "{id:?}");
        }
    }
}
