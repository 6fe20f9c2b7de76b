//! The messages that all RPC families share: values, states, identities, paths, diagnostics.
//!
//! Leaves the bytes of values to the framework's codec.
//! Source: protocol messages `DynamicValue`, `RawState`, `ResourceIdentityData`, `Diagnostic`,
//! `AttributePath`, `ClientCapabilities`.

use super::super::framework::diag::{Diagnostics, Severity};
use super::super::framework::path::{Path, Step};
use super::super::framework::server::{ClientCapabilities, Encoded, StoredState};
use super::proto;
use super::proto::attribute_path::step::Selector;

/// A value of a request; a missing one is null.
pub(super) fn encoded(value: Option<proto::DynamicValue>) -> Encoded {
    value.map(|value| Encoded { msgpack: value.msgpack, json: value.json }).unwrap_or_default()
}

/// A value of an answer.
#[expect(clippy::unnecessary_wraps, reason = "message fields are optional in the generated code")]
pub(super) fn dynamic(value: Encoded) -> Option<proto::DynamicValue> {
    Some(proto::DynamicValue { msgpack: value.msgpack, json: value.json })
}

pub(super) fn stored(state: Option<proto::RawState>) -> StoredState {
    state
        .map(|state| StoredState { flatmap: !state.flatmap.is_empty(), json: state.json })
        .unwrap_or_default()
}

pub(super) fn identity(identity: Option<proto::ResourceIdentityData>) -> Option<Encoded> {
    identity.and_then(|identity| identity.identity_data).map(|data| encoded(Some(data)))
}

pub(super) fn identity_data(identity: Option<Encoded>) -> Option<proto::ResourceIdentityData> {
    identity.map(|identity| proto::ResourceIdentityData { identity_data: dynamic(identity) })
}

/// What the client can do; a client that sends nothing can do nothing.
pub(super) fn capabilities(client: Option<proto::ClientCapabilities>) -> ClientCapabilities {
    client
        .map(|client| ClientCapabilities {
            write_only_attributes: client.write_only_attributes_allowed,
            store_planned_private: client.store_planned_private,
        })
        .unwrap_or_default()
}

pub(super) fn diagnostics(diags: Diagnostics) -> Vec<proto::Diagnostic> {
    diags
        .into_iter()
        .map(|diagnostic| proto::Diagnostic {
            severity: match diagnostic.severity {
                Severity::Error => proto::diagnostic::Severity::Error,
                Severity::Warning => proto::diagnostic::Severity::Warning,
            }
            .into(),
            attribute: Some(&diagnostic.path).filter(|p| !p.steps().is_empty()).map(path),
            summary: diagnostic.summary,
            detail: diagnostic.detail,
        })
        .collect()
}

pub(super) fn path(path: &Path) -> proto::AttributePath {
    let steps = path.steps().iter().map(|step| {
        let selector = match step {
            Step::Attribute(name) => Selector::AttributeName(name.clone()),
            Step::Key(key) => Selector::ElementKeyString(key.clone()),
            Step::Index(index) => Selector::ElementKeyInt(*index),
        };
        proto::attribute_path::Step { selector: Some(selector) }
    });
    proto::AttributePath { steps: steps.collect() }
}

/// A moment in whole seconds of Unix time.
pub(super) const fn timestamp(seconds: i64) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds, nanos: 0 }
}
