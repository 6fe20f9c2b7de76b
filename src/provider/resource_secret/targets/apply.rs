//! Applying `sync_targets`: bringing the copies up to date after the secret itself was written.
//!
//! A target that fails leaves the secret written and the other targets done; state says so, and
//! the next plan has it to do. What somebody changed at a target since the plan is not overwritten.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::apply::Apply;
use super::{ATTRIBUTE, Copied, INSTANCE, Sight, instance, told};
use crate::domain::fingerprint::KeyRing;
use crate::domain::policy::Removal;
use crate::domain::port::SecretRecord;
use crate::domain::sync::plan::Action;
use crate::engine::context::Run;
use crate::engine::failure::Failure;
use crate::engine::secret::look;
use crate::engine::sync::{Done, carry_out};
use crate::engine::vault::Vault;
use crate::plugin::framework::diag::Diagnostics;
use crate::plugin::framework::object::StateResponse;
use crate::plugin::framework::path::Path;
use crate::plugin::framework::value::Value;
use crate::provider::configure::Configured;
use crate::provider::resource_secret::tell;
use crate::provider::resource_secret_sync::hexadecimal;
use crate::provider::resource_secret_sync::results::{self, class, result};
use crate::provider::times;

/// Brings the copies up to date, and state with them. `record` is the secret as it was just
/// written, if it was; `prior` the state before.
pub(in super::super) async fn carry(
    apply: &Apply,
    record: Option<SecretRecord>,
    prior: Option<&Value>,
    response: &mut StateResponse,
) {
    let Some(state) = &mut response.state else { return };
    let before = prior.map_or(Value::Null, |prior| prior.get(ATTRIBUTE).clone());
    let planned = apply.planned.get(ATTRIBUTE);
    if response.diagnostics.has_errors() {
        return state.set(ATTRIBUTE, before);
    }
    let targets = apply.configured.sync_to(apply.vault.profile()).unwrap_or_default();
    if planned.is_wholly_known() || targets.is_empty() {
        let rest = if planned.is_wholly_known() { planned.clone() } else { Value::Null };
        return state.set(ATTRIBUTE, rest);
    }
    let instance = match instance(&response.private) {
        Some(instance) => instance.to_owned(),
        None => hexadecimal(apply.run.random()),
    };
    response.private.set(INSTANCE, instance.as_str().into());
    let found = match record {
        Some(record) => Ok(Some(record)),
        None => look(&apply.vault, &apply.run, &apply.name).await,
    };
    let ring = apply.ring(true, &mut response.diagnostics).await.unwrap_or_default();
    let mut copies = BTreeMap::new();
    let mut report = Report::default();
    for target in targets {
        let (known, planned) = (before.get(target), planned.get(target));
        if planned.is_wholly_known() && !planned.is_null() {
            copies.insert(target.clone(), planned.clone());
            continue;
        }
        let job = Job { apply, ring: &ring, known, planned: planned.get("action") };
        let copy = match &found {
            Ok(Some(record)) => job.copy(record, target, &instance, &mut report).await,
            Ok(None) => job.failed(&Failure::Vanished, target, &mut report),
            Err(failure) => job.failed(failure, target, &mut report),
        };
        copies.insert(target.clone(), copy);
    }
    if let Some(state) = &mut response.state {
        state.set(ATTRIBUTE, Value::Map(copies));
    }
    report.tell(apply, prior.is_none(), &mut response.diagnostics);
    tell_all(&apply.configured, targets, &mut response.diagnostics);
}

/// One copy.
struct Job<'j> {
    apply: &'j Apply,
    ring: &'j Arc<KeyRing>,
    /// What state says of it.
    known: &'j Value,
    /// What the plan says is done, or unknown.
    planned: &'j Value,
}

/// What did not come about, a line each.
#[derive(Default)]
struct Report {
    failures: Vec<String>,
    conflicts: Vec<String>,
}

impl Job<'_> {
    async fn copy(
        &self,
        record: &SecretRecord,
        target: &str,
        instance: &str,
        report: &mut Report,
    ) -> Value {
        let Apply { configured, vault, run, name, .. } = self.apply;
        let Ok(to) = configured.vault(target) else {
            let message = "the profile cannot be used; see the provider block".to_owned();
            return self.not_done("caller", message, target, report);
        };
        let Some(copied) = Copied::new(vault, name, Some(record.clone()), instance) else {
            return self.known.clone();
        };
        let copied = copied.adopting(self.apply.config.on_existing());
        let sight = match copied.look(to, Removal::Retain, self.known, run).await {
            Ok(sight) => sight,
            Err(failure) => return self.failed(&failure, target, report),
        };
        if sight.step.action == Action::Correct && !self.corrects() {
            let changed = Failure::ChangedSincePlan { planned: None, found: None };
            return self.failed(&changed, target, report);
        }
        let done = write(&copied, &sight, run, self.ring).await;
        if let Some(Done { failure: Some(failure), .. }) = &done {
            return self.failed(failure, target, report);
        }
        if let Action::Conflict(_) = sight.step.action {
            report.conflicts.push(format!("{target}: {}", sight.step));
        }
        let before = sight.ledger.get(name);
        let entry = done.as_ref().map_or(before, |done| done.entry.as_ref());
        let now = times::format(run.now());
        let action = match self.planned {
            Value::Unknown(_) if sight.step.action.is_change() => {
                Value::string(sight.step.action.told())
            }
            Value::Unknown(_) => self.known.get("action").clone(),
            planned => planned.clone(),
        };
        let stays = done.is_none() && self.known.get("result").as_str() == Some("synced");
        if stays && sight.step.action == Action::Keep && action.same(self.known.get("action")) {
            return self.known.clone();
        }
        told(&action, &result(&sight.step, done.as_ref(), entry, self.known, &now))
    }

    /// True when the plan said that what somebody wrote at the target is overwritten.
    fn corrects(&self) -> bool {
        self.planned.as_str() == Some(Action::Correct.told())
    }

    fn failed(&self, failure: &Failure, target: &str, report: &mut Report) -> Value {
        self.not_done(class(failure), results::told(failure), target, report)
    }

    fn not_done(
        &self,
        class: &'static str,
        message: String,
        target: &str,
        report: &mut Report,
    ) -> Value {
        report.failures.push(format!("{target}: {message}"));
        let action = match self.planned {
            Value::Unknown(_) => self.known.get("action"),
            planned => planned,
        };
        let mut copy = told(action, self.known);
        copy.set("result", Value::string("failed"));
        copy.set("class", Value::string(class));
        copy.set("message", Value::string(message));
        copy
    }
}

impl Report {
    fn tell(&self, apply: &Apply, created: bool, diags: &mut Diagnostics) {
        let id = apply.attempt("copy").secret;
        let at = || Path::attribute(ATTRIBUTE);
        if !self.conflicts.is_empty() {
            let detail = format!(
                "The name of {id:?} is taken there, and what has it was left as it is:\n- {}",
                self.conflicts.join("\n- ")
            );
            diags.warning(at(), "Copy was not made", detail);
        }
        if self.failures.is_empty() {
            return;
        }
        let detail = format!(
            "Attempted: copy {id:?} to the profiles of sync_to.\nAnswer:\n- {}\nThe secret itself \
             is as the plan says, and so are the copies that are not named here.\nNext step: \
             correct the cause and run again; the plan shows what is left to do.",
            self.failures.join("\n- ")
        );
        if created {
            // An error would mark the new secret as broken, to be destroyed and made again.
            diags.warning(at(), "Secret was not copied everywhere", detail);
        } else {
            diags.error(at(), "Secret was not copied everywhere", detail);
        }
    }
}

/// Does what the look found to be done; `None` when that is nothing.
pub(super) async fn write(
    copied: &Copied,
    sight: &Sight,
    run: &Run,
    ring: &Arc<KeyRing>,
) -> Option<Done> {
    let Sight { target, ledger, preview, .. } = sight;
    let mut done = carry_out(&copied.source, target, run, ring, preview, ledger).await;
    done.remove(&copied.name)
}

/// Tells what the vaults of the targets want told.
pub(super) fn tell_all(configured: &Configured, targets: &[String], diags: &mut Diagnostics) {
    let vaults = targets.iter().filter_map(|target| configured.vault(target).ok());
    vaults.for_each(|vault: Arc<Vault>| tell(configured, &vault, diags));
}
