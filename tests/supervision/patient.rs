//! A patient that comes to harm on request, and the ward in which one patient follows another.

use std::{
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use actix::prelude::{
    Actor, ActorContext, ActorFutureExt, Arbiter, AsyncContext, AtomicResponse, Handler, Message, ResponseActFuture,
    Running, WrapFuture,
};
use auto_operator::supervision::{Context, Env};

use super::support::PATIENCE;

/// A door that is opened once.
#[derive(Default)]
pub(crate) struct Gate(Mutex<bool>, Condvar);

impl Gate {
    pub(crate) fn open(&self) {
        *self.0.lock().unwrap() = true;
        self.1.notify_all();
    }

    /// Blocks the thread.
    pub(crate) fn pass(&self) {
        drop(self.1.wait_while(self.0.lock().unwrap(), |open| !*open).unwrap());
    }
}

/// How a patient comes to harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Harm {
    PanicInHandler,
    PanicInActFuture,
    PanicInSpawned,
    PanicInInterval,
    PanicInStarted,
    PanicInStopping,
    PanicInStopped,
    PanicInDrop,
    PanicInHandlerAndDrop,
    PanicInFactory,
    Fail,
    FailAfterCancel,
    FailInWait,
    Stop,
    Terminate,
    WaitForEver,
    AtomicForEver,
    BlockInHandler,
    BlockInFuture,
    BlockInFactory,
    BlockDetached,
    EndThread,
}

/// What outlives the patients.
#[derive(Default)]
pub(crate) struct Ward {
    /// Harm for the next patient.
    pub(crate) next: Mutex<Option<Harm>>,
    /// Lets the blocked threads go.
    pub(crate) gate: Gate,
    /// Set by whoever stands before the gate in a handler.
    pub(crate) blocked: AtomicBool,
    /// Set by whoever passed the gate.
    pub(crate) woken: AtomicBool,
    pub(crate) starts: AtomicU64,
    pub(crate) visits: AtomicU64,
    /// Futures that ran after a block.
    pub(crate) futures: AtomicU64,
}

pub(crate) struct Patient {
    env: Env,
    ward: Arc<Ward>,
    spiteful: Option<Harm>,
}

impl Patient {
