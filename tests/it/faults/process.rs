//! A provider process that reaches a vault by way of a proxy, spoken to as Terraform does.

use coffer::plugin::framework::value::Value;
use serde_json::json;

use crate::conformance::harness::{Reached, Remote};
use crate::support::core::{Core, Instance, Plan, config};
use crate::support::fault_proxy::FaultProxy;
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
        Self::start_with(remote, proxy, serde_json::Map::new()).await
    }

    /// The same with further profiles.
    pub async fn start_with(
        remote: &Remote,
        proxy: &FaultProxy,
        profiles: serde_json::Map<String, serde_json::Value>,
    ) -> Self {
        let directions = remote.directions.as_ref().expect("the binary has this backend");
        Self::directed_with(directions(&proxy.url()), profiles).await
    }

    /// Starts one that was told how to reach a vault.
    pub async fn directed(reached: Reached) -> Self {
        Self::directed_with(reached, serde_json::Map::new()).await
    }

    async fn directed_with(
        mut reached: Reached,
        mut profiles: serde_json::Map<String, serde_json::Value>,
    ) -> Self {
        // No test is to wait for the quota of a real service.
        reached.profile["limits"] = json!({ "concurrency": 64, "requests_per_second": 10_000 });
        let start = Start::new().with("COFFER_FINGERPRINT_KEY", keys::BASE64_256_BITS);
        let variables = reached.environment.into_iter();
        let start = variables.fold(start, |start, (name, value)| start.with(name, &value));
        let peer = start.connect().await;
        let mut core = Core::connect(peer.provider()).await;
        profiles.insert(PROFILE.to_owned(), reached.profile);
        let block = json!({ "default_profile": PROFILE, "profiles": profiles });
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

    /// Another connection to it, for calls at the same time.
    pub async fn another(&self) -> Core {
        Core::connect(self.peer.provider()).await
    }

    /// The number of the process.
    pub fn pid(&self) -> rustix::process::Pid {
        let pid = i32::try_from(self.peer.process.child.id()).expect("a process id");
        rustix::process::Pid::from_raw(pid).expect("a process id")
    }

    /// What it wrote to standard error.
    pub fn stderr(&self) -> String {
        self.peer.process.stderr()
    }
}
