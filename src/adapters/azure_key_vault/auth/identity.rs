//! Tokens from the sources of the Azure identity library.
//!
//! Responsible for one credential per sign-in (so that a refused token is not served again from
//! the library's own cache), for sending the library's requests over the shared transport, and for
//! what its errors mean. Leaves deciding who asks to [`config`](super::super::config).

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use azure_core::cloud::CustomConfiguration;
use azure_core::credentials::{AccessToken, TokenCredential};
use azure_core::error::ErrorKind as AzureKind;
use azure_core::http::headers::{HeaderName as AzureName, HeaderValue as AzureValue, Headers};
use azure_core::http::{
    AsyncRawResponse, Body, ClientMethodOptions, ClientOptions, ExponentialRetryOptions,
    HttpClient, Method as AzureMethod, Request, RetryOptions, Transport as AzureTransport,
};
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, ClientAssertion, ClientAssertionCredential,
    ClientAssertionCredentialOptions, ClientSecretCredential, ClientSecretCredentialOptions,
    ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId,
    WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};
use serde::Deserialize;
use time::OffsetDateTime;

use super::assertion::Certificate;
use crate::adapters::azure_key_vault::config::{Identity, Source};
use crate::adapters::azure_key_vault::error::refused;
use crate::adapters::http::{
    Expiring, HeaderMap, HeaderName, HeaderValue, Method, Reached, Response, Transport,
};
use crate::domain::material::Secret;
use crate::domain::port::{BackendError, ErrorKind};

/// Longest piece of a sign-in error that is passed on.
const LONGEST_REASON: usize = 300;

impl Identity {
    /// The token cannot be fetched anew.
    pub(super) const fn is_fixed(&self) -> bool {
        matches!(self.source, Source::AccessToken(_))
    }
}

/// A token for `scope`.
pub(super) async fn token(
    identity: &Identity,
    transport: &Transport,
    tenant: Option<&str>,
    scope: &str,
    operation: &'static str,
) -> Result<Expiring<String>, BackendError> {
    if let Source::AccessToken(token) = &identity.source {
        let text = token.expose_text().map_err(|_| {
            refused(ErrorKind::Unauthenticated, operation, "access_token is not text")
        })?;
        return Ok(Expiring { value: text.trim().to_owned(), lifetime: None });
    }
    if identity.source.needs_tenant() && tenant.is_none() {
        return Err(refused(
            ErrorKind::Unauthenticated,
            operation,
            "the vault does not tell its tenant; set tenant_id",
        ));
    }
    let shared = Arc::new(Shared { transport: transport.clone(), refusal: Mutex::default() });
    let credential = credential(identity, &shared, tenant.unwrap_or_default(), operation)?;
    let token = credential.get_token(&[scope], None).await;
    token.map(|token| expiring(&token)).map_err(|failure| match shared.take_refusal() {
        Some(refusal) => refusal.told(operation),
        None => told(&failure, operation),
    })
}

fn expiring(token: &AccessToken) -> Expiring<String> {
    let left = token.expires_on - OffsetDateTime::now_utc();
    let lifetime = Duration::try_from(left).unwrap_or(Duration::ZERO);
    Expiring { value: token.token.secret().to_owned(), lifetime: Some(lifetime) }
}

fn credential(
    identity: &Identity,
    shared: &Arc<Shared>,
    tenant: &str,
    operation: &'static str,
) -> Result<Arc<dyn TokenCredential>, BackendError> {
    let made: azure_core::Result<Arc<dyn TokenCredential>> = match &identity.source {
        Source::ClientSecret { client_id, secret } => {
            let secret = secret.expose_text().unwrap_or_default().to_owned();
            let options =
                ClientSecretCredentialOptions { client_options: options(identity, shared) };
            ClientSecretCredential::new(tenant, client_id.clone(), secret.into(), Some(options))
                .map(|made| made as _)
        }
        Source::Certificate { client_id, path, send_chain } => {
            let statement = Statement {
                certificate: certificate(path, operation)?,
                client_id: client_id.clone(),
                audience: format!(
                    "{}/{tenant}/oauth2/v2.0/token",
                    identity.authority.trim_end_matches('/')
                ),
                send_chain: *send_chain,
            };
            let options =
                ClientAssertionCredentialOptions { client_options: options(identity, shared) };
            let tenant = tenant.to_owned();
            ClientAssertionCredential::new(tenant, client_id.clone(), statement, Some(options))
                .map(|made| made as _)
        }
        Source::WorkloadIdentity { client_id, token_file } => {
            let client_options = options(identity, shared);
            WorkloadIdentityCredential::new(Some(WorkloadIdentityCredentialOptions {
                credential_options: ClientAssertionCredentialOptions { client_options },
                client_id: Some(client_id.clone()),
                tenant_id: Some(tenant.to_owned()),
                token_file_path: Some(PathBuf::from(token_file)),
            }))
            .map(|made| made as _)
        }
        Source::ManagedIdentity { client_id, resource_id } => {
            let id = resource_id.clone().map(UserAssignedId::ResourceId);
            let id = id.or_else(|| client_id.clone().map(UserAssignedId::ClientId));
            managed(identity, shared, id)
        }
        Source::Ambient { client_id } if std::env::var_os("IDENTITY_ENDPOINT").is_some() => {
            managed(identity, shared, client_id.clone().map(UserAssignedId::ClientId))
        }
        Source::AzureCli | Source::Ambient { .. } => {
            let tenant_id = Some(tenant.to_owned()).filter(|tenant| !tenant.is_empty());
            let options = AzureCliCredentialOptions { tenant_id, ..Default::default() };
            AzureCliCredential::new(Some(options)).map(|made| made as _)
        }
        // Answered by the caller.
        Source::AccessToken(_) => Err(AzureKind::Credential.into_error()),
    };
    made.map_err(|failure| told(&failure, operation))
}

fn managed(
    identity: &Identity,
    shared: &Arc<Shared>,
    user_assigned_id: Option<UserAssignedId>,
) -> azure_core::Result<Arc<dyn TokenCredential>> {
    let client_options = options(identity, shared);
    let options = ManagedIdentityCredentialOptions { user_assigned_id, client_options };
    ManagedIdentityCredential::new(Some(options)).map(|made| made as _)
}

fn options(identity: &Identity, shared: &Arc<Shared>) -> ClientOptions {
    let mut cloud = CustomConfiguration::default();
    cloud.authority_host.clone_from(&identity.authority);
    ClientOptions {
        transport: Some(AzureTransport::new(Arc::clone(shared) as _)),
        retry: RetryOptions::exponential(ExponentialRetryOptions {
            max_retries: 3,
            ..ExponentialRetryOptions::default()
        }),
        cloud: Some(Arc::new(cloud.into())),
        ..ClientOptions::default()
    }
}

fn certificate(path: &str, operation: &'static str) -> Result<Certificate, BackendError> {
    let wrong = |why: String| {
        let message = format!("certificate_path: the file {path} is not usable: {why}");
        refused(ErrorKind::Unauthenticated, operation, message)
    };
    let pem = std::fs::read(path).map(Secret::new).map_err(|error| wrong(error.to_string()))?;
    Certificate::parse(&pem).map_err(wrong)
}

/// Signs a new statement for each sign-in.
#[derive(Debug)]
struct Statement {
    certificate: Certificate,
    client_id: String,
    audience: String,
    send_chain: bool,
}

#[async_trait]
impl ClientAssertion for Statement {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        let now = OffsetDateTime::now_utc().unix_timestamp();
        let id = azure_core::Uuid::new_v4().to_string();
        self.certificate
            .assertion(&self.client_id, &self.audience, self.send_chain, now, &id)
            .map_err(|why| azure_core::Error::with_message(AzureKind::Credential, why))
    }
}

/// The shared transport in the shape that the library wants (invariant I7).
#[derive(Debug)]
struct Shared {
    transport: Transport,
    /// The library reads refusals only if they have no escaped characters, which they do have.
    refusal: Mutex<Option<Refusal>>,
}

impl Shared {
    fn take_refusal(&self) -> Option<Refusal> {
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn keep_refusal(&self, answer: &Response) {
        let refusal = (400..500).contains(&answer.status) && answer.status != 429;
        let refusal = refusal.then(|| answer.try_json()).flatten();
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = refusal;
    }
}

/// A signed statement is not good yet, or no more: it was signed a moment ago by this machine's clock.
const WRONG_TIME: u32 = 700_024;

/// What the sign-in service answers to who is not let in.
#[derive(Debug, Deserialize)]
struct Refusal {
    error_description: String,
    #[serde(default)]
    error_codes: Vec<u32>,
}

impl Refusal {
    /// In words: the first line names applications and tenants, and nothing that was sent.
    fn told(&self, operation: &'static str) -> BackendError {
        let description = &self.error_description;
        let known = description.starts_with("AADSTS");
        let line = if known { first_line(description) } else { "" };
        let message = format!("sign-in was refused: {line}");
        let mut message = message.trim_end_matches([' ', ':']).to_owned();
        if self.error_codes.contains(&WRONG_TIME) {
            message.push_str("; set the clock of this machine right");
        }
        let error = refused(ErrorKind::Unauthenticated, operation, message);
        match self.error_codes.first() {
            Some(code) => error.with("code", format!("AADSTS{code}")),
            None => error,
        }
    }
}

#[async_trait]
impl HttpClient for Shared {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let method = match request.method() {
            AzureMethod::Get => Method::GET,
            AzureMethod::Post => Method::POST,
            AzureMethod::Put => Method::PUT,
            AzureMethod::Patch => Method::PATCH,
            AzureMethod::Delete => Method::DELETE,
            AzureMethod::Head => Method::HEAD,
            other => {
                let message = format!("sign-in wants a {other} request");
                return Err(azure_core::Error::with_message(AzureKind::Other, message));
            }
        };
        let mut headers = HeaderMap::new();
        for (name, value) in request.headers().iter() {
            // What coffer calls itself, the transport says.
            if !name.as_str().eq_ignore_ascii_case("user-agent")
                && let Ok(name) = HeaderName::try_from(name.as_str())
                && let Ok(value) = HeaderValue::try_from(value.as_str())
            {
                headers.insert(name, value);
            }
        }
        let body = match request.body() {
            Body::Bytes(bytes) => Some(bytes).filter(|bytes| !bytes.is_empty()),
            Body::SeekableStream(_) => None,
        };
        let body = body.map(|bytes| Arc::new(Secret::new(bytes.to_vec())));
        let sent = self.transport.send(method, request.url().clone(), headers, body).await;
        let answer = sent.map_err(|failure| {
            let kind = match failure.reached {
                Reached::NotConnected => AzureKind::Connection,
                Reached::Sent => AzureKind::Io,
                Reached::Nothing | Reached::TooLarge => AzureKind::Other,
            };
            azure_core::Error::with_message(kind, failure.message)
        })?;
        self.keep_refusal(&answer);
        let mut headers = Headers::new();
        for (name, value) in &answer.headers {
            if let Ok(value) = value.to_str() {
                let name = AzureName::from(name.as_str().to_owned());
                headers.insert(name, AzureValue::from(value.to_owned()));
            }
        }
        let body = answer.body.expose().to_vec();
        Ok(AsyncRawResponse::from_bytes(answer.status.into(), headers, body))
    }
}

/// A failed sign-in in words. Of what `az` says the first line is passed on.
fn told(failure: &azure_core::Error, operation: &'static str) -> BackendError {
    let inner = failure.downcast_ref::<azure_core::Error>();
    let kind = inner.map_or(failure.kind(), azure_core::Error::kind);
    match kind {
        AzureKind::Connection | AzureKind::Io => BackendError::temporary(
            ErrorKind::Unavailable,
            operation,
            format!("sign-in gave no answer: {}", reason(inner.unwrap_or(failure))),
        ),
        AzureKind::HttpResponse { status, .. } => {
            let status = u16::from(*status);
            let error = if status == 429 || status >= 500 {
                let message = format!("sign-in answered with status {status}");
                BackendError::temporary(ErrorKind::Unavailable, operation, message)
            } else {
                refused(ErrorKind::Unauthenticated, operation, "sign-in was refused")
            };
            error.with("status", status.to_string())
        }
        AzureKind::DataConversion => refused(
            ErrorKind::Unauthenticated,
            operation,
            "sign-in failed: the answer is not the one that is documented",
        ),
        _ => refused(
            ErrorKind::Unauthenticated,
            operation,
            format!("sign-in failed: {}", reason(inner.unwrap_or(failure))),
        ),
    }
}

fn reason(failure: &azure_core::Error) -> String {
    first_line(&failure.to_string()).to_owned()
}

fn first_line(text: &str) -> &str {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let end = line.char_indices().nth(LONGEST_REASON).map_or(line.len(), |(at, _)| at);
    &line[..end]
}
