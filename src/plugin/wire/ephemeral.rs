//! Ephemeral resources.
//!
//! Source: protocol RPCs OpenEphemeralResource, RenewEphemeralResource, CloseEphemeralResource.

use super::super::framework::server::Server;
use super::message::{diagnostics, dynamic, encoded, timestamp};
use super::proto::{close_ephemeral_resource, open_ephemeral_resource, renew_ephemeral_resource};

pub(super) async fn open(
    server: &Server,
    request: open_ephemeral_resource::Request,
) -> open_ephemeral_resource::Response {
    let answer = server.open(&request.type_name, &encoded(request.config)).await;
    open_ephemeral_resource::Response {
        diagnostics: diagnostics(answer.diagnostics),
        renew_at: answer.renew_at.map(timestamp),
        result: dynamic(answer.result),
        private: Some(answer.private),
        deferred: None,
    }
}

pub(super) async fn renew(
    server: &Server,
    request: renew_ephemeral_resource::Request,
) -> renew_ephemeral_resource::Response {
    let private = request.private.unwrap_or_default();
    let answer = server.renew(&request.type_name, &private).await;
    renew_ephemeral_resource::Response {
        diagnostics: diagnostics(answer.diagnostics),
        renew_at: answer.renew_at.map(timestamp),
        private: Some(answer.private),
    }
}

pub(super) async fn close(
    server: &Server,
    request: close_ephemeral_resource::Request,
) -> close_ephemeral_resource::Response {
    let private = request.private.unwrap_or_default();
    let diags = server.close(&request.type_name, &private).await;
    close_ephemeral_resource::Response { diagnostics: diagnostics(diags) }
}
