//! Taking over objects: import and move.
//!
//! Source: protocol RPCs ImportResourceState, MoveResourceState.

use super::super::framework::server::{ImportCall, MoveCall, Server};
use super::message::{diagnostics, dynamic, identity, identity_data, stored};
use super::proto::{import_resource_state, move_resource_state};

pub(super) async fn import(
    server: &Server,
    request: import_resource_state::Request,
) -> import_resource_state::Response {
    let type_name = request.type_name.clone();
    let answer = server
        .import(ImportCall {
            type_name: request.type_name,
            id: request.id,
            identity: identity(request.identity),
        })
        .await;
    let imported = import_resource_state::ImportedResource {
        type_name,
        state: dynamic(answer.state),
        private: answer.private,
        identity: identity_data(answer.identity),
    };
    let failed = answer.diagnostics.has_errors();
    import_resource_state::Response {
        imported_resources: if failed { Vec::new() } else { vec![imported] },
        diagnostics: diagnostics(answer.diagnostics),
        deferred: None,
    }
}

pub(super) async fn move_state(
    server: &Server,
    request: move_resource_state::Request,
) -> move_resource_state::Response {
    let answer = server
        .move_state(MoveCall {
            source_provider: request.source_provider_address,
            source_type: request.source_type_name,
            source_version: request.source_schema_version,
            source_state: stored(request.source_state),
            target_type: request.target_type_name,
        })
        .await;
    move_resource_state::Response {
        target_state: dynamic(answer.state),
        diagnostics: diagnostics(answer.diagnostics),
        target_private: answer.private,
        target_identity: identity_data(answer.identity),
    }
}
