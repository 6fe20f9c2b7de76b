//! Values to JSON.
//!
//! Responsible for writing the form that states are stored in, with sorted keys. Reading it is
//! [`json_read`](super::json_read)'s. Source: the plugin protocol's object wire format, JSON
//! section; there are no unknown and no infinite values in it.

use super::super::number::Number;
use super::super::path::Trail;
use super::super::types::Type;
use super::super::value::{Value, normal_form};
use super::{CodecError, Level, encode_type, mismatch, refuse_extra};

/// Encodes `value` as JSON with sorted keys; attributes an object misses are written as null.
///
/// # Errors
/// When the value does not conform to the type, or is not wholly known.
pub fn encode_json(value: &Value, ty: &Type) -> Result<Vec<u8>, CodecError> {
    let mut out = Vec::new();
    let top = Trail::root();
    write(value, ty, &mut out, &Level::top(&top))?;
    Ok(out)
}

fn write(value: &Value, ty: &Type, out: &mut Vec<u8>, level: &Level<'_>) -> Result<(), CodecError> {
    level.check()?;
    match (ty, value) {
        (_, Value::Null) => out.extend_from_slice(b"null"),
        (Type::Bool, Value::Bool(true)) => out.extend_from_slice(b"true"),
        (Type::Bool, Value::Bool(false)) => out.extend_from_slice(b"false"),
        (Type::Number, Value::Number(Number::Float(value))) if !value.is_finite() => {
            return Err(level.error("an infinite number has no JSON form"));
        }
        (Type::Number, Value::Number(number)) => {
            out.extend_from_slice(number.to_string().as_bytes());
        }
        (Type::String, Value::String(text)) => write_string(text.as_str(), out, level)?,
        (Type::List(element), Value::List(items)) | (Type::Set(element), Value::Set(items)) => {
            write_array(items.iter().map(|item| (item, &**element)), out, level)?;
        }
        (Type::Tuple(types), Value::Tuple(items)) if types.len() == items.len() => {
            write_array(items.iter().zip(types), out, level)?;
        }
        (Type::Map(element), Value::Map(entries)) => {
            let entries = entries.iter().map(|(key, item)| (key.as_str(), item, &**element));
            write_map(entries, |key| level.at.key(key), out, level)?;
        }
        (Type::Object(attributes), Value::Object(entries)) => {
            refuse_extra(entries, attributes, level)?;
            let entries = attributes
                .iter()
                .map(|(name, ty)| (name.as_str(), entries.get(name).unwrap_or(&Value::Null), ty));
            write_map(entries, |name| level.at.attribute(name), out, level)?;
        }
        (Type::Dynamic, Value::Dynamic(inner)) => {
            out.extend_from_slice(b"{\"type\":");
            out.extend_from_slice(&encode_type(&inner.0));
            out.extend_from_slice(b",\"value\":");
            write(&inner.1, &inner.0, out, &level.down(level.at))?;
            out.push(b'}');
        }
        (ty, value) => return Err(mismatch(ty, value, level)),
    }
    Ok(())
}

fn write_string(text: &str, out: &mut Vec<u8>, level: &Level<'_>) -> Result<(), CodecError> {
    let normal = normal_form(text);
    let text = normal.as_ref().map_or(text, |text| text.as_str());
    serde_json::to_writer(out, text).map_err(|_| level.error("string cannot be written as JSON"))
}

fn write_array<'v>(
    items: impl Iterator<Item = (&'v Value, &'v Type)>,
    out: &mut Vec<u8>,
    level: &Level<'_>,
) -> Result<(), CodecError> {
    out.push(b'[');
    for (index, (item, ty)) in items.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(item, ty, out, &level.down(&level.at.index(index)))?;
    }
    out.push(b']');
    Ok(())
}

fn write_map<'v>(
    entries: impl Iterator<Item = (&'v str, &'v Value, &'v Type)>,
    below: impl Fn(&'v str) -> Trail<'v>,
    out: &mut Vec<u8>,
    level: &Level<'_>,
) -> Result<(), CodecError> {
    out.push(b'{');
    for (index, (name, item, ty)) in entries.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_string(name, out, level)?;
        out.push(b':');
        write(item, ty, out, &level.down(&below(name)))?;
    }
    out.push(b'}');
    Ok(())
}
