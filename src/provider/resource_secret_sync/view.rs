//! Source and destinations as they are now, and what is to be done.
//!
//! The same look serves plan and apply, so that what is applied is what was shown.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::results::{Ledger, ledger, told};
use super::settings::{Filter, Settings, importing};
use crate::domain::limits::{Wanted, violations};
use crate::domain::policy::{InitialSync, Removal};
use crate::domain::profile::ProfileName;
use crate::domain::secret::{SecretId, SecretName};
use crate::domain::sync::owner::{Identity, SOURCE_TAG};
use crate::domain::sync::plan::{Action, Conflict, excess};
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
                    let open = self.source.secrets.get(&step.key).is_some_and(|o| o.open);
                    let from = if step.key == name.as_str() || !step.action.writes() {
                        String::new()
                    } else {
                        format!(" from {}", step.key)
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
    let mut source = source(settings, &filter, &profile, &vault, run, diags).await?;
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
        let keys = source.secrets.keys().map(String::as_str);
        let names = match naming.names(keys, vault.capability()) {
            Ok(names) => names,
            Err(problems) => {
                let detail = format!(
                    "The copies in profile {:?} cannot be named:\n- {}\nNext step: change \
                     key_schema, or name these keys in map.",
                    destination.profile,
                    problems.join("\n- ")
                );
                diags.error(place().child("key_schema"), "Names of copies do not work", detail);
                continue;
            }
        };
        check_loops(&source, &destination.profile, &profile, &names, place(), diags);
        check_removal(settings, &vault, diags);
        for name in names.values() {
            let claimed = shared.claim(&destination.profile, name.as_str(), &settings.name);
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
            source.secrets.insert(key, Original { id, record: None, chosen: None, open: true });
        }
    }
}

/// A copy must not be copied back to where it comes from.
fn check_loops(
    source: &Source,
    destination: &str,
    profile: &str,
    names: &BTreeMap<String, SecretName>,
    at: Path,
    diags: &mut Diagnostics,
) {
    for (key, original) in &source.secrets {
        let Some(name) = names.get(key) else { continue };
        let goal = format!("{destination}/{name}");
        let tags = original.record.as_ref().map(|record| &record.metadata.tags);
        let back = tags.and_then(|tags| tags.get(SOURCE_TAG)).is_some_and(|from| *from == goal);
        let itself = destination == profile && name.as_str() == key;
        if back || itself {
            let why = if itself { "is its own source" } else { "is where it was copied from" };
            let detail = format!(
                "The copy of {key:?} would be {goal:?}, which {why}. Next step: leave it out of \
                 the selection, or change key_schema."
            );
            diags.error(at, "Secret would be copied onto its source", detail);
            return;
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

/// Reports what the plan has to tell besides what it does: what is too much, what is left alone,
/// and what could not be seen.
pub(super) fn remark(view: &View, settings: &Settings, diags: &mut Diagnostics) {
    for (label, looked) in &view.destinations {
        let at = || Path::attribute("destinations").key(label);
        let profile = looked.target.vault.profile();
        let preview = match &looked.preview {
            Ok(preview) => preview,
            Err(failure) => {
                let detail = format!(
                    "Attempted: look at the copies in profile {profile:?}.\nAnswer: {}.\nNext \
                     step: nothing is done there in this run, and nothing is removed; run again \
                     when it answers.",
                    told(failure)
                );
                diags.warning(at(), "Destination could not be looked at", detail);
                continue;
            }
        };
        let over = excess(&looked.target.rules, &preview.steps);
        if over > 0 {
            let most = looked.target.rules.max_deletes;
            let all: Vec<_> = preview
                .steps
                .iter()
                .filter(|(_, step)| step.action.removes())
                .map(|(name, _)| name.as_str())
                .collect();
            let detail = format!(
                "The run would remove {} copies in profile {profile:?}, and max_deletes is {most}: \
                 {}.\nNext step: check the selection of the source; if all of them are to go, \
                 raise max_deletes.",
                all.len(),
                all.join(", ")
            );
            diags.error(Path::attribute("max_deletes"), "More deletions than allowed", detail);
        }
        let left: Vec<String> = preview
            .steps
            .iter()
            .filter(|(_, step)| is_remarkable(step.action))
            .map(|(name, step)| match preview.failures.get(name) {
                Some(failure) => format!("{name}: {step}: {}", told(failure)),
                None => format!("{name}: {step}"),
            })
            .collect();
        if left.is_empty() {
            continue;
        }
        let conflict = preview
            .steps
            .values()
            .any(|step| matches!(step.action, Action::Conflict(Conflict::Foreign)));
        let detail = format!(
            "In profile {profile:?} this sync leaves alone:\n- {}\nNext step: to take over a \
             secret that this sync did not write, name it in adopt or choose another \
             initial_sync_behavior.",
            left.join("\n- ")
        );
        if conflict && settings.initial() == InitialSync::FailIfExists {
            diags.error(at(), "Secrets exist already", detail);
        } else {
            diags.warning(at(), "Some copies are left as they are", detail);
        }
    }
}

const fn is_remarkable(action: Action) -> bool {
    matches!(
        action,
        Action::Conflict(_) | Action::Drifted | Action::Held | Action::Spared | Action::Unreadable
    )
}
