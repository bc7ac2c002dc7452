//! auto-operator.

pub mod actors;
pub mod domain;
pub mod clients;
pub mod clients;
pub mod demo;
pub mod cli;
pub mod logging;
pub mod secret;
pub mod settings;
