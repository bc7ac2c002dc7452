//! Catching a panic together with where it happened.
//!
//! The place of a panic is known to the panic hook alone, and the one who catches it runs later on the same thread: the
//! hook leaves it in a thread-local. Without [`install`] everything works, but exits have no place and the default hook
//! writes each panic to stderr.

use std::{
    any::Any,
    cell::{Cell, RefCell},
    panic::{self, AssertUnwindSafe, PanicHookInfo},
    sync::Once,
    thread,
};

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// A panic that was caught.
#[derive(Debug)]
pub(super) struct Caught {
    pub(super) message: String,
    pub(super) place: Option<String>,
}

/// Runs `code` and catches its panic.
///
/// What `code` borrows may be left in any state; the callers drop it and never use it again.
pub(super) fn guarded<T>(code: impl FnOnce() -> T) -> Result<T, Caught> {
    let outer = GUARDED.replace(true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(code));
    GUARDED.set(outer);
    outcome.map_err(|payload| {
        let message = said(payload.as_ref()).map(str::to_owned);
        if message.is_none() {
            // A payload of a type of its own may panic in its `Drop`: forgetting it is the one sure way to be rid of it.
            std::mem::forget(payload);
        }
        Caught { message: message.unwrap_or_else(|| MUTE.to_owned()), place: PLACE.take() }
    })
}

/// Makes every panic of the process go to the log once, with thread, message and source line.
///
/// A panic of a supervised actor is left to its supervisor, which logs it as the reason of the restart. While nothing
/// listens to the log at level `error`, the former hook is asked as before. Installing twice does nothing.
pub fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let former = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if GUARDED.get() {
                PLACE.set(info.location().map(ToString::to_string));
            } else if log::log_enabled!(log::Level::Error) {
                log_once(info);
            } else {
                former(info);
            }
        }));
    });
}

fn log_once(info: &PanicHookInfo<'_>) {
    let thread = thread::current();
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    log::error!(
        "thread {} panicked at {place}: {}",
        thread.name().unwrap_or("unnamed"),
        said(info.payload()).unwrap_or(MUTE)
    );
}

const MUTE: &str = "(a panic without a text)";

fn said(payload: &(dyn Any + Send)) -> Option<&str> {
    payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caught_panic_knows_what_was_said_and_where() {
        install();
        let caught = guarded(|| panic!("number {}", 7)).err().map(|caught| (caught.message, caught.place));
        let (message, place) = caught.unwrap_or_default();
        assert_eq!(message, "number 7");
        assert!(place.is_some_and(|place| place.contains("panic_hook.rs:")));
    }

    #[test]
    fn a_payload_that_panics_when_dropped_is_survived() {
        struct Spiteful;
        impl Drop for Spiteful {
            fn drop(&mut self) {
                if !thread::panicking() {
                    panic!("and again");
                }
            }
        }
        let caught = guarded(|| panic::panic_any(Spiteful));
        assert_eq!(caught.err().map(|caught| caught.message), Some(MUTE.to_owned()));
    }
}
