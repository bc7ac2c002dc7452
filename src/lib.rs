//! auto-operator.

pub mod demo;
pub mod secret;
