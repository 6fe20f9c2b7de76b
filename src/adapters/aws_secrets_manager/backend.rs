//! The port over the service.
//!
//! Responsible for handing each method of the port to its file: looking ([`read`]), values
//! ([`write`]), metadata ([`metadata`]), deletion ([`lifecycle`]). Holds what a profile shares: the
//! service and the writes that may not show yet ([`recent`]).

use async_trait::async_trait;
use time::Duration;

use super::config::Config;
use super::service::Service;
use crate::domain::kind::Content;
use crate::domain::layout::{Form, Layout, Shape, write as lay_out};
use crate::domain::material::Secret;
use crate::domain::port::{
    Backend, BackendError, Capability, ErrorKind, ListFilter, MetadataPatch, NewSecret, NewVersion,
    Options, Page, Place, Read, SecretRecord, VersionSelector,
};
use crate::domain::rotation::RotationState;
use crate::domain::secret::SecretName;
use crate::domain::version::VersionRecord;

mod lifecycle;
mod metadata;
mod read;
mod recent;
mod write;

use recent::Recent;

/// Secrets Manager of one profile.
#[derive(Debug)]
pub(super) struct SecretsManager {
    service: Service,
    layout: Layout,
    capability: Capability,
    recent: Recent,
}

impl SecretsManager {
    /// A vault. Cheap: nothing is read or connected.
    pub(super) fn new(config: Config, capability: Capability) -> Self {
        let layout = config.layout;
        Self { service: Service::new(config), layout, capability, recent: Recent::default() }
    }

    /// The value that holds content.
    fn form(&self, content: &Content) -> Result<Secret, String> {
        match lay_out(content, self.layout, Shape::Bytes) {
            Ok(Form::Bytes(bytes)) if bytes.is_empty() => {
                Err("AWS Secrets Manager does not hold empty values".to_owned())
            }
            Ok(Form::Bytes(bytes)) if bytes.len() > self.capability.max_value_bytes => {
                Err(format!(
                    "AWS Secrets Manager holds values of at most {} bytes, this one takes {} there",
                    self.capability.max_value_bytes,
                    bytes.len()
                ))
            }
            Ok(Form::Bytes(bytes)) => Ok(bytes),
            Ok(_) => Err("the content has no form for AWS Secrets Manager".to_owned()),
            Err(unfit) => Err(unfit.to_string()),
        }
    }
}

fn refuse(
    kind: ErrorKind,
    operation: &'static str,
    message: impl Into<String>,
    name: &SecretName,
) -> BackendError {
    BackendError::permanent(kind, operation, message).with("secret", name.as_str())
}

#[async_trait]
impl Backend for SecretsManager {
    fn capability(&self) -> &Capability {
        &self.capability
    }

    fn check_content(&self, content: &Content) -> Result<(), String> {
        self.form(content).map(drop)
    }

    async fn read(&self, name: &SecretName) -> Result<SecretRecord, BackendError> {
        self.read_secret("read", name).await
    }

    async fn list(
        &self,
        filter: &ListFilter,
        page: Option<String>,
    ) -> Result<Page<SecretRecord>, BackendError> {
        self.list_page(filter, page).await
    }

    async fn list_versions(&self, name: &SecretName) -> Result<Vec<VersionRecord>, BackendError> {
        self.read_versions(name).await
    }

    async fn create(&self, secret: NewSecret<'_>) -> Result<SecretRecord, BackendError> {
        self.create_secret(secret).await
    }

    async fn put_version(
        &self,
        name: &SecretName,
        version: NewVersion<'_>,
    ) -> Result<VersionRecord, BackendError> {
        self.store_version(name, &version).await
    }

    async fn set_rotation_state(
        &self,
        name: &SecretName,
        number: u64,
        state: RotationState,
    ) -> Result<(), BackendError> {
        self.move_version(name, number, state).await
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
        self.change_metadata(name, patch).await
    }

    async fn soft_delete(
        &self,
        name: &SecretName,
        window: Option<Duration>,
    ) -> Result<SecretRecord, BackendError> {
        self.schedule_deletion(name, window).await
    }

    async fn recover(&self, name: &SecretName) -> Result<SecretRecord, BackendError> {
        self.cancel_deletion(name).await
    }

    async fn purge(&self, name: &SecretName) -> Result<(), BackendError> {
        self.destroy(name).await
    }

    async fn delete_version(&self, name: &SecretName, _number: u64) -> Result<(), BackendError> {
        let message = "AWS Secrets Manager deletes no single versions; versions without a state \
                       are removed by AWS itself beyond about 100";
        Err(refuse(ErrorKind::Unsupported, "delete_version", message, name))
    }

    async fn place(&self) -> Result<Option<Place>, BackendError> {
        self.service.place("place").await.map(Some)
    }

    async fn replicate(
        &self,
        name: &SecretName,
        to: &Place,
        options: &Options,
    ) -> Result<(), BackendError> {
        self.add_replica(name, &to.location, options).await
    }

    async fn end_replication(&self, name: &SecretName, to: &Place) -> Result<(), BackendError> {
        self.end_replica(name, &to.location).await
    }

    async fn backup(&self, name: &SecretName) -> Result<Vec<u8>, BackendError> {
        let message = "AWS Secrets Manager has no backups; replicate the secret instead";
        Err(refuse(ErrorKind::Unsupported, "backup", message, name))
    }

    async fn restore(&self, _backup: &[u8]) -> Result<SecretRecord, BackendError> {
        let message = "AWS Secrets Manager has no backups";
        Err(BackendError::permanent(ErrorKind::Unsupported, "restore", message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::descriptor::Settings;

    fn vault() -> SecretsManager {
        let config = Config::from_settings(Settings::default()).unwrap();
        SecretsManager::new(config, crate::adapters::aws_secrets_manager::capability())
    }

    #[test]
    fn content_is_measured_as_it_lies_there() {
        let generic = |bytes: Vec<u8>| Content::generic(Secret::new(bytes)).unwrap();
        let vault = vault();
        assert_eq!(vault.check_content(&generic(vec![b'x'; 65_536])), Ok(()));
        assert!(vault.check_content(&generic(vec![b'x'; 65_537])).unwrap_err().contains("65537"));
    }
}
