//! The one test binary: the program seen from outside.
//!
//! - `settings_documents`: `.env.example`, the table of variables and what the reader asks for agree.

mod settings_documents;
