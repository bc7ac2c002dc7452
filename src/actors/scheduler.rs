//! The Scheduler: ticks, numbers the cycles, one at a time.

use std::sync::Arc;

use actix::prelude::*;

use crate::domain::report::Overview;

/// Runs a cycle now; whoever asks while one is running shares that one. The answer comes when it is complete.
#[derive(Message)]
#[rtype(result = "Option<Arc<Overview>>")]
pub struct RunCycle;
