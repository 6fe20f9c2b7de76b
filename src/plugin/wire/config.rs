//! Validating and configuring.
//!
//! Source: protocol RPCs ValidateProviderConfig, ConfigureProvider, ValidateResourceConfig,
//! ValidateDataResourceConfig, ValidateEphemeralResourceConfig, ValidateListResourceConfig,
//! ValidateActionConfig.

use super::super::framework::server::Server;
use super::message::{capabilities, diagnostics, encoded};
use super::proto::{
    configure_provider, validate_action_config, validate_data_resource_config,
    validate_ephemeral_resource_config, validate_list_resource_config, validate_provider_config,
    validate_resource_config,
};

pub(super) async fn provider(
    server: &Server,
    request: validate_provider_config::Request,
) -> validate_provider_config::Response {
    let diags = server.validate_provider(&encoded(request.config)).await;
    validate_provider_config::Response { diagnostics: diagnostics(diags) }
}

pub(super) async fn configure(
    server: &Server,
    request: configure_provider::Request,
) -> configure_provider::Response {
    let config = encoded(request.config);
    let diags = server.configure(&config, request.terraform_version).await;
    configure_provider::Response { diagnostics: diagnostics(diags) }
}

pub(super) async fn resource(
    server: &Server,
    request: validate_resource_config::Request,
) -> validate_resource_config::Response {
    let client = capabilities(request.client_capabilities);
    let config = encoded(request.config);
    let diags = server.validate_resource(&request.type_name, &config, client).await;
    validate_resource_config::Response { diagnostics: diagnostics(diags) }
}

pub(super) async fn data_source(
    server: &Server,
    request: validate_data_resource_config::Request,
) -> validate_data_resource_config::Response {
    let config = encoded(request.config);
    let diags = server.validate_data_source(&request.type_name, &config).await;
    validate_data_resource_config::Response { diagnostics: diagnostics(diags) }
}

pub(super) async fn ephemeral(
    server: &Server,
    request: validate_ephemeral_resource_config::Request,
) -> validate_ephemeral_resource_config::Response {
    let config = encoded(request.config);
    let diags = server.validate_ephemeral(&request.type_name, &config).await;
    validate_ephemeral_resource_config::Response { diagnostics: diagnostics(diags) }
}

pub(super) fn list(
    server: &Server,
    request: validate_list_resource_config::Request,
) -> validate_list_resource_config::Response {
    let diags = server.validate_list(&request.type_name, &encoded(request.config));
    validate_list_resource_config::Response { diagnostics: diagnostics(diags) }
}

pub(super) fn action(
    server: &Server,
    request: validate_action_config::Request,
) -> validate_action_config::Response {
    let diags = server.validate_action(&request.type_name, &encoded(request.config));
    validate_action_config::Response { diagnostics: diagnostics(diags) }
}
