//! The ground floor: what we believe about jobs, issues and incidents, as plain data and pure functions.
//!
//! Invariants: no I/O, no `async`, no clock (`now` is an argument), no actix, and nothing in here can fail. What could
//! not be looked at arrives as a [`fault::Fault`] and stays one: it never becomes a zero.

pub mod answer;
pub mod bulletin;
pub mod cause;
pub mod command;
pub mod cycle;
pub mod deed;
pub mod delivery;
pub mod fault;
pub mod flapping;
pub mod heartbeat;
pub mod history;
pub mod incident;
pub mod issue;
pub mod job;
pub mod maintenance;
pub mod message;
pub mod notice;
pub mod report;
pub mod rules;
pub mod silence;
pub mod span;
pub mod update;

#[cfg(test)]
mod promise_tests;
