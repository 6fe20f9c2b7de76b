//! Actions; progress is streamed.
//!
//! An action that was started goes on when its stream is dropped: it may be half done.
//! Source: protocol RPCs PlanAction, InvokeAction.

use std::sync::Arc;

use tokio::sync::mpsc;
use tonic::Status;

use super::super::framework::server::Server;
use super::message::{diagnostics, encoded};
use super::proto::invoke_action::{Event, Request, event};
use super::proto::plan_action;

pub(super) type Events = mpsc::UnboundedReceiver<Result<Event, Status>>;

pub(super) async fn plan(server: &Server, request: plan_action::Request) -> plan_action::Response {
    let diags = server.plan_action(&request.action_type, &encoded(request.config)).await;
    plan_action::Response { diagnostics: diagnostics(diags), deferred: None }
}

/// Starts an action; its events arrive at the receiver, the last one is the completion.
pub(super) fn start(server: Arc<Server>, request: Request) -> (Events, impl Future<Output = ()>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let send = move |event: event::Type| {
        // Nobody listens any more; the action goes on all the same.
        let _ = sender.send(Ok(Event { r#type: Some(event) }));
    };
    let work = async move {
        let config = encoded(request.config);
        let mut progress =
            |message: String| send(event::Type::Progress(event::Progress { message }));
        let diags = server.invoke_action(&request.action_type, &config, &mut progress).await;
        send(event::Type::Completed(event::Completed { diagnostics: diagnostics(diags) }));
    };
    (receiver, work)
}
