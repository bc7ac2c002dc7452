//! auto-operator.

pub mod secret;
pub mod supervision;
