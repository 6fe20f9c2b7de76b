//! Clock and randomness of the vault, as arguments, so that tests can set them.

use std::fmt;
use std::sync::Arc;

use time::OffsetDateTime;

use super::error::Failure;
use crate::domain::port::ErrorKind;

type Now = dyn Fn() -> OffsetDateTime + Send + Sync;

/// Where the vault gets the time and random bytes from.
#[derive(Clone)]
pub struct Ambient {
    now: Arc<Now>,
}

impl Ambient {
    /// The system's clock and generator.
    #[must_use]
    pub fn system() -> Self {
        Self { now: Arc::new(OffsetDateTime::now_utc) }
    }

    /// Another clock and the system's generator.
    #[must_use]
    pub fn with_clock(now: impl Fn() -> OffsetDateTime + Send + Sync + 'static) -> Self {
        Self { now: Arc::new(now) }
    }

    pub(super) fn now(&self) -> OffsetDateTime {
        (self.now)()
    }

    /// Fills `bytes` with randomness fit for keys.
    #[expect(
        clippy::unused_self,
        reason = "randomness belongs to the surroundings, as the clock does"
    )]
    pub(super) fn fill(&self, bytes: &mut [u8]) -> Result<(), Failure> {
        getrandom::fill(bytes).map_err(|_| {
            Failure::new(ErrorKind::Unexpected, "the operating system gives no random bytes")
        })
    }
}

impl fmt::Debug for Ambient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ambient(…)")
    }
}
