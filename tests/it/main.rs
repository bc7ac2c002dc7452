//! The one test binary: the program seen from outside.
//!
//! - `notion_client`: the client of Notion against its stand-in, in every version.

mod notion_client;
