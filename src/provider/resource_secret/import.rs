//! Importing `coffer_secret`, by id and by identity.
//!
//! An import only says where the secret is; the read that follows fills in the rest. Leaves the
//! id's grammar to [`import_id`](crate::provider::import_id).

use super::state::{blank, identity};
use super::{NEW_HERE, ResourceSecret};
use crate::plugin::framework::object::{ImportRequest, StateResponse};
use crate::plugin::framework::path::Path;
use crate::plugin::framework::value::Value;
use crate::provider::import_id::{self, id};
use crate::provider::schema;

/// Starts an import.
pub(super) fn import(
    resource: &ResourceSecret,
    request: ImportRequest,
    response: &mut StateResponse,
) {
    let diags = &mut response.diagnostics;
    let Some(configured) = resource.shared.configured(diags) else { return };
    let text = match request {
        ImportRequest::Id(text) => text,
        ImportRequest::Identity(value) => {
            let part = |name: &str| value.get(name).as_str().unwrap_or_default().to_owned();
            id(&part("profile"), &part("name"))
        }
    };
    let Some(located) = import_id::parse(&text, Path::attribute("id"), &configured, diags) else {
        return;
    };
    response.state = Some(blank(Some(&located.profile), located.name.as_str()));
    response.identity = Some(identity(&located.profile, located.name.as_str()));
    response.private.set(NEW_HERE, "import".into());
}

/// Leaves out what says nothing: arguments that have their default.
pub(super) fn generate_config(config: &mut Value) {
    for (name, attribute) in schema::secret::schema().attributes {
        if attribute.default.is_some_and(|default| default.same(config.get(&name))) {
            config.set(&name, Value::Null);
        }
    }
    if matches!(config.get("tags"), Value::Map(tags) if tags.is_empty()) {
        config.set("tags", Value::Null);
    }
}
