//! Who we are towards Oracle Cloud: from a profile and its surroundings to a key that signs.
//!
//! Responsible for the identity of a profile, whatever it comes from, for one sign-in however many
//! requests ask, and for the region that a sign-in knows. Leaves signing itself to
//! [`http_signature`](crate::adapters::sign::http_signature). Files and variables are read here
//! and below only. Reading order: [`source`], [`config_file`], [`pem`], [`instance`], [`resource`],
//! [`workload`], [`jwt`], [`environment`].

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::config::SignIn;
use crate::adapters::http::{Expiring, TokenCache, Transport};
use crate::adapters::sign::http_signature::SigningKey;
use crate::domain::port::{BackendError, ErrorKind};

mod config_file;
mod environment;
mod instance;
mod jwt;
mod pem;
mod resource;
mod source;
mod workload;

pub use environment::Environment;
use source::Source;

/// A token that was refused so soon after it was made was not refused for its age.
const YOUNG: Duration = Duration::from_secs(2);

/// The identity of a profile.
pub(super) struct Identity {
    sign_in: SignIn,
    environment: Environment,
    /// For services that are not the vault: it uses no proxy.
    direct: Transport,
    transport: Transport,
    source: OnceCell<Source>,
    cache: TokenCache<Credentials>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("source", &self.source.get()).finish_non_exhaustive()
    }
}

/// What signs a request.
#[derive(Debug)]
pub(super) struct Credentials {
    /// The `keyId` of signatures; for tokens it holds the token.
    pub key_id: String,
    /// The private key.
    pub key: SigningKey,
    since: Instant,
}

impl Credentials {
    fn new(key_id: String, key: SigningKey) -> Self {
        Self { key_id, key, since: Instant::now() }
    }

    /// Of a session token.
    fn of_token(token: &str, key: SigningKey) -> Self {
        Self::new(format!("ST${token}"), key)
    }
}

impl Identity {
    pub(super) fn new(sign_in: SignIn, environment: Environment, transport: Transport) -> Self {
        let direct = Transport::new(transport.settings().without_proxy());
        Self {
            sign_in,
            environment,
            direct,
            transport,
            source: OnceCell::new(),
            cache: TokenCache::default(),
        }
    }

    /// What signs now.
    pub(super) async fn credentials(
        &self,
        operation: &'static str,
    ) -> Result<Arc<Credentials>, BackendError> {
        let source = self.source(operation).await?;
        self.cache.get(|| self.sign_in(source, operation)).await
    }

    /// The service refused what signed. True when it can be made anew.
    pub(super) async fn renew(&self) -> bool {
        let Some(source) = self.source.get() else { return false };
        if !source.expires() {
            return false;
        }
        let held = self.cache.get(|| self.sign_in(source, "sign_in")).await;
        if let Ok(held) = held
            && held.since.elapsed() > YOUNG
        {
            self.cache.refuse(&held).await;
        }
        true
    }

    /// What to do when the service does not accept what signs, and a new sign-in did not help.
    pub(super) fn unaccepted(&self) -> Option<&'static str> {
        self.source.get().and_then(Source::unaccepted)
    }

    /// The region that the sign-in is for, when it says so.
    pub(super) async fn region(
        &self,
        operation: &'static str,
    ) -> Result<Option<String>, BackendError> {
        match self.source(operation).await? {
            Source::Instance(instance) => instance
                .region(&self.direct)
                .await
                .map(Some)
                .map_err(|message| refused(operation, message)),
            source => Ok(source.region()),
        }
    }

    async fn source(&self, operation: &'static str) -> Result<&Source, BackendError> {
        self.source
            .get_or_try_init(|| async {
                source::choose(&self.sign_in, &self.environment)
                    .map_err(|message| refused(operation, message))
            })
            .await
    }

    async fn sign_in(
        &self,
        source: &Source,
        operation: &'static str,
    ) -> Result<Expiring<Credentials>, BackendError> {
        let made = match source {
            Source::Key(key) => key.open(&self.environment),
            Source::Token(token) => token.open(&self.environment),
            Source::Resource(resource) => resource.open(&self.environment),
            Source::Instance(instance) => instance.sign_in(&self.direct, &self.transport).await,
            Source::Workload(workload) => workload.sign_in(&self.environment, &self.direct).await,
        };
        made.map_err(|message| refused(operation, message))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err takes")]
fn refused(operation: &'static str, message: String) -> BackendError {
    BackendError::permanent(
        ErrorKind::Unauthenticated,
        operation,
        format!("sign-in to Oracle Cloud failed: {message}"),
    )
}
