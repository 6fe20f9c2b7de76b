//! Planning `coffer_secret_version`: what will change, and what cannot work.
//!
//! Plans unknown exactly what will change: everything about the version when it will be another
//! one, only its states when it will be promoted. Also holds the one decision that plan and apply
//! share, whether content is uploaded.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;

use super::fields::Fields;
use super::{IMPORTED, ResourceSecretVersion, locate};
use crate::domain::fingerprint::{KeyRing, Match};
use crate::domain::limits::{Subject, Wanted};
use crate::domain::policy::OnDestroy;
use crate::domain::port::Stage;
use crate::domain::rotation::{RotationState, RotationStates};
use crate::engine::context::Run;
use crate::engine::version::{await_sign, find};
use crate::plugin::framework::context::Context;
use crate::plugin::framework::diag::Diagnostics;
use crate::plugin::framework::object::{PlanRequest, PlanResponse};
use crate::plugin::framework::path::Path;
use crate::plugin::framework::timeouts::{self, Operation};
use crate::plugin::framework::value::Value;
use crate::provider::access::run;
use crate::provider::configure::Configured;
use crate::provider::content::{self, Given};
use crate::provider::errors::{self, Attempt};
use crate::provider::generate;
use crate::provider::import_id::capitalised;

/// What the provider decides, besides `number` and `rotation_state`.
const COMPUTED: &[&str] =
    &["id", "profile", "type", "fingerprint", "version_id", "rotation_states", "created_at"];

/// What differs from version to version.
const OF_THE_VERSION: &[&str] =
    &["id", "fingerprint", "version_id", "rotation_states", "created_at"];

/// How long the plan of a destroy waits to hear whether the secret stays. Core plans what stays in
/// the same walk, and says nothing in a walk that destroys all.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether content is uploaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    Keep,
    Upload,
    /// Depends on a value that is not known before apply.
    Open,
}

/// Decides about the content of a version that is in state.
pub(super) fn decide(config: &Fields, given: &Given, prior: &Fields, ring: &KeyRing) -> Decision {
    if config.content_wo_version.is_unknown() {
        return Decision::Open;
    }
    let content = match given {
        Given::Nothing | Given::Invalid => return Decision::Keep,
        Given::Unknown { .. } if config.content_wo_version.is_null() => return Decision::Open,
        Given::Unknown { .. } => None,
        Given::Known { content, .. } => Some(content),
    };
    if let Some(version) = config.content_wo_version.known() {
        let raised = prior.content_wo_version.known() != Some(version);
        return if raised { Decision::Upload } else { Decision::Keep };
    }
    let Some(print) = prior.print() else { return Decision::Upload };
    match content.map(|content| ring.verify(content, &print)) {
        Some(Match::Different) | None => Decision::Upload,
        // A print under a key that is not there cannot be judged, so it stands.
        Some(Match::Same | Match::UnknownKey) => Decision::Keep,
    }
}

/// Corrects what the generic pipeline planned.
pub(super) async fn plan(
    resource: &ResourceSecretVersion,
    ctx: &Context,
    request: &PlanRequest<'_>,
    response: &mut PlanResponse,
) {
    let Some(configured) = resource.shared.configured(&mut response.diagnostics) else { return };
    let Some(config) = Fields::read(request.config, &mut response.diagnostics) else { return };
    let prior = request.prior.unwrap_or(&Value::Null);
    let id = config.secret_id.known().map_or("", String::as_str);
    let making = generate::making(request.config, prior, id, OffsetDateTime::now_utc());
    let given =
        content::read(request.config, &mut response.diagnostics).or_made(making, request.config);
    if let Some(id) = config.secret_id.known() {
        check_limits(id, &config, &given, &configured, &mut response.diagnostics);
    }
    let before = match request.prior {
        Some(prior) => Fields::read(prior, &mut response.diagnostics),
        None => None,
    };
    match before {
        Some(before) if before.secret_id.known() == config.secret_id.known() => {
            update(ctx, request, &configured, &config, &given, &before, response).await;
            let name = before.id.known().map_or("", String::as_str);
            generate::caution(making, name, &mut response.diagnostics);
        }
        _ => create(request, &config, &given, response),
    }
    generate::plan_told(request.config, prior, id, making, &mut response.planned);
}

fn create(request: &PlanRequest<'_>, config: &Fields, given: &Given, response: &mut PlanResponse) {
    response.mark_unknown(COMPUTED);
    response.private.remove(IMPORTED);
    response.planned.set("rotation_state", request.config.get("rotation_state").clone());
    let number = match request.config.get("number") {
        Value::Null => Value::UNKNOWN,
        number => number.clone(),
    };
    response.planned.set("number", number);
    if let Some((profile, _)) = config.secret_id.known().and_then(|id| id.split_once('/')) {
        response.planned.set("profile", Value::string(profile));
    }
    plan_type(given, response);
    if config.number.is_null() && matches!(given, Given::Nothing) {
        no_content(&mut response.diagnostics);
    }
}

/// Reports that there is nothing to make a version of.
pub(super) fn no_content(diags: &mut Diagnostics) {
    diags.error(
        Path::attribute("number"),
        "Neither content nor number",
        "A version is either uploaded or picked. Next step: set a content argument (such as \
         value_wo) to upload a new version, or number to pick one that exists.",
    );
}

async fn update(
    ctx: &Context,
    request: &PlanRequest<'_>,
    configured: &Configured,
    config: &Fields,
    given: &Given,
    before: &Fields,
    response: &mut PlanResponse,
) {
    response.keep_prior(request, COMPUTED);
    let number = match request.config.get("number") {
        Value::Null => request.prior.map_or(Value::Null, |prior| prior.get("number").clone()),
        number => number.clone(),
    };
    response.planned.set("number", number);
    plan_rotation_state(request, response);
    let ring = if given.content().is_some() {
        let run = run(ctx, timeouts::of(request.config, Operation::Read));
        match configured.keys().ring(&run).await {
            Ok(ring) => ring,
            Err(failure) => {
                let secret = before.secret_id.known().map_or("", String::as_str);
                let (profile, secret) = secret.split_once('/').unwrap_or_default();
                let attempt = Attempt { verb: "compare a version of", secret, profile };
                let at = Path::attribute("fingerprint");
                return errors::report(&failure, attempt, at, &mut response.diagnostics);
            }
        }
    } else {
        Arc::default()
    };
    if decide(config, given, before, &ring) != Decision::Keep {
        response.mark_unknown(OF_THE_VERSION);
        response.mark_unknown(&["number"]);
        plan_type(given, response);
    } else if !config.number.is_null() && config.number.known() != before.number.known() {
        response.mark_unknown(OF_THE_VERSION);
    } else {
        plan_move(config, before, response);
    }
}

/// The state that is wished for, or that an import found while nothing is wished for.
fn plan_rotation_state(request: &PlanRequest<'_>, response: &mut PlanResponse) {
    let imported = request.private.get(IMPORTED).is_some();
    let planned = match (request.config.get("rotation_state"), request.prior) {
        (Value::Null, Some(prior)) if imported => prior.get("rotation_state").clone(),
        (wished, _) => wished.clone(),
    };
    response.planned.set("rotation_state", planned);
}

/// The same version, perhaps with other states.
fn plan_move(config: &Fields, before: &Fields, response: &mut PlanResponse) {
    let is_current = before.states().contains(RotationState::Current);
    if config.rotation_state.is_unknown() || config.wants(RotationState::Current) && !is_current {
        response.mark_unknown(&["rotation_states"]);
    }
    let changes = config.rotation_state.known() != before.rotation_state.known();
    if config.wants(RotationState::Pending) && is_current && changes {
        response.diagnostics.error(
            Path::attribute("rotation_state"),
            "Current version cannot be made pending",
            "Readers would have nothing to read. Next step: make another version current (with \
             its own rotation_state = \"current\"); this one becomes previous by that. A destroy is \
             planned like this first; -refresh=false leaves that out.",
        );
    }
}

fn plan_type(given: &Given, response: &mut PlanResponse) {
    match given {
        Given::Known { .. } | Given::Unknown { .. } => {
            let kind = given.kind().map_or(Value::UNKNOWN, |kind| Value::string(kind.code()));
            response.planned.set("type", kind);
        }
        Given::Nothing | Given::Invalid => {}
    }
}

fn check_limits(
    secret_id: &str,
    config: &Fields,
    given: &Given,
    configured: &Configured,
    diags: &mut Diagnostics,
) {
    // A profile that is not known yet is no problem of this plan.
    let Some((_, vault)) = locate(secret_id, configured, &mut Diagnostics::new()) else { return };
    let stage = config.wants(RotationState::Pending).then_some(Stage::Pending);
    let version_deletion = (config.on_destroy() == OnDestroy::Delete).then_some(Subject::OnDestroy);
    let wanted = Wanted { content: given.content(), stage, version_deletion, ..Wanted::default() };
    for violation in vault.violations(&wanted) {
        let path = match given {
            Given::Known { path, .. } if violation.subject == Subject::Content => path.clone(),
            _ => Path::attribute(violation.subject.argument()),
        };
        let message = capitalised(&violation.message);
        let detail = format!("{message}. Profile: {:?}.", vault.profile());
        diags.error(path, "Vault cannot hold this", detail);
    }
}

/// Refuses what a destroy may not do to a version whose secret stays.
pub(super) async fn destroy(
    resource: &ResourceSecretVersion,
    ctx: &Context,
    prior: &Value,
    diags: &mut Diagnostics,
) {
    let Some(fields) = Fields::read(prior, diags) else { return };
    if fields.on_destroy() == OnDestroy::Keep {
        return;
    }
    let id = fields.secret_id.known().map_or("", String::as_str);
    let run = run(ctx, timeouts::of(prior, Operation::Read));
    let states = present_states(resource, &run, &fields).await.unwrap_or_else(|| fields.states());
    let Some(state) = obstacle(fields.on_destroy(), states) else { return };
    if !await_sign(&run, PATIENCE, || resource.shared.stays(id)).await {
        return;
    }
    let version = fields.id.known().map_or("", String::as_str);
    let policy = fields.on_destroy();
    diags.error(
        Path::attribute("on_destroy"),
        "Version is in use",
        format!(
            "Attempted: destroy the version {version:?} with on_destroy = {:?}.\nAnswer: it is \
             {state}, and only a version that is out of use can be {}.\nNext step: {}",
            policy.code(),
            if policy == OnDestroy::Delete { "deleted" } else { "retired" },
            match state {
                RotationState::Current =>
                    "make another version current first, or set on_destroy = \"keep\" and apply, \
                     to forget this one and leave it in the vault.",
                _ => "set on_destroy = \"deprecate\" and apply, to retire it instead.",
            }
        ),
    );
}

/// The states in the vault: Terraform 1.11 does not refresh what a configuration dropped. `None`
/// when they cannot be told; what a destroy may do is checked again at apply.
async fn present_states(
    resource: &ResourceSecretVersion,
    run: &Run,
    fields: &Fields,
) -> Option<RotationStates> {
    let mut unheard = Diagnostics::new();
    let configured = resource.shared.configured(&mut unheard)?;
    let (located, vault) = locate(fields.secret_id.known()?, &configured, &mut unheard)?;
    let found = find(&vault, run, &located.name, fields.number()?).await.ok()?;
    Some(found.map_or_else(RotationStates::empty, |found| found.version.rotation_states))
}

/// The state that forbids what the policy wants.
pub(super) fn obstacle(policy: OnDestroy, states: RotationStates) -> Option<RotationState> {
    let forbidding: &[RotationState] = match policy {
        OnDestroy::Keep => &[],
        OnDestroy::Deprecate => &[RotationState::Current],
        OnDestroy::Delete => {
            &[RotationState::Current, RotationState::Pending, RotationState::Previous]
        }
    };
    forbidding.iter().copied().find(|state| states.contains(*state))
}
