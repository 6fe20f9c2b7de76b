//! Planning `coffer_secret`: what will change, and what cannot work.
//!
//! Responsible for planning unknown exactly what will change, for checks against the vault's
//! limits, and for telling at plan that a name is taken. Normal changes give no message. Reads
//! metadata at most, and only for a create or a move. Leaves the decision about content to
//! [`decide`](super::decide).

use std::sync::Arc;

use time::OffsetDateTime;

use super::decide::{Caution, Decided, Decision, decide_with};
use super::fields::{Fields, known_tags};
use super::{REPLACES, ResourceSecret, applied, targets, timeout};
use crate::domain::fingerprint::KeyRing;
use crate::domain::limits::{Subject, Wanted};
use crate::domain::policy::{DeletionPolicy, ManageContent, OnExisting};
use crate::domain::port::SecretRecord;
use crate::domain::secret::SecretName;
use crate::engine::existing::{Offered, Verdict, judge};
use crate::engine::failure::{Failure, Taken};
use crate::engine::remove::check;
use crate::engine::secret::{difference, look};
use crate::engine::seen::look_for;
use crate::engine::vault::Vault;
use crate::plugin::framework::context::Context;
use crate::plugin::framework::convert::{Input, IntoValue};
use crate::plugin::framework::diag::Diagnostics;
use crate::plugin::framework::object::{PlanRequest, PlanResponse};
use crate::plugin::framework::path::Path;
use crate::plugin::framework::timeouts::Operation;
use crate::plugin::framework::value::Value;
use crate::provider::access::run;
use crate::provider::configure::{Configured, NoVault};
use crate::provider::content::{self, Given};
use crate::provider::errors::{self, Attempt};
use crate::provider::generate::{self, Making};
use crate::provider::schema::options::ATTRIBUTE;
use crate::provider::{import_id, times};

mod options;

/// Everything the provider decides, in the order of the schema.
const COMPUTED: &[&str] = &[
    "id",
    "type",
    "fingerprint",
    "version",
    "version_id",
    "lifecycle_state",
    "backend_id",
    "effective_tags",
    "created_at",
    "updated_at",
];

/// What a write of content changes. The type is planned separately.
const CHANGED_BY_CONTENT: &[&str] = &["fingerprint", "version", "version_id", "updated_at"];

/// What a plan works with.
pub(super) struct Planner<'p> {
    pub(super) ctx: &'p Context,
    pub(super) request: &'p PlanRequest<'p>,
    pub(super) configured: Arc<Configured>,
    pub(super) given: Given,
    /// Whether a value will be made.
    pub(super) making: Making,
    pub(super) config: Fields,
    /// Profile, when known.
    pub(super) profile: Option<String>,
    /// Vault, when its configuration is known.
    pub(super) vault: Option<Arc<Vault>>,
}

/// Corrects what the generic pipeline planned.
pub(super) async fn plan(
    resource: &ResourceSecret,
    ctx: &Context,
    request: &PlanRequest<'_>,
    response: &mut PlanResponse,
) {
    let diags = &mut response.diagnostics;
    let Some(configured) = resource.shared.configured(diags) else { return };
    let Some(config) = Fields::read(request.config, diags) else { return };
    let given = content::read(request.config, diags);
    let profile = match profile(&config, &configured) {
        Ok(profile) => profile,
        Err(problem) => return errors::no_vault(&problem, Path::attribute("profile"), diags),
    };
    let vault = match profile.as_deref().map(|profile| configured.vault(profile)) {
        Some(Ok(vault)) => Some(vault),
        None | Some(Err(NoVault::Unknown)) => None,
        Some(Err(problem)) => {
            return errors::no_vault(&problem, Path::attribute("profile"), diags);
        }
    };
    let prior = request.prior.unwrap_or(&Value::Null);
    let name = config.name.known().map_or("", String::as_str);
    let id = import_id::id(profile.as_deref().unwrap_or_default(), name);
    let making = generate::making(request.config, prior, &id, OffsetDateTime::now_utc());
    let given = given.or_made(making, request.config);
    let planner = Planner { ctx, request, configured, given, making, config, profile, vault };
    planner.plan(response).await;
    targets::plan::plan(&planner, &resource.shared, response).await;
    // Versions of this secret that are to be destroyed want to know that it stays.
    if let Some(prior) = request.prior
        && let Some(id) = prior.get("id").as_str()
        && response.planned.get("id").as_str() == Some(id)
    {
        resource.shared.note_staying(id);
    }
}

/// A secret that a `moved` block took over has no profile until it was read.
fn not_looked_at(diags: &mut Diagnostics) {
    diags.error(
        Path::attribute("name"),
        "Moved secret was not looked at",
        "The secret was taken over by a moved block, and its vault has not been read since. Next \
         step: plan with refresh, and with a provider block that is known.",
    );
}

/// The profile that is meant; `None` while it is not known.
fn profile(config: &Fields, configured: &Configured) -> Result<Option<String>, NoVault> {
    if config.profile.is_unknown() {
        return Ok(None);
    }
    match configured.profile_name(config.profile.known().map(String::as_str)) {
        Ok(name) => Ok(Some(name)),
        Err(NoVault::Unknown) => Ok(None),
        Err(problem) => Err(problem),
    }
}

impl Planner<'_> {
    async fn plan(&self, response: &mut PlanResponse) {
        let profile = self.profile.clone().map_or(Value::UNKNOWN, Value::string);
        response.planned.set("profile", profile);
        response.planned.set("effective_tags", self.effective_tags());
        self.check_limits(&mut response.diagnostics);
        self.check_retention(&mut response.diagnostics);
        self.plan_options(response);
        let prior = self.request.prior.unwrap_or(&Value::Null);
        let id = self.id();
        generate::plan_told(self.request.config, prior, &id, self.making, &mut response.planned);
        let Some(prior) = self.request.prior else { return self.create(response).await };
        let Some(before) = Fields::read(prior, &mut response.diagnostics) else { return };
        if before.profile.is_null() {
            return not_looked_at(&mut response.diagnostics);
        }
        let replaced = self.replacing_options(prior, &before);
        if self.config.name.known() != before.name.known() || !replaced.is_empty() {
            response.requires_replace.extend(replaced);
            self.replace(&before, response);
        } else {
            self.update(prior, &before, response).await;
        }
    }

    /// Tags of the profile and of the configuration together.
    fn effective_tags(&self) -> Value {
        match (&self.vault, known_tags(&self.config.tags)) {
            (Some(vault), Some(own)) => {
                let mut tags = vault.default_tags().clone();
                tags.extend(own);
                tags.into_value()
            }
            _ => Value::UNKNOWN,
        }
    }

    fn check_limits(&self, diags: &mut Diagnostics) {
        let Some(vault) = &self.vault else { return };
        let config = &self.config;
        let name = self.name();
        let tags = known_tags(&config.tags).map(|own| {
            let mut tags = vault.default_tags().clone();
            tags.extend(own);
            tags
        });
        let time = |field: &Input<String>| field.known().and_then(|text| times::parse(text));
        let policy = config.deletion_policy.known().map(|_| config.deletion_policy());
        let wanted = Wanted {
            name: name.as_ref(),
            content: self.given.content(),
            tags: tags.as_ref(),
            description: config.description.known().map(String::as_str),
            not_before: time(&config.not_before),
            expires_at: time(&config.expires_at),
            enabled: config.enabled.known().copied(),
            // Whether a recoverable delete works is told when something is to be deleted.
            deletion_policy: policy.filter(|policy| *policy != DeletionPolicy::Recoverable),
            recovery_window_days: config.recovery_window_days.known().copied(),
            version_deletion: config.retention().map(|_| Subject::Retain),
            ..Wanted::default()
        };
        for violation in vault.violations(&wanted) {
            let path = match (violation.subject, &self.given) {
                (Subject::Content, Given::Known { path, .. }) => path.clone(),
                (subject, _) => Path::attribute(subject.argument()),
            };
            let message = import_id::capitalised(&violation.message);
            diags.error(
                path,
                "Vault cannot hold this",
                format!("{message}. Profile: {:?}.", vault.profile()),
            );
        }
    }

    /// Versions that are to be kept beyond what the vault keeps would make its writes fail.
    fn check_retention(&self, diags: &mut Diagnostics) {
        let Some(vault) = &self.vault else { return };
        let (Some(most), Some(keep)) = (vault.capability().max_versions, self.config.retention())
        else {
            return;
        };
        // One place must be free for the version that a write adds.
        if keep.versions >= most {
            diags.error(
                Path::attribute("retain").child("versions"),
                "Vault cannot hold this",
                format!(
                    "This vault keeps at most {most} versions of a secret, and a write needs a \
                     free place: keep at most {}. Profile: {:?}.",
                    most.saturating_sub(1),
                    vault.profile()
                ),
            );
        }
    }

    pub(super) fn name(&self) -> Option<SecretName> {
        // A name that breaks the general rules was reported by validation.
        self.config.name.known().and_then(|name| SecretName::parse(name).ok())
    }

    /// `<profile>/<name>`, as far as known.
    pub(super) fn id(&self) -> String {
        let name = self.config.name.known().map_or("", String::as_str);
        import_id::id(self.profile.as_deref().unwrap_or_default(), name)
    }

    fn attempt<'a>(&'a self, verb: &'static str) -> Attempt<'a> {
        Attempt {
            verb,
            secret: self.config.name.known().map_or("", String::as_str),
            profile: self.profile.as_deref().unwrap_or(""),
        }
    }

    async fn create(&self, response: &mut PlanResponse) {
        for name in COMPUTED.iter().filter(|name| **name != "effective_tags") {
            response.planned.set(name, Value::UNKNOWN);
        }
        if let Some(kind) = self.given.kind() {
            response.planned.set("type", Value::string(kind.code()));
        }
        response.private.remove(super::APPLIED);
        let replaces = self.request.private.get(REPLACES).cloned();
        response.private.remove(REPLACES);
        if response.diagnostics.has_errors() {
            return;
        }
        let (Some(vault), Some(name)) = (&self.vault, self.name()) else { return };
        let entry = |name: &str| replaces.as_ref().and_then(|replaced| replaced.get(name));
        let flag = |name: &str| entry(name).and_then(serde_json::Value::as_bool) == Some(true);
        let id = import_id::id(vault.profile(), name.as_str());
        let same = entry("id").and_then(serde_json::Value::as_str) == Some(&id);
        let removes_itself = same && flag("frees_name");
        if flag("prevented") {
            let diags = &mut response.diagnostics;
            let at = Path::attribute("deletion_policy");
            return errors::report(&Failure::Prevented, self.attempt("replace"), at, diags);
        }
        if removes_itself {
            return self.check_content(&mut response.diagnostics);
        }
        self.look_at_name(vault, &name, response).await;
        self.check_keys(&mut response.diagnostics).await;
    }

    /// Tells at plan that a fingerprint key is not usable.
    async fn check_keys(&self, diags: &mut Diagnostics) {
        let run = run(self.ctx, timeout(self.request.config, Operation::Read));
        if !diags.has_errors()
            && let Err(failure) = self.configured.keys().ring(&run).await
        {
            self.report_keys(&failure, diags);
        }
    }

    /// Tells what a create will find under its name.
    async fn look_at_name(&self, vault: &Vault, name: &SecretName, response: &mut PlanResponse) {
        if vault.has_written() {
            // A plan of an apply that has begun: it was told before, and the create looks itself.
            return;
        }
        let run = run(self.ctx, timeout(self.request.config, Operation::Read));
        let diags = &mut response.diagnostics;
        let at = Path::attribute("name");
        let found = match look_for(vault, &run, name).await {
            Ok(found) => found,
            Err(failure) if vault.is_news(&failure) => {
                return errors::report(&failure, self.attempt("look for"), at, diags);
            }
            Err(_) => return,
        };
        let Some(record) = &found else { return self.check_content(diags) };
        let ring = match self.configured.keys().ring(&run).await {
            Ok(ring) => ring,
            Err(failure) => return self.report_keys(&failure, diags),
        };
        match self.judge(record, &ring, response, run.now()) {
            Verdict::Free => {}
            Verdict::Recover { purge_at } => {
                let until = purge_at.map_or_else(String::new, |time| {
                    format!(" The vault would destroy it on {}.", times::told(time))
                });
                response.diagnostics.warning(
                    at,
                    "Deleted secret will be recovered",
                    format!(
                        "A soft-deleted secret has the name {:?} in profile {:?}.{until} Apply \
                         recovers it with all its versions, and writes a new version only if the \
                         content differs. Set on_existing = \"fail\" to refuse this.",
                        name.as_str(),
                        vault.profile()
                    ),
                );
            }
            Verdict::Adopt => response.diagnostics.warning(
                at,
                "Existing secret will be taken over",
                format!(
                    "An active secret has the name {:?} in profile {:?}, and on_existing is \
                     \"adopt\". Apply takes it over, sets its metadata, and writes a new version \
                     only if the content differs.",
                    name.as_str(),
                    vault.profile()
                ),
            ),
            Verdict::Resume => response.diagnostics.warning(
                at,
                "Secret of an interrupted run will be taken over",
                format!(
                    "A secret that looks exactly like this one was created in profile {:?} a short \
                     time ago, and no state knows it: a run was interrupted before it was \
                     recorded. Apply takes it over without writing.",
                    vault.profile()
                ),
            ),
            Verdict::Refuse(taken) => {
                errors::name_taken(&taken, self.attempt("create"), at, &mut response.diagnostics);
            }
        }
    }

    fn judge(
        &self,
        record: &SecretRecord,
        ring: &KeyRing,
        response: &PlanResponse,
        now: time::OffsetDateTime,
    ) -> Verdict {
        let offered = match &self.given {
            Given::Known { content, .. } => Offered::Content(content, ring),
            Given::Unknown { kind: Some(kind) } if self.making.makes() => {
                Offered::Made(*kind, generate::salt(&self.id(), self.request.config, self.making))
            }
            Given::Unknown { .. } => Offered::Unknown,
            Given::Nothing | Given::Invalid => Offered::Nothing,
        };
        let planned = Fields::read(&response.planned, &mut Diagnostics::new());
        // Metadata that is not known yet is compared at apply.
        let wanted = planned.and_then(|f| f.metadata()).unwrap_or_else(|| record.metadata.clone());
        judge(Some(record), self.config.on_existing(), &wanted, offered, now)
    }

    /// A new secret needs content. With a version text it may still come at apply.
    fn check_content(&self, diags: &mut Diagnostics) {
        if matches!(self.given, Given::Nothing) && self.config.content_wo_version.is_null() {
            let Attempt { secret, profile, .. } = self.attempt("create");
            let object = format!("secret {secret:?} in profile {profile:?}");
            errors::no_content(&object, Path::attribute("value_wo"), diags);
        }
    }

    /// Another name is another secret: the old one is removed, which its policy may forbid.
    fn replace(&self, before: &Fields, response: &mut PlanResponse) {
        for name in COMPUTED.iter().filter(|name| **name != "effective_tags") {
            response.planned.set(name, Value::UNKNOWN);
        }
        if let Some(kind) = self.given.kind() {
            response.planned.set("type", Value::string(kind.code()));
        }
        self.remember_replaced(before, response);
        check_removal(&self.configured, before, &mut response.diagnostics);
        let prior = self.request.prior.unwrap_or(&Value::Null);
        let policy = before.deletion_policy();
        targets::plan::check_removal(&self.configured, prior, policy, &mut response.diagnostics);
    }

    /// Tells the plan of the create that may follow which secret goes away first.
    fn remember_replaced(&self, before: &Fields, response: &mut PlanResponse) {
        let Some(id) = before.id.known() else { return };
        let frees_name = match before.deletion_policy() {
            DeletionPolicy::Destroy => true,
            DeletionPolicy::Recoverable => self.config.on_existing() != OnExisting::Fail,
            DeletionPolicy::Prevent | DeletionPolicy::Retain | DeletionPolicy::Disable => {
                self.config.on_existing() == OnExisting::Adopt
            }
        };
        let prevented = before.deletion_policy() == DeletionPolicy::Prevent;
        let replaces =
            serde_json::json!({ "id": id, "frees_name": frees_name, "prevented": prevented });
        response.private.set(REPLACES, replaces);
    }

    async fn update(&self, prior: &Value, before: &Fields, response: &mut PlanResponse) {
        for name in COMPUTED.iter().filter(|name| **name != "effective_tags") {
            response.planned.set(name, prior.get(name).clone());
        }
        self.keep_equal_forms(prior, before, response);
        let name = before.name.known().map_or("", String::as_str);
        generate::caution(self.making, name, &mut response.diagnostics);
        self.remember_replaced(before, response);
        let run = run(self.ctx, timeout(self.request.config, Operation::Read));
        let applied = applied(self.request.private);
        let keys = self.configured.keys();
        let decided =
            decide_with(keys, &run, &self.config, &self.given, before, applied.as_ref()).await;
        let Decided { decision, caution, .. } = match decided {
            Ok(decided) => decided,
            Err(failure) => return self.report_keys(&failure, &mut response.diagnostics),
        };
        if let Some(caution) = caution {
            self.warn(&caution, before, &mut response.diagnostics);
        }
        // A value that will be made is not known, but that it will be is.
        let decision = match decision {
            Decision::Open if self.making.makes() => Decision::Write,
            decision => decision,
        };
        if decision != Decision::Keep {
            response.mark_unknown(CHANGED_BY_CONTENT);
            self.plan_type(decision, before, response);
        }
        self.plan_metadata(before, response);
        if self.profile.as_ref() != before.profile.known() {
            self.relocate(before, response).await;
        }
    }

    /// Keeps the prior form of what means the same: another spelling of a time. No tags and an
    /// empty map mean the same, too, but core allows neither in place of the other.
    fn keep_equal_forms(&self, prior: &Value, before: &Fields, response: &mut PlanResponse) {
        let same = |a: &Input<String>, b: &Input<String>| match (a.known(), b.known()) {
            (Some(a), Some(b)) => times::parse(a).is_some() && times::parse(a) == times::parse(b),
            _ => false,
        };
        if same(&self.config.not_before, &before.not_before) {
            response.planned.set("not_before", prior.get("not_before").clone());
        }
        if same(&self.config.expires_at, &before.expires_at) {
            response.planned.set("expires_at", prior.get("expires_at").clone());
        }
    }

    /// The type after a write: known when the content is, and kept when it can be no other. While
    /// it is open whether there will be a write, another type is open, too.
    fn plan_type(&self, decision: Decision, before: &Fields, response: &mut PlanResponse) {
        let planned = match &self.given {
            Given::Known { content, .. } => Value::string(content.kind().code()),
            Given::Unknown { kind: Some(kind) } => Value::string(kind.code()),
            Given::Unknown { kind: None } => Value::UNKNOWN,
            Given::Nothing | Given::Invalid if self.config.content_wo_version.is_null() => return,
            Given::Nothing | Given::Invalid => Value::UNKNOWN,
        };
        if planned.as_str() != before.r#type.known().map(String::as_str) {
            let open = decision == Decision::Open;
            response.planned.set("type", if open { Value::UNKNOWN } else { planned });
        }
    }

    fn plan_metadata(&self, before: &Fields, response: &mut PlanResponse) {
        let planned = Fields::read(&response.planned, &mut Diagnostics::new()).unwrap_or_default();
        let (now, wanted) = (before.metadata(), planned.metadata());
        let changes = match (&now, &wanted) {
            (Some(now), Some(wanted)) => difference(now, wanted) != Default::default(),
            _ => true,
        };
        let prior = self.request.prior.map_or(&Value::Null, |prior| prior.get(ATTRIBUTE));
        let changes = changes || !prior.same(response.planned.get(ATTRIBUTE));
        if changes {
            response.mark_unknown(&["updated_at"]);
        }
        let enabled = |metadata: &Option<_>| {
            metadata.as_ref().map(|m: &crate::domain::port::Metadata| m.enabled)
        };
        if enabled(&now) != enabled(&wanted) {
            response.mark_unknown(&["lifecycle_state"]);
        }
    }

    /// Another profile: the secret moves.
    async fn relocate(&self, before: &Fields, response: &mut PlanResponse) {
        response.mark_unknown(&[
            "id",
            "fingerprint",
            "version",
            "version_id",
            "lifecycle_state",
            "backend_id",
            "created_at",
            "updated_at",
        ]);
        let removed = Fields {
            profile: before.profile.clone(),
            name: before.name.clone(),
            deletion_policy: self.config.deletion_policy.clone(),
            ..Fields::default()
        };
        check_removal(&self.configured, &removed, &mut response.diagnostics);
        self.check_source(before, &mut response.diagnostics);
        if response.diagnostics.has_errors() {
            return;
        }
        let (Some(vault), Some(name)) = (&self.vault, self.name()) else { return };
        let run = run(self.ctx, timeout(self.request.config, Operation::Read));
        let at = Path::attribute("profile");
        match look(vault, &run, &name).await {
            Ok(Some(record)) if self.config.on_existing() == OnExisting::Fail => {
                let taken = match record.lifecycle {
                    crate::domain::port::Lifecycle::Deleted { purge_at } => {
                        Taken::Deleted { purge_at }
                    }
                    _ => Taken::Active,
                };
                errors::name_taken(&taken, self.attempt("move"), at, &mut response.diagnostics);
            }
            Ok(_) => {}
            Err(failure) => {
                errors::report(&failure, self.attempt("move"), at, &mut response.diagnostics);
            }
        }
    }

    /// A secret moves with the configured content or with what is read from the old vault, and a
    /// disabled one cannot be read. A profile that is not known yet may be the same one.
    fn check_source(&self, before: &Fields, diags: &mut Diagnostics) {
        let configured = self.config.manage_content() == ManageContent::Always
            && !matches!(self.given, Given::Nothing);
        let Some(new) = self.profile.as_deref() else { return };
        if configured || before.enabled.known() != Some(&false) {
            return;
        }
        let name = before.name.known().map_or("", String::as_str);
        let old = before.profile.known().map_or("", String::as_str);
        diags.error(
            Path::attribute("profile"),
            "Disabled secret cannot be moved",
            format!(
                "Attempted: move the secret {name:?} from profile {old:?} to {new:?}.\nAnswer: it is \
                 disabled, so its content cannot be read, and the configuration does not manage \
                 it.\nNext step: set enabled = true and apply, move the secret, then disable it \
                 again."
            ),
        );
    }

    fn warn(&self, caution: &Caution, before: &Fields, diags: &mut Diagnostics) {
        let name = before.name.known().map_or("", String::as_str);
        match caution {
            Caution::VersionUnchanged => diags.warning(
                Path::attribute("content_wo_version"),
                "Content differs and is not written",
                format!(
                    "The content of {name:?} differs from the vault's, but content_wo_version did \
                     not change, and it alone decides. Next step: change content_wo_version to \
                     write the content, or leave it out to let the content decide."
                ),
            ),
            Caution::UnknownKey(id) => diags.warning(
                Path::attribute("fingerprint"),
                "Content cannot be compared",
                format!(
                    "The fingerprint of {name:?} was made with the key {}, which is not among the \
                     fingerprint keys of the provider block. The content is kept as it is. Next \
                     step: add that key to fingerprint.retired_key_envs or retired_key_files, or \
                     set content_wo_version to write the content once with the present key.",
                    id.as_deref().unwrap_or("(none)")
                ),
            ),
        }
    }

    fn report_keys(&self, failure: &Failure, diags: &mut Diagnostics) {
        errors::report(failure, self.attempt("compare"), Path::attribute("fingerprint"), diags);
    }
}

/// Reports why a destroy cannot work.
pub(super) fn destroy(resource: &ResourceSecret, prior: &Value, diags: &mut Diagnostics) {
    let Some(configured) = resource.shared.configured(diags) else { return };
    let Some(fields) = Fields::read(prior, diags) else { return };
    check_removal(&configured, &fields, diags);
    targets::plan::check_removal(&configured, prior, fields.deletion_policy(), diags);
}

fn check_removal(configured: &Configured, fields: &Fields, diags: &mut Diagnostics) {
    let policy = fields.deletion_policy();
    if policy == DeletionPolicy::Retain {
        return;
    }
    let profile = fields.profile.known().map_or("", String::as_str);
    let secret = fields.name.known().map_or("", String::as_str);
    let attempt = Attempt { verb: "delete", secret, profile };
    let at = Path::attribute("deletion_policy");
    if policy == DeletionPolicy::Prevent {
        return errors::report(&Failure::Prevented, attempt, at, diags);
    }
    let vault = match configured.vault(profile) {
        Ok(vault) => vault,
        Err(NoVault::Unknown) => return,
        Err(problem) => return errors::no_vault(&problem, Path::attribute("profile"), diags),
    };
    if let Err(failure) = check(vault.capability(), policy) {
        errors::report(&failure, attempt, at, diags);
    }
}
