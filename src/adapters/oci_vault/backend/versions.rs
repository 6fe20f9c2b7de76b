//! Versions: upload, promote, roll back, delete.
//!
//! States are the service's own, one to one. It moves them by itself when `CURRENT` moves or
//! another version becomes `PENDING`; no call retires a version.

use time::OffsetDateTime;

use super::content::encode;
use super::create::hide;
use super::held::{Held, Tries};
use super::{MAX_VERSIONS, OciVault};
use crate::adapters::oci_vault::connection::Action;
use crate::adapters::oci_vault::record;
use crate::adapters::oci_vault::wire::{
    BASE64, NewContent, ScheduleDeletionDetails, SecretContentDetails, UpdateSecretDetails, Version,
};
use crate::domain::port::{BackendError, ErrorKind, NewVersion, Stage};
use crate::domain::rotation::RotationState;
use crate::domain::secret::SecretName;
use crate::domain::version::VersionRecord;

impl OciVault {
    pub(super) async fn upload(
        &self,
        name: &SecretName,
        version: &NewVersion<'_>,
    ) -> Result<VersionRecord, BackendError> {
        const OPERATION: &str = "put_version";
        let refuse = |kind, message: String| BackendError::permanent(kind, OPERATION, message);
        let content = encode(version.content, self.layout)
            .map_err(|message| refuse(ErrorKind::InvalidRequest, message))?;
        let version_name = self.version_name(version);
        let body = NewContent {
            secret_content: SecretContentDetails {
                content_type: BASE64,
                content: &content,
                name: &version_name,
                stage: match version.stage {
                    Stage::Current => "CURRENT",
                    Stage::Pending => "PENDING",
                },
            },
        };
        let mut recalled = self.recall(name);
        let mut tries = Tries::default();
        loop {
            let held = match recalled.take() {
                Some(held) => held,
                None => self.hold(OPERATION, name).await?,
            };
            if let Some(made) = made(&held, version) {
                return Ok(made);
            }
            check_latest(&held, version).map_err(|m| refuse(ErrorKind::Precondition, m))?;
            check_room(name, &held).map_err(|m| refuse(ErrorKind::InvalidRequest, m))?;
            let id = &held.secret.id;
            match self.connection.update(OPERATION, id, held.etag.as_deref(), &body).await {
                Ok(seen) => {
                    let held = self.finish(OPERATION, name, seen).await?;
                    return made(&held, version).ok_or_else(|| {
                        let message = "the vault took the version and does not list it".to_owned();
                        refuse(ErrorKind::Unexpected, message).outcome_unknown()
                    });
                }
                Err(error) => tries.again(hide(error, version.content, &content)).await?,
            }
        }
    }

    pub(super) async fn move_state(
        &self,
        name: &SecretName,
        number: u64,
        state: RotationState,
    ) -> Result<(), BackendError> {
        const OPERATION: &str = "set_rotation_state";
        let mut tries = Tries::default();
        let mut kept = false;
        loop {
            let held = self.hold(OPERATION, name).await?;
            let version = find(OPERATION, name, &held, number)?;
            if version.stages.contains(state) {
                return Ok(());
            }
            match state {
                RotationState::Current => {}
                RotationState::Deprecated => return Err(not_retired(name, version)),
                other => {
                    return Err(BackendError::permanent(
                        ErrorKind::Precondition,
                        OPERATION,
                        format!("a version cannot be made {other}; it can be made current"),
                    ));
                }
            }
            let done = if version.time_of_deletion.is_some() && !kept {
                // What is in use must not go; the next round promotes it.
                let cancel = version_action(OPERATION, &held, number, "cancelDeletion");
                self.connection.act::<()>(&cancel, None).await.map(|()| false)
            } else {
                let body = UpdateSecretDetails {
                    current_version_number: Some(number),
                    ..UpdateSecretDetails::default()
                };
                let etag = held.etag.as_deref();
                let sent = self.connection.update(OPERATION, &held.secret.id, etag, &body).await;
                match sent {
                    Ok(seen) => self.finish(OPERATION, name, seen).await.map(|_| true),
                    Err(error) => Err(error),
                }
            };
            match done {
                Ok(true) => return Ok(()),
                Ok(false) => kept = true,
                Err(error) => tries.again(error).await?,
            }
        }
    }

    pub(super) async fn schedule_version_deletion(
        &self,
        name: &SecretName,
        number: u64,
    ) -> Result<(), BackendError> {
        const OPERATION: &str = "delete_version";
        let mut tries = Tries::default();
        loop {
            let held = self.hold(OPERATION, name).await?;
            let version = find(OPERATION, name, &held, number)?;
            if version.time_of_deletion.is_some() {
                return Ok(());
            }
            if !version.stages.contains(RotationState::Deprecated) {
                let message = format!(
                    "version {number} of the secret {name} is {}; only a deprecated version can be \
                     deleted",
                    version.stages
                );
                return Err(BackendError::permanent(ErrorKind::Precondition, OPERATION, message));
            }
            let days = time::Duration::days(self.version_deletion_days);
            let at = super::deletion::time_of_deletion(OffsetDateTime::now_utc(), days);
            let body = ScheduleDeletionDetails { time_of_deletion: Some(at) };
            let action = version_action(OPERATION, &held, number, "scheduleDeletion");
            match self.connection.act(&action, Some(&body)).await {
                Ok(()) => {
                    self.settled(OPERATION, name).await?;
                    return Ok(());
                }
                Err(error) => tries.again(error).await?,
            }
        }
    }
}

fn version_action<'h>(
    operation: &'static str,
    held: &'h Held,
    number: u64,
    verb: &'static str,
) -> Action<'h> {
    let etag = held.etag.as_deref();
    Action { operation, id: &held.secret.id, version: Some(number), verb, etag, token: None }
}

/// The version that this very write made, if it did.
fn made(held: &Held, version: &NewVersion<'_>) -> Option<VersionRecord> {
    let made = record::made_by(&held.versions, &version.nonce)?;
    Some(record::version(&held.secret.id, made, held.secret.metadata.as_ref()))
}

fn check_latest(held: &Held, version: &NewVersion<'_>) -> Result<(), String> {
    let Some(expected) = version.expected_version else { return Ok(()) };
    let latest = held.versions.iter().map(|version| version.version_number).max().unwrap_or(0);
    if expected == latest {
        return Ok(());
    }
    Err(format!("the latest version is {latest}, not {expected}: somebody else wrote meanwhile"))
}

/// The service refuses the 31st version in use, with words that help nobody.
fn check_room(name: &SecretName, held: &Held) -> Result<(), String> {
    let used = held.versions.iter().filter(|version| version.time_of_deletion.is_none()).count();
    if used < MAX_VERSIONS {
        return Ok(());
    }
    Err(format!(
        "the secret {name} has {used} versions, as many as OCI Vault keeps. Next step: let coffer \
         delete deprecated ones with retain = {{ versions = … }}, or delete some in the console"
    ))
}

fn find<'h>(
    operation: &'static str,
    name: &SecretName,
    held: &'h Held,
    number: u64,
) -> Result<&'h Version, BackendError> {
    held.versions.iter().find(|version| version.version_number == number).ok_or_else(|| {
        let message = format!("the secret {name} has no version {number}");
        BackendError::permanent(ErrorKind::NotFound, operation, message)
    })
}

/// Readers get the current version; the service moves the other states by itself.
fn not_retired(name: &SecretName, version: &Version) -> BackendError {
    const OPERATION: &str = "set_rotation_state";
    let number = version.version_number;
    if version.stages.contains(RotationState::Current) {
        let message = format!("version {number} is current; make another version current first");
        return BackendError::permanent(ErrorKind::Precondition, OPERATION, message);
    }
    super::unsupported(
        OPERATION,
        &format!(
            "version {number} of the secret {name} is {}, and OCI Vault has no call to retire it: a \
             pending version is deprecated when another one becomes pending, a previous one when \
             current moves again",
            version.stages
        ),
    )
}
