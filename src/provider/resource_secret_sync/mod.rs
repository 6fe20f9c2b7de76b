//! Managed resource `coffer_secret_sync`.
//!
//! [`settings`] reads what may be configured, [`recipes`] what copies are made of; [`view`] looks at
//! source and destinations and plans, [`checks`] refuses what cannot be, [`plan`] shows it,
//! [`remarks`] tells what else is to know, [`apply`] does it, [`results`] is the ledger in state,
//! [`import`] takes one up, [`action`] runs without a state. Looking and writing are
//! [`engine::sync`](crate::engine::sync)'s, the decisions [`domain::sync`](crate::domain::sync)'s.

use std::sync::Arc;

use async_trait::async_trait;

use super::access::Shared;
use super::schema;
use crate::domain::key_schema::KeySchema;
use crate::domain::policy::InitialSync;
use crate::domain::rotation::RotationState;
use crate::domain::sync::naming::depends_on_secret;
use crate::domain::sync::plan::imports;
use crate::plugin::framework::context::Context;
use crate::plugin::framework::diag::Diagnostics;
use crate::plugin::framework::object::{
    ApplyRequest, DeleteRequest, ImportRequest, PlanRequest, PlanResponse, ReadRequest, Resource,
    StateResponse,
};
use crate::plugin::framework::path::Path;
use crate::plugin::framework::schema::Schema;
use crate::plugin::framework::value::Value;

mod action;
mod apply;
mod checks;
mod import;
mod native;
mod plan;
mod recipes;
mod remarks;
pub(in crate::provider) mod results;
mod settings;
mod view;

pub(super) use action::ActionSync;
pub(super) use apply::hexadecimal;
pub(super) use checks::spelled;
pub(super) use results::{ATTRIBUTES as RESULT, told};

/// What the provider decides, besides `id`.
const COMPUTED: &[&str] =
    &["changes", "status", "last_synced_at", "last_message", "counts", "results"];

/// The resource.
#[derive(Debug)]
pub(super) struct ResourceSecretSync {
    shared: Arc<Shared>,
}

impl ResourceSecretSync {
    pub(super) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

#[async_trait]
impl Resource for ResourceSecretSync {
    fn schema(&self) -> Schema {
        schema::secret_sync::schema()
    }

    async fn validate(&self, _ctx: &Context, config: &Value, diags: &mut Diagnostics) {
        check_selection(config, diags);
        let source = config.get("source");
        let set = |name: &str| !source.get(name).is_null();
        let destinations = config.get("destinations");
        let initial = config.get("initial_sync_behavior").as_str().and_then(InitialSync::parse);
        let imports = initial.is_some_and(imports);
        if imports
            && let Value::Map(destinations) = destinations
            && let Some((label, _)) =
                destinations.iter().find(|(_, one)| !one.get("transform").is_null())
        {
            diags.error(
                Path::attribute("destinations").key(label).child("transform"),
                "Transformed copies cannot be imported",
                "What a transform made cannot be turned back. Next step: leave transform out, or \
                 choose another initial_sync_behavior.",
            );
        }
        if imports && let Value::Map(destinations) = destinations {
            let schemas = destinations.iter().filter_map(|(label, one)| {
                Some((label, one.get("key_schema").as_str()?.parse::<KeySchema>().ok()?))
            });
            for (label, _) in schemas.filter(|(_, schema)| depends_on_secret(schema)) {
                diags.error(
                    Path::attribute("destinations").key(label).child("key_schema"),
                    "Import needs names that tell their keys",
                    "Where a name has the path or the type of its secret, the key cannot be told \
                     from it. Next step: leave {{path}} and {{type}} out, or choose another \
                     initial_sync_behavior.",
                );
            }
        }
        if imports && (set("tags") || set("types")) {
            diags.error(
                Path::attribute("initial_sync_behavior"),
                "Import needs a selection by name",
                "What is imported must be selected by the source afterwards, or it would count as \
                 gone. Next step: select by names, name_prefix or regexp, without tags and types.",
            );
        }
        let state = source.get("rotation_state").as_str();
        let current = RotationState::Current.code();
        if imports && state.is_some_and(|state| state != current) {
            diags.error(
                Path::attribute("source").child("rotation_state"),
                "Import needs current versions",
                "What is imported becomes the current version of the source, and would not be \
                 what is copied. Next step: leave rotation_state out, or choose another \
                 initial_sync_behavior.",
            );
        }
    }

    async fn plan(&self, ctx: &Context, request: PlanRequest<'_>, response: &mut PlanResponse) {
        plan::plan(self, ctx, &request, response).await;
    }

    async fn create(&self, ctx: &Context, request: ApplyRequest, response: &mut StateResponse) {
        apply::apply(self, ctx, request, response).await;
    }

    async fn read(&self, _ctx: &Context, request: ReadRequest, response: &mut StateResponse) {
        // The plan looks at everything. What the last run did is no news for the next plan.
        let mut state = request.state;
        state.set("changes", Value::Map([].into()));
        response.state = Some(state);
        response.private = request.private;
    }

    async fn update(&self, ctx: &Context, request: ApplyRequest, response: &mut StateResponse) {
        apply::apply(self, ctx, request, response).await;
    }

    async fn import(&self, _ctx: &Context, request: ImportRequest, response: &mut StateResponse) {
        import::import(request, response);
    }

    async fn delete(&self, ctx: &Context, request: DeleteRequest, response: &mut StateResponse) {
        apply::delete(self, ctx, &request.prior, response).await;
    }
}

/// A source without any filter would select nothing, or everything.
fn check_selection(config: &Value, diags: &mut Diagnostics) {
    let source = config.get("source");
    let filters = ["names", "name_prefix", "regexp", "tags", "types", "secrets"];
    if source.is_unknown() || filters.iter().any(|name| !source.get(name).is_null()) {
        return;
    }
    diags.error(
        Path::attribute("source"),
        "Nothing is selected",
        "A sync copies what its source selects. Next step: set names (such as [\"**\"] for all \
         secrets), name_prefix, regexp, tags, types or secrets.",
    );
}
