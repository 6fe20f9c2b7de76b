//! A provider process, spoken to as Terraform does, and what kills it.

use std::sync::{Arc, Mutex};

use coffer::plugin::framework::value::Value;
use serde_json::json;

use crate::conformance::harness::Remote;
use crate::support::core::{Core, Instance, Plan, config};
use crate::support::fault_proxy::{Boundary, FaultProxy, Hook};
use crate::support::keys;
use crate::support::peer::{Peer, Start};

/// The profile of all configurations.
pub const PROFILE: &str = "main";

/// A configured process.
pub struct Provider {
    /// Terraform's side.
    pub core: Core,
    peer: Peer,
}

impl Provider {
    /// Starts one that reaches the vault through a proxy.
    pub async fn start(remote: &Remote, proxy: &FaultProxy) -> Self {
        let directions = remote.directions.as_ref().expect("the binary has this backend");
        let mut reached = directions(&proxy.url());
        // No test is to wait for the quota of a real service.
        reached.profile["limits"] = json!({ "concurrency": 64, "requests_per_second": 10_000 });
        let start = Start::new().with("COFFER_FINGERPRINT_KEY", keys::BASE64_256_BITS);
        let variables = reached.environment.into_iter();
        let start = variables.fold(start, |start, (name, value)| start.with(name, &value));
        let peer = start.connect().await;
        let mut core = Core::connect(peer.provider()).await;
        let block = json!({ "default_profile": PROFILE, "profiles": { PROFILE: reached.profile } });
        let block = config(&core.provider, &block);
        core.configure(&block).await.expect("the configuration works");
        Self { core, peer }
    }

    /// Applies a plan; none when the process died meanwhile.
    pub async fn apply(
        &mut self,
        resource: &str,
        prior: &Instance,
        plan: &Plan,
        config: &Value,
    ) -> Option<(Instance, Vec<String>)> {
        let request = self.core.apply_request(resource, prior, plan, config);
        let answer = self.core.client.apply_resource_change(request).await.ok()?;
        Some(self.core.applied(resource, plan, answer.into_inner()))
    }

    /// What it wrote to standard error.
    pub fn stderr(&self) -> String {
        self.peer.process.stderr()
    }
}

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
        let pid = i32::try_from(provider.peer.process.child.id()).expect("a process id");
        let pid = rustix::process::Pid::from_raw(pid).expect("a process id");
        *self.0.lock().unwrap() = State::Set(pid, at);
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
