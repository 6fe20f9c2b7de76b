//! From a version in the vault to what is in state.

use crate::engine::version::Found;
use crate::plugin::framework::convert::IntoValue;
use crate::plugin::framework::value::Value;
use crate::provider::import_id::{Located, id};
use crate::provider::{generate, schema, times};

/// A state that names a version and nothing more, as an import starts with.
pub(super) fn blank(located: &Located, number: u64) -> Value {
    let schema = schema::secret_version::schema();
    let mut state = Value::object(
        schema.attributes.into_iter().map(|(name, a)| (name, a.default.unwrap_or_default())),
    );
    state.set("secret_id", Value::string(located.id()));
    state.set("profile", Value::string(located.profile.as_str()));
    state.set("number", number.into_value());
    state.set("id", Value::string(version_id(located, number)));
    state
}

/// `<profile>/<name>#<number>`.
fn version_id(located: &Located, number: u64) -> String {
    format!("{}#{number}", located.id())
}

/// The identity object.
pub(super) fn identity(located: &Located, number: u64) -> Value {
    Value::object([
        ("profile", Value::string(located.profile.as_str())),
        ("name", Value::string(located.name.as_str())),
        ("number", number.into_value()),
    ])
}

/// Sets everything the provider decides to what is in the vault.
pub(super) fn absorb(state: &mut Value, located: &Located, found: &Found) {
    let version = &found.version;
    state.set("id", Value::string(version_id(located, version.number)));
    state.set("secret_id", Value::string(id(&located.profile, located.name.as_str())));
    state.set("profile", Value::string(located.profile.as_str()));
    state.set("number", version.number.into_value());
    let same = match state.get("version_id") {
        Value::String(before) => before.as_str() == version.version_id,
        _ => true,
    };
    state.set("version_id", Value::string(version.version_id.as_str()));
    generate::tell(state, version.created_at, same);
    match found.record.kind {
        Some(kind) => state.set("type", Value::string(kind.code())),
        None if state.get("type").is_unknown() => state.set("type", Value::Null),
        None => {}
    }
    let print = version.fingerprint.as_ref().map(ToString::to_string);
    if print.is_some() || state.get("fingerprint").is_unknown() {
        state.set("fingerprint", print.into_value());
    }
    let states = version.rotation_states.iter().map(|state| Value::string(state.code()));
    state.set("rotation_states", Value::List(states.collect()));
    state.set("created_at", version.created_at.map(times::format).into_value());
    if state.get("rotation_state").is_unknown() {
        state.set("rotation_state", Value::Null);
    }
}

/// Fills in what the plan left open; everything that was planned stays as planned.
pub(super) fn complete(planned: &Value, located: &Located, found: &Found) -> Value {
    let mut full = planned.clone();
    absorb(&mut full, located, found);
    match planned {
        Value::Object(attributes) => Value::object(attributes.iter().map(|(name, value)| {
            let value = if value.is_wholly_known() { value } else { full.get(name) };
            (name.clone(), value.clone())
        })),
        other => other.clone(),
    }
}
