//! Managed resource `coffer_secret`.
//!
//! [`plan`] says what will change, [`apply`] does it, [`read`] looks, [`import`] and
//! [`move_state`] bring secrets in. The decision whether content is written is
//! [`decide`]'s alone. Private state holds, under `applied`, the print of the configuration that
//! was applied last; it is what `on_drift = "accept"` compares with.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::access::Shared;
use super::configure::Configured;
use super::content::{self, Given};
use super::errors;
use super::generate;
use super::schema;
use crate::domain::fingerprint::Fingerprint;
use crate::domain::policy::ManageContent;
use crate::engine::vault::Vault;
use crate::plugin::framework::context::Context;
use crate::plugin::framework::diag::Diagnostics;
use crate::plugin::framework::object::{
    ApplyRequest, DeleteRequest, ImportRequest, MoveRequest, MoveResponse, PlanRequest,
    PlanResponse, ReadRequest, Resource, StateResponse,
};
use crate::plugin::framework::path::Path;
use crate::plugin::framework::private::Private;
use crate::plugin::framework::schema::Schema;
use crate::plugin::framework::timeouts::{self, Operation};
use crate::plugin::framework::value::Value;

mod apply;
mod decide;
mod fields;
mod import;
mod move_state;
mod plan;
mod read;
mod relocate;
mod state;
mod targets;

#[cfg(test)]
mod tests;

pub(super) use state::{absorb, blank, identity};
pub(super) use targets::TARGET;
pub(super) use targets::follow::follow;

/// Private entry: print of the configuration applied last.
const APPLIED: &str = "applied";
/// Private entry: the state comes from an import or a move and was never read.
const NEW_HERE: &str = "new_here";
/// Private entry of a plan: id and deletion policy of the secret that a replacement removes.
const REPLACES: &str = "replaces";

/// The resource.
#[derive(Debug)]
pub(super) struct ResourceSecret {
    shared: Arc<Shared>,
}

impl ResourceSecret {
    pub(super) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// The vault of a profile; reports when there is none.
    fn vault(
        configured: &Configured,
        profile: &str,
        diags: &mut Diagnostics,
    ) -> Option<Arc<Vault>> {
        configured
            .vault(profile)
            .map_err(|problem| errors::no_vault(&problem, Path::attribute("profile"), diags))
            .ok()
    }
}

#[async_trait]
impl Resource for ResourceSecret {
    fn schema(&self) -> Schema {
        schema::secret::schema()
    }

    fn identity_schema(&self) -> Option<Schema> {
        Some(schema::secret::identity())
    }

    fn mutable_identity(&self) -> bool {
        // A move to another profile keeps the resource.
        true
    }

    async fn validate(&self, _ctx: &Context, config: &Value, diags: &mut Diagnostics) {
        let given = content::read(config, diags);
        check_tags(config.get("tags"), diags);
        generate::validate(config, diags);
        let Some(fields) = fields::Fields::read(config, diags) else { return };
        let is_set = matches!(given, Given::Known { .. } | Given::Unknown { kind: Some(_) })
            || matches!(config.get(generate::ATTRIBUTE), Value::Object(_));
        if fields.manage_content() == ManageContent::Never && is_set {
            diags.error(
                Path::attribute("manage_content"),
                "Content would never be written",
                "manage_content is \"never\" and a content argument is set. Leave the content \
                 argument out, or use \"initial\" to write it at creation only.",
            );
        }
    }

    async fn plan(&self, ctx: &Context, request: PlanRequest<'_>, response: &mut PlanResponse) {
        plan::plan(self, ctx, &request, response).await;
        // A sync that is planned after it copies what this will be.
        let planned = &response.planned;
        if let Some(name) = planned.get("name").as_str()
            && planned.get("fingerprint").is_unknown()
            && let Some(configured) = self.shared.configured(&mut Diagnostics::new())
            && let Ok(profile) = configured.profile_name(planned.get("profile").as_str())
        {
            self.shared.note_changing(&super::import_id::id(&profile, name));
        }
    }

    async fn plan_destroy(
        &self,
        _ctx: &Context,
        prior: &Value,
        _private: &Private,
        diags: &mut Diagnostics,
    ) {
        plan::destroy(self, prior, diags);
    }

    async fn create(&self, ctx: &Context, request: ApplyRequest, response: &mut StateResponse) {
        apply::create(self, ctx, request, response).await;
    }

    async fn read(&self, ctx: &Context, request: ReadRequest, response: &mut StateResponse) {
        read::read(self, ctx, request, response).await;
    }

    async fn update(&self, ctx: &Context, request: ApplyRequest, response: &mut StateResponse) {
        apply::update(self, ctx, request, response).await;
    }

    async fn delete(&self, ctx: &Context, request: DeleteRequest, response: &mut StateResponse) {
        apply::delete(self, ctx, request, response).await;
    }

    async fn import(&self, _ctx: &Context, request: ImportRequest, response: &mut StateResponse) {
        import::import(self, request, response);
    }

    async fn move_state(&self, _ctx: &Context, request: MoveRequest, response: &mut MoveResponse) {
        move_state::move_state(&request, response);
    }

    fn generate_config(&self, _state: &Value, config: &mut Value) {
        import::generate_config(config);
    }
}

/// A null tag cannot be echoed and stored at once; say so early.
fn check_tags(tags: &Value, diags: &mut Diagnostics) {
    let Value::Map(entries) = tags else { return };
    for (key, _) in entries.iter().filter(|(_, value)| value.is_null()) {
        diags.error(
            Path::attribute("tags").key(key),
            "Tag has no value",
            "The value of this tag is null. Leave the tag out, or give it a text.",
        );
    }
}

/// The time limit that `object` sets.
fn timeout(object: &Value, operation: Operation) -> Option<Duration> {
    timeouts::of(object, operation)
}

/// The print of the configuration applied last.
fn applied(private: &Private) -> Option<Fingerprint> {
    private.get(APPLIED)?.as_str()?.parse().ok()
}

fn set_applied(private: &mut Private, print: &Fingerprint) {
    private.set(APPLIED, print.as_str().into());
}

/// Tells what the vault and the keys want told once.
pub(super) fn tell(configured: &Configured, vault: &Vault, diags: &mut Diagnostics) {
    for notice in vault.take_notices() {
        let summary = format!("Note from the vault of profile {:?}", vault.profile());
        diags.warning(Path::attribute("profile"), summary, notice);
    }
    if configured.keys().take_unkeyed_warning() {
        diags.warning(
            Path::root(),
            "Fingerprints are made without a key",
            "There is no fingerprint key, so each fingerprint takes a slow password hash (about \
             0.2 s). Next step: put 32 random bytes in base64 into the environment variable \
             COFFER_FINGERPRINT_KEY, or set fingerprint.key_file in the provider block.",
        );
    }
}
