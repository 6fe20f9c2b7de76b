//! What kills a provider process, and when.

use std::sync::{Arc, Mutex};

use super::super::process::Provider;
use crate::support::fault_proxy::{Boundary, Hook};

/// Kills a process at a boundary of a request.
#[derive(Default)]
pub struct Trap(Mutex<State>);

#[derive(Default)]
enum State {
    #[default]
    Idle,
    Set(rustix::process::Pid, Boundary),
    Sprung,
}

impl Trap {
    /// What the proxy calls.
    pub fn hook(self: &Arc<Self>) -> Hook {
        let trap = Arc::clone(self);
        Arc::new(move |boundary| trap.pass(boundary))
    }

    /// Waits for a process there.
    pub fn set(&self, provider: &Provider, at: Boundary) {
        *self.0.lock().unwrap() = State::Set(provider.pid(), at);
    }

    /// Waits no more; true when it has killed.
    pub fn has_sprung(&self) -> bool {
        let state = std::mem::take(&mut *self.0.lock().unwrap());
        matches!(state, State::Sprung)
    }

    fn pass(&self, boundary: Boundary) -> bool {
        let mut state = self.0.lock().unwrap();
        match *state {
            State::Set(pid, at) if at == boundary => {
                rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
                *state = State::Sprung;
                false
            }
            _ => true,
        }
    }
}
