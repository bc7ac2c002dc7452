//! The web over real sockets: a server on a free port, asked by awc and by hand.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod abroad;
mod acknowledging;
mod actors;
mod asking;
mod hardship;
mod history;
mod orders;
mod page;
mod report;
pub(super) mod sample;
mod signing_in;
mod silencing;
mod stories;
mod support;
