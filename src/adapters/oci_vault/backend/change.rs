//! Changing what is known about a secret, and where it lies.
//!
//! The service takes one concern per call, so a patch becomes up to five: what is said about the
//! secret, rules, rotation, replicas, and last the compartment, since other rights may hold there.
//! Each is sent only if it differs, so a patch can be repeated after any interruption.

use super::OciVault;
use super::held::{Held, Tries};
use crate::adapters::oci_vault::connection::Action;
use crate::adapters::oci_vault::options;
use crate::adapters::oci_vault::record::{CONTENT_TYPE, FINGERPRINT, OWN, with_state};
use crate::adapters::oci_vault::wire::{ChangeCompartmentDetails, UpdateSecretDetails, Values};
use crate::domain::port::{BackendError, ErrorKind, MetadataPatch, SecretRecord};
use crate::domain::rotation::RotationState;
use crate::domain::secret::SecretName;

const OPERATION: &str = "update_metadata";

pub(super) const NO_VALIDITY: &str = "OCI Vault holds no times of validity; a secret can have an \
                                      expiry rule (options.oci_vault.expiry_rule)";
pub(super) const NO_DISABLING: &str = "OCI Vault cannot disable a secret";

impl OciVault {
    pub(super) async fn patch(
        &self,
        name: &SecretName,
        patch: &MetadataPatch,
    ) -> Result<SecretRecord, BackendError> {
        if matches!(patch.not_before, Some(Some(_))) || matches!(patch.expires_at, Some(Some(_))) {
            return Err(super::unsupported(OPERATION, NO_VALIDITY));
        }
        if patch.enabled == Some(false) {
            return Err(super::unsupported(OPERATION, NO_DISABLING));
        }
        if let Some(compartment) = options::text_option(&patch.options, options::COMPARTMENT) {
            self.searched(OPERATION, compartment)?;
        }
        for concern in [about, rules, rotation, replication] {
            self.apply(name, patch, concern).await?;
        }
        self.relocate(name, patch).await?;
        match self.recall(name) {
            Some(held) => Ok(held.record(name)),
            None => Ok(self.hold(OPERATION, name).await?.record(name)),
        }
    }

    /// Sends one concern until the secret is as it should be.
    async fn apply(
        &self,
        name: &SecretName,
        patch: &MetadataPatch,
        concern: Concern,
    ) -> Result<(), BackendError> {
        let mut recalled = self.recall(name);
        let mut tries = Tries::default();
        loop {
            let held = match recalled.take() {
                Some(held) => held,
                None => self.hold(OPERATION, name).await?,
            };
            let body = concern(patch, &held).map_err(|message| {
                BackendError::permanent(ErrorKind::InvalidRequest, OPERATION, message)
            })?;
            let Some(body) = body else {
                self.keep(name, held);
                return Ok(());
            };
            let etag = held.etag.as_deref();
            match self.connection.update(OPERATION, &held.secret.id, etag, &body).await {
                Ok(seen) => {
                    let seen = self.settle(OPERATION, seen).await?;
                    // No version changes with any of this.
                    let versions = held.versions;
                    self.keep(name, Held { secret: seen.secret, etag: seen.etag, versions });
                    return Ok(());
                }
                Err(error) => tries.again(error).await?,
            }
        }
    }

    /// Moves the secret to another compartment.
    async fn relocate(&self, name: &SecretName, patch: &MetadataPatch) -> Result<(), BackendError> {
        let Some(target) = options::text_option(&patch.options, options::COMPARTMENT) else {
            return Ok(());
        };
        let mut recalled = self.recall(name);
        let mut tries = Tries::default();
        loop {
            let held = match recalled.take() {
                Some(held) => held,
                None => self.hold(OPERATION, name).await?,
            };
            if held.secret.compartment_id == target {
                self.keep(name, held);
                return Ok(());
            }
            let action = Action {
                operation: OPERATION,
                id: &held.secret.id,
                version: None,
                verb: "changeCompartment",
                etag: held.etag.as_deref(),
                token: None,
            };
            let body = ChangeCompartmentDetails { compartment_id: target };
            match self.connection.act(&action, Some(&body)).await {
                Ok(()) => {
                    let held = self.settled(OPERATION, name).await?;
                    self.keep(name, held);
                    return Ok(());
                }
                Err(error) => tries.again(error).await?,
            }
        }
    }
}

/// What to send so that one concern is as wanted; `None` when it is.
type Concern = fn(&MetadataPatch, &Held) -> Result<Option<UpdateSecretDetails>, String>;

fn some(body: UpdateSecretDetails) -> Option<UpdateSecretDetails> {
    (body != UpdateSecretDetails::default()).then_some(body)
}

/// Description, tags and metadata.
fn about(patch: &MetadataPatch, held: &Held) -> Result<Option<UpdateSecretDetails>, String> {
    let secret = &held.secret;
    let description = patch.description.as_ref().map(|text| text.clone().unwrap_or_default());
    let now = secret.description.as_deref().unwrap_or_default();
    let tags = secret.freeform_tags.clone().unwrap_or_default();
    let before = secret.metadata.clone().unwrap_or_default();
    let metadata = metadata(patch, held, before.clone())?;
    Ok(some(UpdateSecretDetails {
        description: description.filter(|text| text != now),
        freeform_tags: patch.tags.clone().filter(|wanted| *wanted != tags),
        metadata: (metadata != before).then_some(metadata),
        ..UpdateSecretDetails::default()
    }))
}

/// All metadata as it should be: the service replaces it as a whole.
fn metadata(patch: &MetadataPatch, held: &Held, before: Values) -> Result<Values, String> {
    let mut metadata = before;
    if let Some(wanted) = options::metadata(&patch.options)? {
        metadata.retain(|key, _| OWN.contains(&key.as_str()));
        for (key, value) in wanted {
            metadata.insert(key.to_owned(), value.into());
        }
    }
    match &patch.content_type {
        Some(Some(content_type)) => {
            metadata.insert(CONTENT_TYPE.to_owned(), content_type.as_str().into());
        }
        Some(None) => {
            metadata.remove(CONTENT_TYPE);
        }
        None => {}
    }
    if let Some(print) = &patch.fingerprint
        && let Some(current) = with_state(&held.versions, RotationState::Current)
    {
        let entry = format!("{} {print}", current.version_number);
        metadata.insert(FINGERPRINT.to_owned(), entry.into());
    }
    Ok(metadata)
}

fn rules(patch: &MetadataPatch, held: &Held) -> Result<Option<UpdateSecretDetails>, String> {
    let now = held.secret.secret_rules.as_deref().unwrap_or_default();
    let secret_rules = options::rules(&patch.options, now)?;
    Ok(some(UpdateSecretDetails { secret_rules, ..UpdateSecretDetails::default() }))
}

fn rotation(patch: &MetadataPatch, held: &Held) -> Result<Option<UpdateSecretDetails>, String> {
    let wanted = options::rotation(&patch.options)?;
    let rotation_config =
        wanted.filter(|wanted| held.secret.rotation_config.as_ref() != Some(wanted));
    Ok(some(UpdateSecretDetails { rotation_config, ..UpdateSecretDetails::default() }))
}

fn replication(patch: &MetadataPatch, held: &Held) -> Result<Option<UpdateSecretDetails>, String> {
    let wanted = options::replication(&patch.options)?;
    let now = held.secret.replication_config.as_ref();
    let none = now.is_none_or(|now| now.replication_targets.is_empty());
    let replication_config = wanted
        .filter(|wanted| now != Some(wanted) && !(none && wanted.replication_targets.is_empty()));
    Ok(some(UpdateSecretDetails { replication_config, ..UpdateSecretDetails::default() }))
}
