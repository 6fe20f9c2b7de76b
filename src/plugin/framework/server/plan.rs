//! Planning a change of a managed resource.
//!
//! Responsible for the order of the pipeline and for the checks after the resource has had its
//! say. Leaves the single steps to [`plan`](super::super::plan) and nulling to
//! [`guard`](super::super::guard). Source: protocol RPC PlanResourceChange.

use super::super::diag::Diagnostics;
use super::super::guard::{self, Sealed};
use super::super::object::{PlanRequest, PlanResponse};
use super::super::path::Path;
use super::super::plan;
use super::super::private::Private;
use super::super::value::Value;
use super::Server;
use super::call::{Doing, guarded, report};
use super::catalogue::{ResourceEntry, find};
use super::exchange::{ClientCapabilities, Encoded};
use super::identity;

/// A request to plan.
#[derive(Debug, Default)]
pub struct PlanCall {
    /// Type of the resource.
    pub type_name: String,
    /// State before; null for a create.
    pub prior: Encoded,
    /// What core proposes; null for a destroy.
    pub proposed: Encoded,
    /// The configuration; null for a destroy.
    pub config: Encoded,
    /// Private data of the prior state.
    pub private: Vec<u8>,
    /// Private data of the plan before this one, when the client keeps it.
    pub planned_private: Vec<u8>,
    /// Identity of the prior state.
    pub identity: Option<Encoded>,
    /// What the client can do.
    pub client: ClientCapabilities,
}

/// A plan.
#[derive(Debug, Default)]
pub struct PlanAnswer {
    /// The planned object; null for a destroy.
    pub planned: Encoded,
    /// Attributes that force a replacement.
    pub requires_replace: Vec<Path>,
    /// Private data for apply.
    pub private: Vec<u8>,
    /// Planned identity, when it is known.
    pub identity: Option<Encoded>,
    /// Messages.
    pub diagnostics: Diagnostics,
}

impl Server {
    /// PlanResourceChange.
    pub async fn plan(&self, call: PlanCall) -> PlanAnswer {
        let mut diags = Diagnostics::new();
        let found = find(&self.catalogue.resources, "resource type", &call.type_name, &mut diags);
        let inputs = found.and_then(|entry| Inputs::decode(entry, &call, &mut diags));
        let (Some(entry), Some(inputs)) = (found, inputs) else {
            return PlanAnswer {
                planned: Encoded::null(),
                diagnostics: diags,
                ..PlanAnswer::default()
            };
        };
        if inputs.proposed.is_null() {
            self.plan_destroy(entry, &call, inputs, diags).await
        } else {
            self.plan_change(entry, &call, inputs, diags).await
        }
    }

    async fn plan_destroy(
        &self,
        entry: &ResourceEntry,
        call: &PlanCall,
        inputs: Inputs,
        mut diags: Diagnostics,
    ) -> PlanAnswer {
        if let Some(prior) = &inputs.prior {
            let running = self.calls.start();
            let doing = Doing { operation: "the plan to destroy", type_name: &call.type_name };
            let private = &inputs.private;
            let work = entry.object.plan_destroy(running.context(), prior, private, &mut diags);
            report(guarded(doing, work).await, &mut diags);
        }
        PlanAnswer {
            planned: Encoded::null(),
            private: call.private.clone(),
            identity: identity::encode(entry, inputs.identity, &mut diags),
            diagnostics: diags,
            requires_replace: Vec::new(),
        }
    }

    async fn plan_change(
        &self,
        entry: &ResourceEntry,
        call: &PlanCall,
        mut inputs: Inputs,
        diags: Diagnostics,
    ) -> PlanAnswer {
        let proposed = std::mem::take(&mut inputs.proposed);
        let mut response = generic(entry, &inputs, proposed, diags);
        let planned_private =
            (!call.planned_private.is_empty()).then(|| Private::decode(&call.planned_private));
        let request = PlanRequest {
            schema: &entry.shape.schema,
            config: &inputs.config,
            prior: inputs.prior.as_ref(),
            private: &inputs.private,
            store_planned_private: call.client.store_planned_private,
            planned_private: planned_private.as_ref(),
            identity: inputs.identity.as_ref(),
        };
        let running = self.calls.start();
        let doing = Doing { operation: "the plan", type_name: &call.type_name };
        let work = entry.object.plan(running.context(), request, &mut response);
        let outcome = guarded(doing, work).await;
        report(outcome, &mut response.diagnostics);
        finish(entry, &inputs, response)
    }
}

/// The decoded request.
struct Inputs {
    prior: Option<Value>,
    proposed: Value,
    config: Value,
    private: Private,
    identity: Option<Value>,
}

impl Inputs {
    fn decode(entry: &ResourceEntry, call: &PlanCall, diags: &mut Diagnostics) -> Option<Self> {
        let ty = &entry.shape.ty;
        Some(Self {
            prior: Some(call.prior.decode(ty, "prior state", diags)?).filter(|v| !v.is_null()),
            proposed: call.proposed.decode(ty, "proposed state", diags)?,
            config: call.config.decode(ty, "configuration", diags)?,
            private: Private::decode(&call.private),
            identity: identity::decode(entry, call.identity.as_ref(), diags),
        })
    }
}

/// The steps before the resource's own: copy the proposal, fill defaults, null write-only values,
/// mark computed attributes unknown when something differs, collect replacements.
fn generic(
    entry: &ResourceEntry,
    inputs: &Inputs,
    proposed: Value,
    diagnostics: Diagnostics,
) -> PlanResponse {
    let schema = &entry.shape.schema;
    let (config, prior) = (&inputs.config, inputs.prior.as_ref());
    let mut planned = proposed;
    plan::fill_defaults(schema, config, &mut planned);
    let mut planned = guard::seal(&entry.shape, planned).into_value();
    if prior.is_none_or(|prior| !planned.same(prior)) {
        plan::mark_unknown(schema, config, prior, &mut planned);
    }
    let requires_replace =
        prior.map(|prior| plan::replacements(schema, config, prior, &planned)).unwrap_or_default();
    PlanResponse {
        planned,
        requires_replace,
        private: inputs.private.clone(),
        identity: inputs.identity.clone(),
        diagnostics,
    }
}

/// The steps after it: the plan fits the schema and has no write-only value, an unchanged plan is
/// the prior state, the identity stays, paths are in order.
fn finish(entry: &ResourceEntry, inputs: &Inputs, response: PlanResponse) -> PlanAnswer {
    let PlanResponse { planned, mut requires_replace, private, identity, mut diagnostics } =
        response;
    let planned = guard::planned(&entry.shape, planned, &mut diagnostics);
    let planned = match &inputs.prior {
        Some(prior) if planned.value().same(prior) => guard::seal(&entry.shape, prior.clone()),
        _ => planned,
    };
    plan::normalise(&mut requires_replace);
    drop_dead_paths(inputs, &planned, &mut requires_replace, &mut diagnostics);
    let replaced = inputs.prior.is_none() || !requires_replace.is_empty();
    if !replaced {
        identity::check_unchanged(
            entry,
            inputs.identity.as_ref(),
            identity.as_ref(),
            &mut diagnostics,
        );
    }
    let identity = identity.filter(|identity| replaced || identity.is_wholly_known());
    PlanAnswer {
        planned: Encoded::sealed(&planned, &entry.shape.ty, &mut diagnostics),
        requires_replace,
        private: private.encode(),
        identity: identity::encode(entry, identity, &mut diagnostics),
        diagnostics,
    }
}

/// Core refuses replacement paths that lead nowhere in both the prior state and the plan.
fn drop_dead_paths(
    inputs: &Inputs,
    planned: &Sealed,
    paths: &mut Vec<Path>,
    diags: &mut Diagnostics,
) {
    let Some(prior) = &inputs.prior else { return paths.clear() };
    paths.retain(|path| {
        let alive = path.find(prior).is_some() || path.find(planned.value()).is_some();
        if !alive {
            diags.error(
                path.clone(),
                "The provider names an attribute that does not exist",
                format!(
                    "{path} is said to force a replacement, but is neither in the state nor in \
                     the plan. This is a bug in the provider, please report it."
                ),
            );
        }
        alive
    });
}
