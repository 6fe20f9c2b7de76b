//! Taking over objects that exist: import and move.
//!
//! Responsible for both ways of naming an import and for states of other resource types. Both
//! start from data that this provider did not write; what comes out is sealed like any state.
//! Source: protocol RPCs ImportResourceState, MoveResourceState.

use super::super::diag::Diagnostics;
use super::super::object::{ImportRequest, MoveRequest, MoveResponse, StateResponse};
use super::super::path::Path;
use super::super::value::Value;
use super::Server;
use super::call::{Doing, guarded, report};
use super::catalogue::find;
use super::exchange::{Encoded, StateAnswer, StoredState};
use super::identity;

/// A request to import.
#[derive(Debug, Default)]
pub struct ImportCall {
    /// Type of the resource.
    pub type_name: String,
    /// Id given by the user; empty when an identity is given.
    pub id: String,
    /// Identity given by the user.
    pub identity: Option<Encoded>,
}

/// A request to move.
#[derive(Debug, Default)]
pub struct MoveCall {
    /// Provider source address, as the CLI writes it.
    pub source_provider: String,
    /// Resource type of the source.
    pub source_type: String,
    /// Schema version of the source state.
    pub source_version: i64,
    /// The source state.
    pub source_state: StoredState,
    /// Type of the resource that takes over.
    pub target_type: String,
}

impl Server {
    /// ImportResourceState. An answer without state has an error.
    pub async fn import(&self, call: ImportCall) -> StateAnswer {
        let mut diags = Diagnostics::new();
        let found = find(&self.catalogue.resources, "resource type", &call.type_name, &mut diags);
        let Some(entry) = found else { return StateAnswer::failed(diags) };
        let identity = identity::decode(entry, call.identity.as_ref(), &mut diags);
        if diags.has_errors() {
            return StateAnswer::failed(diags);
        }
        let by_identity = identity.is_some();
        let request = match identity.clone() {
            Some(identity) => ImportRequest::Identity(identity),
            None => ImportRequest::Id(call.id),
        };
        let mut response = StateResponse { identity, ..StateResponse::default() };
        let running = self.calls.start();
        let doing = Doing { operation: "import", type_name: &call.type_name };
        let work = entry.object.import(running.context(), request, &mut response);
        let outcome = guarded(doing, work).await;
        report(outcome, &mut response.diagnostics);
        if !response.diagnostics.has_errors() {
            if response.state.as_ref().is_none_or(Value::is_null) {
                no_state("import", &mut response.diagnostics);
            } else if by_identity {
                let identity = response.identity.as_ref();
                identity::check_present(entry, identity, &mut response.diagnostics);
            }
        }
        StateAnswer::stored(entry, response)
    }

    /// MoveResourceState.
    pub async fn move_state(&self, call: MoveCall) -> StateAnswer {
        let mut diags = Diagnostics::new();
        let objects = &self.catalogue.resources;
        let Some(entry) = find(objects, "resource type", &call.target_type, &mut diags) else {
            return StateAnswer::failed(diags);
        };
        let Some(source_state) = call.source_state.parse(&mut diags) else {
            return StateAnswer::failed(diags);
        };
        let request = MoveRequest {
            source_provider: call.source_provider,
            source_type: call.source_type.clone(),
            source_version: call.source_version,
            source_state,
        };
        let mut response = MoveResponse { diagnostics: diags, ..MoveResponse::default() };
        let running = self.calls.start();
        let doing = Doing { operation: "move", type_name: &call.target_type };
        let work = entry.object.move_state(running.context(), request, &mut response);
        let outcome = guarded(doing, work).await;
        report(outcome, &mut response.diagnostics);
        let MoveResponse { state, private, identity, mut diagnostics } = response;
        if state.is_none() && !diagnostics.has_errors() {
            diagnostics.error(
                Path::root(),
                "This move is not supported",
                format!(
                    "{} cannot take over the state of {}. Next step: remove the moved block, and \
                     import the object instead.",
                    call.target_type, call.source_type
                ),
            );
        }
        StateAnswer::stored(entry, StateResponse { state, private, identity, diagnostics })
    }
}

fn no_state(operation: &str, diags: &mut Diagnostics) {
    diags.error(
        Path::root(),
        "The provider returned no object",
        format!(
            "The {operation} reported success and no state. This is a bug in the provider, please \
             report it."
        ),
    );
}
