//! Applying `coffer_secret`: create, change, delete.
//!
//! Responsible for deciding again with the values of now, for keeping what was planned as
//! unchanged, and for a truthful state after a failure: what was written is recorded, what was not
//! is as before. Leaves moving to another profile to [`relocate`](super::relocate).

use std::sync::Arc;

use super::decide::{Decided, Decision, decide_with};
use super::fields::{Fields, known_tags};
use super::state::{Backend, absorb, complete, fill, identity};
use super::{REPLACES, ResourceSecret, applied, relocate, set_applied, targets, tell, timeout};
use crate::domain::fingerprint::KeyRing;
use crate::domain::kind::Content;
use crate::domain::policy::ManageContent;
use crate::domain::port::{Metadata, MetadataPatch, Options, SecretRecord};
use crate::domain::secret::SecretName;
use crate::engine::context::Run;
use crate::engine::failure::Failure;
use crate::engine::refresh::read_current;
use crate::engine::remove::remove;
use crate::engine::secret::{self, Change, Creation, Note, Outcome, difference};
use crate::engine::vault::Vault;
use crate::engine::version::prune;
use crate::plugin::framework::context::Context;
use crate::plugin::framework::convert::{Input, IntoValue};
use crate::plugin::framework::diag::Diagnostics;
use crate::plugin::framework::object::{ApplyRequest, DeleteRequest, StateResponse};
use crate::plugin::framework::path::Path;
use crate::plugin::framework::timeouts::Operation;
use crate::plugin::framework::value::Value;
use crate::provider::access::{self, run};
use crate::provider::configure::Configured;
use crate::provider::content::{self, Given};
use crate::provider::errors::{self, Attempt};
use crate::provider::generate::{self, Made};
use crate::provider::schema::options::ATTRIBUTE;
use crate::provider::{import_id, options};

/// What an apply works with.
pub(super) struct Apply {
    pub(super) configured: Arc<Configured>,
    pub(super) vault: Arc<Vault>,
    pub(super) run: Run,
    pub(super) name: SecretName,
    pub(super) given: Given,
    /// The value that was made for this apply, if one was.
    made: Option<Made>,
    pub(super) config: Fields,
    /// The plan, with the tags of the profile filled in.
    pub(super) planned: Value,
    pub(super) fields: Fields,
}

impl Apply {
    fn prepare(
        resource: &ResourceSecret,
        ctx: &Context,
        operation: Operation,
        request: &ApplyRequest,
        diags: &mut Diagnostics,
    ) -> Option<Self> {
        let configured = resource.shared.configured(diags)?;
        let config = Fields::read(&request.config, diags)?;
        let mut given = content::read(&request.config, diags);
        if matches!(given, Given::Invalid) {
            return None;
        }
        let named = config.profile.known().map(String::as_str);
        let profile = configured
            .profile_name(named)
            .map_err(|problem| errors::no_vault(&problem, Path::attribute("profile"), diags))
            .ok()?;
        let vault = ResourceSecret::vault(&configured, &profile, diags)?;
        let planned = decided(&request.planned, &config, &vault);
        let fields = Fields::read(&planned, diags)?;
        let name = fields.name.known().map_or("", String::as_str);
        let name = SecretName::parse(name)
            .map_err(|error| {
                let path = Path::attribute("name");
                diags.error(path, "Name of a secret is not valid", format!("{error}."));
            })
            .ok()?;
        let id = import_id::id(vault.profile(), name.as_str());
        // What was planned as unchanged stays unchanged, whatever is due by now.
        let open = request.planned.get("fingerprint").is_unknown();
        let prior = request.prior.as_ref().unwrap_or(&Value::Null);
        let made = match open && matches!(given, Given::Nothing) {
            true => Made::by(&request.config, prior, &id, &mut given, diags)?,
            false => None,
        };
        let run = run(ctx, timeout(&request.config, operation));
        Some(Self { configured, vault, run, name, given, made, config, planned, fields })
    }

    pub(super) fn attempt<'a>(&'a self, verb: &'static str) -> Attempt<'a> {
        Attempt { verb, secret: self.name.as_str(), profile: self.vault.profile() }
    }

    pub(super) fn metadata(&self) -> Metadata {
        // Nothing is unknown any more at apply.
        self.fields.metadata().unwrap_or_default()
    }

    /// The backend of the profile.
    pub(super) fn backend(&self) -> Backend {
        self.configured.backend(self.vault.profile())
    }

    /// The options that are planned and are not as in `prior`, a state or null.
    pub(super) fn options(&self, prior: &Value) -> Options {
        let planned = self.planned.get(ATTRIBUTE);
        self.backend()
            .map(|backend| options::changes(backend, planned, prior.get(ATTRIBUTE)))
            .unwrap_or_default()
    }

    /// The public half of the key pair that was made, to be told when it was written.
    pub(super) fn public_key(&self) -> Option<&str> {
        self.made.as_ref()?.public_key.as_deref()
    }

    /// The content to write at a create.
    fn initial(&self) -> Option<&Content> {
        match self.config.manage_content() {
            ManageContent::Always | ManageContent::Initial => self.given.content(),
            ManageContent::Never => None,
        }
    }

    /// When the present version is due, for a rotation that is new in the configuration.
    async fn rotate_at(&self, diags: &mut Diagnostics) -> Value {
        match secret::look(&self.vault, &self.run, &self.name).await {
            Ok(record) => {
                let current = record.and_then(|record| record.current);
                generate::due(&self.planned, current.and_then(|version| version.created_at))
            }
            Err(failure) => {
                errors::report(&failure, self.attempt("look at"), Path::attribute("name"), diags);
                Value::Null
            }
        }
    }

    /// The public half of the key pair that an interrupted run made.
    async fn public_half(&self) -> Option<String> {
        let made = self.made.as_ref()?;
        made.public_key.as_ref()?;
        let read = read_current(&self.vault, &self.run, &self.name).await.ok()?;
        made.order.public_half(&read.content)
    }

    /// The keys: with content to write, the vault that holds the master key may be made now.
    pub(super) async fn ring(&self, writes: bool, diags: &mut Diagnostics) -> Option<Arc<KeyRing>> {
        let attempt = self.attempt("make the fingerprint of");
        access::ring(self.configured.keys(), &self.run, writes, attempt, diags).await
    }

    /// Drops the value: the secret is written, and each copy reads it for its own write.
    fn forget(&mut self) {
        self.given = Given::Nothing;
        self.made = None;
    }

    /// The identity after the apply.
    pub(super) fn identity(&self) -> Value {
        identity(self.vault.profile(), self.name.as_str())
    }
}

/// The plan with profile and tags filled in, if they were not known.
fn decided(planned: &Value, config: &Fields, vault: &Vault) -> Value {
    let mut decided = planned.clone();
    if planned.get("profile").is_unknown() {
        decided.set("profile", Value::string(vault.profile()));
    }
    if !planned.get("effective_tags").is_wholly_known() {
        let mut tags = vault.default_tags().clone();
        tags.extend(known_tags(&config.tags).unwrap_or_default());
        decided.set("effective_tags", tags.into_value());
    }
    decided
}

/// Creates the secret, or takes over what its policy allows.
pub(super) async fn create(
    resource: &ResourceSecret,
    ctx: &Context,
    request: ApplyRequest,
    response: &mut StateResponse,
) {
    let diags = &mut response.diagnostics;
    let Some(mut apply) = Apply::prepare(resource, ctx, Operation::Create, &request, diags) else {
        return;
    };
    let content = apply.initial();
    let Some(ring) = apply.ring(content.is_some(), diags).await else { return };
    let wanted = Creation {
        options: apply.options(&Value::Null),
        name: &apply.name,
        metadata: apply.metadata(),
        content,
        made: apply.made.is_some(),
        on_existing: apply.config.on_existing(),
        salt: apply.made.as_ref().map(|made| made.salt),
    };
    let outcome = secret::create(&apply.vault, &apply.run, &ring, &wanted).await;
    tell(&apply.configured, &apply.vault, diags);
    notes(&outcome.notes, &apply, diags);
    response.private = request.private;
    response.private.remove(REPLACES);
    if content.is_some()
        && let Some(print) = outcome.observed.as_ref().and_then(|o| o.fingerprint.as_ref())
        && outcome.failure.is_none()
    {
        set_applied(&mut response.private, print);
    }
    let others = [Note::Resumed, Note::Continued];
    let resumed = outcome.notes.iter().any(|note| others.contains(note));
    let found = if resumed { apply.public_half().await } else { None };
    let public_key = if resumed { found.as_deref() } else { apply.public_key() };
    response.identity = outcome.observed.as_ref().map(|_| apply.identity());
    response.state = outcome.observed.as_ref().map(|observed| {
        if outcome.failure.is_none() {
            let mut state = complete(&apply.planned, observed, &apply.vault, apply.backend());
            if let Some(public_key) = public_key {
                state.set("public_key", Value::string(public_key));
            }
            state
        } else {
            let mut state = apply.planned.clone();
            absorb(&mut state, observed, &apply.vault, apply.backend());
            state
        }
    });
    if let Some(failure) = &outcome.failure {
        let at = place(failure, &apply.given);
        errors::report(failure, apply.attempt("create"), at, diags);
    }
    let record = outcome.observed.map(|observed| observed.record);
    apply.forget();
    drop(request.config);
    targets::apply::carry(&apply, record, None, response).await;
}

/// Changes the secret, or moves it.
pub(super) async fn update(
    resource: &ResourceSecret,
    ctx: &Context,
    request: ApplyRequest,
    response: &mut StateResponse,
) {
    let diags = &mut response.diagnostics;
    let Some(prior) = request.prior.clone() else { return };
    let Some(mut apply) = Apply::prepare(resource, ctx, Operation::Update, &request, diags) else {
        return;
    };
    let Some(before) = Fields::read(&prior, diags) else { return };
    response.private = request.private.clone();
    response.private.remove(REPLACES);
    if before.profile.known().map(String::as_str) != Some(apply.vault.profile()) {
        relocate::relocate(&apply, &prior, &before, response).await;
        apply.forget();
        drop(request);
        return targets::apply::carry(&apply, None, Some(&prior), response).await;
    }
    let record = change(&apply, &prior, &before, &request, response).await;
    apply.forget();
    drop(request);
    targets::apply::carry(&apply, record, Some(&prior), response).await;
    response.identity = Some(apply.identity());
}

/// Changes the secret; gives what it is then, if that was looked at.
async fn change(
    apply: &Apply,
    prior: &Value,
    before: &Fields,
    request: &ApplyRequest,
    response: &mut StateResponse,
) -> Option<SecretRecord> {
    let diags = &mut response.diagnostics;
    let open = request.planned.get("fingerprint").is_unknown();
    if open && apply.given.content().is_some() && apply.ring(true, diags).await.is_none() {
        return None;
    }
    let applied = applied(&request.private);
    let (config, given) = (&apply.config, &apply.given);
    let keys = apply.configured.keys();
    let decided = decide_with(keys, &apply.run, config, given, before, applied.as_ref()).await;
    let Decided { decision, ring, .. } = match decided {
        Ok(decided) => decided,
        Err(failure) => {
            let at = place(&failure, &apply.given);
            errors::report(&failure, apply.attempt("compare"), at, diags);
            return None;
        }
    };
    // What was planned as unchanged stays unchanged.
    // A value made for this apply is another one, even where prints cannot be compared.
    let writes = decision == Decision::Write || apply.made.is_some();
    let content = apply.given.content().filter(|_| open && writes);
    if decision == Decision::Write && open && apply.given.content().is_none() {
        warn_nothing_written(apply, diags);
    }
    let patch = MetadataPatch { options: apply.options(prior), ..patch(before, apply) };
    if content.is_none() && patch == MetadataPatch::default() {
        let mut state = fill(&apply.planned, prior);
        if apply.planned.get("rotate_at").is_unknown() {
            let rotate_at = apply.rotate_at(diags).await;
            state.set("rotate_at", rotate_at);
        }
        if apply.planned.get("public_key").is_unknown() {
            let read = read_current(&apply.vault, &apply.run, &apply.name).await;
            let half = read.map(|read| generate::told_half(&request.config, &read.content));
            // Without the right to read values the public half stays untold.
            state.set("public_key", half.unwrap_or_default());
        }
        response.state = Some(state);
        return None;
    }
    let change = Change {
        name: &apply.name,
        content,
        patch,
        planned_version: before.version_id.known().cloned(),
        fingerprint: before.print(),
        salt: apply.made.as_ref().map(|made| made.salt),
    };
    let outcome = secret::update(&apply.vault, &apply.run, &ring, &change).await;
    tell(&apply.configured, &apply.vault, diags);
    if content.is_some() && outcome.failure.is_none() {
        prune_versions(apply, diags).await;
    }
    notes(&outcome.notes, apply, diags);
    let continued = outcome.notes.contains(&Note::Continued);
    let found = if continued { apply.public_half().await } else { None };
    let public_key = if continued { found.as_deref() } else { apply.public_key() };
    let public_key = public_key.filter(|_| content.is_some());
    record(apply, prior, &outcome, content.is_some(), public_key, response);
    outcome.observed.map(|observed| observed.record)
}

/// Deletes versions that `retain` gives up. The write itself is done: what fails here is tried
/// again after the next one.
async fn prune_versions(apply: &Apply, diags: &mut Diagnostics) {
    let Some(keep) = apply.config.retention() else { return };
    if let Err(failure) = prune(&apply.vault, &apply.run, &apply.name, keep).await {
        let why = failure.to_string();
        diags.warning(
            Path::attribute("retain"),
            "Old versions were not deleted",
            format!(
                "The content of {:?} was written. Deleting the versions that retain gives up \
                 failed: {why}. It is tried again after the next write.",
                apply.name.as_str()
            ),
        );
    }
}

/// What the vault's metadata must become, by what differs between state and plan.
fn patch(before: &Fields, apply: &Apply) -> MetadataPatch {
    let was = Fields {
        // A state without all tags counts as one whose tags are not known: set them.
        effective_tags: match &before.effective_tags {
            Input::Null => Input::Null,
            tags => tags.clone(),
        },
        ..before.clone()
    };
    was.metadata().map_or_else(MetadataPatch::default, |was| difference(&was, &apply.metadata()))
}

/// Turns the outcome into state.
fn record(
    apply: &Apply,
    prior: &Value,
    outcome: &Outcome,
    wrote: bool,
    public_key: Option<&str>,
    response: &mut StateResponse,
) {
    let diags = &mut response.diagnostics;
    match (&outcome.observed, &outcome.failure) {
        (Some(observed), None) => {
            let mut state = complete(&apply.planned, observed, &apply.vault, apply.backend());
            if let Some(public_key) = public_key {
                state.set("public_key", Value::string(public_key));
            }
            response.state = Some(state);
            if wrote && let Some(print) = &observed.fingerprint {
                set_applied(&mut response.private, print);
            }
        }
        (Some(observed), Some(_)) => {
            let mut state = prior.clone();
            absorb(&mut state, observed, &apply.vault, apply.backend());
            response.state = Some(state);
        }
        (None, _) => response.state = Some(prior.clone()),
    }
    if let Some(failure) = &outcome.failure {
        let at = place(failure, &apply.given);
        errors::report(failure, apply.attempt("update"), at, diags);
    }
}

/// Removes the secret as its policy says.
pub(super) async fn delete(
    resource: &ResourceSecret,
    ctx: &Context,
    request: DeleteRequest,
    response: &mut StateResponse,
) {
    let diags = &mut response.diagnostics;
    let Some(fields) = Fields::read(&request.prior, diags) else { return };
    let policy = fields.deletion_policy();
    if policy == crate::domain::policy::DeletionPolicy::Retain {
        return;
    }
    let Some(configured) = resource.shared.configured(diags) else { return };
    let profile = fields.profile.known().map_or("", String::as_str);
    let Some(vault) = ResourceSecret::vault(&configured, profile, diags) else { return };
    let text = fields.name.known().map_or("", String::as_str);
    let Ok(name) = SecretName::parse(text) else { return };
    let run = run(ctx, timeout(&request.prior, Operation::Delete));
    targets::remove::remove(&configured, &vault, &name, policy, &run, &request, diags).await;
    if diags.has_errors() {
        return;
    }
    if let Err(failure) = remove(&vault, &run, &name, policy, fields.window()).await {
        let attempt = Attempt { verb: "delete", secret: text, profile };
        errors::report(&failure, attempt, Path::attribute("name"), diags);
    }
    tell(&configured, &vault, diags);
}

/// The attribute that a failure is about.
pub(super) fn place(failure: &Failure, given: &Given) -> Path {
    match (failure, given) {
        (Failure::Keys(_), _) => Path::attribute("fingerprint"),
        (Failure::ChangedSincePlan { .. }, Given::Known { path, .. }) => path.clone(),
        (Failure::NoContent, _) => Path::attribute("value_wo"),
        _ => Path::attribute("name"),
    }
}

/// Tells what was done with a secret that was there already.
pub(super) fn notes(notes: &[Note], apply: &Apply, diags: &mut Diagnostics) {
    let wrote = |new_version: bool| match (new_version, apply.given.content()) {
        (true, _) => "its content differed, so a new version was written",
        (false, Some(_)) => "its content is the same, so no new version was written",
        (false, None) => "its content was not touched",
    };
    let (name, profile) = (apply.name.as_str(), apply.vault.profile());
    for note in notes {
        let (summary, detail) = match note {
            Note::Recovered { new_version } => (
                "Deleted secret was recovered",
                format!(
                    "The soft-deleted secret {name:?} in profile {profile:?} was recovered with \
                     all its versions; {}.",
                    wrote(*new_version)
                ),
            ),
            Note::Adopted { new_version } => (
                "Existing secret was taken over",
                format!(
                    "The secret {name:?} in profile {profile:?} existed and is managed here from \
                     now on; {}.",
                    wrote(*new_version)
                ),
            ),
            Note::Resumed => (
                "Secret of an interrupted run was taken over",
                format!(
                    "The secret {name:?} in profile {profile:?} was created a short time ago by a \
                     run that was interrupted before it was recorded. It is the same in all \
                     respects and was taken over; nothing was written."
                ),
            ),
            Note::Continued => (
                "Value of an interrupted run was taken",
                format!(
                    "The latest version of {name:?} in profile {profile:?} was made by the same \
                     arguments, by a run that was interrupted before it was in use. It is in use \
                     now; no other value was made."
                ),
            ),
        };
        diags.warning(Path::attribute("name"), summary, detail);
    }
}

fn warn_nothing_written(apply: &Apply, diags: &mut Diagnostics) {
    diags.warning(
        Path::attribute("content_wo_version"),
        "No content to write",
        format!(
            "content_wo_version of {:?} changed, which asks for a write, but no content argument \
             has a value. The content in the vault was not touched.",
            apply.name.as_str()
        ),
    );
}
