//! What a sync tells besides what it does: what is too much, what is left alone, what could not be
//! seen, and what came too late.

use super::results::told;
use super::settings::Settings;
use super::view::View;
use crate::domain::policy::InitialSync;
use crate::domain::sync::plan::{Action, Conflict, excess};
use crate::plugin::framework::diag::Diagnostics;
use crate::plugin::framework::path::Path;

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
            "In profile {profile:?} this sync leaves alone:\n- {}\nNext step: {}.",
            left.join("\n- "),
            next_steps(preview.steps.values().map(|step| step.action))
        );
        if conflict && settings.initial() == InitialSync::FailIfExists {
            diags.error(at(), "Secrets exist already", detail);
        } else {
            diags.warning(at(), "Some copies are left as they are", detail);
        }
    }
}

/// What can be done about what is left alone, each thing once.
fn next_steps(actions: impl Iterator<Item = Action>) -> String {
    let mut steps: Vec<&str> = actions.filter_map(next_step).collect();
    steps.sort_unstable();
    steps.dedup();
    steps.join("; ")
}

const fn next_step(action: Action) -> Option<&'static str> {
    Some(match action {
        Action::Conflict(Conflict::Foreign | Conflict::Different) => {
            "to take over a secret that this sync did not write, name it in adopt or choose \
             another initial_sync_behavior"
        }
        Action::Conflict(Conflict::OtherOwner) => {
            "let one sync write a name: leave it out of the other, or, when that sync is a former \
             self of this one, name it in adopt"
        }
        Action::Conflict(Conflict::NotReplica) => {
            "to have a replica, delete or rename what stands under its name"
        }
        Action::Conflict(Conflict::Replica) => {
            "to have a copy, end the replication of its source, or choose another key_schema"
        }
        Action::Drifted => "to undo what was changed outside, set drift_policy = \"correct\"",
        Action::Held | Action::Unreadable => "run again when everything can be read",
        Action::Spared => "delete by hand what was changed outside, if it is not needed",
        _ => return None,
    })
}

const fn is_remarkable(action: Action) -> bool {
    matches!(
        action,
        Action::Conflict(_) | Action::Drifted | Action::Held | Action::Spared | Action::Unreadable
    )
}

/// Reports secrets that this run changed after the sync was planned, and that it leaves for the
/// next one.
pub(super) fn late(view: &View, diags: &mut Diagnostics) {
    let mut late: Vec<&str> = Vec::new();
    for looked in view.destinations.values() {
        let Ok(preview) = &looked.preview else { continue };
        let kept = preview.steps.values().filter(|step| !step.action.is_change());
        let recipes = kept.filter_map(|step| looked.target.recipes.get(&step.key));
        let inputs = recipes.filter_map(|recipe| view.source.inputs(recipe)).flatten();
        late.extend(inputs.filter(|input| input.is_late()).map(|input| input.id.name.as_str()));
    }
    late.sort_unstable();
    late.dedup();
    if !late.is_empty() {
        diags.warning(
            Path::attribute("source"),
            "Secrets changed after the sync was planned",
            format!(
                "This run changed {}, and nothing ordered it and the sync. Next step: run again to \
                 copy the change; name such secrets in source.secrets to have both in one run.",
                late.join(", ")
            ),
        );
    }
}
