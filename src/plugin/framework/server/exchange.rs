//! What goes in and out of the server: encoded values, stored states, answers.
//!
//! Responsible for decoding requests and encoding sealed answers, with failures as diagnostics.
//! Leaves the forms themselves to [`codec`](super::super::codec).
//! Source: protocol messages `DynamicValue`, `RawState`, `ClientCapabilities`.

use std::collections::BTreeMap;
use std::fmt;

use super::super::codec::{
    CodecError, decode_json, decode_json_value, decode_msgpack, encode_msgpack,
};
use super::super::diag::Diagnostics;
use super::super::guard::Sealed;
use super::super::path::Path;
use super::super::types::Type;
use super::super::value::Value;

/// A value as it travels. Both forms empty mean null.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Encoded {
    /// MessagePack form; preferred.
    pub msgpack: Vec<u8>,
    /// JSON form; read when there is no MessagePack.
    pub json: Vec<u8>,
}

impl fmt::Debug for Encoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Encoded({} + {} bytes)", self.msgpack.len(), self.json.len())
    }
}

/// A state or identity as stored, in JSON and perhaps of an older schema version.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct StoredState {
    /// The JSON text.
    pub json: Vec<u8>,
    /// True when it came in the form of Terraform 0.11, which this server does not read.
    pub flatmap: bool,
}

impl fmt::Debug for StoredState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoredState({} bytes, flatmap: {})", self.json.len(), self.flatmap)
    }
}

/// What the client can do. All false when it sends nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClientCapabilities {
    /// It never stores write-only values.
    pub write_only_attributes: bool,
    /// It keeps planned private data between plan and apply.
    pub store_planned_private: bool,
}

/// An answer with a state.
#[derive(Debug, Default)]
pub struct StateAnswer {
    /// The object; null when there is none.
    pub state: Encoded,
    /// Private data.
    pub private: Vec<u8>,
    /// Identity, when the resource has one and it is known.
    pub identity: Option<Encoded>,
    /// Messages.
    pub diagnostics: Diagnostics,
}

/// An answer with a value; null after an error.
#[derive(Debug, Default)]
pub struct ValueAnswer {
    /// The value.
    pub value: Encoded,
    /// Messages.
    pub diagnostics: Diagnostics,
}

impl ValueAnswer {
    pub(super) fn failed(diagnostics: Diagnostics) -> Self {
        Self { value: Encoded::null(), diagnostics }
    }
}

impl Encoded {
    /// Null, as MessagePack.
    #[must_use]
    pub fn null() -> Self {
        Self { msgpack: vec![0xc0], json: Vec::new() }
    }

    /// True when it holds a value, or a null, in some form.
    #[must_use]
    pub fn is_present(&self) -> bool {
        !self.msgpack.is_empty() || !self.json.is_empty()
    }

    fn value(&self, ty: &Type) -> Result<Value, CodecError> {
        match (self.msgpack.as_slice(), self.json.as_slice()) {
            ([], []) => Ok(Value::Null),
            ([], json) => decode_json(json, ty),
            (msgpack, _) => decode_msgpack(msgpack, ty),
        }
    }

    /// Reads the value. `None` and an error when it is not of the type; `what` names it.
    pub(super) fn decode(&self, ty: &Type, what: &str, diags: &mut Diagnostics) -> Option<Value> {
        self.value(ty)
            .map_err(|problem| {
                diags.error(
                    problem.path,
                    "The request cannot be read",
                    format!(
                        "The {what} that was sent does not fit the schema of this provider: {}. \
                         This is a bug in the provider or in the command line tool.",
                        problem.message
                    ),
                );
            })
            .ok()
    }

    /// Writes a sealed object; null and an error when it does not fit.
    pub(super) fn sealed(sealed: &Sealed, ty: &Type, diags: &mut Diagnostics) -> Self {
        Self::written(sealed.encode(ty), diags)
    }

    /// Writes a value that no state will hold: the result of a function.
    pub(super) fn result(value: &Value, ty: &Type, diags: &mut Diagnostics) -> Self {
        Self::written(encode_msgpack(value, ty), diags)
    }

    fn written(bytes: Result<Vec<u8>, CodecError>, diags: &mut Diagnostics) -> Self {
        match bytes {
            Ok(msgpack) => Self { msgpack, json: Vec::new() },
            Err(problem) => {
                diags.error(
                    problem.path,
                    "The answer cannot be written",
                    format!(
                        "A value does not fit the schema: {}. This is a bug in the provider, \
                         please report it.",
                        problem.message
                    ),
                );
                Self::null()
            }
        }
    }
}

impl StoredState {
    /// The JSON as stored. `None` and an error when it is not JSON or has the old form.
    pub(super) fn parse(&self, diags: &mut Diagnostics) -> Option<serde_json::Value> {
        if self.flatmap {
            diags.error(
                Path::root(),
                "The stored state has a form that is not supported",
                "It was written by Terraform 0.11 or older, which never worked with this provider.",
            );
            return None;
        }
        serde_json::from_slice(&self.json)
            .map_err(|problem| {
                diags.error(
                    Path::root(),
                    "The stored state cannot be read",
                    format!(
                        "It is not JSON (line {}, column {}).",
                        problem.line(),
                        problem.column()
                    ),
                );
            })
            .ok()
    }

    /// The value as stored by the current schema version; attributes that no longer exist are
    /// dropped, new ones are null.
    pub(super) fn current(&self, ty: &Type, diags: &mut Diagnostics) -> Option<Value> {
        if !self.flatmap
            && let Ok(value) = decode_json(&self.json, ty)
        {
            return Some(value);
        }
        let json = self.parse(diags)?;
        lenient(json, ty, diags)
    }
}

/// Reads JSON of about the type: what an object has too much is dropped, what it lacks is null.
pub(super) fn lenient(
    mut json: serde_json::Value,
    ty: &Type,
    diags: &mut Diagnostics,
) -> Option<Value> {
    prune(&mut json, ty);
    decode_json_value(json, ty)
        .map_err(|problem| {
            diags.error(
                problem.path,
                "The stored state does not fit the schema",
                format!(
                    "{}. It may come from another version of the provider. Next step: use the \
                     version that wrote it, or remove the object from the state and import it.",
                    problem.message
                ),
            );
        })
        .ok()
}

fn prune(json: &mut serde_json::Value, ty: &Type) {
    use serde_json::Value as Json;
    match (ty, json) {
        (Type::Object(types), Json::Object(entries)) => {
            entries.retain(|name, _| types.contains_key(name));
            prune_entries(entries, types);
        }
        (Type::List(element) | Type::Set(element), Json::Array(items)) => {
            items.iter_mut().for_each(|item| prune(item, element));
        }
        (Type::Map(element), Json::Object(entries)) => {
            entries.iter_mut().for_each(|(_, entry)| prune(entry, element));
        }
        _ => {}
    }
}

fn prune_entries(
    entries: &mut serde_json::Map<String, serde_json::Value>,
    types: &BTreeMap<String, Type>,
) {
    for (name, entry) in entries {
        if let Some(ty) = types.get(name) {
            prune(entry, ty);
        }
    }
}
