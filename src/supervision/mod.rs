//! Supervision of actix actors: no panic, hang or stop of one actor is felt by another.
//!
//! actix restarts an actor that stops, but not one that panics, and never notices one that hangs. Here every end takes
//! the same path: a fresh actor with a fresh mailbox, on a fresh thread if the old one does not come back, behind a
//! handle that stays valid. There is nothing of any domain in this module; it could be a crate.
//!
//! ```text
//!  main thread ── System on runtime()        one runtime, shared: drives the I/O and timers of all threads below
//!    ├─ watchdog          a plain thread; no beat of the supervisor for Limits::watchdog → LastResort (71)
//!    └─ supervisor        Root: no I/O, no foreign code ──Event──▶ listeners
//!         │ starts, on an end or at a tick            ▲ Ended{reason}
//!         │ pings at every tick, gives orders         │
//!    ┌────▼─────────┬──────────────┬──────────────┐   │
//!    │ thread       │ thread       │ thread       │   │ each: one arbiter
//!    │ Runner{actor}│ Runner{actor}│ Runner{actor}├───┘ the only place where an actor's code runs
//!    └──────▲───────┴──────────────┴──────────────┘
//!           │ Seat: the mailbox of the present generation, and Vitals: state, counters, pings
//!  callers ─┴─ Handle<A>, Sender<M>         never a dead address
//! ```
//!
//! # To put an actor under supervision
//! ```text
//! use crate::supervision::{ChildSpec, Context, Env, Limits, Supervisor};
//!
//! impl Actor for Mailer { type Context = Context<Self>; }         // ours instead of actix's: that is all
//!
//! let supervisor = Supervisor::start(Limits::default(), |why| why.exit())?;
//! let mailer = ChildSpec::new("mailer").vacancy::<Mailer>();       // its handle is valid before it runs
//! let to_mailer = mailer.handle().sender::<Send>();                // what a neighbour gets
//! supervisor.add(ChildSpec::new("clock"), move |_| Clock::new(to_mailer.clone()))?;
//! supervisor.add(mailer, move |env| Mailer::new(env, store.clone()))?;
//! ```
//! - No trait, no macro, no field: pings, orderly stops and [`Chaos`] reach an actor through its runner.
//! - The factory runs for every generation and holds what outlives them. State of the actor before is gone; what must
//!   survive is loaded in `started`, with `ctx.wait(load.timeout(..))`.
//! - It gives up with `ctx.fail(error)`, ends with `ctx.stop()`, and may panic.
//! - Side effects ask [`Env::is_current`] first, above all after an `await`.
//! - To finish what is under way at an orderly stop, `stopping` returns `Running::Continue` and the actor calls
//!   `ctx.stop()` again when it is done, within [`ChildSpec::shutdown`].
//! - In a test of one actor alone, [`Context::alone`] runs it and any `Recipient` can be its neighbour.
//!
//! # Invariants
//! - **Caught**: factory, `started`, handlers, futures, timers, `stopping`, `stopped` and `Drop` all run under a guard.
//!   An actor that panicked or was replaced runs none of its hooks any more, only its `Drop`.
//! - **Noticed**: an actor that does not come to its mailbox for `stuck_after` is stuck, a thread that does not come
//!   back for `block_after` is blocked; each is replaced within that time and two ticks.
//! - **Fenced**: once replaced, nothing of an actor is run, even if its thread wakes up in the middle of a handler with a
//!   full mailbox behind it: it finishes what it is in, and no more. For the rest of that handler there is `is_current`.
//! - **Open**: the next mailbox is published before the old one is dropped; a `cast` is taken or comes back, an ask ends
//!   at its deadline. What waited in the old mailbox is lost; `call` repeats what was lost, for idempotent messages.
//! - **Bounded**: mailbox, asks in flight, orders, events, failures remembered, threads given up.
//! - **Patient, then not**: the first restart is immediate, then the waits double; more than [`Limits::intensity`] and the
//!   child is degraded: closed, tried again from time to time, recovered when it lives. More than
//!   [`Limits::root_intensity`] of all together, and the supervisor stops everything in order and turns to the last
//!   resort: the host starts the process anew.
//! - **Readable**: [`Supervisor::children`] asks nobody. It answers while the supervisor hangs.
//! - What to do is decided by pure functions (`verdict`, `intensity`, `backoff`, `probe`) with the time as an argument.
//!
//! # What it does not do
//! - It cannot kill a thread. A blocked one is given up and counted; too many of them are an escalation.
//! - It cannot take back what a zombie does between the check of the fence and the system call. What must hold beyond
//!   that is fenced where it is written, with a lease or a key.
//! - It catches no stack overflow, no abort, no memory exhaustion, and no panic if the profile says `abort`.
//! - It sees nothing of detached work: `ResponseFuture` and `actix_rt::spawn` run outside the actor, unguarded. (A thread
//!   blocked by them is noticed.) `SyncArbiter` is out of its reach altogether.
//! - It keeps no state and no messages of a dead actor, and knows no groups: each child stands for itself.
//! - It does not tell a busy actor from a blocked one: work of more than `block_after` without an `await`, or a flood of
//!   messages that lasts as long, is taken for a block.

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
mod orders;
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
