//! Importing `coffer_secret_version`, by `<profile>/<name>#<number>` and by identity.
//!
//! An import only says where the version is; the read that follows fills in the rest.

use super::state::{blank, identity};
use super::{IMPORTED, ResourceSecretVersion};
use crate::domain::secret::VersionId;
use crate::plugin::framework::number::Number;
use crate::plugin::framework::object::{ImportRequest, StateResponse};
use crate::plugin::framework::path::Path;
use crate::plugin::framework::value::Value;
use crate::provider::import_id::{self, capitalised, id};
use crate::provider::schema;

/// Starts an import.
pub(super) fn import(
    resource: &ResourceSecretVersion,
    request: ImportRequest,
    response: &mut StateResponse,
) {
    let diags = &mut response.diagnostics;
    let Some(configured) = resource.shared.configured(diags) else { return };
    let text = match request {
        ImportRequest::Id(text) => text,
        ImportRequest::Identity(value) => {
            let part = |name: &str| value.get(name).as_str().unwrap_or_default().to_owned();
            let number = match value.get("number") {
                Value::Number(Number::Int(number)) => *number,
                _ => 0,
            };
            format!("{}#{number}", id(&part("profile"), &part("name")))
        }
    };
    let at = Path::attribute("id");
    let version = match text.parse::<VersionId>() {
        Ok(version) => version,
        Err(error) => {
            let detail = format!("{}.", capitalised(&error.to_string()));
            return diags.error(at, "Id of a version is not valid", detail);
        }
    };
    let secret = version.secret.to_string();
    let Some(located) = import_id::parse(&secret, at, &configured, diags) else { return };
    response.state = Some(blank(&located, version.number));
    response.identity = Some(identity(&located, version.number));
    response.private.set(IMPORTED, "new".into());
}

/// Leaves out what says nothing: arguments that have their default.
pub(super) fn generate_config(config: &mut Value) {
    for (name, attribute) in schema::secret_version::schema().attributes {
        if attribute.default.is_some_and(|default| default.same(config.get(&name))) {
            config.set(&name, Value::Null);
        }
    }
}
