//! Sends each call to the service it names, counts the running ones and gives each a log span.
//!
//! Leaves the meaning of a call to the services. Who calls: the HTTP/2 server, once per call.
//! Log field names are those of the Go SDK, so that people find what they know.

use std::convert::Infallible;
use std::task::{Context, Poll};
use std::time::Instant;

use futures_util::future::{BoxFuture, FutureExt as _};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::codegen::http::{Request, Response};
use tonic::server::NamedService;
use tracing::Instrument as _;

use super::running::Running;
use super::side::{SideServices, health::health_server, proto};

/// What a service has to be to be dispatched to.
pub trait GrpcService:
    Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
    + NamedService
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<S> GrpcService for S where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
        + NamedService
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// The provider's service and the side services behind one door.
#[derive(Debug, Clone)]
pub(super) struct Dispatch<P> {
    pub(super) provider: P,
    pub(super) side: SideServices,
    pub(super) running: Running,
    pub(super) provider_address: &'static str,
}

impl<P: GrpcService> Service<Request<Body>> for Dispatch<P> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // Generated services are always ready.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let path = request.uri().path();
        let (service, method) =
            path.strip_prefix('/').and_then(|p| p.split_once('/')).unwrap_or_default();
        match service {
            name if name == P::NAME => {
                let method = method.to_owned();
                let call = self.provider.call(request);
                logged(&method, self.provider_address, call, self.running.begin()).boxed()
            }
            proto::grpc_controller_server::SERVICE_NAME => self.side.controller.call(request),
            proto::grpc_stdio_server::SERVICE_NAME => self.side.stdio.call(request),
            proto::grpc_broker_server::SERVICE_NAME => self.side.broker.call(request),
            health_server::SERVICE_NAME => self.side.health.call(request),
            _ => {
                let answer = Status::unimplemented("this plugin has no such service").into_http();
                std::future::ready(Ok(answer)).boxed()
            }
        }
    }
}

/// Runs one call in a span that carries its id, and logs when it begins and ends.
///
/// The span is at the error level so that every line of the call carries the ids, whatever the
/// level. The services record `tf_resource_type` and its siblings once they know them.
fn logged<F>(
    method: &str,
    provider: &'static str,
    call: F,
    running: super::running::Guard,
) -> impl Future<Output = F::Output> + Send + use<F>
where
    F: Future + Send + 'static,
{
    let span = tracing::error_span!(
        "rpc",
        tf_provider_addr = provider,
        tf_proto_version = super::PROTOCOL_MINOR,
        tf_req_id = %uuid::Uuid::new_v4(),
        tf_rpc = method,
        tf_resource_type = tracing::field::Empty,
        tf_data_source_type = tracing::field::Empty,
        tf_ephemeral_resource_type = tracing::field::Empty,
        tf_list_resource_type = tracing::field::Empty,
        tf_action_type = tracing::field::Empty,
        tf_function_name = tracing::field::Empty,
    );
    async move {
        tracing::trace!("received request");
        let start = Instant::now();
        let answer = call.await;
        let duration = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::trace!(tf_req_duration_ms = duration, "served request");
        drop(running);
        answer
    }
    .instrument(span)
}
