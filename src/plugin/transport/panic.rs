//! What a panic tells and to whom.
//!
//! A panic inside a call is caught there and becomes a diagnostic; this module logs where it
//! happened. Only when the process really dies is a line written that begins with `panic: `: the
//! host then shows the lines that follow to the user, even with logging off.
//! Invariant: the payload is never shown, because it may contain a value; the place is enough to
//! find the cause.

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook};
use std::sync::{Mutex, PoisonError};

/// Where the last panic happened.
static PLACE: Mutex<Option<String>> = Mutex::new(None);

/// Runs the whole process. `None` when it panicked; the user has been told then.
pub fn catch<T>(product: &str, run: impl FnOnce() -> T) -> Option<T> {
    set_hook(Box::new(hook));
    // What `run` leaves behind is not looked at: the process ends.
    let result = catch_unwind(AssertUnwindSafe(run));
    if result.is_err() {
        let place = PLACE.lock().unwrap_or_else(PoisonError::into_inner).take();
        let place = place.unwrap_or_else(|| "an unknown place".to_owned());
        // Standard error may be closed; there is nobody else to tell.
        let _ = std::io::stderr().write_all(last_words(product, &place).as_bytes());
    }
    result.ok()
}

/// Begins with what the host looks for.
fn last_words(product: &str, place: &str) -> String {
    format!(
        "panic: {product} ended because of a mistake in its own code, at {place}.\n\n\
         The configuration is not to blame. Please report the line above; it contains none of \
         your values.\n"
    )
}

fn hook(info: &PanicHookInfo<'_>) {
    let place = info.location().map_or_else(
        || "an unknown place".to_owned(),
        |l| format!("{}:{}:{}", l.file(), l.line(), l.column()),
    );
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or("unnamed");
    tracing::error!(place, thread, "a mistake in the provider's own code was met");
    *PLACE.lock().unwrap_or_else(PoisonError::into_inner) = Some(place);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_words_are_what_the_host_looks_for() {
        assert!(last_words("x", "src/a.rs:1:2").starts_with("panic: x ended"));
    }
}
