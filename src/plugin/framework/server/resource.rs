//! Reading, upgrading and generating configuration of managed resources.
//!
//! Responsible for those RPCs; planning and applying have files of their own.
//! Source: protocol RPCs ReadResource, UpgradeResourceState, GenerateResourceConfig.

use super::super::diag::Diagnostics;
use super::super::guard;
use super::super::object::{ReadRequest, StateResponse};
use super::super::path::Path;
use super::super::plan;
use super::super::private::Private;
use super::super::value::Value;
use super::Server;
use super::call::{Doing, guarded, guarded_sync, report};
use super::catalogue::{ResourceEntry, find};
use super::exchange::{Encoded, StateAnswer, StoredState, ValueAnswer, lenient};
use super::identity;

/// A request to read.
#[derive(Debug, Default)]
pub struct ReadCall {
    /// Type of the resource.
    pub type_name: String,
    /// The state as stored.
    pub state: Encoded,
    /// Private data as stored.
    pub private: Vec<u8>,
    /// Identity as stored.
    pub identity: Option<Encoded>,
}

impl Server {
    /// ReadResource.
    pub async fn read(&self, call: ReadCall) -> StateAnswer {
        let mut diags = Diagnostics::new();
        let found = find(&self.catalogue.resources, "resource type", &call.type_name, &mut diags);
        let Some(entry) = found else { return StateAnswer::failed(diags) };
        let Some(state) = call.state.decode(&entry.shape.ty, "state", &mut diags) else {
            return StateAnswer::failed(diags);
        };
        let private = Private::decode(&call.private);
        let identity = identity::decode(entry, call.identity.as_ref(), &mut diags);
        if state.is_null() {
            return StateAnswer::failed(diags);
        }
        let mut response = StateResponse {
            state: Some(state.clone()),
            private: private.clone(),
            identity: identity.clone(),
            diagnostics: diags,
        };
        let running = self.calls.start();
        let doing = Doing { operation: "read", type_name: &call.type_name };
        let before = identity.clone();
        let request = ReadRequest { state, private, identity };
        let work = entry.object.read(running.context(), request, &mut response);
        let outcome = guarded(doing, work).await;
        report(outcome, &mut response.diagnostics);
        if response.state.is_some() && !response.diagnostics.has_errors() {
            let after = response.identity.as_ref();
            identity::check_present(entry, after, &mut response.diagnostics);
            identity::check_unchanged(entry, before.as_ref(), after, &mut response.diagnostics);
        }
        StateAnswer::stored(entry, response)
    }

    /// UpgradeResourceState; called for every state that is read, mostly of the same version.
    #[must_use]
    pub fn upgrade_state(
        &self,
        type_name: &str,
        version: i64,
        stored: &StoredState,
    ) -> ValueAnswer {
        let mut diags = Diagnostics::new();
        let found = find(&self.catalogue.resources, "resource type", type_name, &mut diags);
        let upgraded =
            found.and_then(|entry| upgrade(entry, type_name, version, stored, &mut diags));
        let (Some(entry), Some(state)) = (found, upgraded) else {
            return ValueAnswer::failed(diags);
        };
        let sealed = guard::stored(&entry.shape, state, &mut diags);
        let value = Encoded::sealed(&sealed, &entry.shape.ty, &mut diags);
        ValueAnswer { value, diagnostics: diags }
    }

    /// GenerateResourceConfig.
    #[must_use]
    pub fn generate_config(&self, type_name: &str, state: &Encoded) -> ValueAnswer {
        let mut diags = Diagnostics::new();
        let found = find(&self.catalogue.resources, "resource type", type_name, &mut diags);
        let state = found.and_then(|entry| state.decode(&entry.shape.ty, "state", &mut diags));
        let (Some(entry), Some(state)) = (found, state) else { return ValueAnswer::failed(diags) };
        let mut config = plan::config_from_state(&entry.shape.schema, &state);
        let doing = Doing { operation: "generating the configuration", type_name };
        let outcome = guarded_sync(doing, || entry.object.generate_config(&state, &mut config));
        report(outcome, &mut diags);
        let sealed = guard::stored(&entry.shape, config, &mut diags);
        let value = Encoded::sealed(&sealed, &entry.shape.ty, &mut diags);
        ValueAnswer { value, diagnostics: diags }
    }
}

fn upgrade(
    entry: &ResourceEntry,
    type_name: &str,
    version: i64,
    stored: &StoredState,
    diags: &mut Diagnostics,
) -> Option<Value> {
    let current = entry.shape.schema.version;
    if version > current {
        diags.error(
            Path::root(),
            "The stored state is newer than the provider",
            format!(
                "It has schema version {version}, this provider knows up to {current}. Next step: \
                 use the version of the provider that wrote it, or a newer one."
            ),
        );
        return None;
    }
    if version == current {
        return stored.current(&entry.shape.ty, diags);
    }
    let json = stored.parse(diags)?;
    let doing = Doing { operation: "the upgrade of the state", type_name };
    let mut own = Diagnostics::new();
    let upgraded = guarded_sync(doing, || entry.object.upgrade(version, json, &mut own));
    diags.extend(own);
    match upgraded {
        Ok(json) => lenient(json?, &entry.shape.ty, diags),
        Err(panic) => {
            diags.extend(panic);
            None
        }
    }
}

impl StateAnswer {
    /// No state, only messages.
    pub(super) fn failed(diagnostics: Diagnostics) -> Self {
        Self { state: Encoded::null(), diagnostics, ..Self::default() }
    }

    /// The answer of every call that returns an object to store, on every exit: sealed, known,
    /// fitting the schema.
    pub(super) fn stored(entry: &ResourceEntry, response: StateResponse) -> Self {
        let StateResponse { state, private, identity, mut diagnostics } = response;
        let identity = identity.filter(|_| state.is_some()).filter(Value::is_wholly_known);
        let sealed = guard::stored(&entry.shape, state.unwrap_or_default(), &mut diagnostics);
        Self {
            state: Encoded::sealed(&sealed, &entry.shape.ty, &mut diagnostics),
            private: private.encode(),
            identity: identity::encode(entry, identity, &mut diagnostics),
            diagnostics,
        }
    }
}
