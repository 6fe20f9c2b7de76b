//! The context of one call: cancellation and who is asking.
//!
//! Responsible for telling a running call that it should stop (StopProvider, a dropped stream of
//! a read, shutdown). Leaves deadlines to those who have a clock.
//! Source: protocol RPC StopProvider; it cancels calls and leaves the server running.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};

/// Shared switch that is turned once.
#[derive(Debug, Clone, Default)]
pub struct Cancellation(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    cancelled: bool,
    wakers: Vec<Waker>,
}

impl Cancellation {
    /// Turns the switch and wakes all who wait.
    pub fn cancel(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.cancelled = true;
        for waker in state.wakers.drain(..) {
            waker.wake();
        }
    }

    /// True once the switch was turned.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).cancelled
    }

    /// Waits until the switch is turned.
    pub fn cancelled(&self) -> impl Future<Output = ()> + Send + use<> {
        let shared = self.0.clone();
        std::future::poll_fn(move |cx| {
            let mut state = shared.lock().unwrap_or_else(PoisonError::into_inner);
            if state.cancelled {
                return Poll::Ready(());
            }
            if !state.wakers.iter().any(|w| w.will_wake(cx.waker())) {
                state.wakers.push(cx.waker().clone());
            }
            Poll::Pending
        })
    }
}

/// What every call gets.
#[derive(Debug, Clone, Default)]
pub struct Context {
    cancellation: Cancellation,
}

impl Context {
    /// A context that ends with `cancellation`.
    #[must_use]
    pub const fn new(cancellation: Cancellation) -> Self {
        Self { cancellation }
    }

    /// The switch of this call.
    #[must_use]
    pub const fn cancellation(&self) -> &Cancellation {
        &self.cancellation
    }
}

/// A boxed future, for trait objects.
pub type BoxFuture<'f, T> = Pin<Box<dyn Future<Output = T> + Send + 'f>>;
