//! The one runtime on which all arbiters run.
//!
//! An arbiter of actix has a runtime of its own by default, and a socket belongs to the runtime that opened it: with a
//! shared connection pool, one blocked actor then hangs its innocent neighbours through the pool. On a shared
//! multi-thread runtime the I/O of all is driven by threads on which no actor runs.

use std::{
    io,
    sync::{Mutex, PoisonError},
};

use tokio::runtime::{Builder, Runtime};

/// The shared runtime, made at the first call and never dropped. `System::with_tokio_rt(|| rt)` puts the main thread on
/// it; the supervisor does so with its arbiters.
pub fn runtime() -> io::Result<&'static Runtime> {
    static SHARED: Mutex<Option<&'static Runtime>> = Mutex::new(None);
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    match *shared {
        Some(runtime) => Ok(runtime),
        None => {
            let made = Builder::new_multi_thread().enable_all().thread_name("io").build()?;
            Ok(shared.insert(Box::leak(Box::new(made))))
        }
    }
}
