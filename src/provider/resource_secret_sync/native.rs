//! Replicas in the place of copies: when they can be.
//!
//! Responsible for `native_replication`: what does not go together with it, and which vaults have
//! it. Leaves keeping them to [`engine::sync::native`](crate::engine::sync::native).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::settings::{Destination, Settings};
use crate::domain::rotation::RotationState;
use crate::domain::secret::SecretName;
use crate::domain::sync::plan::imports;
use crate::engine::context::Run;
use crate::engine::sync::native::Native;
use crate::engine::vault::Vault;
use crate::plugin::framework::diag::Diagnostics;
use crate::plugin::framework::path::Path;
use crate::provider::errors::{self, Attempt};

const ATTRIBUTE: &str = "native_replication";

/// Reports what a replica cannot have: another name, another content, another version.
pub(super) fn check_replicas(
    settings: &Settings,
    destination: &Destination,
    names: &BTreeMap<String, SecretName>,
    at: Path,
    diags: &mut Diagnostics,
) {
    let renamed = names.iter().find(|(key, name)| key.as_str() != name.as_str());
    let reason = if destination.transform.is_some() {
        "have the content of their source; leave transform out".to_owned()
    } else if let Some((key, name)) = renamed {
        format!("have the name of their source, but {key:?} is to be {:?}", name.as_str())
    } else if settings.source.state() != RotationState::Current {
        "have the current version of their source; leave rotation_state out".to_owned()
    } else if imports(settings.initial()) {
        "cannot be imported; choose another initial_sync_behavior".to_owned()
    } else {
        return;
    };
    let detail = format!(
        "Replicas that the service keeps {reason}. Next step: correct that, or leave \
         native_replication out to have copies."
    );
    diags.error(at.child(ATTRIBUTE), "Native replication does not go with this", detail);
}

/// Replication between two vaults; reports when there is none.
pub(super) async fn between(
    source: &Arc<Vault>,
    target: &Vault,
    run: &Run,
    at: Path,
    diags: &mut Diagnostics,
) -> Option<Native> {
    match Native::between(source, target, run).await {
        Ok(Ok(native)) => return Some(native),
        Ok(Err(reason)) => {
            let detail = format!(
                "No service keeps replicas of profile {:?} in profile {:?}: {reason}. Next step: \
                 leave native_replication out to have copies.",
                source.profile(),
                target.profile()
            );
            diags.error(at.child(ATTRIBUTE), "Vaults do not replicate to each other", detail);
        }
        Err(failure) => {
            let attempt =
                Attempt { verb: "find the place of", secret: "*", profile: target.profile() };
            errors::report(&failure, attempt, at, diags);
        }
    }
    None
}
