//! auto-operator.

pub mod clients;
pub mod demo;
pub mod secret;
