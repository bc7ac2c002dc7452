//! Supervision, from outside: real actors on real threads, harmed in every way there is.
//!
//! - `support`: supervisors under which everything happens soon, and waiting on events
//! - `patient`: an actor that comes to harm on request
//! - `harm`: every kind of failure ends in a fresh actor, and nobody else feels it
//! - `zombie`: a thread that was given up wakes up and does nothing any more
//! - `degraded`: who keeps failing is closed, tried again, and recovers
//! - `handles`: what becomes of messages
//! - `wishes`: restart, removal and harm on request
//! - `closing`: the ordered stop, and the last resort
// What is forbidden to actors is just what is tried out here.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod closing;
mod degraded;
mod handles;
mod harm;
mod patient;
mod support;
mod wishes;
mod zombie;
