//! Creating a secret.
//!
//! The service knows the request by its token and answers a repetition with the first result; the
//! first version's name holds the nonce, by which a secret whose creation was not answered is
//! found later, too.

use super::OciVault;
use super::content::encode;
use super::held::{Held, Tries};
use crate::adapters::http::SecretText;
use crate::adapters::oci_vault::error::{needs_a_look, reworded, without_value};
use crate::adapters::oci_vault::options;
use crate::adapters::oci_vault::record::{self, CONTENT_TYPE};
use crate::adapters::oci_vault::version_name::VersionName;
use crate::adapters::oci_vault::wire::{
    BASE64, CreateSecretDetails, Secret, SecretContentDetails, State, UpdateSecretDetails, Values,
};
use crate::domain::kind::Content;
use crate::domain::port::{
    BackendError, ErrorKind, NewSecret, NewVersion, Outcome, SecretRecord, Stage,
};

const OPERATION: &str = "create";

impl OciVault {
    pub(super) async fn create_secret(
        &self,
        secret: &NewSecret<'_>,
    ) -> Result<SecretRecord, BackendError> {
        if secret.version.stage == Stage::Pending {
            return Err(invalid("the first version of a secret is current, it cannot be pending"));
        }
        let metadata = &secret.metadata;
        if metadata.not_before.is_some() || metadata.expires_at.is_some() {
            return Err(super::unsupported(OPERATION, super::change::NO_VALIDITY));
        }
        if !metadata.enabled {
            return Err(super::unsupported(OPERATION, super::change::NO_DISABLING));
        }
        let content = encode(secret.version.content, self.layout).map_err(invalid)?;
        let name = self.version_name(&secret.version);
        let body = self.creation(secret, &content, &name)?;
        let token = token(&secret.version.nonce);
        let mut tries = Tries::default();
        loop {
            let error = match self.connection.create(OPERATION, &body, &token).await {
                Ok(seen) => {
                    return Ok(self
                        .finish(OPERATION, secret.name, seen)
                        .await?
                        .record(secret.name));
                }
                Err(error) => error,
            };
            let error = hide(error, secret.version.content, &content);
            if needs_a_look(&error)
                && let Some(found) = self.look_up(OPERATION, secret.name).await?
            {
                return self.judge(secret, &found, error).await;
            }
            if error.kind == ErrorKind::AlreadyExists {
                return Err(held_elsewhere(secret, &error));
            }
            tries.again(error).await?;
        }
    }

    /// The name under which a version is stored.
    pub(super) fn version_name(&self, version: &NewVersion<'_>) -> String {
        let name = VersionName {
            fingerprint: version.fingerprint.clone(),
            kind: version.content.kind(),
            layout: self.layout,
            nonce: version.nonce,
        };
        name.encode()
    }

    fn creation<'b>(
        &'b self,
        secret: &'b NewSecret<'_>,
        content: &'b SecretText,
        version_name: &'b str,
    ) -> Result<CreateSecretDetails<'b>, BackendError> {
        let chosen = &secret.options;
        let key_id = options::text_option(chosen, options::KEY).or(self.key_id.as_deref());
        let key_id = key_id.ok_or_else(|| {
            invalid(
                "a new secret needs a key: set key_id in the profile, or options.oci_vault.key_id",
            )
        })?;
        let compartment_id = match options::text_option(chosen, options::COMPARTMENT) {
            Some(compartment) => self.searched(OPERATION, compartment)?,
            None => &self.compartments[0],
        };
        let mut metadata = Values::new();
        for (key, value) in options::metadata(chosen).map_err(invalid)?.unwrap_or_default() {
            metadata.insert(key.to_owned(), value.into());
        }
        if let Some(content_type) = &secret.metadata.content_type {
            metadata.insert(CONTENT_TYPE.to_owned(), content_type.as_str().into());
        }
        let tags = &secret.metadata.tags;
        Ok(CreateSecretDetails {
            compartment_id,
            vault_id: &self.vault_id,
            key_id,
            secret_name: secret.name.as_str(),
            secret_content: SecretContentDetails {
                content_type: BASE64,
                content,
                name: version_name,
                stage: "CURRENT",
            },
            details: UpdateSecretDetails {
                current_version_number: None,
                description: secret.metadata.description.clone(),
                freeform_tags: (!tags.is_empty()).then(|| tags.clone()),
                metadata: (!metadata.is_empty()).then_some(metadata),
                secret_rules: options::rules(chosen, &[]).map_err(invalid)?,
                rotation_config: options::rotation(chosen).map_err(invalid)?,
                replication_config: options::replication(chosen)
                    .map_err(invalid)?
                    .filter(|config| !config.replication_targets.is_empty()),
            },
        })
    }

    /// A compartment in which secrets are looked for: in another one a secret would be lost.
    pub(super) fn searched<'c>(
        &self,
        operation: &'static str,
        compartment: &'c str,
    ) -> Result<&'c str, BackendError> {
        if self.compartments.iter().any(|searched| searched == compartment) {
            return Ok(compartment);
        }
        let message = format!(
            "options.oci_vault.compartment_id is {compartment}, where this profile does not look \
             for secrets. Next step: add it to other_compartment_ids of the profile"
        );
        Err(BackendError::permanent(ErrorKind::InvalidRequest, operation, message))
    }

    /// What a creation came to that was refused or not answered, when there is such a secret.
    async fn judge(
        &self,
        secret: &NewSecret<'_>,
        found: &Secret,
        error: BackendError,
    ) -> Result<SecretRecord, BackendError> {
        let name = secret.name;
        match found.lifecycle_state {
            State::PendingDeletion | State::SchedulingDeletion => {
                let message = format!(
                    "a secret {name} in the vault waits for its deletion and keeps the name until \
                     then"
                );
                let error = reworded(&error, ErrorKind::AlreadyExists, message);
                let at = found.time_of_deletion.map(super::super::wire::rfc3339);
                return Err(error.with("deleted", at.unwrap_or_else(|| "true".to_owned())));
            }
            State::Deleting | State::Deleted => return Err(held_elsewhere(secret, &error)),
            _ => {}
        }
        let held: Held = self.settled(OPERATION, name).await?;
        if record::made_by(&held.versions, &secret.version.nonce).is_some() {
            return Ok(held.record(name));
        }
        if error.outcome == Outcome::Unknown || error.kind == ErrorKind::AlreadyExists {
            let message = format!("the vault has a secret {name} already");
            return Err(reworded(&error, ErrorKind::AlreadyExists, message));
        }
        Err(error)
    }
}

fn held_elsewhere(secret: &NewSecret<'_>, error: &BackendError) -> BackendError {
    let message = format!(
        "the vault refuses the name {}: a secret in a compartment that this profile does not list, \
         or a destroyed one, still has it. Choose another name, or add the compartment to \
         other_compartment_ids",
        secret.name
    );
    reworded(error, ErrorKind::AlreadyExists, message)
}

/// The service takes tokens of up to 64 characters.
pub(super) fn token(nonce: &[u8; 16]) -> String {
    use std::fmt::Write as _;
    nonce.iter().fold("coffer-".to_owned(), |mut token, byte| {
        let _ = write!(token, "{byte:02x}");
        token
    })
}

/// An error of a call that carried a value.
pub(super) fn hide(error: BackendError, content: &Content, text: &SecretText) -> BackendError {
    let mut values: Vec<&[u8]> = content.fields().iter().map(|(_, value)| value.expose()).collect();
    values.retain(|value| !value.is_empty());
    values.push(text.0.expose());
    without_value(error, &values)
}

fn invalid(message: impl Into<String>) -> BackendError {
    BackendError::permanent(ErrorKind::InvalidRequest, OPERATION, message)
}
