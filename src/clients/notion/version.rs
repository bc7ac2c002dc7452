//! The versions of Notion's API that we speak. They differ in where rows live: until 2022-06-28 in a database, since
//! 2025-09-03 in the data sources of a database.

use std::fmt;
use std::str::FromStr;

/// A value of the header `Notion-Version`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// Rows are in the database itself.
    V2022_06_28,
    /// Rows are in data sources.
    V2025_09_03,
    /// The same for all that we use.
    V2026_03_11,
}

impl Version {
    /// All of them, oldest first.
    pub const ALL: [Self; 3] = [Self::V2022_06_28, Self::V2025_09_03, Self::V2026_03_11];

    /// As it stands in the header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V2022_06_28 => "2022-06-28",
            Self::V2025_09_03 => "2025-09-03",
            Self::V2026_03_11 => "2026-03-11",
        }
    }

    pub(super) fn has_data_sources(self) -> bool {
        self != Self::V2022_06_28
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// There is no such version, or none that we speak.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a version of Notion's API that is spoken here (2022-06-28, 2025-09-03, 2026-03-11)")]
pub struct UnknownVersion;

impl FromStr for Version {
    type Err = UnknownVersion;

    fn from_str(text: &str) -> Result<Self, UnknownVersion> {
        Self::ALL.into_iter().find(|version| version.as_str() == text).ok_or(UnknownVersion)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_as_it_is_written() {
        for version in Version::ALL {
            assert_eq!(version.to_string().parse(), Ok(version));
        }
        for text in ["", "2022-02-22", "2025-09-03 ", "latest"] {
            assert_eq!(text.parse::<Version>(), Err(UnknownVersion), "{text}");
        }
    }
}
