//! A provider served in this process, with its client, over a pipe.
//!
//! For everything between gRPC and a provider's objects; starting the real binary is `peer`'s.

use std::sync::Arc;

use coffer::plugin::framework::object::Provider;
use coffer::plugin::framework::server::{Server, ServerInfo};
use coffer::plugin::transport::MAX_MESSAGE;
use coffer::plugin::wire::ProviderService;
use coffer::plugin::wire::proto::provider_client::ProviderClient;
use hyper_util::rt::TokioIo;
use tonic::transport::{Channel, Endpoint};

/// Serves a provider and connects to it.
pub async fn connect(provider: Arc<dyn Provider>) -> ProviderClient<Channel> {
    let server = Server::new(provider, ServerInfo { name: "toy", version: "1.0.0" });
    assert_eq!(server.schema_problems(), [], "core would refuse the schemas");
    let service = ProviderService::new(Arc::new(server)).into_server();
    let (ours, theirs) = tokio::io::duplex(1 << 20);
    tokio::spawn(async move {
        let incoming = tokio_stream::once(Ok::<_, std::io::Error>(theirs));
        tonic::transport::Server::builder().serve_with_incoming(service, incoming).await.unwrap();
    });
    let mut ours = Some(TokioIo::new(ours));
    let connector = tower::service_fn(move |_: tonic::codegen::http::Uri| {
        let stream = ours.take().ok_or_else(|| std::io::Error::other("the pipe is gone"));
        async move { stream }
    });
    let channel =
        Endpoint::from_static("http://localhost").connect_with_connector(connector).await.unwrap();
    ProviderClient::new(channel)
        .max_decoding_message_size(MAX_MESSAGE)
        .max_encoding_message_size(MAX_MESSAGE)
}
