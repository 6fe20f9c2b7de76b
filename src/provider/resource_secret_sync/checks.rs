//! What is refused before anything is written: copies that would come back, that two would write,
//! or that the vault cannot hold or remove.
use std::collections::BTreeMap;

use super::results::Ledger;
use super::settings::Settings;
use super::view::View;
use crate::domain::fingerprint::Match;
use crate::domain::kind::{Content, Kind, field};
use crate::domain::limits::{Wanted, violations};
use crate::domain::material::Secret;
use crate::domain::policy::Removal;
use crate::domain::secret::SecretName;
use crate::domain::sync::owner::SOURCE_TAG;
use crate::domain::sync::plan::Action;
use crate::domain::sync::recipe::{Recipe, Transform};
use crate::engine::context::Run;
use crate::engine::sync::Source;
use crate::engine::vault::Vault;
use crate::plugin::framework::diag::Diagnostics;
use crate::plugin::framework::path::Path;
use crate::provider::access::Shared;
use crate::provider::configure::Configured;

/// A copy must not be copied back to where it comes from. `places` are the profiles of source and
/// destination.
pub(super) fn check_loops(
    source: &Source,
    (from, to): (&str, &str),
    recipes: &BTreeMap<String, Recipe>,
    names: &BTreeMap<String, SecretName>,
    at: Path,
    diags: &mut Diagnostics,
) {
    for (key, recipe) in recipes {
        let (Some(name), Some(inputs)) = (names.get(key), source.inputs(recipe)) else { continue };
        let goal = format!("{to}/{name}");
        for original in inputs {
            let tags = original.record.as_ref().map(|record| &record.metadata.tags);
            let back = tags.and_then(|tags| tags.get(SOURCE_TAG)).is_some_and(|of| *of == goal);
            let itself = to == from && *name == original.id.name;
            if back || itself {
                let why = if itself { "is its own source" } else { "is where it was copied from" };
                let detail = format!(
                    "The copy of {:?} would be {goal:?}, which {why}. Next step: leave it out of \
                     the selection, or change key_schema.",
                    original.id.name.as_str()
                );
                diags.error(at, "Secret would be copied onto its source", detail);
                return;
            }
        }
    }
}

/// What is to happen to copies without a source must be something the vault can do.
pub(super) fn check_removal(settings: &Settings, vault: &Vault, diags: &mut Diagnostics) {
    let asked = [("on_orphan", settings.rules()), ("on_destroy", settings.rules_of_destroy())];
    for (argument, rules) in asked {
        let policy = crate::engine::sync::policy(rules.on_orphan);
        let wanted = Wanted { deletion_policy: Some(policy), ..Wanted::default() };
        if rules.on_orphan != Removal::Retain && !violations(vault.capability(), &wanted).is_empty()
        {
            let detail = format!(
                "The vault of profile {:?} cannot do {:?}. Next step: choose one of {}.",
                vault.profile(),
                rules.on_orphan.code(),
                Removal::CODES.join(", ")
            );
            diags.error(Path::attribute(argument), "Vault cannot do this", detail);
        }
    }
}

/// A name as the vault compares it.
pub(in crate::provider) fn spelled(vault: &Vault, name: &SecretName) -> String {
    if vault.capability().case_sensitive_names {
        name.to_string()
    } else {
        name.as_str().to_lowercase()
    }
}

/// Who writes what in this walk.
pub(super) struct Writers<'w> {
    pub(super) shared: &'w Shared,
    pub(super) settings: &'w Settings,
    /// Destinations of this sync by profile and name there.
    pub(super) written: &'w mut BTreeMap<(String, String), String>,
}

impl Writers<'_> {
    /// Reports the first secret that another destination or another sync writes, too.
    pub(super) fn check(
        &mut self,
        label: &str,
        vault: &Vault,
        names: &BTreeMap<String, SecretName>,
        diags: &mut Diagnostics,
    ) {
        let profile = vault.profile();
        for name in names.values() {
            let spelled = spelled(vault, name);
            let (name, at) = (name.as_str(), Path::attribute("destinations").key(label));
            let place = (profile.to_owned(), spelled.clone());
            if let Some(other) = self.written.insert(place, label.to_owned()) {
                let detail = format!(
                    "The destinations {other:?} and {label:?} both write {name:?} in profile \
                     {profile:?}. Next step: give one of them another key_schema."
                );
                return diags.error(at, "Two destinations write the same secret", detail);
            }
            if let Some(other) = self.shared.claim(profile, spelled, &self.settings.name) {
                let detail = format!(
                    "The sync {other:?} writes {name:?} in profile {profile:?}, too. Next step: \
                     give one of them another key_schema or selection."
                );
                return diags.error(at, "Two syncs write the same secret", detail);
            }
        }
    }
}

/// Two resources may have the same name by mistake; then neither could tell its copies from the
/// other's.
pub(super) fn check_namesakes(
    view: &View,
    settings: &Settings,
    shared: &Shared,
    diags: &mut Diagnostics,
) {
    let digest = settings.digest();
    for (label, looked) in &view.destinations {
        let Ok(preview) = &looked.preview else { continue };
        let vault = &looked.target.vault;
        let kept = preview.steps.iter().filter(|(_, step)| !step.action.removes());
        for (name, _) in kept.filter(|(_, step)| step.action != Action::Forget) {
            if shared.has_namesake(vault.profile(), spelled(vault, name), digest) {
                let detail = format!(
                    "Another sync named {:?} writes {:?} in profile {:?}, too. Next step: give one \
                     of them another name, and another key_schema or selection.",
                    settings.name,
                    name.as_str(),
                    vault.profile()
                );
                let at = Path::attribute("destinations").key(label);
                return diags.error(at, "Two syncs write the same secret", detail);
            }
        }
    }
}

/// Gives the entries of a vault that does not tell case apart the spelling that they are to have:
/// the old name is the new one, and not an orphan.
pub(super) fn respell(ledger: &mut Ledger, names: &BTreeMap<String, SecretName>) {
    for name in names.values().filter(|name| !ledger.contains_key(*name)).collect::<Vec<_>>() {
        let same =
            |known: &&SecretName| known.as_str().to_lowercase() == name.as_str().to_lowercase();
        if let Some(known) = ledger.keys().find(same).cloned()
            && let Some(entry) = ledger.remove(&known)
        {
            ledger.insert(name.clone(), entry);
        }
    }
}

/// An empty value is known by its print, without being read: one that the vault cannot hold is
/// refused before anything is written.
pub(super) async fn check_empty(
    source: &Source,
    recipes: &BTreeMap<String, Recipe>,
    vault: &Vault,
    configured: &Configured,
    run: &Run,
    at: Path,
    diags: &mut Diagnostics,
) {
    if vault.capability().empty_values {
        return;
    }
    let printed: Vec<_> = recipes
        .values()
        .filter(|recipe| matches!(recipe.transform, Transform::Identity | Transform::Base64))
        .filter_map(|recipe| source.inputs(recipe))
        .flatten()
        .filter(|original| !original.open)
        .filter_map(|original| Some((original, original.chosen.as_ref()?.fingerprint.clone()?)))
        .collect();
    let nothing = vec![(field::VALUE.to_owned(), Secret::new(Vec::new()))];
    let Ok(empty) = Content::restore(Kind::Generic, nothing) else { return };
    if printed.is_empty() {
        return;
    }
    // Without the keys nothing can be told yet; each write looks for itself.
    let Ok(ring) = configured.keys().ring(run).await else { return };
    for (of, _) in printed.iter().filter(|(_, print)| ring.verify(&empty, print) == Match::Same) {
        let key = of.id.name.as_str();
        let detail = format!(
            "The value of {key:?} is empty, and the vault of profile {:?} cannot hold empty \
             values. Next step: leave it out of the selection.",
            vault.profile()
        );
        diags.error(at.clone(), "Vault cannot hold an empty value", detail);
    }
}
