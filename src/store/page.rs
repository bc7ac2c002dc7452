//! A long history, page by page.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::StoreError;

/// How much a page holds at most.
const LONGEST: u32 = 200;

/// A page of a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// With this as the cursor one gets the next page; `None` on the last one.
    pub next: Option<String>,
}

/// How much a page holds that shall hold `limit`.
pub(super) fn bounded(limit: u32) -> u32 {
    limit.clamp(1, LONGEST)
}

/// The first `limit` of what was found, and where to go on if there was more.
pub(super) fn page<T>(
    mut found: Vec<T>,
    limit: u32,
    cursor: impl FnOnce(&T) -> Result<String, StoreError>,
) -> Result<Page<T>, StoreError> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(cursor).transpose()?;
    Ok(Page { items: found, next })
}

/// Whoever comes back with it begins behind this number and this text. What is in it is our business only.
pub(super) fn cursor(number: i64, text: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{number}:{text}"))
}

/// What is in a cursor; without one, the place before the newest.
pub(super) fn place(cursor: Option<&str>) -> Result<(i64, String), StoreError> {
    let Some(cursor) = cursor else { return Ok((i64::MAX, String::new())) };
    let read = || {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (number, text) = std::str::from_utf8(&bytes).ok()?.split_once(':')?;
        // No text in PostgreSQL holds a zero.
        Some((number.parse().ok()?, Some(text).filter(|text| !text.contains('\0'))?.to_owned()))
    };
    read().ok_or(StoreError::WrongCursor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_says_where_it_came_from_and_nothing_else_is_one() {
        assert_eq!(place(Some(&cursor(-5, "a:b ü"))).unwrap(), (-5, "a:b ü".into()));
        assert_eq!(place(None).unwrap(), (i64::MAX, String::new()));
        for wrong in ["", "?", "MTI", "1:a", "YTpi", "MToA", "//8"] {
            assert!(matches!(place(Some(wrong)), Err(StoreError::WrongCursor)), "{wrong}");
        }
    }
}
