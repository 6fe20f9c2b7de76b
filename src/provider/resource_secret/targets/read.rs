//! Refreshing `sync_targets`: what became of each copy since it was written.
//!
//! Reads metadata only. A copy that is not what it should be is told as `drifted`, which is what
//! the plan goes by. A target that cannot be looked at leaves what is known of its copy.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{ATTRIBUTE, Copied, FOUND, Sight, instance, is_written, known, told};
use crate::domain::fingerprint::KeyRing;
use crate::domain::policy::{OnExisting, Removal};
use crate::domain::secret::SecretId;
use crate::domain::sync::owner::{OWNER_TAG, SOURCE_TAG};
use crate::domain::sync::plan::Action;
use crate::engine::context::Run;
use crate::engine::failure::Failure;
use crate::engine::secret::Observed;
use crate::engine::sync::carry_out;
use crate::engine::vault::Vault;
use crate::plugin::framework::diag::Diagnostics;
use crate::plugin::framework::path::Path;
use crate::plugin::framework::private::Private;
use crate::plugin::framework::value::Value;
use crate::provider::configure::Configured;
use crate::provider::resource_secret_sync::results::{self, result};
use crate::provider::times;

/// Looks at the copies of a secret that was just looked at itself.
pub(in super::super) async fn look_again(
    configured: &Configured,
    vault: &Arc<Vault>,
    run: &Run,
    observed: &Observed,
    private: &Private,
    state: &mut Value,
    diags: &mut Diagnostics,
) {
    let Some(targets) = configured.sync_to(vault.profile()) else { return };
    let name = &observed.record.name;
    let instance = instance(private).unwrap_or_default();
    let on_existing = state.get("on_existing").as_str().and_then(OnExisting::parse);
    let mut copies = match state.get(ATTRIBUTE) {
        Value::Map(copies) => copies.clone(),
        _ => BTreeMap::new(),
    };
    let record = Some(observed.record.clone());
    let Some(copied) = Copied::new(vault, name, record, instance) else { return };
    let copied = copied.adopting(on_existing.unwrap_or_default());
    for profile in targets {
        let before = state.get(ATTRIBUTE).get(profile);
        let Ok(target) = configured.vault(profile) else { continue };
        let look = copied.look(Arc::clone(&target), Removal::Retain, before, run);
        match target.ask(look).await {
            Ok(sight) => {
                // What state does not know is told only when it is a copy already.
                if !before.is_null() || sight.is_there() {
                    let now = found(&copied, &sight, before, run).await;
                    copies.insert(profile.clone(), now);
                }
            }
            Err(failure) if !before.is_null() && target.is_news(&failure) => {
                not_looked_at(&failure, name.as_str(), profile, diags);
            }
            Err(_) => {}
        }
    }
    if !copies.is_empty() {
        state.set(ATTRIBUTE, Value::Map(copies));
    }
}

impl Sight {
    /// True when the copy is there, written by a run whose state was lost.
    const fn is_there(&self) -> bool {
        matches!(self.step.action, Action::Adopt | Action::Record)
    }
}

/// What state is to say of a copy that was looked at.
async fn found(copied: &Copied, sight: &Sight, before: &Value, run: &Run) -> Value {
    let Sight { target, ledger, preview, step } = sight;
    let action = before.get("action").clone();
    let entry = ledger.get(&copied.name);
    let was = before.get("result").as_str();
    match step.action {
        Action::Keep if was == Some("synced") => before.clone(),
        Action::Record => {
            // Written by a run that could not say so, or by a promotion: nothing is left to do.
            let ring = Arc::new(KeyRing::default());
            let done = carry_out(&copied.source, target, run, &ring, preview, ledger).await;
            let done = done.get(&copied.name);
            let entry = done.and_then(|done| done.entry.as_ref());
            let now = times::format(run.now());
            told(&action, &result(step, done, entry, before, &now))
        }
        step_action if step_action.is_change() => {
            let found = FOUND.iter().find(|(action, _)| *action == step_action);
            // What failed still is to be done; only a change made outside is something else.
            if was == Some("failed") && step_action != Action::Correct {
                return before.clone();
            }
            let mut drifted = told(&action, before);
            drifted.set("result", Value::string("drifted"));
            drifted.set("class", Value::Null);
            drifted.set("message", found.map_or(Value::Null, |(_, text)| Value::string(*text)));
            drifted
        }
        _ => told(&action, &result(step, None, entry, before, "")),
    }
}

fn not_looked_at(failure: &Failure, name: &str, profile: &str, diags: &mut Diagnostics) {
    diags.warning(
        Path::attribute(ATTRIBUTE).key(profile),
        "Copy could not be looked at",
        format!(
            "Attempted: look at the copy of {name:?} in profile {profile:?}.\nAnswer: {}.\nNext \
             step: none for now; what is known of it stays, and the next plan looks again.",
            results::told(failure)
        ),
    );
}

/// Refuses to import what another secret is copied to: two owners would write it in turn.
pub(in super::super) fn refuse_copy(
    configured: &Configured,
    observed: &Observed,
    profile: &str,
    diags: &mut Diagnostics,
) -> bool {
    let tags = &observed.record.metadata.tags;
    let Some(source) = tags.get(SOURCE_TAG).and_then(|id| id.parse::<SecretId>().ok()) else {
        return false;
    };
    let from = source.profile.as_str();
    let copies = configured.sync_to(from).is_some_and(|to| to.iter().any(|name| name == profile));
    let owned = tags.get(OWNER_TAG).is_some_and(|tag| tag.starts_with(&format!("{source}.")));
    if copies && owned {
        diags.error(
            Path::attribute("name"),
            "Secret is a copy",
            format!(
                "Attempted: import {:?} from profile {profile:?}.\nAnswer: it is the copy of \
                 {source}, which sync_to of profile {from:?} keeps as its source is.\nNext step: \
                 import {source} instead, or take {profile:?} out of sync_to first.",
                observed.record.name.as_str()
            ),
        );
    }
    copies && owned
}

/// Copies that state knows and that are no longer wanted; they are left where they are.
pub(super) fn left_behind<'s>(state: &'s Value, targets: &[String]) -> Vec<&'s str> {
    let known = known(state).filter(|(_, copy)| is_written(copy));
    known.map(|(name, _)| name.as_str()).filter(|name| !targets.iter().any(|t| t == name)).collect()
}
