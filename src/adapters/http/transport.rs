//! The connection layer: one request, one answer, within bounds.
//!
//! Responsible for building the HTTP client (TLS, proxy, time limits, no redirects, no automatic
//! repetition) and for reading bodies up to a limit. Leaves repeating, pacing and meaning to
//! [`client`](super::client). Sign-in libraries without a client of their own use it directly.

use std::error::Error as _;
use std::fmt;
use std::sync::Arc;

use reqwest::header::HeaderMap;
use reqwest::{Method, NoProxy, Proxy, Url};
use rustls::AlertDescription;
use tokio::sync::OnceCell;

use super::body::Held;
use super::response::Response;
use super::settings::{CA_BUNDLE, CLIENT_CERTIFICATE, HttpSettings, PROXY};
use super::tls;
use crate::domain::material::Secret;

/// Largest answer that is read. The largest value of any vault is 1 MiB; a page of a list may be
/// larger.
const MAX_BODY: usize = 16 << 20;

/// Sends requests. Cheap to make: files are read and the client is built at the first request.
#[derive(Clone)]
pub struct Transport {
    settings: Arc<HttpSettings>,
    built: Arc<OnceCell<reqwest::Client>>,
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Transport").field(&self.settings).finish()
    }
}

/// No answer, or none that could be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TransportError {
    /// What happened, without address or content.
    pub message: String,
    /// How far it came.
    pub reached: Reached,
}

/// How far a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// Nobody got it, and trying again does not help: arguments that cannot work, a certificate
    /// that is not trusted.
    Nothing,
    /// Nobody got it: there was no connection.
    NotConnected,
    /// The service may have got it and may have done it.
    Sent,
    /// The service answered more than is read.
    TooLarge,
}

impl Transport {
    /// A transport with these settings.
    #[must_use]
    pub fn new(settings: HttpSettings) -> Self {
        Self { settings: Arc::new(settings), built: Arc::new(OnceCell::new()) }
    }

    /// How it was set up.
    #[must_use]
    pub fn settings(&self) -> &HttpSettings {
        &self.settings
    }

    /// One request and its answer.
    ///
    /// # Errors
    /// Whatever kept the answer from being read; a status is not an error.
    pub async fn send(
        &self,
        method: Method,
        url: Url,
        headers: HeaderMap,
        body: Option<Arc<Secret>>,
    ) -> Result<Response, TransportError> {
        let client = self.client().await?;
        let host = url.host_str().unwrap_or("the service").to_owned();
        let mut request = client.request(method, url).headers(headers);
        if let Some(body) = body {
            request = request.body(bytes::Bytes::from_owner(Held(body)));
        }
        let answer = request.send().await.map_err(|error| match distrust(&error) {
            Some(why) => TransportError {
                message: format!("TLS with {host} failed: {why}"),
                reached: Reached::Nothing,
            },
            None => failed(error),
        })?;
        read(answer).await
    }

    async fn client(&self) -> Result<&reqwest::Client, TransportError> {
        let settings = Arc::clone(&self.settings);
        self.built
            .get_or_try_init(|| async move {
                // Reading the system's certificates takes some milliseconds of file access.
                tokio::task::spawn_blocking(move || build(&settings))
                    .await
                    .unwrap_or_else(|_| Err("the HTTP client could not be built".to_owned()))
                    .map_err(|message| TransportError { message, reached: Reached::Nothing })
            })
            .await
    }
}

fn build(settings: &HttpSettings) -> Result<reqwest::Client, String> {
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls::config(settings)?)
        .user_agent(&settings.user_agent)
        .connect_timeout(settings.connect_timeout)
        .timeout(settings.request_timeout)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false);
    if settings.direct {
        builder = builder.no_proxy();
    }
    if let Some(proxy) = &settings.proxy {
        let wrong = || format!("{} is not the URL of a proxy", PROXY.name);
        let url = proxy.expose_text().map_err(|_| wrong())?;
        let proxy = Proxy::all(url).map_err(|_| wrong())?;
        builder = builder.proxy(proxy.no_proxy(NoProxy::from_env()));
    }
    builder.build().map_err(|error| {
        format!("the HTTP client cannot be built: {}", deepest(&error.without_url()))
    })
}

async fn read(mut answer: reqwest::Response) -> Result<Response, TransportError> {
    let too_large = || TransportError {
        message: format!("the answer is larger than {} MiB", MAX_BODY >> 20),
        reached: Reached::TooLarge,
    };
    if answer.content_length().is_some_and(|length| length > MAX_BODY as u64) {
        return Err(too_large());
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(failed)? {
        if body.len() + chunk.len() > MAX_BODY {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Response {
        status: answer.status().as_u16(),
        headers: std::mem::take(answer.headers_mut()),
        body: Secret::new(body),
    })
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err takes")]
fn failed(error: reqwest::Error) -> TransportError {
    let reached = if error.is_builder() {
        Reached::Nothing
    } else if error.is_connect() {
        Reached::NotConnected
    } else {
        Reached::Sent
    };
    let message = if error.is_timeout() {
        let what = if reached == Reached::NotConnected { "connection" } else { "answer" };
        format!("no {what} within the time limit")
    } else {
        deepest(&error)
    };
    TransportError { message, reached }
}

/// The innermost reason: the outer ones repeat the address.
fn deepest(error: &reqwest::Error) -> String {
    let mut reason: &dyn std::error::Error = match error.source() {
        Some(source) => source,
        None => return "the request failed".to_owned(),
    };
    while let Some(source) = reason.source() {
        reason = source;
    }
    reason.to_string()
}

/// Why TLS will not work at the next attempt either, with what to do. An alert of the other side
/// comes before it reads a request, so the request was not taken.
fn distrust(error: &reqwest::Error) -> Option<String> {
    let (ours, theirs) = (CA_BUNDLE.name, CLIENT_CERTIFICATE.name);
    match tls_error(error)? {
        rustls::Error::InvalidCertificate(why) => Some(format!(
            "its certificate is not accepted ({why}); if a private authority issued it, name that \
             in {ours}"
        )),
        rustls::Error::AlertReceived(
            alert @ (AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied),
        ) => Some(format!("it refuses our certificate ({alert:?}); look at {theirs}")),
        _ => None,
    }
}

fn tls_error(error: &reqwest::Error) -> Option<&rustls::Error> {
    let mut next = error.source();
    while let Some(error) = next {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return Some(tls);
        }
        // An I/O error is transparent: its source is that of what it wraps.
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    None
}
