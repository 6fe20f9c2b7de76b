//! Planning `sync_targets`: what will be done at each target.
//!
//! Goes by state and configuration alone: an apply plans again and must come to the same, whatever
//! happened at a target in between. Only what is told besides (a name that is taken, a target that
//! does not answer) comes from a look, and that is for copies that were never made.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::read::left_behind;
use super::{ATTRIBUTE, Copied, FOUND, TARGET, is_written, known};
use crate::domain::limits::{Subject, Wanted};
use crate::domain::policy::{DeletionPolicy, Removal};
use crate::domain::sync::plan::Action;
use crate::engine::failure::Failure;
use crate::engine::remove::check;
use crate::engine::vault::Vault;
use crate::plugin::framework::diag::Diagnostics;
use crate::plugin::framework::object::PlanResponse;
use crate::plugin::framework::path::Path;
use crate::plugin::framework::timeouts::Operation;
use crate::plugin::framework::value::Value;
use crate::provider::access::{Shared, run};
use crate::provider::configure::{Configured, NoVault};
use crate::provider::content::Given;
use crate::provider::errors::{self, Attempt};
use crate::provider::resource_secret::plan::Planner;
use crate::provider::resource_secret::timeout;
use crate::provider::resource_secret_sync::results::told;
use crate::provider::resource_secret_sync::spelled;

/// What will become of the secret itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    /// Its content stays.
    None,
    /// Its content may change.
    Possible,
    /// Its content changes.
    Certain,
}

/// Plans the copies, after the secret itself was planned.
pub(in super::super) async fn plan(
    planner: &Planner<'_>,
    shared: &Shared,
    response: &mut PlanResponse,
) {
    let Some(profile) = planner.profile.as_deref() else {
        return response.planned.set(ATTRIBUTE, Value::UNKNOWN);
    };
    claim(planner, shared, profile, &mut response.diagnostics);
    let Some(targets) = planner.configured.sync_to(profile) else {
        return response.planned.set(ATTRIBUTE, Value::UNKNOWN);
    };
    let prior = planner.request.prior.filter(|prior| {
        prior.get("name").same(planner.request.config.get("name"))
            && response.requires_replace.is_empty()
    });
    let prior = prior.unwrap_or(&Value::Null);
    warn_left_behind(prior, targets, &mut response.diagnostics);
    if targets.is_empty() {
        return response.planned.set(ATTRIBUTE, Value::Null);
    }
    let change = change(planner, response);
    let before = prior.get(ATTRIBUTE);
    let planned: BTreeMap<_, _> =
        targets.iter().map(|to| (to.clone(), planned(before.get(to), change))).collect();
    response.planned.set(ATTRIBUTE, Value::Map(planned));
    for target in targets {
        let at = Path::attribute(ATTRIBUTE).key(target);
        let vault = match planner.configured.vault(target) {
            Ok(vault) => vault,
            Err(NoVault::Unknown) => continue,
            Err(problem) => {
                errors::no_vault(&problem, at, &mut response.diagnostics);
                continue;
            }
        };
        check_limits(planner, &vault, &mut response.diagnostics);
        let known = before.get(target);
        match known.get("result").as_str() {
            None if !response.diagnostics.has_errors() => {
                look(planner, vault, &at, &mut response.diagnostics).await;
            }
            Some("conflict") => {
                let message = known.get("message").as_str().unwrap_or("conflict");
                conflict(planner, target, message, at, &mut response.diagnostics);
            }
            _ => {}
        }
    }
}

/// Copies are written by one secret only, and are no secrets of their own.
fn claim(planner: &Planner<'_>, shared: &Shared, profile: &str, diags: &mut Diagnostics) {
    let Some(name) = planner.name() else { return };
    let id = planner.id();
    let routes = planner.configured.routes();
    let own = routes.lead_to(profile).then(|| (profile.to_owned(), format!("coffer_secret {id}")));
    let targets = planner.configured.sync_to(profile).unwrap_or_default().iter();
    let copies = targets.map(|target| (target.clone(), format!("sync_to of {id}")));
    for (profile, writer) in own.into_iter().chain(copies) {
        let vault = planner.configured.vault(&profile).ok();
        let spelled = vault.map_or_else(|| name.to_string(), |vault| spelled(&vault, &name));
        if let Some(other) = shared.claim(&profile, spelled, &writer) {
            let detail = format!(
                "{other:?} and {writer:?} both write {:?} in profile {profile:?}, and would \
                 overwrite each other in turn. Next step: give one of them another name, or take \
                 the profile out of sync_to.",
                name.as_str()
            );
            diags.error(Path::attribute("name"), "Secret is written twice", detail);
        }
    }
}

/// What happens to the content.
fn change(planner: &Planner<'_>, response: &PlanResponse) -> Change {
    if !response.planned.get("fingerprint").is_unknown() {
        return Change::None;
    }
    let open = matches!(planner.given, Given::Unknown { .. }) && !planner.making.makes();
    let moves = planner.request.prior.is_some_and(|prior| {
        prior.get("profile").as_str() != response.planned.get("profile").as_str()
    });
    if open || moves { Change::Possible } else { Change::Certain }
}

/// What is planned for one target.
fn planned(known: &Value, change: Change) -> Value {
    let again = |action: Value| {
        let of = |name: &str| if name == "action" { action.clone() } else { Value::UNKNOWN };
        Value::object(TARGET.map(|name| (name, of(name))))
    };
    let word = |action: Action| Value::string(action.told());
    match (known.get("result").as_str(), change) {
        (None, _) => again(word(Action::Create)),
        // Not ours to write, whatever the secret becomes.
        (Some("conflict"), _) | (Some("synced"), Change::None) => known.clone(),
        (Some(_), Change::Possible) => again(Value::UNKNOWN),
        (Some(_), Change::Certain) if is_written(known) => again(word(Action::Update)),
        (Some(_), Change::Certain) => again(word(Action::Create)),
        (Some("drifted"), Change::None) => {
            let message = known.get("message").as_str();
            let found = FOUND.iter().find(|(_, text)| Some(*text) == message);
            again(found.map_or(Value::UNKNOWN, |(action, _)| word(*action)))
        }
        (Some(_), Change::None) => again(known.get("action").clone()),
    }
}

/// A copy has the name and the content of its source, which its vault may not take.
fn check_limits(planner: &Planner<'_>, vault: &Vault, diags: &mut Diagnostics) {
    let name = planner.name();
    let content = planner.given.content();
    let wanted = Wanted { name: name.as_ref(), content, ..Wanted::default() };
    for violation in vault.violations(&wanted) {
        let at = match (violation.subject, &planner.given) {
            (Subject::Content, Given::Known { path, .. }) => path.clone(),
            (subject, _) => Path::attribute(subject.argument()),
        };
        let detail = format!(
            "sync_to copies this secret to profile {:?}, and there: {}. Next step: change the \
             secret, or keep it in a profile without sync_to and copy it by a coffer_secret_sync \
             with a key_schema of its own.",
            vault.profile(),
            violation.message
        );
        diags.error(at, "Vault of a copy cannot hold this", detail);
    }
}

/// Tells what the first copy will find under its name.
async fn look(planner: &Planner<'_>, vault: Arc<Vault>, at: &Path, diags: &mut Diagnostics) {
    let own = planner.vault.as_ref();
    let (Some(source), Some(name)) = (own.filter(|vault| !vault.has_written()), planner.name())
    else {
        // A plan of an apply that has begun: it was told before.
        return;
    };
    let run = run(planner.ctx, timeout(planner.request.config, Operation::Read));
    let Some(copied) = Copied::new(source, &name, None, "") else { return };
    let copied = copied.adopting(planner.config.on_existing());
    let profile = vault.profile().to_owned();
    let look = copied.look(Arc::clone(&vault), Removal::Retain, &Value::Null, &run);
    match vault.ask(look).await {
        Ok(sight) if matches!(sight.step.action, Action::Conflict(_)) => {
            // One that another run of this secret left is found out when there is a print.
            conflict(planner, &profile, &sight.step.to_string(), at.clone(), diags);
        }
        Ok(_) => {}
        Err(failure) if vault.is_news(&failure) => {
            let detail = format!(
                "Attempted: look for {:?} in profile {profile:?}.\nAnswer: {}.\nNext step: the \
                 secret itself is written all the same, and the copy is made by the next apply \
                 that finds the target.",
                name.as_str(),
                told(&failure)
            );
            diags.warning(at.clone(), "Target could not be looked at", detail);
        }
        Err(_) => {}
    }
}

fn conflict(
    planner: &Planner<'_>,
    profile: &str,
    message: &str,
    at: Path,
    diags: &mut Diagnostics,
) {
    diags.warning(
        at,
        "Copy is not made",
        format!(
            "In profile {profile:?} the name of {:?} is taken ({message}). It is left as it is. \
             Next step: remove or rename that secret, or take {profile:?} out of sync_to; if it \
             is the copy of an earlier secret of this name, on_existing = \"adopt\" takes it over.",
            planner.id()
        ),
    );
}

fn warn_left_behind(prior: &Value, targets: &[String], diags: &mut Diagnostics) {
    for profile in left_behind(prior, targets) {
        let detail = format!(
            "The profile {profile:?} is not in sync_to any more. The copy of {:?} stays in its \
             vault, and is forgotten here. Next step: delete it there if nobody reads it.",
            prior.get("id").as_str().unwrap_or_default()
        );
        diags.warning(Path::attribute(ATTRIBUTE).key(profile), "Copy is left behind", detail);
    }
}

/// Reports targets where the copy cannot be removed as the policy says.
pub(in super::super) fn check_removal(
    configured: &Configured,
    prior: &Value,
    policy: DeletionPolicy,
    diags: &mut Diagnostics,
) {
    let secret = prior.get("name").as_str().unwrap_or_default();
    for (profile, _) in known(prior).filter(|(_, copy)| is_written(copy)) {
        let Ok(vault) = configured.vault(profile) else { continue };
        if let Err(failure @ Failure::Incapable { .. }) = check(vault.capability(), policy) {
            let attempt = Attempt { verb: "delete the copy of", secret, profile };
            errors::report(&failure, attempt, Path::attribute("deletion_policy"), diags);
        }
    }
}
