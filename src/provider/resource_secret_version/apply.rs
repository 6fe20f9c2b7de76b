//! Applying `coffer_secret_version`: upload, pick, promote, leave.
//!
//! Responsible for deciding again with the values of now, for keeping what was planned as
//! unchanged, and for a truthful state after a failure: a version that was uploaded is recorded,
//! promoted or not.

use std::sync::Arc;

use super::fields::Fields;
use super::plan::{Decision, decide, no_content};
use super::state::{absorb, complete, identity};
use super::{IMPORTED, ResourceSecretVersion, locate};
use crate::domain::fingerprint::KeyRing;
use crate::domain::kind::Content;
use crate::domain::policy::OnDestroy;
use crate::domain::rotation::RotationState;
use crate::engine::context::Run;
use crate::engine::failure::Failure;
use crate::engine::vault::Vault;
use crate::engine::version::{self, Goal, Left, Outcome, Upload, discard, retire};
use crate::plugin::framework::context::Context;
use crate::plugin::framework::diag::Diagnostics;
use crate::plugin::framework::object::{ApplyRequest, DeleteRequest, StateResponse};
use crate::plugin::framework::path::Path;
use crate::plugin::framework::timeouts::{self, Operation};
use crate::plugin::framework::value::Value;
use crate::provider::access::{self, run};
use crate::provider::configure::Configured;
use crate::provider::content::{self, Given};
use crate::provider::errors::{self, Attempt};
use crate::provider::generate::Made;
use crate::provider::import_id::Located;
use crate::provider::resource_secret::{follow, tell};

/// What an apply works with.
struct Apply {
    configured: Arc<Configured>,
    vault: Arc<Vault>,
    run: Run,
    located: Located,
    given: Given,
    /// The value that was made for this apply, if one was.
    made: Option<Made>,
    config: Fields,
    before: Fields,
}

impl Apply {
    fn prepare(
        resource: &ResourceSecretVersion,
        ctx: &Context,
        request: &ApplyRequest,
        diags: &mut Diagnostics,
    ) -> Option<Self> {
        let configured = resource.shared.configured(diags)?;
        let config = Fields::read(&request.config, diags)?;
        let mut given = content::read(&request.config, diags);
        if matches!(given, Given::Invalid) {
            return None;
        }
        let before = match &request.prior {
            Some(prior) => Fields::read(prior, diags)?,
            None => Fields::default(),
        };
        let secret_id = config.secret_id.known().map_or("", String::as_str);
        let (located, vault) = locate(secret_id, &configured, diags)?;
        // What was planned to stay the same version stays it, whatever is due by now.
        let open = request.planned.get("fingerprint").is_unknown();
        let prior = request.prior.as_ref().unwrap_or(&Value::Null);
        let made = match open && matches!(given, Given::Nothing) {
            true => Made::by(&request.config, prior, &located.id(), &mut given, diags)?,
            false => None,
        };
        let operation = if request.prior.is_some() { Operation::Update } else { Operation::Create };
        let run = run(ctx, timeouts::of(&request.config, operation));
        Some(Self { configured, vault, run, located, given, made, config, before })
    }

    fn attempt<'a>(&'a self, verb: &'static str) -> Attempt<'a> {
        Attempt { verb, secret: self.located.name.as_str(), profile: &self.located.profile }
    }

    async fn ring(&self, writes: bool, diags: &mut Diagnostics) -> Option<Arc<KeyRing>> {
        let attempt = self.attempt("make the fingerprint of");
        access::ring(self.configured.keys(), &self.run, writes, attempt, diags).await
    }

    /// The content to upload; what was planned to stay the same version stays it.
    fn content(&self, request: &ApplyRequest, ring: &KeyRing) -> Option<&Content> {
        let content = self.given.content()?;
        if !request.planned.get("number").is_unknown() {
            return None;
        }
        // A value made for this apply is another one, even where prints cannot be compared.
        let wanted = request.prior.is_none()
            || self.made.is_some()
            || decide(&self.config, &self.given, &self.before, ring) == Decision::Upload;
        wanted.then_some(content)
    }
}

/// Creates or updates.
pub(super) async fn apply(
    resource: &ResourceSecretVersion,
    ctx: &Context,
    request: ApplyRequest,
    response: &mut StateResponse,
) {
    let diags = &mut response.diagnostics;
    let Some(apply) = Apply::prepare(resource, ctx, &request, diags) else { return };
    if request.prior.is_some() && request.planned.is_wholly_known() {
        // Nothing in the vault was planned to change.
        response.private = request.private.clone();
        response.private.remove(IMPORTED);
        if let Some(number) = apply.before.number() {
            response.identity = Some(identity(&apply.located, number));
        }
        response.state = Some(request.planned);
        return;
    }
    let Some(ring) = apply.ring(apply.given.content().is_some(), diags).await else { return };
    let number = apply.config.number().or_else(|| apply.before.number());
    let (verb, outcome) = match (apply.content(&request, &ring), number) {
        (Some(content), _) => ("upload a version of", upload(&apply, &ring, content).await),
        (None, Some(number)) => ("promote a version of", pick(&apply, &ring, number).await),
        (None, None) => return no_content(diags),
    };
    tell(&apply.configured, &apply.vault, diags);
    if outcome.failure.is_none() && apply.config.wants(RotationState::Current) {
        let name = &apply.located.name;
        follow(&apply.configured, &apply.vault, &apply.run, name, diags).await;
    }
    record(&apply, verb, &outcome, request, response);
}

async fn upload(apply: &Apply, ring: &KeyRing, content: &Content) -> Outcome {
    let pending = apply.config.wants(RotationState::Pending);
    let goal = if pending { Goal::Pending } else { Goal::Current };
    let name = &apply.located.name;
    // A value that was made is always uploaded: a version with the same recipe may be another
    // resource's, or the one that a replacement is to get rid of.
    let wanted = Upload { content, goal };
    version::upload(&apply.vault, &apply.run, ring, name, wanted).await
}

async fn pick(apply: &Apply, ring: &KeyRing, number: u64) -> Outcome {
    let (vault, run, name) = (&apply.vault, &apply.run, &apply.located.name);
    if apply.config.wants(RotationState::Current) {
        return version::promote(vault, run, ring, name, number).await;
    }
    match version::find(vault, run, name, number).await {
        Ok(Some(found)) => Outcome { found: Some(found), ..Outcome::default() },
        Ok(None) => Outcome { failure: Some(Failure::Vanished), ..Outcome::default() },
        Err(failure) => Outcome { failure: Some(failure), ..Outcome::default() },
    }
}

/// Turns the outcome into state.
fn record(
    apply: &Apply,
    verb: &'static str,
    outcome: &Outcome,
    request: ApplyRequest,
    response: &mut StateResponse,
) {
    let located = &apply.located;
    response.private = request.private;
    if let Some(found) = &outcome.found {
        response.identity = Some(identity(located, found.version.number));
        let public_key = apply.made.as_ref().and_then(|made| made.public_key.as_ref());
        response.state = Some(match (&request.prior, &outcome.failure) {
            (Some(prior), Some(_)) => {
                let mut state = prior.clone();
                absorb(&mut state, located, found);
                state
            }
            _ => {
                let mut state = complete(&request.planned, located, found);
                if let Some(public_key) = public_key {
                    state.set("public_key", Value::string(public_key.as_str()));
                }
                state
            }
        });
    }
    let diags = &mut response.diagnostics;
    if outcome.reused && outcome.failure.is_none() && request.prior.is_none() {
        already_there(apply, outcome, diags);
    }
    match &outcome.failure {
        None => response.private.remove(IMPORTED),
        Some(failure) => report(apply, verb, failure, diags),
    }
}

fn already_there(apply: &Apply, outcome: &Outcome, diags: &mut Diagnostics) {
    let number = outcome.found.as_ref().map_or(0, |found| found.version.number);
    diags.warning(
        Path::attribute("number"),
        "Content was uploaded already",
        format!(
            "The latest version of {:?}, number {number}, has this content already: from a run \
             that was interrupted, or because the content is the same. It was taken over, and \
             nothing was uploaded.",
            apply.located.id()
        ),
    );
}

fn report(apply: &Apply, verb: &'static str, failure: &Failure, diags: &mut Diagnostics) {
    let id = apply.located.id();
    match failure {
        Failure::NotVerified => diags.error(
            Path::attribute("fingerprint"),
            "Version was not promoted",
            format!(
                "Attempted: {verb} secret {id:?}.\nAnswer: what was read back is not what its \
                 fingerprint says.\nNext step: readers have what they had before. Look at the \
                 version, and upload the content again."
            ),
        ),
        Failure::Vanished => diags.error(
            Path::attribute("secret_id"),
            "Version or secret is not there",
            format!(
                "Attempted: {verb} secret {id:?}.\nAnswer: the vault has no such secret in use, \
                 or not this version of it.\nNext step: check secret_id and number; the data \
                 source coffer_secret_versions lists what is there."
            ),
        ),
        failure => {
            let at = match (failure, &apply.given) {
                (Failure::Keys(_), _) => Path::attribute("fingerprint"),
                (_, Given::Known { path, .. }) => path.clone(),
                _ => Path::attribute("secret_id"),
            };
            errors::report(failure, apply.attempt(verb), at, diags);
        }
    }
}

/// Leaves the version as its policy says.
pub(super) async fn delete(
    resource: &ResourceSecretVersion,
    ctx: &Context,
    request: DeleteRequest,
    response: &mut StateResponse,
) {
    let diags = &mut response.diagnostics;
    let Some(fields) = Fields::read(&request.prior, diags) else { return };
    let policy = fields.on_destroy();
    if policy == OnDestroy::Keep {
        return;
    }
    let Some(configured) = resource.shared.configured(diags) else { return };
    let secret_id = fields.secret_id.known().map_or("", String::as_str);
    let Some((located, vault)) = locate(secret_id, &configured, diags) else { return };
    let Some(number) = fields.number() else { return };
    let run = run(ctx, timeouts::of(&request.prior, Operation::Delete));
    let name = &located.name;
    let (verb, left) = if policy == OnDestroy::Delete {
        ("delete a version of", discard(&vault, &run, name, number).await)
    } else {
        ("retire a version of", retire(&vault, &run, name, number).await)
    };
    match left {
        Ok(Left::Done) => {}
        Ok(Left::Kept(state)) => diags.warning(
            Path::attribute("on_destroy"),
            "Version was kept",
            format!(
                "Version {number} of {secret_id:?} is {state}, so it was left in the vault \
                 although on_destroy is {:?}. It goes when the secret goes.",
                policy.code()
            ),
        ),
        Err(failure) => {
            let attempt = Attempt { verb, secret: name.as_str(), profile: &located.profile };
            errors::report(&failure, attempt, Path::attribute("secret_id"), diags);
        }
    }
    tell(&configured, &vault, diags);
}
