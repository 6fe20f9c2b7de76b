//! Managed resource `coffer_secret_version`.
//!
//! [`plan`] says what will change, [`apply`] does it, [`read`] looks, [`import`] brings versions
//! in. A changed content makes the resource stand for a new version, in place: the old one is
//! still there, and is not touched. The order of upload, verification and promotion is
//! [`engine::version`](crate::engine::version)'s.

use std::sync::Arc;

use async_trait::async_trait;

use super::access::Shared;
use super::configure::Configured;
use super::content::{self, Given};
use super::errors;
use super::generate;
use super::import_id::{self, Located};
use super::schema;
use crate::engine::vault::Vault;
use crate::plugin::framework::context::Context;
use crate::plugin::framework::diag::Diagnostics;
use crate::plugin::framework::object::{
    ApplyRequest, DeleteRequest, ImportRequest, PlanRequest, PlanResponse, ReadRequest, Resource,
    StateResponse,
};
use crate::plugin::framework::path::Path;
use crate::plugin::framework::private::Private;
use crate::plugin::framework::schema::Schema;
use crate::plugin::framework::value::Value;

mod apply;
mod fields;
mod import;
mod plan;
mod read;
mod state;

#[cfg(test)]
mod tests;

/// Private entry: the state comes from an import, and was not read (`new`) or not applied (`read`).
const IMPORTED: &str = "imported";

/// The resource.
#[derive(Debug)]
pub(super) struct ResourceSecretVersion {
    shared: Arc<Shared>,
}

impl ResourceSecretVersion {
    pub(super) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

/// The secret that an id names, and its vault; reports what is wrong.
fn locate(
    secret_id: &str,
    configured: &Configured,
    diags: &mut Diagnostics,
) -> Option<(Located, Arc<Vault>)> {
    let at = || Path::attribute("secret_id");
    let located = import_id::parse(secret_id, at(), configured, diags)?;
    match configured.vault(&located.profile) {
        Ok(vault) => Some((located, vault)),
        Err(problem) => {
            errors::no_vault(&problem, at(), diags);
            None
        }
    }
}

#[async_trait]
impl Resource for ResourceSecretVersion {
    fn schema(&self) -> Schema {
        schema::secret_version::schema()
    }

    fn identity_schema(&self) -> Option<Schema> {
        Some(schema::secret_version::identity())
    }

    fn mutable_identity(&self) -> bool {
        // Changed content is a new number.
        true
    }

    async fn validate(&self, _ctx: &Context, config: &Value, diags: &mut Diagnostics) {
        let given = content::read(config, diags);
        generate::validate(config, diags);
        let open = config.get("content_wo_version").is_null();
        if matches!(given, Given::Nothing) && config.get("number").is_null() && !open {
            diags.error(
                Path::attribute("content_wo_version"),
                "Content is missing",
                "content_wo_version says when content is written, and no content argument is set. \
                 Next step: set one, or pick a version with number.",
            );
        }
    }

    async fn plan(&self, ctx: &Context, request: PlanRequest<'_>, response: &mut PlanResponse) {
        plan::plan(self, ctx, &request, response).await;
    }

    async fn plan_destroy(
        &self,
        ctx: &Context,
        prior: &Value,
        _private: &Private,
        diags: &mut Diagnostics,
    ) {
        plan::destroy(self, ctx, prior, diags).await;
    }

    async fn create(&self, ctx: &Context, request: ApplyRequest, response: &mut StateResponse) {
        apply::apply(self, ctx, request, response).await;
    }

    async fn read(&self, ctx: &Context, request: ReadRequest, response: &mut StateResponse) {
        read::read(self, ctx, request, response).await;
    }

    async fn update(&self, ctx: &Context, request: ApplyRequest, response: &mut StateResponse) {
        apply::apply(self, ctx, request, response).await;
    }

    async fn delete(&self, ctx: &Context, request: DeleteRequest, response: &mut StateResponse) {
        apply::delete(self, ctx, request, response).await;
    }

    async fn import(&self, _ctx: &Context, request: ImportRequest, response: &mut StateResponse) {
        import::import(self, request, response);
    }

    fn generate_config(&self, _state: &Value, config: &mut Value) {
        import::generate_config(config);
    }
}
