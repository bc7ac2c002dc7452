//! Notion.
pub mod listing;
pub mod pace;
mod paging;
pub mod query;
pub mod row;
pub mod schema;
mod text;
mod timestamp;
pub mod version;
