//! Data sources.
//!
//! Source: protocol RPC ReadDataSource.

use super::super::framework::server::Server;
use super::message::{diagnostics, dynamic, encoded};
use super::proto::read_data_source;

pub(super) async fn read(
    server: &Server,
    request: read_data_source::Request,
) -> read_data_source::Response {
    let answer = server.read_data(&request.type_name, &encoded(request.config)).await;
    read_data_source::Response {
        state: dynamic(answer.value),
        diagnostics: diagnostics(answer.diagnostics),
        deferred: None,
    }
}
