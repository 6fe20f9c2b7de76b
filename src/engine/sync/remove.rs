//! Removing a copy that has no source any more.

use super::Target;
use crate::domain::policy::{DeletionPolicy, Removal};
use crate::domain::secret::SecretName;
use crate::domain::sync::owner::Owner;
use crate::domain::sync::plan::Entry;
use crate::engine::context::Run;
use crate::engine::failure::Failure;
use crate::engine::remove;
use crate::engine::secret::look;

/// Removes a copy, if it still is what the ledger says.
///
/// # Errors
/// That somebody changed it in between, and whatever the vault answers.
pub(super) async fn remove(
    target: &Target,
    run: &Run,
    name: &SecretName,
    entry: &Entry,
    removal: Removal,
) -> Result<(), Failure> {
    let Some(record) = look(&target.vault, run, name).await? else { return Ok(()) };
    target.vault.before().note(name, Some(&record));
    if let Some(native) = &target.native {
        return native.end(run, name, &record).await;
    }
    let found = record.current.map(|version| version.version_id);
    let owner = target.identity.owner(&record.metadata.tags);
    if found.as_ref() != Some(&entry.copy.id) || matches!(owner, Owner::Other | Owner::Namesake) {
        return Err(Failure::ChangedSincePlan { planned: Some(entry.copy.id.clone()), found });
    }
    remove::remove(&target.vault, run, name, policy(removal), None).await
}

/// The same policy in the words of a single secret.
#[must_use]
pub const fn policy(removal: Removal) -> DeletionPolicy {
    match removal {
        Removal::SoftDelete => DeletionPolicy::Recoverable,
        Removal::Retain => DeletionPolicy::Retain,
        Removal::Disable => DeletionPolicy::Disable,
        Removal::Delete => DeletionPolicy::Destroy,
    }
}
