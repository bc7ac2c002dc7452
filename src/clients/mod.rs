//! The outside parties, one file for the language of each: what to ask, and how to read the answer.
//!
//! A client says what went wrong in one of a few kinds ([`error::ErrorKind`]) and, if the party said so, when to come
//! back. It never retries a delivery: exactly one layer does that, and it is not this one.

pub mod error;
pub mod heartbeat;
pub mod http;
pub mod notion;
pub mod openai;
#[cfg(test)]
mod raw_server;
pub mod redact;
pub mod replit;
pub mod reply;
pub mod request;
pub mod smtp;
pub mod telegram;
mod tls;
