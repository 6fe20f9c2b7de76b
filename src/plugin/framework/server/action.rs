//! Planning and invoking actions.
//!
//! Responsible for decoding and dispatch; progress is passed on as it comes.
//! Source: protocol RPCs PlanAction, InvokeAction (streamed; Terraform ≥ 1.14).

use super::super::diag::Diagnostics;
use super::Server;
use super::call::{Doing, guarded, report};
use super::catalogue::find;
use super::exchange::Encoded;

impl Server {
    /// PlanAction.
    pub async fn plan_action(&self, type_name: &str, config: &Encoded) -> Diagnostics {
        let mut diags = Diagnostics::new();
        let found = find(&self.catalogue.actions, "action", type_name, &mut diags);
        let config =
            found.and_then(|entry| config.decode(&entry.shape.ty, "configuration", &mut diags));
        if let (Some(entry), Some(config)) = (found, config) {
            let running = self.calls.start();
            let doing = Doing { operation: "the plan", type_name };
            let work = entry.object.plan(running.context(), &config, &mut diags);
            report(guarded(doing, work).await, &mut diags);
        }
        diags
    }

    /// InvokeAction. Calls `progress` for each line; the answer completes the action.
    pub async fn invoke_action(
        &self,
        type_name: &str,
        config: &Encoded,
        progress: &mut (dyn FnMut(String) + Send),
    ) -> Diagnostics {
        let mut diags = Diagnostics::new();
        let found = find(&self.catalogue.actions, "action", type_name, &mut diags);
        let config =
            found.and_then(|entry| config.decode(&entry.shape.ty, "configuration", &mut diags));
        if let (Some(entry), Some(config)) = (found, config) {
            let running = self.calls.start();
            let doing = Doing { operation: "the action", type_name };
            let work = entry.object.invoke(running.context(), config, progress, &mut diags);
            report(guarded(doing, work).await, &mut diags);
        }
        diags
    }
}
