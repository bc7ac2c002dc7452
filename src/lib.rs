//! auto-operator.

pub mod actors;
pub mod clients;
pub mod demo;
pub mod domain;
pub mod logging;
pub mod secret;
pub mod settings;
