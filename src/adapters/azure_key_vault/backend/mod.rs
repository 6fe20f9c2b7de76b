//! A Key Vault as a backend: the port's calls.
//!
//! Responsible for the shape of every call and for letting one write at a time near a secret (of
//! this process; the service has no conditional writes). Leaves what a call does to [`reading`],
//! [`writing`], [`states`], [`metadata`] and [`deletion`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use time::Duration;
use tokio::sync::OwnedMutexGuard;

use super::auth::Auth;
use super::config::Config;
use super::marks::RESERVED_TAGS;
use super::service::Service;
use super::{BURST, CREATING, CREATING_BURST, PACING, capability, content};
use crate::adapters::http::{Client, Transport};
use crate::domain::kind::Content;
use crate::domain::port::{
    Backend, BackendError, Capability, ErrorKind, ListFilter, MetadataPatch, NewSecret, NewVersion,
    Page, Read, SecretRecord, VersionSelector,
};
use crate::domain::rotation::RotationState;
use crate::domain::secret::SecretName;
use crate::domain::version::VersionRecord;

mod deletion;
mod metadata;
mod reading;
mod states;
mod writing;

/// Longest name.
pub(super) const MAX_NAME: usize = 127;
/// Tags that users may set.
pub(super) const MAX_USER_TAGS: usize = 15 - RESERVED_TAGS;
/// Longest name and value of a tag.
pub(super) const MAX_TAG_CHARS: usize = 512;

/// What follows a secret's name in that of the secret where its pending versions wait.
const SIBLING: &str = "--pending";

type Answer<T> = Result<T, BackendError>;

/// The backend.
#[derive(Debug)]
pub(super) struct KeyVault {
    service: Service,
    capability: Capability,
    writers: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

impl KeyVault {
    /// A backend that connects on first use.
    pub(super) fn new(config: Config) -> Self {
        let transport = Transport::new(config.http.clone());
        let (vault, api_version) = (config.vault.clone(), config.api_version.clone());
        let auth = Arc::new(Auth::new(config, transport.clone()));
        let client = match transport.settings().pacing() {
            Some(PACING) => Client::over(transport, auth).paced_with_burst(PACING, BURST),
            // Limits that the profile sets are meant as they are.
            _ => Client::over(transport, auth),
        };
        let creating = client.also_paced(CREATING, CREATING_BURST);
        let service = Service::new(client, creating, vault, api_version);
        Self { service, capability: capability(), writers: Mutex::default() }
    }

    /// Waits until nobody else of this process writes near a secret.
    async fn alone(&self, name: &SecretName) -> OwnedMutexGuard<()> {
        let writer = {
            let mut writers = self.writers.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(writers.entry(name.as_str().to_ascii_lowercase()).or_default())
        };
        writer.lock_owned().await
    }
}

/// Name of the secret where the pending versions of another wait.
fn sibling_of(name: &str) -> String {
    format!("{name}{SIBLING}")
}

#[async_trait]
impl Backend for KeyVault {
    fn capability(&self) -> &Capability {
        &self.capability
    }

    fn check_content(&self, content: &Content) -> Result<(), String> {
        content::store(content).map(drop)
    }

    async fn read(&self, name: &SecretName) -> Answer<SecretRecord> {
        self.read_record("read", name).await
    }

    async fn list(&self, filter: &ListFilter, page: Option<String>) -> Answer<Page<SecretRecord>> {
        self.list_records(filter, page.as_deref()).await
    }

    async fn list_versions(&self, name: &SecretName) -> Answer<Vec<VersionRecord>> {
        Ok(self.history("list_versions", name).await?.records())
    }

    async fn create(&self, secret: NewSecret<'_>) -> Answer<SecretRecord> {
        let _alone = self.alone(secret.name).await;
        self.create_secret(&secret).await
    }

    async fn put_version(
        &self,
        name: &SecretName,
        version: NewVersion<'_>,
    ) -> Answer<VersionRecord> {
        let _alone = self.alone(name).await;
        self.put(name, &version).await
    }

    async fn set_rotation_state(
        &self,
        name: &SecretName,
        number: u64,
        state: RotationState,
    ) -> Answer<()> {
        let _alone = self.alone(name).await;
        self.move_to_state(name, number, state).await
    }

    async fn read_content(&self, name: &SecretName, selector: VersionSelector) -> Answer<Read> {
        self.read_value(name, selector).await
    }

    async fn update_metadata(
        &self,
        name: &SecretName,
        patch: MetadataPatch,
    ) -> Answer<SecretRecord> {
        let _alone = self.alone(name).await;
        self.patch(name, &patch).await
    }

    async fn soft_delete(
        &self,
        name: &SecretName,
        window: Option<Duration>,
    ) -> Answer<SecretRecord> {
        let _alone = self.alone(name).await;
        self.delete_recoverably(name, window).await
    }

    async fn recover(&self, name: &SecretName) -> Answer<SecretRecord> {
        let _alone = self.alone(name).await;
        self.bring_back(name).await
    }

    async fn purge(&self, name: &SecretName) -> Answer<()> {
        let _alone = self.alone(name).await;
        self.destroy(name).await
    }

    async fn delete_version(&self, _: &SecretName, _: u64) -> Answer<()> {
        Err(BackendError::permanent(
            ErrorKind::Unsupported,
            "delete_version",
            "Key Vault deletes no single version, only a secret with all of them",
        ))
    }

    async fn backup(&self, name: &SecretName) -> Answer<Vec<u8>> {
        self.back_up(name).await
    }

    async fn restore(&self, backup: &[u8]) -> Answer<SecretRecord> {
        self.restore_backup(backup).await
    }
}
