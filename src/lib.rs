//! auto-operator.

pub mod cli;
pub mod logging;
pub mod secret;
pub mod settings;
