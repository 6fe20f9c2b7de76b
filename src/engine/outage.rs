//! A vault that does not answer, or lets nobody in: found out once in a walk, told once.
//!
//! A plan looks at every secret of a profile. Responsible for not waiting for each of them when the
//! vault is down, and for one message instead of a thousand: the first makes the plan fail anyway.
//! Only for looking; an apply asks for each secret again.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::failure::Failure;
use crate::domain::port::{BackendError, ErrorKind};

/// How long the last failure stands for the next call.
const REST: Duration = Duration::from_secs(10);

/// What is known of an outage.
#[derive(Debug, Default)]
pub(super) struct Outage(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last: Option<(BackendError, Instant)>,
    told: bool,
}

impl Outage {
    /// The failure of a moment ago, instead of another call.
    pub(super) fn current(&self) -> Option<Failure> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (error, at) = state.last.as_ref()?;
        (at.elapsed() < REST).then(|| Failure::Backend(error.clone()))
    }

    /// Notes how a call ended.
    pub(super) fn note<T>(&self, answer: &Result<T, Failure>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match answer {
            Err(Failure::Backend(error)) if is_outage(error.kind) => {
                state.last = Some((error.clone(), Instant::now()));
            }
            // Any other answer comes from a vault that works.
            Ok(_) | Err(Failure::Backend(_)) => *state = State::default(),
            Err(_) => {}
        }
    }

    /// True when a failure is to be told: always, but for an outage that was told already.
    pub(super) fn is_news(&self, failure: &Failure) -> bool {
        if !failure.kind().is_some_and(is_outage) {
            return true;
        }
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        !std::mem::replace(&mut state.told, true)
    }
}

const fn is_outage(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Unavailable | ErrorKind::Unauthenticated)
}
