//! Planning `coffer_secret_sync`: what every copy will become.

use std::collections::BTreeMap;

use super::checks::check_namesakes;
use super::remarks::remark;
use super::results::ledger;
use super::settings::{Settings, is_decided};
use super::view::{Changes, Looked, Moment, look};
use super::{COMPUTED, ResourceSecretSync};
use crate::domain::sync::plan::Action;
use crate::plugin::framework::context::Context;
use crate::plugin::framework::object::{PlanRequest, PlanResponse};
use crate::plugin::framework::path::Path;
use crate::plugin::framework::timeouts::{self, Operation};
use crate::plugin::framework::value::Value;
use crate::provider::access::run;

/// Corrects what the generic pipeline planned.
pub(super) async fn plan(
    resource: &ResourceSecretSync,
    ctx: &Context,
    request: &PlanRequest<'_>,
    response: &mut PlanResponse,
) {
    response.keep_prior(request, &["id"]);
    if !is_decided(&response.planned) {
        return response.mark_unknown(COMPUTED);
    }
    let diags = &mut response.diagnostics;
    let Some(configured) = resource.shared.configured(diags) else { return };
    let Some(settings) = Settings::read(&response.planned, diags) else { return };
    if !settings.enabled || !is_due(&settings, request.prior) {
        response.keep_prior(request, COMPUTED);
        if !settings.enabled
            && request.prior.is_some_and(|p| p.get("status").as_str() != Some("disabled"))
        {
            response.mark_unknown(&["status", "last_message"]);
        }
        return;
    }
    let run = run(ctx, timeouts::of(request.config, Operation::Update));
    let instance = request.prior.and_then(|prior| prior.get("id").as_str()).unwrap_or("");
    let view = look(
        &resource.shared,
        &configured,
        &settings,
        instance,
        request.prior,
        &run,
        Moment::Plan,
        diags,
    )
    .await;
    let Some(view) = view else { return };
    check_namesakes(&view, &settings, &resource.shared, diags);
    remark(&view, &settings, diags);
    let changes = view.changes();
    let resumes =
        request.prior.is_some_and(|prior| prior.get("status").as_str() == Some("disabled"));
    let gone = left_out(&settings, request.prior);
    for label in &gone {
        let copies = ledger(request.prior, label).len();
        let detail = format!(
            "The destination {label:?} is not configured any more. Its copies ({copies}) stay in \
             the vault, and this sync forgets them. Next step: to have them removed, keep the \
             destination, let the source select nothing, and apply that first."
        );
        diags.warning(Path::attribute("destinations"), "Copies are left behind", detail);
    }
    if request.prior.is_some() && changes.is_empty() && !resumes && gone.is_empty() {
        return response.keep_prior(request, COMPUTED);
    }
    response.mark_unknown(COMPUTED);
    let results = view.destinations.iter().map(|(label, looked)| {
        let before = request.prior.map_or(&Value::Null, |prior| prior.get("results").get(label));
        (label.clone(), planned_results(looked, before))
    });
    response.planned.set("results", Value::Map(results.collect()));
    response.planned.set("changes", shown(changes));
}

/// The changes as a value; what depends on a secret that changes first is not known yet.
pub(super) fn shown(changes: Changes) -> Value {
    let one = |told: Option<String>| told.map_or(Value::UNKNOWN, Value::string);
    let names = |names: BTreeMap<String, Option<String>>| {
        Value::Map(names.into_iter().map(|(name, told)| (name, one(told))).collect())
    };
    Value::Map(changes.into_iter().map(|(label, told)| (label, names(told))).collect())
}

/// True when a run is to be made: always, or only when the trigger changes.
pub(super) fn is_due(settings: &Settings, prior: Option<&Value>) -> bool {
    let Some(prior) = prior else { return true };
    settings.auto_sync || prior.get("sync_trigger").as_str() != settings.sync_trigger.as_deref()
}

/// Destinations that the state knows and the configuration does not.
fn left_out(settings: &Settings, prior: Option<&Value>) -> Vec<String> {
    let Some(Value::Map(results)) = prior.map(|prior| prior.get("results")) else {
        return Vec::new();
    };
    let known = results.keys().filter(|label| !settings.destinations.contains_key(*label));
    known.filter(|label| !ledger(prior, label).is_empty()).cloned().collect()
}

/// What stays is known, what changes is not, and what goes is not there.
fn planned_results(looked: &Looked, before: &Value) -> Value {
    let Ok(preview) = &looked.preview else {
        return if before.is_null() { Value::Map(BTreeMap::new()) } else { before.clone() };
    };
    let staying = preview
        .steps
        .iter()
        .filter(|(_, step)| !step.action.removes() && step.action != Action::Forget);
    let results = staying.map(|(name, step)| {
        let known = before.get(name.as_str());
        let changes = step.action.is_change() || known.is_null() || is_news(step.action, known);
        let planned = if changes { Value::UNKNOWN } else { known.clone() };
        (name.to_string(), planned)
    });
    Value::Map(results.collect())
}

/// True when state says something else of a copy that is left alone.
fn is_news(action: Action, known: &Value) -> bool {
    let keeps = action == Action::Keep;
    keeps != (known.get("result").as_str() == Some("synced"))
}
