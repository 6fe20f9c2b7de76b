//! From what is in the vault to what is in state.
//!
//! Responsible for the computed attributes, for metadata as a refresh sees it, and for not
//! inventing differences: a time keeps the text the user wrote while it means the same instant,
//! and tags of the profile do not show up as tags of the resource. Leaves when to call it to
//! reads and applies.

use std::collections::BTreeMap;

use time::OffsetDateTime;

use super::fields::{Fields, known_tags};
use crate::adapters::descriptor::Descriptor;
use crate::engine::secret::Observed;
use crate::engine::vault::Vault;
use crate::plugin::framework::convert::IntoValue;
use crate::plugin::framework::diag::Diagnostics;
use crate::plugin::framework::value::Value;
use crate::provider::data_secret::lifecycle;
use crate::provider::schema::options::{ATTRIBUTE, with_options};
use crate::provider::{generate, import_id, options, schema, times};

/// The backend of the profile, for the options that it declares.
pub(in crate::provider) type Backend = Option<&'static Descriptor>;

/// A state that names a secret and nothing more, with the defaults of the schema, as an import
/// starts with. Without a profile it is for the next read to fill that in.
pub(in crate::provider) fn blank(profile: Option<&str>, name: &str) -> Value {
    let schema = schema::secret::schema();
    let mut state = Value::object(
        schema.attributes.into_iter().map(|(name, a)| (name, a.default.unwrap_or_default())),
    );
    state.set("name", Value::string(name));
    if let Some(profile) = profile {
        state.set("profile", Value::string(profile));
        state.set("id", Value::string(import_id::id(profile, name)));
    }
    state
}

/// The identity object.
pub(in crate::provider) fn identity(profile: &str, name: &str) -> Value {
    Value::object([("profile", Value::string(profile)), ("name", Value::string(name))])
}

/// Sets everything in `state` to what is in the vault, as a refresh does.
pub(in crate::provider) fn absorb(
    state: &mut Value,
    observed: &Observed,
    vault: &Vault,
    backend: Backend,
) {
    // What cannot be read counts as nothing: this only decides which form of equals to keep.
    let before = Fields::read(state, &mut Diagnostics::new()).unwrap_or_default();
    let record = &observed.record;
    let current = record.current.as_ref();
    let profile = vault.profile();
    state.set("id", Value::string(import_id::id(profile, record.name.as_str())));
    state.set("profile", Value::string(profile));
    state.set("name", Value::string(record.name.as_str()));
    match record.kind {
        Some(kind) => state.set("type", Value::string(kind.code())),
        None if state.get("type").is_unknown() => state.set("type", Value::Null),
        None => {}
    }
    let print = observed.fingerprint.as_ref();
    state.set("fingerprint", print.map(ToString::to_string).into_value());
    state.set("version", current.map(|version| version.number).into_value());
    let version_id = current.map(|version| version.version_id.clone());
    let same = before.version_id.is_unknown() || before.version_id.known() == version_id.as_ref();
    state.set("version_id", version_id.into_value());
    generate::tell(state, current.and_then(|version| version.created_at), same);
    state.set("lifecycle_state", Value::string(lifecycle(&record.lifecycle)));
    state.set("backend_id", Value::string(record.backend_id.as_str()));
    state.set("created_at", record.created_at.map(times::format).into_value());
    state.set("updated_at", record.updated_at.map(times::format).into_value());
    let metadata = &record.metadata;
    state.set("description", metadata.description.clone().into_value());
    state.set("content_type", metadata.content_type.clone().into_value());
    state.set("not_before", time(before.not_before.known(), metadata.not_before));
    state.set("expires_at", time(before.expires_at.known(), metadata.expires_at));
    state.set("enabled", Value::Bool(metadata.enabled));
    state.set("effective_tags", metadata.tags.clone().into_value());
    state.set("tags", own_tags(&before, &metadata.tags, vault.default_tags()));
    // A schema without any option has no such attribute.
    if let Some(backend) = backend
        && with_options().next().is_some()
    {
        let told = options::told(backend, &record.options, state.get(ATTRIBUTE));
        state.set(ATTRIBUTE, told);
    }
}

/// Fills in what the plan left open; everything that was planned stays as planned.
pub(super) fn complete(
    planned: &Value,
    observed: &Observed,
    vault: &Vault,
    backend: Backend,
) -> Value {
    let mut full = planned.clone();
    absorb(&mut full, observed, vault, backend);
    fill(planned, &full)
}

/// `planned`, with what is unknown in it taken from `source`.
pub(super) fn fill(planned: &Value, source: &Value) -> Value {
    match planned {
        Value::Object(attributes) => Value::object(
            attributes.iter().map(|(name, value)| (name.clone(), fill(value, source.get(name)))),
        ),
        known if known.is_wholly_known() => known.clone(),
        _ => source.clone(),
    }
}

fn time(before: Option<&String>, now: Option<OffsetDateTime>) -> Value {
    match before {
        Some(text) if times::parse(text) == now => Value::string(text.as_str()),
        _ => now.map(times::format).into_value(),
    }
}

/// The tags in the vault without those that only the profile gives.
fn own_tags(
    before: &Fields,
    tags: &BTreeMap<String, String>,
    defaults: &BTreeMap<String, String>,
) -> Value {
    let had = known_tags(&before.tags).unwrap_or_default();
    let own: BTreeMap<_, _> = tags
        .iter()
        .filter(|(key, value)| defaults.get(*key) != Some(value) || had.contains_key(*key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    if own.is_empty() && !before.tags.known().is_some_and(BTreeMap::is_empty) {
        return Value::Null;
    }
    own.into_value()
}
