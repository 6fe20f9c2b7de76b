//! Copying a version that another resource made current.
//!
//! `coffer_secret_version` promotes without knowing the ledger, which is in the state of the
//! `coffer_secret`. It goes by the owner tag instead: what that says to be a copy of this very
//! secret is brought up to date, anything else is left to the secret's own next apply. The secret's
//! next refresh finds both equal and takes them over.

use std::sync::Arc;

use super::Copied;
use super::apply::{tell_all, write};
use crate::domain::policy::Removal;
use crate::domain::port::SecretRecord;
use crate::domain::secret::SecretName;
use crate::domain::sync::owner::OWNER_TAG;
use crate::domain::sync::plan::Action;
use crate::engine::context::Run;
use crate::engine::failure::Failure;
use crate::engine::secret::look;
use crate::engine::vault::Vault;
use crate::plugin::framework::diag::Diagnostics;
use crate::plugin::framework::path::Path;
use crate::plugin::framework::value::Value;
use crate::provider::access;
use crate::provider::configure::Configured;
use crate::provider::errors::Attempt;
use crate::provider::resource_secret_sync::results::told;

/// Brings the copies of a secret up to date after one of its versions became current.
pub(in crate::provider) async fn follow(
    configured: &Configured,
    vault: &Arc<Vault>,
    run: &Run,
    name: &SecretName,
    diags: &mut Diagnostics,
) {
    let targets = configured.sync_to(vault.profile()).unwrap_or_default();
    if targets.is_empty() {
        return;
    }
    let found = look(vault, run, name).await;
    let mut failures = Vec::new();
    for target in targets {
        let copied = match &found {
            Ok(Some(record)) => copy(configured, vault, record, target, run, diags).await,
            Ok(None) => Err(Failure::Vanished),
            Err(failure) => Err(failure.clone()),
        };
        if let Err(failure) = copied {
            failures.push(format!("{target}: {}", told(&failure)));
        }
    }
    if !failures.is_empty() {
        let detail = format!(
            "Attempted: copy the version of {:?} that is current now to the profiles of \
             sync_to.\nAnswer:\n- {}\nNext step: plan again; coffer_secret shows the copies that \
             are left to do.",
            name.as_str(),
            failures.join("\n- ")
        );
        diags.warning(Path::root(), "Version was not copied everywhere", detail);
    }
    tell_all(configured, targets, diags);
}

async fn copy(
    configured: &Configured,
    vault: &Arc<Vault>,
    record: &SecretRecord,
    target: &str,
    run: &Run,
    diags: &mut Diagnostics,
) -> Result<(), Failure> {
    let Ok(to) = configured.vault(target) else { return Ok(()) };
    let name = &record.name;
    let Some(there) = look(&to, run, name).await? else { return Ok(()) };
    let owner = there.metadata.tags.get(OWNER_TAG).and_then(|tag| tag.rsplit_once('.'));
    let Some((_, instance)) = owner.filter(|(owner, _)| is_of(owner, vault, name)) else {
        return Ok(());
    };
    let Some(copied) = Copied::new(vault, name, Some(record.clone()), instance) else {
        return Ok(());
    };
    let sight = copied.look(to, Removal::Retain, &Value::Null, run).await?;
    if !matches!(sight.step.action, Action::Update | Action::Recover) {
        return Ok(());
    }
    let attempt = Attempt {
        verb: "make the fingerprint of the copy of",
        secret: name.as_str(),
        profile: vault.profile(),
    };
    let ring = access::ring(configured.keys(), run, true, attempt, diags).await;
    let Some(ring) = ring else { return Ok(()) };
    match write(&copied, &sight, run, &ring).await.and_then(|done| done.failure) {
        Some(failure) => Err(failure),
        None => Ok(()),
    }
}

/// True when the name in an owner tag is this secret.
fn is_of(owner: &str, vault: &Vault, name: &SecretName) -> bool {
    owner.strip_prefix(vault.profile()).and_then(|rest| rest.strip_prefix('/'))
        == Some(name.as_str())
}
