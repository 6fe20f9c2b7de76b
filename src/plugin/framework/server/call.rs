//! Running one call: cancellation and panics.
//!
//! Responsible for giving each call its own [`Context`], for cancelling all of them on stop, and
//! for turning a panic into a diagnostic. A call that is dropped while it runs (its client went
//! away) cancels its context, too, for what it may have started elsewhere.
//! Source: protocol RPC StopProvider; it cancels what runs and leaves the server running.

use std::collections::BTreeMap;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use super::super::context::{Cancellation, Context};
use super::super::diag::Diagnostics;
use super::super::path::Path;

/// The calls that run now.
#[derive(Debug, Default)]
pub(super) struct Calls(Mutex<Running>);

#[derive(Debug, Default)]
struct Running {
    next: u64,
    calls: BTreeMap<u64, Cancellation>,
}

impl Calls {
    /// Registers a call; it ends when the answer is dropped.
    pub(super) fn start(&self) -> Call<'_> {
        let mut running = self.lock();
        let number = running.next;
        running.next += 1;
        let cancellation = Cancellation::default();
        running.calls.insert(number, cancellation.clone());
        Call { calls: self, number, context: Context::new(cancellation) }
    }

    pub(super) fn cancel_all(&self) {
        for call in self.lock().calls.values() {
            call.cancel();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Running> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One running call.
pub(super) struct Call<'c> {
    calls: &'c Calls,
    number: u64,
    context: Context,
}

impl Call<'_> {
    pub(super) const fn context(&self) -> &Context {
        &self.context
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.calls.lock().calls.remove(&self.number);
        self.context.cancellation().cancel();
    }
}

/// What failed, for the message of a panic.
#[derive(Clone, Copy)]
pub(super) struct Doing<'d> {
    /// The operation as a noun ("create").
    pub(super) operation: &'static str,
    /// The object's type name.
    pub(super) type_name: &'d str,
}

/// Runs code of an object. A panic becomes an error, without its message: it may contain values.
pub(super) async fn guarded<T>(
    doing: Doing<'_>,
    future: impl Future<Output = T>,
) -> Result<T, Diagnostics> {
    let mut future = pin!(future);
    let outcome = std::future::poll_fn(|cx| {
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Err(_) => Poll::Ready(Err(())),
        }
    });
    outcome.await.map_err(|()| panicked(doing))
}

/// Like [`guarded`], for code without waiting.
pub(super) fn guarded_sync<T>(doing: Doing<'_>, f: impl FnOnce() -> T) -> Result<T, Diagnostics> {
    catch_unwind(AssertUnwindSafe(f)).map_err(|_| panicked(doing))
}

/// Adds the error of a panic to the other messages.
pub(super) fn report(outcome: Result<(), Diagnostics>, diags: &mut Diagnostics) {
    if let Err(panic) = outcome {
        diags.extend(panic);
    }
}

fn panicked(doing: Doing<'_>) -> Diagnostics {
    let mut diags = Diagnostics::new();
    diags.error(
        Path::root(),
        "The provider failed unexpectedly",
        format!(
            "It panicked during {} of {}. This is a bug in the provider and not in the \
             configuration; what was known of the state is kept. Next step: check whether the \
             operation took effect, run again with TF_LOG=debug, and report the place of the \
             panic that the log names.",
            doing.operation, doing.type_name
        ),
    );
    diags
}
