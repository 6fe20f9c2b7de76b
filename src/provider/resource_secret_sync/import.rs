//! Importing `coffer_secret_sync`, by `<name>.<id>`: what the tag `coffer-owner` of its copies says.
//!
//! An import gives a sync its identity back, nothing else. What it wrote is known by that tag and
//! by the prints: the plan that follows only records copies that are as they should be.

use super::results::blank;
use crate::domain::sync::owner::Identity;
use crate::plugin::framework::object::{ImportRequest, StateResponse};
use crate::plugin::framework::path::Path;
use crate::plugin::framework::value::Value;

/// Starts an import.
pub(super) fn import(request: ImportRequest, response: &mut StateResponse) {
    let text = match request {
        ImportRequest::Id(text) => text,
        // The resource has no identity of this kind; an empty id is refused below.
        ImportRequest::Identity(_) => String::new(),
    };
    let Some(identity) = Identity::parse(&text) else {
        let detail = format!(
            "{text:?} is not the id of a sync, which is <name>.<id>, such as \
             prod.0123456789abcdef0123456789abcdef. Next step: read it from the tag coffer-owner \
             of any copy that the sync wrote; the data source coffer_sync_status finds them."
        );
        response.diagnostics.error(Path::attribute("id"), "Id of a sync is not valid", detail);
        return;
    };
    let mut state = blank();
    state.set("name", Value::string(identity.name));
    state.set("id", Value::string(identity.instance));
    response.state = Some(state);
}
