//! One field of a secret: of its type, or of the JSON object (RFC 8259) that it is.
//!
//! Responsible for finding a field by name or JSON pointer (RFC 6901) without keeping the others.
//! Parsed text that is not given back is wiped.

use serde_json::Value;
use zeroize::Zeroize as _;

use super::recipe::Unsuitable;
use crate::domain::kind::{Content, Kind};
use crate::domain::material::Secret;

/// The field of this name. Types with named fields have those; other text is taken for JSON.
pub(super) fn field(content: &Content, name: &str) -> Result<Secret, Unsuitable> {
    if matches!(content.kind(), Kind::BasicAuth | Kind::KeyStore | Kind::KeyValue)
        && let Some(value) = content.field(name)
    {
        return Ok(value.duplicate());
    }
    let text = match content.fields() {
        [(_, value)] if content.kind() != Kind::KeyValue => value,
        _ => return Err(MISSING),
    };
    let mut document: Value = serde_json::from_slice(text.expose())
        .map_err(|_| Unsuitable::Value("is not JSON, and its type has no field of that name"))?;
    let found = match name.starts_with('/') {
        true => document.pointer_mut(name),
        false => document.get_mut(name),
    };
    let taken = found.map(Value::take);
    wipe(&mut document);
    match taken {
        None | Some(Value::Null) => Err(MISSING),
        Some(Value::String(text)) => Ok(Secret::new(text.into_bytes())),
        Some(mut other) => {
            let written = serde_json::to_vec(&other);
            wipe(&mut other);
            Ok(Secret::new(written.unwrap_or_else(|_| unreachable!("parsed JSON is JSON"))))
        }
    }
}

const MISSING: Unsuitable = Unsuitable::Value("has no such field, or it is null");

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(entries) => entries.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
