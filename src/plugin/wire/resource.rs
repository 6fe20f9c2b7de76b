//! States of managed resources: read, upgrade, generate configuration.
//!
//! Source: protocol RPCs ReadResource, UpgradeResourceState, UpgradeResourceIdentity,
//! GenerateResourceConfig.

use super::super::framework::server::{ReadCall, Server};
use super::message::{diagnostics, dynamic, encoded, identity, identity_data, stored};
use super::proto::{
    generate_resource_config, read_resource, upgrade_resource_identity, upgrade_resource_state,
};

pub(super) async fn read(
    server: &Server,
    request: read_resource::Request,
) -> read_resource::Response {
    let answer = server
        .read(ReadCall {
            type_name: request.type_name,
            state: encoded(request.current_state),
            private: request.private,
            identity: identity(request.current_identity),
        })
        .await;
    read_resource::Response {
        new_state: dynamic(answer.state),
        diagnostics: diagnostics(answer.diagnostics),
        private: answer.private,
        deferred: None,
        new_identity: identity_data(answer.identity),
    }
}

pub(super) fn upgrade(
    server: &Server,
    request: upgrade_resource_state::Request,
) -> upgrade_resource_state::Response {
    let state = stored(request.raw_state);
    let answer = server.upgrade_state(&request.type_name, request.version, &state);
    upgrade_resource_state::Response {
        upgraded_state: dynamic(answer.value),
        diagnostics: diagnostics(answer.diagnostics),
    }
}

pub(super) fn upgrade_identity(
    server: &Server,
    request: upgrade_resource_identity::Request,
) -> upgrade_resource_identity::Response {
    let state = stored(request.raw_identity);
    let answer = server.upgrade_identity(&request.type_name, request.version, &state);
    upgrade_resource_identity::Response {
        upgraded_identity: identity_data(Some(answer.value)),
        diagnostics: diagnostics(answer.diagnostics),
    }
}

pub(super) fn generate_config(
    server: &Server,
    request: generate_resource_config::Request,
) -> generate_resource_config::Response {
    let answer = server.generate_config(&request.type_name, &encoded(request.state));
    generate_resource_config::Response {
        config: dynamic(answer.value),
        diagnostics: diagnostics(answer.diagnostics),
    }
}
