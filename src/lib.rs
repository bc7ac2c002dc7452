//! auto-operator.

pub mod clients;
pub mod secret;
