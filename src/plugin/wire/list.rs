//! Lists of existing objects, streamed.
//!
//! A list ends with its stream: whoever asked is gone then, and nothing was changed.
//! Source: protocol RPC ListResource.

use std::sync::Arc;

use tokio::sync::mpsc;
use tonic::Status;

use super::super::framework::server::{ListedAnswer, Server};
use super::message::{diagnostics, dynamic, encoded, identity_data};
use super::proto::list_resource::{Event, Request};

pub(super) type Events = mpsc::UnboundedReceiver<Result<Event, Status>>;

/// Starts a list; its events arrive at the receiver.
pub(super) fn start(server: Arc<Server>, request: Request) -> (Events, impl Future<Output = ()>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let closed = sender.clone();
    let work = async move {
        let config = encoded(request.config);
        let mut emit = |answer: ListedAnswer| sender.send(Ok(event(answer))).is_ok();
        let (include, limit) = (request.include_resource_object, request.limit);
        tokio::select! {
            () = server.list(&request.type_name, &config, include, limit, &mut emit) => {}
            () = closed.closed() => {}
        }
    };
    (receiver, work)
}

fn event(answer: ListedAnswer) -> Event {
    Event {
        identity: identity_data(answer.identity),
        display_name: answer.display_name,
        resource_object: answer.object.and_then(dynamic),
        diagnostic: diagnostics(answer.diagnostics),
    }
}
