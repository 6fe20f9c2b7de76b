//! Taking over secrets from other providers' resources (`moved` blocks).
//!
//! Maps the name and nothing else: the source state may hold the value, and none of it may get
//! through. The profile is the default profile, whose vault must be the one that holds the secret;
//! the read that follows must find it. Source: protocol RPC MoveResourceState.

use super::state::{blank, identity};
use super::{NEW_HERE, ResourceSecret};
use crate::domain::secret::SecretName;
use crate::plugin::framework::object::{MoveRequest, MoveResponse};
use crate::plugin::framework::path::Path;
use crate::provider::errors;

/// Resource types that can be taken over, and the attribute that holds the name in the vault.
const SOURCES: &[(&str, &str)] = &[
    ("aws_secretsmanager_secret", "name"),
    ("azurerm_key_vault_secret", "name"),
    ("vault_kv_secret_v2", "name"),
    ("oci_vault_secret", "secret_name"),
    ("google_secret_manager_secret", "secret_id"),
];

/// Maps the state of another resource type.
pub(super) fn move_state(
    resource: &ResourceSecret,
    request: &MoveRequest,
    response: &mut MoveResponse,
) {
    let Some((_, attribute)) = SOURCES.iter().find(|(ty, _)| *ty == request.source_type) else {
        return;
    };
    let diags = &mut response.diagnostics;
    let name = request.source_state.get(attribute).and_then(serde_json::Value::as_str);
    let name = match name.map(SecretName::parse) {
        Some(Ok(name)) => name,
        Some(Err(error)) => {
            let path = Path::attribute("name");
            return diags.error(path, "Name of a secret is not valid", format!("{error}."));
        }
        None => {
            return diags.error(
                Path::attribute("name"),
                "Secret cannot be taken over",
                format!("The state of the {} has no {attribute}.", request.source_type),
            );
        }
    };
    let Some(profile) = default_profile(resource, response) else { return };
    response.state = Some(blank(&profile, name.as_str()));
    response.identity = Some(identity(&profile, name.as_str()));
    response.private.set(NEW_HERE, "move".into());
}

/// The profile a moved secret belongs to.
fn default_profile(resource: &ResourceSecret, response: &mut MoveResponse) -> Option<String> {
    let configured = resource.shared.configured(&mut response.diagnostics)?;
    configured
        .profile_name(None)
        .map_err(|problem| {
            let at = Path::attribute("profile");
            errors::no_vault(&problem, at, &mut response.diagnostics);
        })
        .ok()
}
