//! Notion.
pub mod listing;
pub mod pace;
pub mod row;
mod text;
mod timestamp;
