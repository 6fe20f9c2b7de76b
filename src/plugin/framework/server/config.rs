//! Validating configurations of every kind, and configuring the provider.
//!
//! Responsible for the generic checks and the object's own. Parts of a configuration may be
//! unknown, and the provider may not be configured yet.
//! Source: protocol RPCs `Validate…Config` and ConfigureProvider.

use super::super::diag::Diagnostics;
use super::super::object::ConfigureRequest;
use super::super::schema::Shape;
use super::super::validate;
use super::super::value::Value;
use super::Server;
use super::call::{Doing, guarded, guarded_sync, report};
use super::catalogue::find;
use super::exchange::{ClientCapabilities, Encoded};

const VALIDATION: &str = "validation";

impl Server {
    /// ValidateProviderConfig.
    pub async fn validate_provider(&self, config: &Encoded) -> Diagnostics {
        let mut diags = Diagnostics::new();
        let doing = Doing { operation: VALIDATION, type_name: self.info.name };
        if let Some(config) = checked(config, &self.catalogue.provider, doing, &mut diags) {
            let call = self.calls.start();
            let checks = self.provider.validate(call.context(), &config, &mut diags);
            report(guarded(doing, checks).await, &mut diags);
        }
        diags
    }

    /// ConfigureProvider.
    pub async fn configure(&self, config: &Encoded, terraform_version: String) -> Diagnostics {
        let mut diags = Diagnostics::new();
        let doing = Doing { operation: "configuration", type_name: self.info.name };
        let ty = &self.catalogue.provider.ty;
        if let Some(config) = config.decode(ty, "provider configuration", &mut diags) {
            let call = self.calls.start();
            let request = ConfigureRequest { config, terraform_version };
            let work = self.provider.configure(call.context(), request, &mut diags);
            report(guarded(doing, work).await, &mut diags);
        }
        diags
    }

    /// ValidateResourceConfig.
    pub async fn validate_resource(
        &self,
        type_name: &str,
        config: &Encoded,
        client: ClientCapabilities,
    ) -> Diagnostics {
        let mut diags = Diagnostics::new();
        let doing = Doing { operation: VALIDATION, type_name };
        let entry = find(&self.catalogue.resources, "resource type", type_name, &mut diags);
        if let Some(entry) = entry
            && let Some(config) = checked(config, &entry.shape, doing, &mut diags)
        {
            if !client.write_only_attributes && entry.shape.has_write_only {
                validate::write_only_gate(&entry.shape.schema, &config, &mut diags);
            }
            let call = self.calls.start();
            let checks = entry.object.validate(call.context(), &config, &mut diags);
            report(guarded(doing, checks).await, &mut diags);
        }
        diags
    }

    /// ValidateDataResourceConfig.
    pub async fn validate_data_source(&self, type_name: &str, config: &Encoded) -> Diagnostics {
        let mut diags = Diagnostics::new();
        let doing = Doing { operation: VALIDATION, type_name };
        let entry = find(&self.catalogue.data_sources, "data source", type_name, &mut diags);
        if let Some(entry) = entry
            && let Some(config) = checked(config, &entry.shape, doing, &mut diags)
        {
            let call = self.calls.start();
            let checks = entry.object.validate(call.context(), &config, &mut diags);
            report(guarded(doing, checks).await, &mut diags);
        }
        diags
    }

    /// ValidateEphemeralResourceConfig.
    pub async fn validate_ephemeral(&self, type_name: &str, config: &Encoded) -> Diagnostics {
        let mut diags = Diagnostics::new();
        let doing = Doing { operation: VALIDATION, type_name };
        let objects = &self.catalogue.ephemeral_resources;
        let entry = find(objects, "ephemeral resource", type_name, &mut diags);
        if let Some(entry) = entry
            && let Some(config) = checked(config, &entry.shape, doing, &mut diags)
        {
            let call = self.calls.start();
            let checks = entry.object.validate(call.context(), &config, &mut diags);
            report(guarded(doing, checks).await, &mut diags);
        }
        diags
    }

    /// ValidateListResourceConfig.
    #[must_use]
    pub fn validate_list(&self, type_name: &str, config: &Encoded) -> Diagnostics {
        let mut diags = Diagnostics::new();
        let doing = Doing { operation: VALIDATION, type_name };
        let objects = &self.catalogue.list_resources;
        if let Some(entry) = find(objects, "list resource", type_name, &mut diags) {
            checked(config, &entry.shape, doing, &mut diags);
        }
        diags
    }

    /// ValidateActionConfig.
    #[must_use]
    pub fn validate_action(&self, type_name: &str, config: &Encoded) -> Diagnostics {
        let mut diags = Diagnostics::new();
        let doing = Doing { operation: VALIDATION, type_name };
        if let Some(entry) = find(&self.catalogue.actions, "action", type_name, &mut diags) {
            checked(config, &entry.shape, doing, &mut diags);
        }
        diags
    }
}

/// Decodes a configuration and runs what its schema declares.
fn checked(
    config: &Encoded,
    shape: &Shape,
    doing: Doing<'_>,
    diags: &mut Diagnostics,
) -> Option<Value> {
    let config = config.decode(&shape.ty, "configuration", diags)?;
    let outcome = guarded_sync(doing, || validate::config(&shape.schema, &config, diags));
    report(outcome, diags);
    Some(config)
}
