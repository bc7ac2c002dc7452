//! The small fake world on loopback: stand-ins of the parties that the service talks to, with switches.

pub mod journal;
pub mod smtp;
