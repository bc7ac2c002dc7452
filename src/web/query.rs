//! What stands behind the `?` of a request, read strictly: whoever mistypes a filter is told so, instead of getting
//! what was not asked for.

use std::borrow::Cow;

use url::form_urlencoded;

use super::problem::{Problem, quoted};

/// Entries of a page when nothing is said about it.
const PAGE: u32 = 50;

/// Entries of a page at most.
const LARGEST_PAGE: u32 = 200;

/// The parameters of a request, each at most once.
pub(super) struct Query<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Query<'a> {
    /// Reads `text`; there are only parameters of the names `known`.
    pub(super) fn read(text: &'a str, known: &[&str]) -> Result<Self, Problem> {
        let mut parameters: Vec<(Cow<'_, str>, Cow<'_, str>)> = Vec::with_capacity(known.len());
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            if !known.contains(&&*name) {
                let name = quoted(&name);
                return Err(Problem::bad_request(match known {
                    [] => format!("There are no parameters here, and {name} is given."),
                    known => format!("There is no parameter {name} here, only {}.", known.join(", ")),
                }));
            }
            if parameters.iter().any(|(before, _)| *before == name) {
                return Err(Problem::bad_request(format!("{name} is given more than once.")));
            }
            parameters.push((name, value));
        }
        Ok(Self(parameters))
    }

    /// The value of a parameter, if it is given.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(given, _)| given == name).map(|(_, value)| &**value)
    }

    /// The value of a parameter that `read` understands, if it is given; `right` says what would be.
    pub(super) fn read_as<T>(
        &self,
        name: &str,
        read: impl FnOnce(&str) -> Option<T>,
        right: impl FnOnce() -> String,
    ) -> Result<Option<T>, Problem> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let value = read(value);
        value.map(Some).ok_or_else(|| Problem::bad_request(format!("{name} is to be {}.", right())))
    }

    /// How many entries a page is to have: `limit`.
    pub(super) fn limit(&self) -> Result<u32, Problem> {
        let limit = |text: &str| {
            let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|limit| is_number && (1..=LARGEST_PAGE).contains(limit))
        };
        let limit = self.read_as("limit", limit, || format!("a number from 1 to {LARGEST_PAGE}"))?;
        Ok(limit.unwrap_or(PAGE))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        let read = Query::read(text, &["limit", "state"]).and_then(|query| query.limit());
        read.unwrap_err().to_string()
    }

    #[test]
    fn parameters_are_read_as_forms_write_them() {
        let query = Query::read("state=a%20b+c&limit=7&", &["limit", "state"]).unwrap();
        assert_eq!((query.get("state"), query.get("issue"), query.limit().unwrap()), (Some("a b c"), None, 7));
        assert_eq!(Query::read("", &["limit"]).unwrap().limit().unwrap(), PAGE);
    }

    #[test]
    fn what_is_misspelt_or_given_twice_is_said_by_name() {
        let unknown = "400 Bad Request: There is no parameter `stat` here, only limit, state.";
        assert_eq!(refused("limit=1&stat=open"), unknown);
        assert_eq!(refused("state=open&state=open"), "400 Bad Request: state is given more than once.");
        assert!(refused(&"%00".repeat(10_000)).len() < 500);
    }

    #[test]
    fn a_page_has_its_bounds() {
        for limit in ["", "0", "201", "-1", "+1", "1.0", "a", "99999999999999999999", "1%00", " 1"] {
            assert_eq!(refused(&format!("limit={limit}")), "400 Bad Request: limit is to be a number from 1 to 200.");
        }
    }
}
