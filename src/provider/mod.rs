//! What users see: the provider block and the `coffer_*` objects.
//!
//! Maps typed values to use cases of the engine and back. Knows no gRPC, no HTTP and no backend by
//! name. [`configure`] holds what the provider block says, [`schema`] what may be written,
//! [`errors`] how failures read; each object has a file or folder of its own.

use std::sync::Arc;

use async_trait::async_trait;

use crate::plugin::framework::context::Context;
use crate::plugin::framework::diag::Diagnostics;
use crate::plugin::framework::object::{
    Action, ConfigureRequest, DataSource, EphemeralResource, Function, ListResource, Provider,
    Resource,
};
use crate::plugin::framework::schema::Schema;

mod access;
mod actions;
mod configure;
mod content;
mod data_secret;
mod data_secret_versions;
mod data_secrets;
mod data_sync_status;
mod ephemeral_secret;
mod errors;
mod function_parse_id;
mod function_render_key;
mod generate;
mod import_id;
mod keys;
mod list_secret;
mod options;
mod resource_secret;
mod resource_secret_sync;
mod resource_secret_version;
mod schema;
mod selection;
mod settings;
mod sync_to;
mod times;

#[cfg(test)]
mod testing;

use access::Shared;
use actions::{ActionOnSecret, Deed};
use data_secret::DataSecret;
use data_secret_versions::DataSecretVersions;
use data_secrets::DataSecrets;
use data_sync_status::DataSyncStatus;
use ephemeral_secret::EphemeralSecret;
use function_parse_id::ParseId;
use function_render_key::RenderKey;
use list_secret::ListSecret;
use resource_secret::ResourceSecret;
use resource_secret_sync::{ActionSync, ResourceSecretSync};
use resource_secret_version::ResourceSecretVersion;

/// Type name of the provider, and prefix of its objects.
pub const NAME: &str = "coffer";

const SECRET: &str = "coffer_secret";
const VERSION: &str = "coffer_secret_version";

/// The provider.
#[derive(Debug, Default)]
pub struct Coffer {
    shared: Arc<Shared>,
}

impl Coffer {
    /// A provider that is not configured yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl Provider for Coffer {
    fn schema(&self) -> Schema {
        schema::provider_block::schema()
    }

    async fn configure(&self, _ctx: &Context, request: ConfigureRequest, diags: &mut Diagnostics) {
        let agent = settings::user_agent(&request.terraform_version);
        if let Some(configured) = configure::read(&request.config, &agent, diags) {
            tracing::debug!(profiles = configured.profile_names().len(), "configured");
            self.shared.set(configured);
        }
    }

    fn resources(&self) -> Vec<(&'static str, Arc<dyn Resource>)> {
        vec![
            (SECRET, Arc::new(ResourceSecret::new(Arc::clone(&self.shared)))),
            ("coffer_secret_sync", Arc::new(ResourceSecretSync::new(Arc::clone(&self.shared)))),
            (VERSION, Arc::new(ResourceSecretVersion::new(Arc::clone(&self.shared)))),
        ]
    }

    fn data_sources(&self) -> Vec<(&'static str, Arc<dyn DataSource>)> {
        vec![
            (SECRET, Arc::new(DataSecret::new(Arc::clone(&self.shared)))),
            ("coffer_secret_versions", Arc::new(DataSecretVersions::new(Arc::clone(&self.shared)))),
            ("coffer_secrets", Arc::new(DataSecrets::new(Arc::clone(&self.shared)))),
            ("coffer_sync_status", Arc::new(DataSyncStatus::new(Arc::clone(&self.shared)))),
        ]
    }

    fn ephemeral_resources(&self) -> Vec<(&'static str, Arc<dyn EphemeralResource>)> {
        vec![(SECRET, Arc::new(EphemeralSecret::new(Arc::clone(&self.shared))))]
    }

    fn list_resources(&self) -> Vec<(&'static str, Arc<dyn ListResource>)> {
        vec![(SECRET, Arc::new(ListSecret::new(Arc::clone(&self.shared))))]
    }

    fn actions(&self) -> Vec<(&'static str, Arc<dyn Action>)> {
        let action = |deed| -> Arc<dyn Action> {
            Arc::new(ActionOnSecret::new(Arc::clone(&self.shared), deed))
        };
        vec![
            ("coffer_promote", action(Deed::Promote)),
            ("coffer_recover", action(Deed::Recover)),
            ("coffer_rollback", action(Deed::Rollback)),
            ("coffer_rotate", action(Deed::Rotate)),
            ("coffer_sync", Arc::new(ActionSync::new(Arc::clone(&self.shared)))),
        ]
    }

    fn functions(&self) -> Vec<(&'static str, Arc<dyn Function>)> {
        vec![("parse_id", Arc::new(ParseId)), ("render_key", Arc::new(RenderKey))]
    }
}
