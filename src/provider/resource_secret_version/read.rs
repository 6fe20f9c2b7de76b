//! Refreshing `coffer_secret_version`.
//!
//! Reads metadata only. A version that is gone, or whose secret is, leaves the state; refused
//! access is an error and never counts as gone.

use super::fields::Fields;
use super::state::{absorb, identity};
use super::{IMPORTED, ResourceSecretVersion, locate};
use crate::domain::rotation::RotationState;
use crate::engine::version::refresh;
use crate::plugin::framework::context::Context;
use crate::plugin::framework::object::{ReadRequest, StateResponse};
use crate::plugin::framework::path::Path;
use crate::plugin::framework::timeouts::{self, Operation};
use crate::plugin::framework::value::Value;
use crate::provider::access::run;
use crate::provider::errors::{self, Attempt};

/// Looks at the version.
pub(super) async fn read(
    resource: &ResourceSecretVersion,
    ctx: &Context,
    request: ReadRequest,
    response: &mut StateResponse,
) {
    let diags = &mut response.diagnostics;
    let Some(configured) = resource.shared.configured(diags) else { return };
    let Some(fields) = Fields::read(&request.state, diags) else { return };
    let secret_id = fields.secret_id.known().map_or("", String::as_str);
    let Some((located, vault)) = locate(secret_id, &configured, diags) else { return };
    let number = fields.number().unwrap_or(0);
    // Also what is not looked at keeps an identity; older clients bring none.
    if response.identity.is_none() {
        response.identity = Some(identity(&located, number));
    }
    let run = run(ctx, timeouts::of(&request.state, Operation::Read));
    let found = match refresh(&vault, &run, &located.name, number).await {
        Ok(Some(found)) => found,
        Ok(None) => {
            response.state = None;
            return;
        }
        Err(failure) => {
            let attempt = Attempt {
                verb: "refresh a version of",
                secret: located.name.as_str(),
                profile: &located.profile,
            };
            // Told once, an outage has failed the walk; what was not seen stays as it was.
            if vault.is_news(&failure) {
                errors::report(&failure, attempt, Path::attribute("secret_id"), diags);
            }
            return;
        }
    };
    response.private = request.private;
    let mut state = request.state;
    if response.private.get(IMPORTED).and_then(|how| how.as_str()) == Some("new") {
        // What it is now is what the configuration most likely says.
        let settable = [RotationState::Current, RotationState::Pending];
        let is = settable.into_iter().find(|s| found.version.rotation_states.contains(*s));
        state.set("rotation_state", is.map_or(Value::Null, |is| Value::string(is.code())));
        response.private.set(IMPORTED, "read".into());
    }
    absorb(&mut state, &located, &found);
    response.state = Some(state);
    response.identity = Some(identity(&located, number));
}
