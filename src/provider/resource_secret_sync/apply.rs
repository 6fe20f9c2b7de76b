//! Applying `coffer_secret_sync`: looking again, doing what was planned, recording what was done.
//!
//! Nothing is written when source or destinations are not as the plan saw them. A destination that
//! fails leaves the others done, and state says of every copy what became of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::native::between;
use super::plan::shown;
use super::remarks::late;
use super::results::{Ledger, counts, ledger, result, unreached};
use super::settings::Settings;
use super::view::{Looked, Moment, View, look};
use super::{COMPUTED, ResourceSecretSync};
use crate::domain::fingerprint::KeyRing;
use crate::domain::port::Options;
use crate::domain::rotation::RotationState;
use crate::domain::sync::owner::Identity;
use crate::domain::sync::plan::Action;
use crate::engine::context::Run;
use crate::engine::sync::{Done, Source, Target, carry_out, preview};
use crate::plugin::framework::context::Context;
use crate::plugin::framework::diag::Diagnostics;
use crate::plugin::framework::object::{ApplyRequest, StateResponse};
use crate::plugin::framework::path::Path;
use crate::plugin::framework::timeouts::{self, Operation};
use crate::plugin::framework::value::Value;
use crate::provider::access::{self, run};
use crate::provider::configure::Configured;
use crate::provider::errors::Attempt;
use crate::provider::resource_secret::tell;
use crate::provider::times;

/// What one run did.
#[derive(Default)]
struct Tally {
    written: usize,
    removed: usize,
    failures: Vec<String>,
}

/// Creates or updates.
pub(super) async fn apply(
    resource: &ResourceSecretSync,
    ctx: &Context,
    request: ApplyRequest,
    response: &mut StateResponse,
) {
    let diags = &mut response.diagnostics;
    response.private = request.private.clone();
    if request.prior.is_some() && request.planned.is_wholly_known() {
        response.state = Some(request.planned);
        return;
    }
    let Some(configured) = resource.shared.configured(diags) else { return };
    let Some(settings) = Settings::read(&request.planned, diags) else { return };
    let operation = if request.prior.is_some() { Operation::Update } else { Operation::Create };
    let run = run(ctx, timeouts::of(&request.config, operation));
    let prior = request.prior.as_ref();
    let instance = prior.and_then(|prior| prior.get("id").as_str()).map(str::to_owned);
    let instance = instance.unwrap_or_else(|| hexadecimal(run.random()));
    let mut state = request.planned.clone();
    state.set("id", Value::string(instance.as_str()));
    if !settings.enabled {
        rest(&mut state, prior);
        response.state = Some(state);
        return;
    }
    let view = look(
        &resource.shared,
        &configured,
        &settings,
        &instance,
        prior,
        &run,
        Moment::Apply,
        diags,
    )
    .await;
    let Some(view) = view else { return };
    if let Some(difference) = since_the_plan(&view, request.planned.get("changes")) {
        diags.error(
            Path::attribute("changes"),
            "Source or destination changed since the plan was made",
            format!(
                "Attempted: copy what the plan shows.\nAnswer: {difference}. Nothing was \
                 written.\nNext step: plan again and look at the difference. Where this \
                 configuration itself changes a source, name it in source.secrets, so that it \
                 changes first."
            ),
        );
        return;
    }
    let attempt =
        Attempt { verb: "make the fingerprints of", secret: &settings.name, profile: "(source)" };
    let ring = access::ring(configured.keys(), &run, true, attempt, diags).await;
    let Some(ring) = ring else { return };
    let mut tally = Tally::default();
    let now = times::format(run.now());
    let mut results = BTreeMap::new();
    for (label, looked) in &view.destinations {
        let before = prior.map_or(&Value::Null, |prior| prior.get("results").get(label));
        let planned = request.planned.get("results").get(label);
        let done = destination(
            &view.source,
            looked,
            &run,
            &ring,
            label,
            before,
            planned,
            &now,
            &mut tally,
        );
        results.insert(label.clone(), done.await);
    }
    let results = Value::Map(results);
    finish(&mut state, &request, results, &view, &tally, now);
    tell_all(&configured, &view, diags);
    late(&view, diags);
    let any = tally.written + tally.removed > 0;
    if tally.failures.is_empty() || request.prior.is_some() || any {
        response.state = Some(state);
    }
    report(&tally, request.prior.is_none() && any, &mut response.diagnostics);
}

/// Does what is to be done at one destination; gives its results.
#[expect(clippy::too_many_arguments, reason = "each of them is of another kind")]
async fn destination(
    source: &Source,
    looked: &Looked,
    run: &Run,
    ring: &Arc<KeyRing>,
    label: &str,
    before: &Value,
    planned: &Value,
    now: &str,
    tally: &mut Tally,
) -> Value {
    let preview = match &looked.preview {
        Ok(preview) => preview,
        Err(failure) => {
            tally.failures.push(format!("{label}: {}", super::results::told(failure)));
            return unreached(planned, before, failure);
        }
    };
    let done = carry_out(source, &looked.target, run, ring, preview, &looked.ledger).await;
    let mut results = BTreeMap::new();
    for (name, step) in &preview.steps {
        let finished = done.get(name);
        match finished {
            Some(Done { failure: Some(failure), .. }) => {
                let told = super::results::told(failure);
                tally.failures.push(format!("{label}/{name}: {told}"));
            }
            Some(Done { entry: None, .. }) => {
                tally.removed += 1;
                continue;
            }
            Some(_) => tally.written += 1,
            None => {}
        }
        if step.action == Action::Unreadable
            && let Some(failure) = preview.failures.get(name)
        {
            let told = super::results::told(failure);
            tally.failures.push(format!("{label}/{name}: {told}"));
        }
        let entry = finished.map_or_else(|| looked.ledger.get(name), |done| done.entry.as_ref());
        let known = before.get(name.as_str());
        let stays = finished.is_none()
            && step.action == Action::Keep
            && known.get("result").as_str() == Some("synced");
        let value = if stays { known.clone() } else { result(step, finished, entry, known, now) };
        results.insert(name.to_string(), value);
    }
    Value::Map(results)
}

/// How what was found differs from what was planned.
fn since_the_plan(view: &View, planned: &Value) -> Option<String> {
    let Value::Map(planned) = planned else { return None };
    let found = view.changes();
    let mut labels: Vec<_> = planned.keys().chain(found.keys()).collect();
    labels.sort_unstable();
    labels.dedup();
    for label in labels {
        if view.destinations.get(label).is_none_or(|looked| looked.preview.is_err()) {
            continue;
        }
        let empty = BTreeMap::new();
        let none = Value::Null;
        let found = found.get(label).unwrap_or(&empty);
        let planned = planned.get(label).unwrap_or(&none);
        let of_plan: Vec<&String> = match planned {
            Value::Map(names) => names.keys().collect(),
            _ => Vec::new(),
        };
        let mut names: Vec<_> = found.keys().chain(of_plan).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            if planned.get(name).is_unknown() {
                continue;
            }
            let before = planned.get(name).as_str();
            let now = found.get(name).and_then(Option::as_deref);
            if before != now {
                let (before, now) = (before.unwrap_or("nothing"), now.unwrap_or("nothing"));
                return Some(format!(
                    "for {name:?} at {label:?} the plan has {before:?}, and now it would be {now:?}"
                ));
            }
        }
    }
    None
}

/// A disabled sync keeps what it knows.
fn rest(state: &mut Value, prior: Option<&Value>) {
    for name in COMPUTED {
        let kept = prior.map_or(&Value::Null, |prior| prior.get(name));
        state.set(name, kept.clone());
    }
    for name in ["results", "changes", "counts"] {
        if state.get(name).is_null() {
            state.set(name, Value::Map(BTreeMap::new()));
        }
    }
    state.set("status", Value::string("disabled"));
    state.set("last_message", Value::string("The sync is disabled."));
}

fn finish(
    state: &mut Value,
    request: &ApplyRequest,
    results: Value,
    view: &View,
    tally: &Tally,
    now: String,
) {
    let all = counts(&results);
    let whole = match &all {
        Value::Map(counts) => counts.keys().all(|code| code == "synced" || code == "skipped"),
        _ => true,
    };
    let status = if whole && tally.failures.is_empty() { "synced" } else { "partial" };
    let message = format!(
        "{} written or recorded, {} removed or forgotten, {} failed.",
        tally.written,
        tally.removed,
        tally.failures.len()
    );
    if !request.planned.get("changes").is_wholly_known() {
        state.set("changes", changes_done(view, request.planned.get("changes")));
    }
    state.set("results", results);
    state.set("counts", all);
    state.set("status", Value::string(status));
    state.set("last_synced_at", Value::string(now));
    state.set("last_message", Value::string(message));
}

/// What was done, under the names that the plan has.
fn changes_done(view: &View, planned: &Value) -> Value {
    let mut done = shown(view.changes());
    if let (Value::Map(planned), Value::Map(done)) = (planned, &mut done) {
        for (label, names) in planned {
            let Value::Map(names) = names else { continue };
            let place = done.entry(label.clone()).or_insert_with(|| Value::Map(BTreeMap::new()));
            let Value::Map(place) = place else { continue };
            for name in names.keys() {
                place.entry(name.clone()).or_insert_with(|| Value::string(Action::Keep.told()));
            }
        }
    }
    done
}

fn report(tally: &Tally, created: bool, diags: &mut Diagnostics) {
    if tally.failures.is_empty() {
        return;
    }
    let detail = format!(
        "Attempted: copy what the plan shows.\nAnswer: {} copies were not made or removed:\n- {}\n\
         Next step: correct the cause and run again; only what is missing is done then, and \
         nothing was removed at a destination where a write failed.",
        tally.failures.len(),
        tally.failures.join("\n- ")
    );
    let at = Path::attribute("destinations");
    if created {
        // An error would mark the new sync as broken, to be destroyed and made again.
        diags.warning(at, "Sync is not complete", detail);
    } else {
        diags.error(at, "Sync is not complete", detail);
    }
}

fn tell_all(configured: &Configured, view: &View, diags: &mut Diagnostics) {
    for looked in view.destinations.values() {
        tell(configured, &looked.target.vault, diags);
    }
}

/// Leaves the copies as `on_destroy` says.
pub(super) async fn delete(
    resource: &ResourceSecretSync,
    ctx: &Context,
    prior: &Value,
    response: &mut StateResponse,
) {
    let diags = &mut response.diagnostics;
    if prior.get("source").is_null() {
        // Imported and never applied: it says of no copy that it is this sync's.
        return;
    }
    let Some(settings) = Settings::read(prior, diags) else { return };
    let rules = settings.rules_of_destroy();
    if rules.on_orphan == crate::domain::policy::Removal::Retain {
        return;
    }
    let Some(configured) = resource.shared.configured(diags) else { return };
    let run = run(ctx, timeouts::of(prior, Operation::Delete));
    let instance = prior.get("id").as_str().unwrap_or_default().to_owned();
    let identity = Identity { name: settings.name.clone(), instance };
    for (label, destination) in &settings.destinations {
        let at = Path::attribute("destinations").key(label);
        let vault = match configured.vault(&destination.profile) {
            Ok(vault) => vault,
            Err(problem) => {
                crate::provider::errors::no_vault(&problem, at, diags);
                continue;
            }
        };
        let (state, secrets) = (RotationState::Current, BTreeMap::new());
        let source = Source { vault: Arc::clone(&vault), state, secrets };
        // What cannot be done at one destination does not keep the others.
        let native = match destination.native_replication {
            Some(true) => {
                let origin = configured.profile_name(settings.source.profile.as_deref());
                let found = match origin.and_then(|profile| configured.vault(&profile)) {
                    Ok(origin) => between(&origin, &vault, &run, at.clone(), diags).await,
                    Err(problem) => {
                        crate::provider::errors::no_vault(&problem, at, diags);
                        continue;
                    }
                };
                let Some(native) = found else { continue };
                Some(native)
            }
            _ => None,
        };
        let target = Arc::new(Target {
            vault,
            identity: identity.clone(),
            rules: rules.clone(),
            parallelism: settings.parallelism(),
            recipes: BTreeMap::new(),
            options: Options::new(),
            native,
        });
        let ledger = ledger(Some(prior), label);
        let failures = remove_all(&source, &target, &run, &ledger).await;
        if !failures.is_empty() {
            let detail = format!(
                "Attempted: {} the copies in profile {:?}.\nAnswer:\n- {}\nNext step: correct the \
                 cause and run again, or set on_destroy = \"retain\" and apply that first.",
                rules.on_orphan.code(),
                destination.profile,
                failures.join("\n- ")
            );
            diags.error(at, "Some copies were not removed", detail);
        }
    }
}

async fn remove_all(
    source: &Source,
    target: &Arc<Target>,
    run: &Run,
    ledger: &Ledger,
) -> Vec<String> {
    let told = super::results::told;
    let names = BTreeMap::new();
    let preview = match preview(source, target, run, &names, ledger, &|_| None).await {
        Ok(preview) => preview,
        Err(failure) => return vec![told(&failure)],
    };
    let mut failures: Vec<String> = preview
        .failures
        .iter()
        .map(|(name, failure)| format!("{name}: {}", told(failure)))
        .collect();
    let ring = Arc::new(KeyRing::default());
    let done = carry_out(source, target, run, &ring, &preview, ledger).await;
    failures.extend(done.iter().filter_map(|(name, done)| {
        done.failure.as_ref().map(|failure| format!("{name}: {}", told(failure)))
    }));
    failures
}

/// Random bytes as the instance of a sync.
pub(in crate::provider) fn hexadecimal(bytes: [u8; 16]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
