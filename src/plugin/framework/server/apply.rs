//! Applying a planned change of a managed resource.
//!
//! Responsible for choosing between create, update and delete, and for what core expects of the
//! outcome: an object after create and update, none after delete, the prior state when an update
//! or delete failed early. Source: protocol RPC ApplyResourceChange.

use super::super::context::Context;
use super::super::diag::Diagnostics;
use super::super::guard;
use super::super::object::{ApplyRequest, DeleteRequest, StateResponse};
use super::super::path::Path;
use super::super::private::Private;
use super::super::value::Value;
use super::Server;
use super::call::{Doing, guarded, report};
use super::catalogue::{ResourceEntry, find};
use super::exchange::{Encoded, StateAnswer};
use super::identity;

/// A request to apply.
#[derive(Debug, Default)]
pub struct ApplyCall {
    /// Type of the resource.
    pub type_name: String,
    /// State before; null for a create.
    pub prior: Encoded,
    /// What was planned; null for a destroy.
    pub planned: Encoded,
    /// The configuration; null for a destroy.
    pub config: Encoded,
    /// Private data of the plan.
    pub private: Vec<u8>,
    /// Planned identity.
    pub identity: Option<Encoded>,
}

impl Server {
    /// ApplyResourceChange.
    pub async fn apply(&self, call: ApplyCall) -> StateAnswer {
        let mut diags = Diagnostics::new();
        let found = find(&self.catalogue.resources, "resource type", &call.type_name, &mut diags);
        let Some(entry) = found else { return StateAnswer::failed(diags) };
        let Some(inputs) = Inputs::decode(entry, &call, &mut diags) else {
            // Null with an error makes core keep the prior state.
            return StateAnswer::failed(diags);
        };
        let change = inputs.change();
        let before = inputs.before();
        let mut response = StateResponse {
            state: before.state.clone(),
            private: inputs.private.clone(),
            identity: inputs.identity.clone().filter(Value::is_wholly_known),
            diagnostics: diags,
        };
        let running = self.calls.start();
        let doing = Doing { operation: change.name(), type_name: &call.type_name };
        let work = inputs.run(entry, change, running.context(), &mut response);
        let outcome = guarded(doing, work).await;
        report(outcome, &mut response.diagnostics);
        finish(entry, change, before, response)
    }
}

/// What is to be done.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Create,
    Update,
    Delete,
}

impl Change {
    const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// What was known before.
struct Before {
    state: Option<Value>,
    identity: Option<Value>,
}

/// The decoded request.
struct Inputs {
    prior: Option<Value>,
    planned: Value,
    config: Value,
    private: Private,
    identity: Option<Value>,
}

impl Inputs {
    fn decode(entry: &ResourceEntry, call: &ApplyCall, diags: &mut Diagnostics) -> Option<Self> {
        let ty = &entry.shape.ty;
        let prior = call.prior.decode(ty, "prior state", diags)?;
        let planned = call.planned.decode(ty, "planned state", diags)?;
        Some(Self {
            prior: Some(prior).filter(|prior| !prior.is_null()),
            planned: guard::seal(&entry.shape, planned).into_value(),
            config: call.config.decode(ty, "configuration", diags)?,
            private: Private::decode(&call.private),
            identity: identity::decode(entry, call.identity.as_ref(), diags),
        })
    }

    const fn change(&self) -> Change {
        match (&self.prior, &self.planned) {
            (_, Value::Null) => Change::Delete,
            (None, _) => Change::Create,
            (Some(_), _) => Change::Update,
        }
    }

    fn before(&self) -> Before {
        Before { state: self.prior.clone(), identity: self.identity.clone() }
    }

    async fn run(
        self,
        entry: &ResourceEntry,
        change: Change,
        ctx: &Context,
        response: &mut StateResponse,
    ) {
        let object = &entry.object;
        let Self { prior, planned, config, private, identity } = self;
        match (change, prior) {
            (Change::Delete, None) => {}
            (Change::Delete, Some(prior)) => {
                object.delete(ctx, DeleteRequest { prior, private }, response).await;
                if !response.diagnostics.has_errors() {
                    response.state = None;
                }
            }
            (Change::Create, prior) => {
                let request = ApplyRequest { config, planned, prior, private, identity };
                object.create(ctx, request, response).await;
            }
            (Change::Update, prior) => {
                let request = ApplyRequest { config, planned, prior, private, identity };
                object.update(ctx, request, response).await;
            }
        }
    }
}

fn finish(
    entry: &ResourceEntry,
    change: Change,
    before: Before,
    mut response: StateResponse,
) -> StateAnswer {
    let failed = response.diagnostics.has_errors();
    let missing = response.state.as_ref().is_none_or(Value::is_null);
    if missing && change != Change::Delete && !failed {
        response.diagnostics.error(
            Path::root(),
            "The provider returned no object",
            format!(
                "The {} reported success and no state. This is a bug in the provider, please \
                 report it. Next step: check whether the object exists before running again.",
                change.name()
            ),
        );
    }
    if missing && change != Change::Create && (failed || change == Change::Update) {
        response.state = before.state;
    }
    if change != Change::Delete && !failed && !missing {
        let returned = response.identity.as_ref();
        identity::check_present(entry, returned, &mut response.diagnostics);
        let known = before.identity.as_ref().filter(|identity| identity.is_wholly_known());
        identity::check_unchanged(entry, known, returned, &mut response.diagnostics);
    }
    StateAnswer::stored(entry, response)
}
