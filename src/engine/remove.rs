//! Removing a secret as its deletion policy says.
//!
//! Responsible for what each policy does and for refusing what a vault cannot do. Leaves asking
//! at plan ([`check`]) and wording to the provider.

use time::Duration;

use super::context::Run;
use super::failure::Failure;
use super::secret::look;
use super::vault::Vault;
use crate::domain::policy::DeletionPolicy;
use crate::domain::port::{Capability, ErrorKind, Lifecycle, MetadataPatch};
use crate::domain::secret::SecretName;

/// Whether a destroy under `policy` can work, without a call to the vault.
///
/// # Errors
/// [`Failure::Prevented`] and [`Failure::Incapable`].
pub const fn check(capability: &Capability, policy: DeletionPolicy) -> Result<(), Failure> {
    match policy {
        DeletionPolicy::Prevent => Err(Failure::Prevented),
        DeletionPolicy::Recoverable if capability.soft_delete.is_none() => {
            Err(Failure::Incapable { needs: "recoverable deletion" })
        }
        DeletionPolicy::Disable if !capability.disable => {
            Err(Failure::Incapable { needs: "disabling" })
        }
        _ => Ok(()),
    }
}

/// Removes a secret. One that is gone already is a success.
///
/// # Errors
/// What [`check`] refuses, and whatever the vault answers.
pub async fn remove(
    vault: &Vault,
    run: &Run,
    name: &SecretName,
    policy: DeletionPolicy,
    window: Option<Duration>,
) -> Result<(), Failure> {
    check(vault.capability(), policy)?;
    vault.before().note_removal(name);
    let result = match policy {
        DeletionPolicy::Retain | DeletionPolicy::Prevent => return Ok(()),
        DeletionPolicy::Recoverable => vault
            .call(run, "soft_delete", |backend| backend.soft_delete(name, window))
            .await
            .map(drop),
        DeletionPolicy::Disable => {
            let patch = MetadataPatch { enabled: Some(false), ..MetadataPatch::default() };
            vault
                .call(run, "update_metadata", |backend| {
                    backend.update_metadata(name, patch.clone())
                })
                .await
                .map(drop)
        }
        DeletionPolicy::Destroy => vault.call(run, "purge", |backend| backend.purge(name)).await,
    };
    match result {
        Err(failure) if failure.kind() == Some(ErrorKind::NotFound) => Ok(()),
        Err(failure) if failure.kind().is_some() && policy == DeletionPolicy::Recoverable => {
            let record = look(vault, run, name).await;
            let deleted = |lifecycle: &Lifecycle| matches!(lifecycle, Lifecycle::Deleted { .. });
            match record {
                Ok(Some(record)) if deleted(&record.lifecycle) => Ok(()),
                _ => Err(failure),
            }
        }
        result => result,
    }
}
