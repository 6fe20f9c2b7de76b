//! The vendor's sign-in crate over our transport.
//!
//! Responsible for the shape that `aws-config` expects of an HTTP client and for its time limits,
//! which for the machine's metadata service are much shorter than a profile's. Only sign-in goes
//! this way; its answers hold credentials and are never logged.

use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use url::Url;

use crate::adapters::http::{HeaderMap, HeaderName, HeaderValue, Method, Reached, Transport};
use crate::domain::material::Secret;

/// A client for `aws-config`.
pub(super) fn over(transport: Transport) -> SharedHttpClient {
    SharedHttpClient::new(Connector { transport, limits: HttpConnectorSettings::default() })
}

#[derive(Debug, Clone)]
struct Connector {
    transport: Transport,
    limits: HttpConnectorSettings,
}

impl HttpClient for Connector {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        _components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Self { limits: settings.clone(), ..self.clone() })
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Self { transport, limits } = self.clone();
        HttpConnectorFuture::new(async move {
            let limit = match (limits.connect_timeout(), limits.read_timeout()) {
                (None, None) => None,
                (connect, read) => Some(connect.unwrap_or_default() + read.unwrap_or_default()),
            };
            let work = send(&transport, request);
            match limit {
                None => work.await,
                Some(limit) => tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
                    Err(ConnectorError::timeout("no answer within the time limit".into()))
                }),
            }
        })
    }
}

async fn send(transport: &Transport, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
    let wrong = |what: &'static str| ConnectorError::user(what.into());
    let method = Method::from_bytes(request.method().as_bytes())
        .map_err(|_| wrong("not a method of HTTP"))?;
    let url = Url::parse(request.uri()).map_err(|_| wrong("not a URL"))?;
    let mut headers = HeaderMap::new();
    for (name, value) in request.headers() {
        let name = HeaderName::try_from(name).map_err(|_| wrong("not a header"))?;
        let value = HeaderValue::try_from(value).map_err(|_| wrong("not a header"))?;
        headers.append(name, value);
    }
    let body = request.body().bytes().filter(|bytes| !bytes.is_empty());
    let body = body.map(|bytes| Arc::new(Secret::new(bytes.to_vec())));
    let answer =
        transport.send(method, url, headers, body).await.map_err(|error| match error.reached {
            Reached::Nothing => ConnectorError::user(Box::new(error)),
            Reached::NotConnected | Reached::Sent | Reached::TooLarge => {
                ConnectorError::io(Box::new(error))
            }
        })?;
    let mut response = http::Response::new(SdkBody::from(answer.body.expose()));
    *response.status_mut() = http::StatusCode::from_u16(answer.status)
        .map_err(|_| ConnectorError::io("not a status of HTTP".into()))?;
    *response.headers_mut() = answer.headers;
    HttpResponse::try_from(response).map_err(|_| ConnectorError::io("a header is not text".into()))
}
