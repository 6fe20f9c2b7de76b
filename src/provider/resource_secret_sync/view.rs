//! Source and destinations as they are now, and what is to be done.
//!
//! The same look serves plan and apply, so that what is applied is what was shown.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::checks::{Writers, check_empty, check_loops, check_removal, respell};
use super::native::{between, check_replicas};
use super::recipes::Copies;
use super::results::{Ledger, copied, ledger};
use super::settings::{Destination, Filter, Settings, importing};
use crate::domain::port::Options;
use crate::domain::profile::ProfileName;
use crate::domain::secret::{SecretId, SecretName};
use crate::domain::sync::owner::Identity;
use crate::domain::sync::plan::{Action, Step};
use crate::domain::sync::recipe::Recipe;
use crate::engine::context::Run;
use crate::engine::failure::Failure;
use crate::engine::sync::select::{Selector, select};
use crate::engine::sync::{Original, Preview, Source, Target, preview};
use crate::engine::vault::Vault;
use crate::plugin::framework::diag::Diagnostics;
use crate::plugin::framework::path::Path;
use crate::plugin::framework::value::Value;
use crate::provider::access::Shared;
use crate::provider::configure::Configured;
use crate::provider::errors::{self, Attempt};
use crate::provider::options;
use crate::provider::schema::options::{ATTRIBUTE, with_options};

/// Everything at one moment.
pub(super) struct View {
    pub(super) source: Source,
    pub(super) destinations: BTreeMap<String, Looked>,
}

/// What is done, by destination and name there.
pub(super) type Changes = BTreeMap<String, BTreeMap<String, Option<String>>>;

/// Which moment is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// A plan: secrets that this walk changes are not yet what they will be.
    Plan,
    /// An apply: they are.
    Apply,
}

/// One destination.
pub(super) struct Looked {
    pub(super) target: Arc<Target>,
    pub(super) ledger: Ledger,
    /// What is to be done, or why that cannot be told.
    pub(super) preview: Result<Preview, Failure>,
}

impl View {
    /// What changes, as the plan shows it; `None` for a copy of a secret that changes first.
    pub(super) fn changes(&self) -> Changes {
        let mut changes = BTreeMap::new();
        for (label, looked) in &self.destinations {
            let Ok(preview) = &looked.preview else { continue };
            let steps = preview.steps.iter().filter(|(_, step)| step.action.is_change());
            let told: BTreeMap<_, _> = steps
                .map(|(name, step)| {
                    let recipe = looked.target.recipes.get(&step.key);
                    let inputs = recipe.and_then(|recipe| self.source.inputs(recipe));
                    let inputs = inputs.unwrap_or_default();
                    let open = inputs.iter().any(|original| original.open);
                    let told = (!open).then(|| told(preview, name, step, recipe, &inputs));
                    (name.to_string(), told)
                })
                .collect();
            if !told.is_empty() {
                changes.insert(label.clone(), told);
            }
        }
        changes
    }
}

/// A step with what the copy is made of and the versions that it depends on, so that an apply finds
/// out when they are others by then.
fn told(
    preview: &Preview,
    name: &SecretName,
    step: &Step,
    recipe: Option<&Recipe>,
    inputs: &[&Original],
) -> String {
    let mut text = step.to_string();
    let there = preview.records.get(name).and_then(|record| record.current.as_ref());
    let depends = [Action::Overwrite, Action::Correct, Action::Recover, Action::Import]
        .contains(&step.action);
    if let (true, Some(there)) = (depends, there) {
        text += &format!(" (version {} there)", there.number);
    }
    if step.action.writes() && step.action != Action::Import {
        let of = recipe.map_or_else(|| step.key.clone(), Recipe::to_string);
        let more = text.contains([',', '(']);
        if of != name.as_str() {
            text += if more { "; from " } else { " from " };
            text += &of;
        }
        let numbers = inputs.iter().filter_map(|original| original.planned_number());
        let numbers: Vec<_> = numbers.map(|number| number.to_string()).collect();
        match numbers.as_slice() {
            [] => {}
            [one] => text += &format!(", source version {one}"),
            several => text += &format!(", source versions {}", several.join(", ")),
        }
    }
    text
}

/// Looks at everything. `None` only after an error.
#[expect(clippy::too_many_arguments, reason = "each of them is of another kind")]
pub(super) async fn look(
    shared: &Shared,
    configured: &Configured,
    settings: &Settings,
    instance: &str,
    state: Option<&Value>,
    run: &Run,
    moment: Moment,
    diags: &mut Diagnostics,
) -> Option<View> {
    let at = || Path::attribute("source").child("profile");
    let found = configured.profile_name(settings.source.profile.as_deref()).and_then(|profile| {
        let vault = configured.vault(&profile)?;
        Ok((profile, vault))
    });
    let (profile, vault) = found.map_err(|problem| errors::no_vault(&problem, at(), diags)).ok()?;
    let filter = settings.source.filter(diags)?;
    let mut source = source(settings, &filter, &profile, &vault, state, run, diags).await?;
    if moment == Moment::Plan {
        open_changing(&mut source, &shared.changing(), &profile, settings);
    }
    let identity = Identity { name: settings.name.clone(), instance: instance.to_owned() };
    let mut written = BTreeMap::new();
    let mut destinations = BTreeMap::new();
    for (label, destination) in &settings.destinations {
        let place = || Path::attribute("destinations").key(label);
        let vault = match configured.vault(&destination.profile) {
            Ok(vault) => vault,
            Err(problem) => {
                errors::no_vault(&problem, place().child("profile"), diags);
                continue;
            }
        };
        if let Some(circle) = shared.note_route(&profile, &destination.profile)
            && profile != destination.profile
        {
            let detail = format!(
                "The syncs of this configuration copy in a circle of profiles: {}. Copies are \
                 never copied back to where they come from, but a secret may end up in more \
                 places than meant.",
                circle.join(" -> ")
            );
            diags.warning(place().child("profile"), "Syncs form a circle", detail);
        }
        let naming = destination.naming(label, &profile, settings.source.state(), diags);
        let Some(naming) = naming else { continue };
        let Copies { recipes, names } =
            match destination.copies(&source, &naming, vault.capability()) {
                Ok(copies) => copies,
                Err(problems) => {
                    let detail = format!(
                        "The copies in profile {:?} cannot be made:\n- {}\nNext step: change \
                     key_schema, name these keys in map, or leave them out of the source.",
                        destination.profile,
                        problems.join("\n- ")
                    );
                    diags.error(place(), "Copies cannot be made", detail);
                    continue;
                }
            };
        let options = destination_options(configured, destination, place(), diags);
        let places = (profile.as_str(), destination.profile.as_str());
        check_loops(&source, places, &recipes, &names, place(), diags);
        check_removal(settings, &vault, diags);
        check_empty(&source, &recipes, &vault, configured, run, place(), diags).await;
        let mut writers = Writers { shared, settings, written: &mut written };
        writers.check(label, &vault, &names, diags);
        let native = if destination.native_replication == Some(true) {
            check_replicas(settings, destination, &names, place(), diags);
            between(&source.vault, &vault, run, place(), diags).await
        } else {
            None
        };
        let target = Arc::new(Target {
            vault,
            identity: identity.clone(),
            rules: settings.rules(),
            parallelism: settings.parallelism(),
            recipes,
            options,
            native,
        });
        let mut ledger = ledger(state, label);
        if !target.vault.capability().case_sensitive_names {
            respell(&mut ledger, &names);
        }
        let imports = importing(settings);
        let importable =
            |name: &SecretName| naming.key(name).filter(|key| imports && filter.takes_name(key));
        let preview = preview(&source, &target, run, &names, &ledger, &importable).await;
        destinations.insert(label.clone(), Looked { target, ledger, preview });
    }
    (!diags.has_errors()).then_some(View { source, destinations })
}

async fn source(
    settings: &Settings,
    filter: &Filter<'_>,
    profile: &str,
    vault: &Arc<Vault>,
    state: Option<&Value>,
    run: &Run,
    diags: &mut Diagnostics,
) -> Option<Source> {
    let named = settings.source.named(profile, diags)?;
    let profile_name: ProfileName = profile.parse().ok()?;
    let rule = |record: &_| filter.takes(record);
    let selector = Selector {
        rule: if settings.source.has_filters() { Some(&rule) } else { None },
        names: &named,
        state: settings.source.state(),
        parallelism: settings.parallelism(),
        copied: &|key| copied(state, key),
    };
    let found = select(vault, &profile_name, run, &selector).await;
    found
        .map_err(|failure| {
            let attempt =
                Attempt { verb: "look for the secrets to copy, such as", secret: "*", profile };
            errors::report(&failure, attempt, Path::attribute("source"), diags);
        })
        .ok()
}

/// Marks the secrets that this walk changes before the sync runs, and adds those it makes.
fn open_changing(
    source: &mut Source,
    changing: &BTreeSet<String>,
    profile: &str,
    settings: &Settings,
) {
    let ids = changing.iter().filter_map(|id| id.parse::<SecretId>().ok());
    for id in ids.filter(|id| id.profile.as_str() == profile && settings.source.refers_to(id)) {
        let key = id.name.as_str().to_owned();
        if let Some(original) = source.secrets.get_mut(&key) {
            original.open = true;
        } else {
            let (record, chosen, open, planned) = (None, None, true, None);
            source.secrets.insert(key, Original { id, record, chosen, open, planned });
        }
    }
}

/// The options of the copies, of which the destination's kind of vault knows all.
fn destination_options(
    configured: &Configured,
    destination: &Destination,
    at: Path,
    diags: &mut Diagnostics,
) -> Options {
    let Some(backend) = configured.backend(&destination.profile) else { return Options::new() };
    for other in with_options() {
        if other.name != backend.name && !destination.options.get(other.name).is_null() {
            diags.error(
                at.child(ATTRIBUTE).child(other.name),
                "Options are of another kind of vault",
                format!(
                    "The profile {:?} is a vault of the backend {}. Next step: leave options.{} \
                     out.",
                    destination.profile, backend.name, other.name
                ),
            );
            return Options::new();
        }
    }
    options::changes(backend, &destination.options, &Value::Null)
}
