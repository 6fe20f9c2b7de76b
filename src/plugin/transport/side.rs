//! go-plugin's side services: controller, health, stdio and broker.
//!
//! Only the controller does something: it begins the shutdown. Health says SERVING; stdio and
//! broker are opened by every client and stay open and silent until the end, because providers
//! print and broker nothing.
//! Source: go-plugin's `plugin` package and the gRPC health protocol.

use futures_util::stream::{BoxStream, StreamExt as _};
use tonic::{Request, Response, Status, Streaming};

use super::shutdown::{Reason, Shutdown};

/// Generated messages and servers of package `plugin`.
#[allow(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    clippy::all,
    reason = "generated code"
)]
pub mod proto {
    tonic::include_proto!("plugin");
}

/// Generated messages and servers of package `grpc.health.v1`.
#[allow(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    clippy::all,
    reason = "generated code"
)]
pub mod health {
    tonic::include_proto!("grpc.health.v1");
}

use health::health_check_response::ServingStatus;
use health::health_server::{Health, HealthServer};
use health::{HealthCheckRequest, HealthCheckResponse};
use proto::grpc_broker_server::{GrpcBroker, GrpcBrokerServer};
use proto::grpc_controller_server::{GrpcController, GrpcControllerServer};
use proto::grpc_stdio_server::{GrpcStdio, GrpcStdioServer};
use proto::{ConnInfo, Empty, StdioData};

/// The name under which go-plugin asks for health.
const HEALTH_NAME: &str = "plugin";

/// All four, sharing the switch that ends the process.
#[derive(Debug, Clone)]
pub(super) struct SideServices {
    pub(super) controller: GrpcControllerServer<Side>,
    pub(super) health: HealthServer<Side>,
    pub(super) stdio: GrpcStdioServer<Side>,
    pub(super) broker: GrpcBrokerServer<Side>,
}

impl SideServices {
    /// In `debug` mode `Shutdown` is answered but ends nothing: other clients may be at work.
    pub(super) fn new(shutdown: Shutdown, debug: bool) -> Self {
        let side = Side { shutdown, debug };
        Self {
            controller: GrpcControllerServer::new(side.clone()),
            health: HealthServer::new(side.clone()),
            stdio: GrpcStdioServer::new(side.clone()),
            broker: GrpcBrokerServer::new(side),
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Side {
    shutdown: Shutdown,
    debug: bool,
}

impl Side {
    /// A stream that sends nothing and ends with the process.
    fn silent<T: Send + 'static>(&self) -> BoxStream<'static, Result<T, Status>> {
        let shutdown = self.shutdown.clone();
        futures_util::stream::once(async move { shutdown.begun().await })
            .filter_map(|_| async { None })
            .boxed()
    }
}

#[tonic::async_trait]
impl GrpcController for Side {
    async fn shutdown(&self, _request: Request<Empty>) -> Result<Response<Empty>, Status> {
        if !self.debug {
            self.shutdown.begin(Reason::Client);
        }
        Ok(Response::new(Empty {}))
    }
}

#[tonic::async_trait]
impl GrpcStdio for Side {
    type StreamStdioStream = BoxStream<'static, Result<StdioData, Status>>;

    async fn stream_stdio(
        &self,
        _request: Request<()>,
    ) -> Result<Response<Self::StreamStdioStream>, Status> {
        Ok(Response::new(self.silent()))
    }
}

#[tonic::async_trait]
impl GrpcBroker for Side {
    type StartStreamStream = BoxStream<'static, Result<ConnInfo, Status>>;

    async fn start_stream(
        &self,
        request: Request<Streaming<ConnInfo>>,
    ) -> Result<Response<Self::StartStreamStream>, Status> {
        // Ends with the client's half as well: it closes that one when it is done.
        let mut offers = request.into_inner();
        let closed = async move { while let Ok(Some(_)) = offers.message().await {} };
        Ok(Response::new(self.silent().take_until(closed).boxed()))
    }
}

#[tonic::async_trait]
impl Health for Side {
    type WatchStream = BoxStream<'static, Result<HealthCheckResponse, Status>>;

    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        if knows(&request.get_ref().service) {
            Ok(Response::new(status(ServingStatus::Serving)))
        } else {
            Err(Status::not_found("no such service"))
        }
    }

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let known = knows(&request.get_ref().service);
        let now = if known { ServingStatus::Serving } else { ServingStatus::ServiceUnknown };
        let first = futures_util::stream::once(async move { Ok(status(now)) });
        Ok(Response::new(first.chain(self.silent()).boxed()))
    }
}

/// The empty name stands for the server as a whole.
fn knows(service: &str) -> bool {
    service.is_empty() || service == HEALTH_NAME
}

fn status(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status.into() }
}
