//! Source and destinations as they are now, and what is to be done.
//!
//! The same look serves plan and apply, so that what is applied is what was shown.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::recipes::Copies;
use super::results::{Ledger, copied, ledger};
use super::settings::{Destination, Filter, Settings, importing};
use crate::domain::limits::{Wanted, violations};
use crate::domain::policy::Removal;
use crate::domain::port::Options;
use crate::domain::profile::ProfileName;
use crate::domain::secret::{SecretId, SecretName};
use crate::domain::sync::owner::{Identity, SOURCE_TAG};
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
                    let open = inputs.is_some_and(|inputs| inputs.iter().any(|o| o.open));
                    let of = match recipe {
                        Some(recipe) => recipe.to_string(),
                        None => step.key.clone(),
                    };
                    let from = if of == name.as_str() || !step.action.writes() {
                        String::new()
                    } else {
                        format!(" from {of}")
                    };
                    (name.to_string(), (!open).then(|| format!("{step}{from}")))
                })
                .collect();
            if !told.is_empty() {
                changes.insert(label.clone(), told);
            }
        }
        changes
    }
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
        let Some(naming) = destination.naming(label, &profile, diags) else { continue };
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
        let claimant = format!("{} (destination {label})", settings.name);
        for name in names.values() {
            let claimed = shared.claim(&destination.profile, name.as_str(), &claimant);
            if let Some(other) = claimed {
                let detail = format!(
                    "The sync {other:?} writes {name:?} in profile {:?}, too. Next step: give one \
                     of them another key_schema or selection.",
                    destination.profile,
                    name = name.as_str()
                );
                diags.error(place(), "Two syncs write the same secret", detail);
                break;
            }
        }
        let target = Arc::new(Target {
            vault,
            identity: identity.clone(),
            rules: settings.rules(),
            parallelism: settings.parallelism(),
            recipes,
            options,
        });
        let ledger = ledger(state, label);
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

/// A copy must not be copied back to where it comes from. `places` are the profiles of source and
/// destination.
fn check_loops(
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
fn check_removal(settings: &Settings, vault: &Vault, diags: &mut Diagnostics) {
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
