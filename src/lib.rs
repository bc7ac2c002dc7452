//! auto-operator.

pub mod secret;
