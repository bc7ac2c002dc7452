//! auto-operator.

pub mod actors;
pub mod app;
pub mod channels;
pub mod checks;
pub mod cli;
pub mod clients;
pub mod demo;
pub mod domain;
pub mod logging;
pub mod parties;
pub mod secret;
pub mod settings;
pub mod store;
pub mod web;
