//! The gRPC service of a server.
//!
//! Responsible for sending each RPC to its family, for running work that changes something in a
//! task of its own, so that a dropped stream does not cut it off, and for the size limit. Reads
//! end with their stream. Every answer has status OK; problems are diagnostics in it.
//! Source: protocol service `Provider`; tonic drops a handler when its client goes away.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, OnceLock};

use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::{Request, Response, Status};
use tracing::Instrument as _;

use super::super::framework::server::Server;
use super::super::transport::MAX_MESSAGE;
use super::proto::provider_server::{Provider, ProviderServer};
use super::proto::{
    apply_resource_change, call_function, close_ephemeral_resource, configure_provider,
    generate_resource_config, get_functions, get_metadata, get_provider_schema,
    get_resource_identity_schemas, import_resource_state, invoke_action, list_resource,
    move_resource_state, open_ephemeral_resource, plan_action, plan_resource_change,
    read_data_source, read_resource, renew_ephemeral_resource, stop_provider,
    upgrade_resource_identity, upgrade_resource_state, validate_action_config,
    validate_data_resource_config, validate_ephemeral_resource_config,
    validate_list_resource_config, validate_provider_config, validate_resource_config,
};
use super::subject::named;
use super::{
    action, change, config, data, ephemeral, function, list, metadata, resource, takeover,
};

/// Counts one piece of work until dropped; see [`ProviderService::counted_by`].
type Count = Box<dyn Send>;

/// The service `tfplugin6.Provider`.
#[derive(Clone)]
pub struct ProviderService {
    server: Arc<Server>,
    schema: Arc<OnceLock<get_provider_schema::Response>>,
    count: Arc<dyn Fn() -> Count + Send + Sync>,
}

impl fmt::Debug for ProviderService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderService").field("server", &self.server).finish_non_exhaustive()
    }
}

impl ProviderService {
    /// The service of `server`.
    #[must_use]
    pub fn new(server: Arc<Server>) -> Self {
        Self { server, schema: Arc::default(), count: Arc::new(|| Box::new(())) }
    }

    /// Has work that outlives its call counted: `count` is called when it starts, and what it
    /// returns is dropped when the work is done. An orderly end of the process waits for it.
    #[must_use]
    pub fn counted_by<G: Send + 'static>(
        mut self,
        count: impl Fn() -> G + Send + Sync + 'static,
    ) -> Self {
        self.count = Arc::new(move || Box::new(count()));
        self
    }

    /// The service with its limits, to be mounted.
    #[must_use]
    pub fn into_server(self) -> ProviderServer<Self> {
        ProviderServer::new(self).max_decoding_message_size(MAX_MESSAGE)
    }

    /// Runs work that must not be cut off when the client goes away.
    fn detach<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> tokio::task::JoinHandle<T> {
        let counted = (self.count)();
        let work = async move {
            let outcome = work.await;
            drop(counted);
            outcome
        };
        tokio::spawn(work.in_current_span())
    }

    async fn detached<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<Response<T>, Status> {
        // Panics of objects are caught further in; only the end of the runtime comes this far.
        let outcome = self.detach(work).await;
        outcome.map(Response::new).map_err(|_| Status::aborted("the provider is shutting down"))
    }
}

#[tonic::async_trait]
impl Provider for ProviderService {
    type ListResourceStream = UnboundedReceiverStream<Result<list_resource::Event, Status>>;
    type InvokeActionStream = UnboundedReceiverStream<Result<invoke_action::Event, Status>>;

    async fn get_metadata(
        &self,
        _request: Request<get_metadata::Request>,
    ) -> Result<Response<get_metadata::Response>, Status> {
        Ok(Response::new(metadata::metadata(self.server.catalogue())))
    }

    async fn get_provider_schema(
        &self,
        _request: Request<get_provider_schema::Request>,
    ) -> Result<Response<get_provider_schema::Response>, Status> {
        Ok(Response::new(
            self.schema.get_or_init(|| metadata::provider_schema(self.server.catalogue())).clone(),
        ))
    }

    async fn validate_provider_config(
        &self,
        request: Request<validate_provider_config::Request>,
    ) -> Result<Response<validate_provider_config::Response>, Status> {
        Ok(Response::new(config::provider(&self.server, request.into_inner()).await))
    }

    async fn validate_resource_config(
        &self,
        request: Request<validate_resource_config::Request>,
    ) -> Result<Response<validate_resource_config::Response>, Status> {
        Ok(Response::new(config::resource(&self.server, named(request)).await))
    }

    async fn validate_data_resource_config(
        &self,
        request: Request<validate_data_resource_config::Request>,
    ) -> Result<Response<validate_data_resource_config::Response>, Status> {
        Ok(Response::new(config::data_source(&self.server, named(request)).await))
    }

    async fn upgrade_resource_state(
        &self,
        request: Request<upgrade_resource_state::Request>,
    ) -> Result<Response<upgrade_resource_state::Response>, Status> {
        Ok(Response::new(resource::upgrade(&self.server, named(request))))
    }

    async fn get_resource_identity_schemas(
        &self,
        _request: Request<get_resource_identity_schemas::Request>,
    ) -> Result<Response<get_resource_identity_schemas::Response>, Status> {
        Ok(Response::new(metadata::identity_schemas(self.server.catalogue())))
    }

    async fn upgrade_resource_identity(
        &self,
        request: Request<upgrade_resource_identity::Request>,
    ) -> Result<Response<upgrade_resource_identity::Response>, Status> {
        Ok(Response::new(resource::upgrade_identity(&self.server, named(request))))
    }

    async fn configure_provider(
        &self,
        request: Request<configure_provider::Request>,
    ) -> Result<Response<configure_provider::Response>, Status> {
        let (server, request) = (Arc::clone(&self.server), request.into_inner());
        self.detached(async move { config::configure(&server, request).await }).await
    }

    async fn read_resource(
        &self,
        request: Request<read_resource::Request>,
    ) -> Result<Response<read_resource::Response>, Status> {
        Ok(Response::new(resource::read(&self.server, named(request)).await))
    }

    async fn plan_resource_change(
        &self,
        request: Request<plan_resource_change::Request>,
    ) -> Result<Response<plan_resource_change::Response>, Status> {
        Ok(Response::new(change::plan(&self.server, named(request)).await))
    }

    async fn apply_resource_change(
        &self,
        request: Request<apply_resource_change::Request>,
    ) -> Result<Response<apply_resource_change::Response>, Status> {
        let (server, request) = (Arc::clone(&self.server), named(request));
        self.detached(async move { change::apply(&server, request).await }).await
    }

    async fn import_resource_state(
        &self,
        request: Request<import_resource_state::Request>,
    ) -> Result<Response<import_resource_state::Response>, Status> {
        let (server, request) = (Arc::clone(&self.server), named(request));
        self.detached(async move { takeover::import(&server, request).await }).await
    }

    async fn move_resource_state(
        &self,
        request: Request<move_resource_state::Request>,
    ) -> Result<Response<move_resource_state::Response>, Status> {
        let (server, request) = (Arc::clone(&self.server), named(request));
        self.detached(async move { takeover::move_state(&server, request).await }).await
    }

    async fn read_data_source(
        &self,
        request: Request<read_data_source::Request>,
    ) -> Result<Response<read_data_source::Response>, Status> {
        Ok(Response::new(data::read(&self.server, named(request)).await))
    }

    async fn generate_resource_config(
        &self,
        request: Request<generate_resource_config::Request>,
    ) -> Result<Response<generate_resource_config::Response>, Status> {
        Ok(Response::new(resource::generate_config(&self.server, named(request))))
    }

    async fn validate_ephemeral_resource_config(
        &self,
        request: Request<validate_ephemeral_resource_config::Request>,
    ) -> Result<Response<validate_ephemeral_resource_config::Response>, Status> {
        Ok(Response::new(config::ephemeral(&self.server, named(request)).await))
    }

    async fn open_ephemeral_resource(
        &self,
        request: Request<open_ephemeral_resource::Request>,
    ) -> Result<Response<open_ephemeral_resource::Response>, Status> {
        let (server, request) = (Arc::clone(&self.server), named(request));
        self.detached(async move { ephemeral::open(&server, request).await }).await
    }

    async fn renew_ephemeral_resource(
        &self,
        request: Request<renew_ephemeral_resource::Request>,
    ) -> Result<Response<renew_ephemeral_resource::Response>, Status> {
        let (server, request) = (Arc::clone(&self.server), named(request));
        self.detached(async move { ephemeral::renew(&server, request).await }).await
    }

    async fn close_ephemeral_resource(
        &self,
        request: Request<close_ephemeral_resource::Request>,
    ) -> Result<Response<close_ephemeral_resource::Response>, Status> {
        let (server, request) = (Arc::clone(&self.server), named(request));
        self.detached(async move { ephemeral::close(&server, request).await }).await
    }

    async fn validate_list_resource_config(
        &self,
        request: Request<validate_list_resource_config::Request>,
    ) -> Result<Response<validate_list_resource_config::Response>, Status> {
        Ok(Response::new(config::list(&self.server, named(request))))
    }

    async fn get_functions(
        &self,
        _request: Request<get_functions::Request>,
    ) -> Result<Response<get_functions::Response>, Status> {
        Ok(Response::new(metadata::functions_answer(self.server.catalogue())))
    }

    async fn call_function(
        &self,
        request: Request<call_function::Request>,
    ) -> Result<Response<call_function::Response>, Status> {
        Ok(Response::new(function::call(&self.server, named(request))))
    }

    async fn plan_action(
        &self,
        request: Request<plan_action::Request>,
    ) -> Result<Response<plan_action::Response>, Status> {
        Ok(Response::new(action::plan(&self.server, named(request)).await))
    }

    async fn validate_action_config(
        &self,
        request: Request<validate_action_config::Request>,
    ) -> Result<Response<validate_action_config::Response>, Status> {
        Ok(Response::new(config::action(&self.server, named(request))))
    }

    async fn list_resource(
        &self,
        request: Request<list_resource::Request>,
    ) -> Result<Response<Self::ListResourceStream>, Status> {
        let (events, work) = list::start(Arc::clone(&self.server), named(request));
        self.detach(work);
        Ok(Response::new(UnboundedReceiverStream::new(events)))
    }

    async fn invoke_action(
        &self,
        request: Request<invoke_action::Request>,
    ) -> Result<Response<Self::InvokeActionStream>, Status> {
        let (events, work) = action::start(Arc::clone(&self.server), named(request));
        self.detach(work);
        Ok(Response::new(UnboundedReceiverStream::new(events)))
    }

    async fn stop_provider(
        &self,
        _request: Request<stop_provider::Request>,
    ) -> Result<Response<stop_provider::Response>, Status> {
        self.server.stop();
        Ok(Response::new(stop_provider::Response { error: String::new() }))
    }
}
