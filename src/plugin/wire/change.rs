//! Changes of managed resources: plan and apply.
//!
//! Source: protocol RPCs PlanResourceChange, ApplyResourceChange.

use super::super::framework::server::{ApplyCall, PlanCall, Server};
use super::message::{capabilities, diagnostics, dynamic, encoded, identity, identity_data, path};
use super::proto::{apply_resource_change, plan_resource_change};

pub(super) async fn plan(
    server: &Server,
    request: plan_resource_change::Request,
) -> plan_resource_change::Response {
    let answer = server
        .plan(PlanCall {
            type_name: request.type_name,
            prior: encoded(request.prior_state),
            proposed: encoded(request.proposed_new_state),
            config: encoded(request.config),
            private: request.prior_private,
            planned_private: request.planned_private,
            identity: identity(request.prior_identity),
            client: capabilities(request.client_capabilities),
        })
        .await;
    plan_resource_change::Response {
        planned_state: dynamic(answer.planned),
        requires_replace: answer.requires_replace.iter().map(path).collect(),
        planned_private: answer.private,
        diagnostics: diagnostics(answer.diagnostics),
        legacy_type_system: false,
        deferred: None,
        planned_identity: identity_data(answer.identity),
    }
}

pub(super) async fn apply(
    server: &Server,
    request: apply_resource_change::Request,
) -> apply_resource_change::Response {
    let answer = server
        .apply(ApplyCall {
            type_name: request.type_name,
            prior: encoded(request.prior_state),
            planned: encoded(request.planned_state),
            config: encoded(request.config),
            private: request.planned_private,
            identity: identity(request.planned_identity),
        })
        .await;
    apply_resource_change::Response {
        new_state: dynamic(answer.state),
        private: answer.private,
        diagnostics: diagnostics(answer.diagnostics),
        legacy_type_system: false,
        new_identity: identity_data(answer.identity),
    }
}
