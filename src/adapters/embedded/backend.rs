//! The embedded vault as a backend: the port's calls, off the runtime's threads.
//!
//! Responsible for moving blocking work to where it may block, and for naming the operation and
//! the vault in errors. Leaves the rules to [`ops`](super::ops).

use std::sync::Arc;

use async_trait::async_trait;
use time::Duration;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::ambient::Ambient;
use super::config::Config;
use super::error::Failure;
use super::ops::{self, Upload, no_such_secret};
use super::tx::{Tx, View};
use super::vault::Vault;
use super::{backup, capability, writer};
use crate::domain::material::{Secret, wipe_stack};
use crate::domain::port::{
    Backend, BackendError, Capability, ErrorKind, ListFilter, MetadataPatch, NewSecret, NewVersion,
    Page, Read, SecretRecord, VersionSelector, WhenMissing,
};
use crate::domain::rotation::RotationState;
use crate::domain::secret::SecretName;
use crate::domain::version::VersionRecord;

/// Most operations that work on the file at once: each takes a thread, a connection and its page
/// cache, and more of them are no faster.
const AT_ONCE: usize = 8;

/// The backend.
#[derive(Debug)]
pub struct Embedded {
    vault: Arc<Vault>,
    places: Arc<Semaphore>,
    capability: Capability,
}

impl Embedded {
    /// A backend that opens its vault on first use.
    #[must_use]
    pub fn new(config: Config, ambient: Ambient) -> Self {
        Self {
            vault: Arc::new(Vault::new(config, ambient)),
            places: Arc::new(Semaphore::new(AT_ONCE)),
            capability: capability(),
        }
    }

    /// The vault, for what the port does not offer: creating, checking, changing the key.
    #[must_use]
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// Runs blocking work and completes its error.
    async fn blocking<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Vault) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, BackendError> {
        let vault = self.vault.clone();
        // The place is the work's: it is not free before that ends, whoever waits for it.
        let place = Arc::clone(&self.places).acquire_owned().await;
        let outcome = spawn_blocking(move || {
            let outcome = work(&vault);
            drop(place);
            wipe_stack();
            outcome
        });
        let outcome = outcome.await.unwrap_or_else(|_| {
            Err(Failure::new(ErrorKind::Unexpected, "the vault's reader has stopped"))
        });
        outcome.map_err(|failure| self.named(operation, failure))
    }

    fn named(&self, operation: &'static str, failure: Failure) -> BackendError {
        failure.during(operation).with("vault", self.vault.config().path.display().to_string())
    }

    async fn read_with<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&View<'_>) -> Result<T, Failure> + Send + 'static,
        missing: impl FnOnce() -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, BackendError> {
        self.blocking(operation, move |vault| vault.read(work, missing)).await
    }

    /// Writes to an existing vault, or with `create` to a new one.
    async fn write_with<T: Send + 'static>(
        &self,
        operation: &'static str,
        create: bool,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, BackendError> {
        let answer = self.blocking(operation, move |vault| vault.submit(create, work)).await?;
        let outcome = match answer {
            None => Err(no_such_secret()),
            Some(answer) => answer.await.unwrap_or_else(|_| Err(writer::stopped())),
        };
        outcome.map_err(|failure| self.named(operation, failure))
    }
}

#[async_trait]
impl Backend for Embedded {
    fn capability(&self) -> &Capability {
        &self.capability
    }

    async fn fingerprint_key_material(
        &self,
        when_missing: WhenMissing,
    ) -> Result<Option<Secret>, BackendError> {
        let create = when_missing == WhenMissing::Create;
        self.blocking("fingerprint_key_material", move |vault| vault.fingerprint_material(create))
            .await
    }

    fn take_notices(&self) -> Vec<String> {
        self.vault.take_notices()
    }

    async fn read(&self, name: &SecretName) -> Result<SecretRecord, BackendError> {
        let name = name.clone();
        self.read_with("read", move |view| ops::read(view, &name), || Err(no_such_secret())).await
    }

    async fn list(
        &self,
        filter: &ListFilter,
        page: Option<String>,
    ) -> Result<Page<SecretRecord>, BackendError> {
        let filter = filter.clone();
        self.read_with(
            "list",
            move |view| ops::list(view, &filter, page.as_deref()),
            || Ok(Page { items: Vec::new(), next: None }),
        )
        .await
    }

    async fn list_versions(&self, name: &SecretName) -> Result<Vec<VersionRecord>, BackendError> {
        let name = name.clone();
        self.read_with(
            "list_versions",
            move |view| ops::list_versions(view, &name),
            || Err(no_such_secret()),
        )
        .await
    }

    async fn create(&self, secret: NewSecret<'_>) -> Result<SecretRecord, BackendError> {
        let name = secret.name.clone();
        let upload = Upload::new(&secret.version);
        let metadata = secret.metadata;
        self.write_with("create", true, move |tx| ops::create(tx, &name, &metadata, &upload)).await
    }

    async fn put_version(
        &self,
        name: &SecretName,
        version: NewVersion<'_>,
    ) -> Result<VersionRecord, BackendError> {
        let name = name.clone();
        let upload = Upload::new(&version);
        self.write_with("put_version", false, move |tx| ops::put_version(tx, &name, &upload)).await
    }

    async fn set_rotation_state(
        &self,
        name: &SecretName,
        number: u64,
        state: RotationState,
    ) -> Result<(), BackendError> {
        let name = name.clone();
        self.write_with("set_rotation_state", false, move |tx| {
            ops::set_rotation_state(tx, &name, number, state)
        })
        .await
    }

    async fn read_content(
        &self,
        name: &SecretName,
        selector: VersionSelector,
    ) -> Result<Read, BackendError> {
        let name = name.clone();
        self.read_with(
            "read_content",
            move |view| ops::read_content(view, &name, selector),
            || Err(no_such_secret()),
        )
        .await
    }

    async fn update_metadata(
        &self,
        name: &SecretName,
        patch: MetadataPatch,
    ) -> Result<SecretRecord, BackendError> {
        let name = name.clone();
        self.write_with("update_metadata", false, move |tx| ops::update_metadata(tx, &name, &patch))
            .await
    }

    async fn soft_delete(
        &self,
        name: &SecretName,
        window: Option<Duration>,
    ) -> Result<SecretRecord, BackendError> {
        let name = name.clone();
        self.write_with("soft_delete", false, move |tx| ops::soft_delete(tx, &name, window)).await
    }

    async fn recover(&self, name: &SecretName) -> Result<SecretRecord, BackendError> {
        let name = name.clone();
        self.write_with("recover", false, move |tx| ops::recover(tx, &name)).await
    }

    async fn purge(&self, name: &SecretName) -> Result<(), BackendError> {
        let name = name.clone();
        self.write_with("purge", false, move |tx| ops::purge(tx, &name)).await
    }

    async fn delete_version(&self, name: &SecretName, number: u64) -> Result<(), BackendError> {
        let name = name.clone();
        self.write_with("delete_version", false, move |tx| ops::delete_version(tx, &name, number))
            .await
    }

    async fn backup(&self, name: &SecretName) -> Result<Vec<u8>, BackendError> {
        let name = name.clone();
        self.read_with("backup", move |view| backup::make(view, &name), || Err(no_such_secret()))
            .await
    }

    async fn restore(&self, backup: &[u8]) -> Result<SecretRecord, BackendError> {
        let bytes = backup.to_vec();
        self.write_with("restore", false, move |tx| backup::restore(tx, &bytes)).await
    }
}
