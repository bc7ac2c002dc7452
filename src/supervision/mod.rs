//! Supervision of actix actors.

mod backoff;
mod chaos;
mod child;
mod closing;
mod context;
mod echo;
mod env;
mod event;
mod exit;
mod handle;
mod info;
mod intensity;
mod last_resort;
mod limits;
mod panic_hook;
mod probe;
mod root;
mod rounds;
mod runner;
mod runtime;
mod seat;
mod sender;
mod spec;
mod supervisor;
mod verdict;
mod vitals;
mod watchdog;
mod wishes;

pub use self::{
    backoff::Backoff,
    chaos::{Chaos, UnknownChaos},
    context::Context,
    env::Env,
    event::Event,
    exit::{Exit, Reason},
    handle::Handle,
    info::{ChildInfo, State},
    intensity::Intensity,
    last_resort::LastResort,
    limits::Limits,
    panic_hook::install as install_panic_hook,
    runtime::runtime,
    sender::{AskError, Refused, Sender},
    spec::{ChildSpec, Restart, Vacancy},
    supervisor::{DuplicateChild, Supervisor, UnknownChild},
};
