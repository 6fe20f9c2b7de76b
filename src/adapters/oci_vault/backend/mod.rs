//! The port, spoken with Oracle Cloud.
//!
//! Responsible for what each method of the port is in calls of the service. Finding a secret by
//! its name and proving that there is none is [`directory`]; waiting and conditional writes are
//! [`held`]; the rest is split by what it changes: [`create`], [`versions`], [`change`],
//! [`deletion`]; reading is [`read`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::OwnedMutexGuard;

use super::auth::Environment;
use super::config::Config;
use super::connection::Connection;
use crate::domain::kind::Content;
use crate::domain::layout::Layout;
use crate::domain::port::{
    Backend, BackendError, Capability, ErrorKind, ListFilter, MetadataPatch, NewSecret, NewVersion,
    Page, Read, SecretRecord, VersionSelector,
};
use crate::domain::rotation::RotationState;
use crate::domain::secret::SecretName;
use crate::domain::version::VersionRecord;

mod change;
mod content;
mod create;
mod deletion;
mod directory;
mod held;
mod read;
mod versions;

pub(super) use content::MAX_VALUE_BYTES;
pub(super) use deletion::WINDOW_DAYS;
use directory::Directory;
use held::Held;

/// Most versions of a secret that are in use; as many more may wait for their deletion.
pub(super) const MAX_VERSIONS: usize = 30;

/// A vault of Oracle Cloud.
#[derive(Debug)]
pub(super) struct OciVault {
    connection: Connection,
    directory: Directory,
    capability: Capability,
    compartments: Vec<String>,
    vault_id: String,
    key_id: Option<String>,
    layout: Layout,
    version_deletion_days: i64,
    patience: Duration,
    /// How each secret was when it was last looked at: a write conditional on that needs no other
    /// look before it.
    last_seen: Mutex<HashMap<SecretName, Held>>,
    /// One writer at a time per secret; others of this process would only be refused.
    writers: Mutex<HashMap<SecretName, Arc<tokio::sync::Mutex<()>>>>,
}

impl OciVault {
    pub(super) fn new(config: Config, environment: Environment, capability: Capability) -> Self {
        let vault_id = config.vault_id;
        let connection = Connection::new(
            config.http,
            config.addresses,
            config.sign_in,
            vault_id.clone(),
            environment,
        );
        Self {
            connection,
            directory: Directory::default(),
            capability,
            compartments: config.compartments,
            vault_id,
            key_id: config.key_id,
            layout: config.layout,
            version_deletion_days: config.version_deletion_days,
            patience: config.patience,
            last_seen: Mutex::default(),
            writers: Mutex::default(),
        }
    }

    /// Waits until no other call of this process writes this secret.
    async fn write_turn(&self, name: &SecretName) -> OwnedMutexGuard<()> {
        let turn = {
            let mut writers = self.writers.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(writers.entry(name.clone()).or_default())
        };
        turn.lock_owned().await
    }
}

/// The service has nothing like it.
fn unsupported(operation: &'static str, message: &str) -> BackendError {
    BackendError::permanent(ErrorKind::Unsupported, operation, message)
}

#[async_trait]
impl Backend for OciVault {
    fn capability(&self) -> &Capability {
        &self.capability
    }

    fn check_content(&self, content: &Content) -> Result<(), String> {
        content::encode(content, self.layout).map(drop)
    }

    async fn read(&self, name: &SecretName) -> Result<SecretRecord, BackendError> {
        self.read_secret("read", name).await
    }

    async fn list(
        &self,
        filter: &ListFilter,
        page: Option<String>,
    ) -> Result<Page<SecretRecord>, BackendError> {
        self.list_page(filter, page.as_deref()).await
    }

    async fn list_versions(&self, name: &SecretName) -> Result<Vec<VersionRecord>, BackendError> {
        self.read_versions(name).await
    }

    async fn create(&self, secret: NewSecret<'_>) -> Result<SecretRecord, BackendError> {
        let _turn = self.write_turn(secret.name).await;
        self.create_secret(&secret).await
    }

    async fn put_version(
        &self,
        name: &SecretName,
        version: NewVersion<'_>,
    ) -> Result<VersionRecord, BackendError> {
        let _turn = self.write_turn(name).await;
        self.upload(name, &version).await
    }

    async fn set_rotation_state(
        &self,
        name: &SecretName,
        number: u64,
        state: RotationState,
    ) -> Result<(), BackendError> {
        let _turn = self.write_turn(name).await;
        self.move_state(name, number, state).await
    }

    async fn read_content(
        &self,
        name: &SecretName,
        selector: VersionSelector,
    ) -> Result<Read, BackendError> {
        self.read_value(name, selector).await
    }

    async fn update_metadata(
        &self,
        name: &SecretName,
        patch: MetadataPatch,
    ) -> Result<SecretRecord, BackendError> {
        let _turn = self.write_turn(name).await;
        self.patch(name, &patch).await
    }

    async fn soft_delete(
        &self,
        name: &SecretName,
        window: Option<time::Duration>,
    ) -> Result<SecretRecord, BackendError> {
        let _turn = self.write_turn(name).await;
        self.schedule_deletion(name, window).await
    }

    async fn recover(&self, name: &SecretName) -> Result<SecretRecord, BackendError> {
        let _turn = self.write_turn(name).await;
        self.cancel_deletion(name).await
    }

    async fn purge(&self, _: &SecretName) -> Result<(), BackendError> {
        Err(unsupported(
            "purge",
            "OCI Vault destroys no secret at once: a deleted one goes after its window of at least \
             a day",
        ))
    }

    async fn delete_version(&self, name: &SecretName, number: u64) -> Result<(), BackendError> {
        let _turn = self.write_turn(name).await;
        self.schedule_version_deletion(name, number).await
    }

    async fn backup(&self, _: &SecretName) -> Result<Vec<u8>, BackendError> {
        Err(unsupported("backup", NO_BACKUP))
    }

    async fn restore(&self, _: &[u8]) -> Result<SecretRecord, BackendError> {
        Err(unsupported("restore", NO_BACKUP))
    }
}

const NO_BACKUP: &str = "OCI Vault has no backups of secrets; it replicates them (options)";
