//! auto-operator.

pub mod actors;
pub mod domain;
pub mod secret;
pub mod store;
