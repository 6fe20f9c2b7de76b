//! Who asks: tokens for a vault.
//!
//! Responsible for authorising requests with a token that is shared and renewed, and for learning
//! from the vault's challenge what the token is for and which tenant issues it. A challenge is
//! believed only about the vault's own domain and kept only after that was checked; a value never
//! goes out in a request without a token. Leaves getting tokens to [`identity`]; reads the files
//! that sign-in needs.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use url::Url;

use super::config::{Config, Identity, resource_of};
use super::error;
use crate::adapters::http::{
    Api, Expiring, HeaderMap, HeaderName, HeaderValue, Method, Outgoing, Response, TokenCache,
    Transport,
};
use crate::domain::port::{BackendError, ErrorKind};

mod assertion;
mod challenge;
mod identity;

use challenge::Challenge;

const AUTHORIZATION: HeaderName = HeaderName::from_static("authorization");
const AUTHENTICATE: &str = "www-authenticate";
/// A token that was fetched so recently is not the one that an answer is about.
const RECENT: Duration = Duration::from_secs(5);

/// Authorises the requests of a profile.
#[derive(Debug)]
pub(super) struct Auth {
    vault: Url,
    api_version: String,
    verify: bool,
    identity: Identity,
    transport: Transport,
    tokens: TokenCache<HeaderValue>,
    learned: Mutex<Learned>,
}

/// What the vault has told so far.
#[derive(Debug, Default)]
struct Learned {
    challenge: Option<Challenge>,
    renewed: Option<Instant>,
}

impl Auth {
    /// Of a profile. Cheap; nothing is asked before the first request.
    pub(super) fn new(config: Config, transport: Transport) -> Self {
        let Config { vault, api_version, verify_challenge, identity, .. } = config;
        Self {
            vault,
            api_version,
            verify: verify_challenge,
            identity,
            transport,
            tokens: TokenCache::default(),
            learned: Mutex::default(),
        }
    }

    fn learned(&self) -> std::sync::MutexGuard<'_, Learned> {
        self.learned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn sign_in(
        &self,
        operation: &'static str,
    ) -> Result<Expiring<HeaderValue>, BackendError> {
        let (scope, tenant) = self.target(operation).await?;
        let token =
            identity::token(&self.identity, &self.transport, tenant.as_deref(), &scope, operation)
                .await?;
        let mut header =
            HeaderValue::try_from(format!("Bearer {}", token.value)).map_err(|_| {
                error::refused(
                    ErrorKind::Unauthenticated,
                    operation,
                    "the token that sign-in gave is none: it has characters that no token has",
                )
            })?;
        header.set_sensitive(true);
        Ok(Expiring { value: header, lifetime: token.lifetime })
    }

    /// Scope and tenant: from the host name and the configuration, else from the vault.
    async fn target(
        &self,
        operation: &'static str,
    ) -> Result<(String, Option<String>), BackendError> {
        let tenant = self.identity.tenant.clone();
        let known = resource_of(&self.vault).map(|resource| format!("{resource}/.default"));
        let enough = tenant.is_some() || !self.identity.source.needs_tenant();
        if let Some(scope) = known.filter(|_| enough) {
            return Ok((scope, tenant));
        }
        let learned = self.learned().challenge.clone();
        let challenge = match learned {
            Some(challenge) => challenge,
            None => self.ask(operation).await?,
        };
        Ok((challenge.scope, tenant.or(challenge.tenant)))
    }

    /// Asks the vault what token it wants: a request without token and without body.
    async fn ask(&self, operation: &'static str) -> Result<Challenge, BackendError> {
        let mut url = self.vault.clone();
        url.set_path("/secrets");
        url.query_pairs_mut()
            .append_pair("api-version", &self.api_version)
            .append_pair("maxresults", "1");
        let answer = self.transport.send(Method::GET, url, HeaderMap::new(), None).await;
        let answer = answer.map_err(|failure| {
            let host = self.vault.host_str().unwrap_or_default();
            let message = format!("{host} gave no answer: {failure}");
            BackendError::temporary(ErrorKind::Unavailable, operation, message)
        })?;
        let told = (answer.status == 401).then(|| answer.header(AUTHENTICATE)).flatten();
        let challenge = told.and_then(Challenge::parse).ok_or_else(|| {
            error::refused(
                ErrorKind::Unauthenticated,
                operation,
                "the address does not answer like a Key Vault: a request without a token was not \
                 answered with what token is wanted. Check vault_url",
            )
            .with("status", answer.status.to_string())
        })?;
        self.believe(challenge, operation)
    }

    /// Keeps a challenge that is about the vault's own domain.
    fn believe(
        &self,
        challenge: Challenge,
        operation: &'static str,
    ) -> Result<Challenge, BackendError> {
        if self.verify && !challenge.is_for(&self.vault) {
            return Err(error::refused(
                ErrorKind::Unauthenticated,
                operation,
                format!(
                    "the vault asks for a token to another domain ({}), so it was given none. For \
                     a vault behind a host name of your own set verify_challenge_resource = false",
                    challenge.scope.escape_debug()
                ),
            ));
        }
        self.learned().challenge = Some(challenge.clone());
        Ok(challenge)
    }
}

#[async_trait]
impl Api for Auth {
    async fn authorize(&self, request: &mut Outgoing<'_>) -> Result<(), BackendError> {
        let operation = request.operation;
        let token = self.tokens.get(|| self.sign_in(operation)).await?;
        request.headers.insert(AUTHORIZATION, HeaderValue::clone(&token));
        Ok(())
    }

    async fn renew(&self, answer: &Response) -> bool {
        let challenge = answer.header(AUTHENTICATE).and_then(Challenge::parse);
        let usable = match challenge {
            Some(challenge) => self.believe(challenge, "sign_in").is_ok(),
            None => !self.identity.is_fixed(),
        };
        if !usable || self.identity.is_fixed() {
            return false;
        }
        // Requests that ran at the same time are refused at the same time: one new token does.
        let now = Instant::now();
        let recent = {
            let mut learned = self.learned();
            let recent = learned.renewed.is_some_and(|at| now - at < RECENT);
            if !recent {
                learned.renewed = Some(now);
            }
            recent
        };
        if !recent {
            self.tokens.clear().await;
        }
        true
    }

    fn failure(&self, operation: &'static str, answer: &Response) -> BackendError {
        let error = error::failure(operation, answer);
        if answer.status == 401 && self.identity.is_fixed() {
            let message = "the vault did not accept the token that access_token (or \
                           COFFER_AZURE_ACCESS_TOKEN) gives: it has expired, was revoked, or \
                           belongs to another tenant. coffer cannot renew it; fetch another one";
            return BackendError { message: message.to_owned(), ..error };
        }
        error
    }
}
