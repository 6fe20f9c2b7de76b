//! Taking over secrets from other providers' resources (`moved` blocks).
//!
//! Maps the name and nothing else: the source state may hold the value, and none of it may get
//! through. Terraform moves before it configures providers, so the profile stays open; the read
//! that follows fills in the default profile, whose vault must hold the secret. Source: protocol
//! RPC MoveResourceState.

use super::NEW_HERE;
use super::state::blank;
use crate::domain::secret::SecretName;
use crate::plugin::framework::object::{MoveRequest, MoveResponse};
use crate::plugin::framework::path::Path;

/// Resource types that can be taken over, and the attribute that holds the name in the vault.
const SOURCES: &[(&str, &str)] = &[
    ("aws_secretsmanager_secret", "name"),
    ("azurerm_key_vault_secret", "name"),
    ("vault_kv_secret_v2", "name"),
    ("oci_vault_secret", "secret_name"),
    ("google_secret_manager_secret", "secret_id"),
];

/// Maps the state of another resource type.
pub(super) fn move_state(request: &MoveRequest, response: &mut MoveResponse) {
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
    response.state = Some(blank(None, name.as_str()));
    response.private.set(NEW_HERE, "move".into());
}
