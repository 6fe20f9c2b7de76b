//! Removing the copies before the secret itself, as its own deletion policy says.
//!
//! Only what this secret wrote and nobody changed since is removed. A copy that cannot be removed
//! keeps the secret, so that nothing is left that no state knows.

use std::sync::Arc;

use super::apply::write;
use super::{ATTRIBUTE, Copied, instance, is_written, known};
use crate::domain::fingerprint::KeyRing;
use crate::domain::policy::{DeletionPolicy, Removal};
use crate::domain::secret::SecretName;
use crate::domain::sync::plan::Action;
use crate::engine::context::Run;
use crate::engine::vault::Vault;
use crate::plugin::framework::diag::Diagnostics;
use crate::plugin::framework::object::DeleteRequest;
use crate::plugin::framework::path::Path;
use crate::provider::configure::Configured;
use crate::provider::resource_secret::tell;
use crate::provider::resource_secret_sync::results::told;

/// Removes the copies that state knows; reports those that could not be removed.
pub(in super::super) async fn remove(
    configured: &Configured,
    vault: &Arc<Vault>,
    name: &SecretName,
    policy: DeletionPolicy,
    run: &Run,
    request: &DeleteRequest,
    diags: &mut Diagnostics,
) {
    let instance = instance(&request.private).unwrap_or_default();
    let removal = match policy {
        DeletionPolicy::Recoverable => Removal::SoftDelete,
        DeletionPolicy::Disable => Removal::Disable,
        DeletionPolicy::Destroy => Removal::Delete,
        DeletionPolicy::Retain | DeletionPolicy::Prevent => return,
    };
    let Some(copied) = Copied::gone(vault, name, instance) else { return };
    for (profile, copy) in known(&request.prior).filter(|(_, copy)| is_written(copy)) {
        let at = || Path::attribute(ATTRIBUTE).key(profile);
        let left = |why: &str| {
            format!(
                "The copy of {:?} in profile {profile:?} is left in its vault: {why}. Next step: \
                 delete it there if nobody reads it.",
                name.as_str()
            )
        };
        let Ok(target) = configured.vault(profile) else {
            let detail = left("the profile is not in the provider block, or cannot be used");
            diags.warning(at(), "Copy is left behind", detail);
            continue;
        };
        let failure = match copied.look(Arc::clone(&target), removal, copy, run).await {
            Err(failure) => Some(failure),
            Ok(sight) if sight.step.action == Action::Spared => {
                let detail = left("somebody changed it since it was copied");
                diags.warning(at(), "Copy is left behind", detail);
                None
            }
            Ok(sight) => {
                let ring = Arc::new(KeyRing::default());
                write(&copied, &sight, run, &ring).await.and_then(|done| done.failure)
            }
        };
        if let Some(failure) = failure {
            let detail = format!(
                "Attempted: {} the copy of {:?} in profile {profile:?}.\nAnswer: {}.\nNext step: \
                 correct the cause and run again. The secret itself was not touched, so that the \
                 copy is not forgotten.",
                removal.code(),
                name.as_str(),
                told(&failure)
            );
            diags.error(at(), "Copy was not removed", detail);
        }
        tell(configured, &target, diags);
    }
}
