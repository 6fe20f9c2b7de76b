//! The run of one use case: deadline, stop signal, clock and randomness.
//!
//! Responsible for ending work in time: after a stop no new call to a vault is made, and the one
//! in flight gets a short grace so that its answer is not lost. Leaves retries and pacing to
//! [`vault`](super::vault). Clock and randomness come in from outside, so that tests decide them.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::time::Instant;

use super::failure::Failure;

/// How long a call in flight may still answer after a stop. Terraform itself waits two seconds.
pub const STOP_GRACE: Duration = Duration::from_millis(1500);

/// Waits until the user stops the run.
pub type StopSignal = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// Where time and randomness come from.
#[derive(Debug, Clone, Copy)]
pub struct World {
    /// The time now.
    pub now: fn() -> OffsetDateTime,
    /// Random bytes for salts and nonces.
    pub random: fn() -> [u8; 16],
}

/// One run of a use case.
#[derive(Clone)]
pub struct Run {
    world: World,
    timeout: Duration,
    deadline: Instant,
    stop: StopSignal,
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

impl Run {
    /// A run that ends after `timeout` or when `stop` says so.
    #[must_use]
    pub fn new(world: World, timeout: Duration, stop: StopSignal) -> Self {
        Self { world, timeout, deadline: Instant::now() + timeout, stop }
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        (self.world.now)()
    }

    /// Random bytes for a salt or nonce.
    #[must_use]
    pub fn random(&self) -> [u8; 16] {
        (self.world.random)()
    }

    /// Time left until the deadline.
    pub(crate) fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Runs `work` until it ends, the time is over or the user stops.
    ///
    /// # Errors
    /// [`Failure::TimedOut`] and [`Failure::Stopped`]; then `work` was dropped where it stood.
    pub(crate) async fn bounded<T>(
        &self,
        operation: &'static str,
        work: impl Future<Output = T>,
    ) -> Result<T, Failure> {
        let mut work = std::pin::pin!(work);
        tokio::select! {
            biased;
            answer = &mut work => return Ok(answer),
            () = tokio::time::sleep_until(self.deadline) => {
                return Err(Failure::TimedOut { operation, after: self.timeout });
            }
            () = (self.stop)() => {}
        }
        let grace = Instant::now() + STOP_GRACE;
        tokio::select! {
            biased;
            answer = &mut work => Ok(answer),
            () = tokio::time::sleep_until(grace.min(self.deadline)) => {
                Err(Failure::Stopped { operation, in_flight: true })
            }
        }
    }

    /// Fails when the run is stopped or its time is over, before anything new is begun.
    ///
    /// # Errors
    /// [`Failure::TimedOut`] and [`Failure::Stopped`].
    pub(crate) async fn check(&self, operation: &'static str) -> Result<(), Failure> {
        if self.remaining().is_zero() {
            return Err(Failure::TimedOut { operation, after: self.timeout });
        }
        tokio::select! {
            biased;
            () = (self.stop)() => Err(Failure::Stopped { operation, in_flight: false }),
            () = std::future::ready(()) => Ok(()),
        }
    }

    /// Waits, unless the run ends first.
    ///
    /// # Errors
    /// [`Failure::TimedOut`] and [`Failure::Stopped`].
    pub(crate) async fn pause(
        &self,
        operation: &'static str,
        until: Instant,
    ) -> Result<(), Failure> {
        if until >= self.deadline {
            return Err(Failure::TimedOut { operation, after: self.timeout });
        }
        tokio::select! {
            biased;
            () = (self.stop)() => Err(Failure::Stopped { operation, in_flight: false }),
            () = tokio::time::sleep_until(until) => Ok(()),
        }
    }
}
