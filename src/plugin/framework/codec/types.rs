//! The JSON form of types.
//!
//! Responsible for `"string"`, `["list", T]`, `["object", {…}]` and the like, both ways.
//! Source: the plugin protocol's object wire format, type constraints; they stand in schemas and
//! next to dynamic values.

use serde_json::{Value as Json, json};

use super::super::path::Trail;
use super::super::types::Type;
use super::super::value::normal_form;
use super::{CodecError, Level, MAX_DEPTH};

/// The JSON form of a type, as in schemas and dynamic values.
#[must_use]
pub fn encode_type(ty: &Type) -> Vec<u8> {
    to_json(ty).to_string().into_bytes()
}

/// Reads the JSON form of a type.
///
/// # Errors
/// When it is not one.
pub fn decode_type(json: &[u8]) -> Result<Type, CodecError> {
    decode(json, &Level::top(&Trail::root()))
}

/// Reads the type of the dynamic value at `level`.
pub(super) fn decode(json: &[u8], level: &Level<'_>) -> Result<Type, CodecError> {
    let json = serde_json::from_slice(json).map_err(|_| level.error("type is not JSON"))?;
    from_json(&json, level)
}

/// Reads a type from parsed JSON.
pub(super) fn from_json(json: &Json, level: &Level<'_>) -> Result<Type, CodecError> {
    parse(json, MAX_DEPTH).ok_or_else(|| level.error("not a type, or too deep a one"))
}

fn to_json(ty: &Type) -> Json {
    match ty {
        Type::Bool => json!("bool"),
        Type::Number => json!("number"),
        Type::String => json!("string"),
        Type::Dynamic => json!("dynamic"),
        Type::List(element) => json!(["list", to_json(element)]),
        Type::Set(element) => json!(["set", to_json(element)]),
        Type::Map(element) => json!(["map", to_json(element)]),
        Type::Object(attributes) => {
            let attributes = attributes.iter().map(|(name, ty)| (name.clone(), to_json(ty)));
            json!(["object", Json::Object(attributes.collect())])
        }
        Type::Tuple(elements) => {
            json!(["tuple", elements.iter().map(to_json).collect::<Vec<_>>()])
        }
    }
}

fn parse(json: &Json, depth: usize) -> Option<Type> {
    let depth = depth.checked_sub(1)?;
    match json {
        Json::String(name) => match name.as_str() {
            "bool" => Some(Type::Bool),
            "number" => Some(Type::Number),
            "string" => Some(Type::String),
            "dynamic" => Some(Type::Dynamic),
            _ => None,
        },
        Json::Array(parts) => {
            let [Json::String(constructor), argument] = parts.as_slice() else { return None };
            match (constructor.as_str(), argument) {
                ("list", element) => parse(element, depth).map(Type::list),
                ("set", element) => parse(element, depth).map(Type::set),
                ("map", element) => parse(element, depth).map(Type::map),
                ("object", Json::Object(attributes)) => attributes
                    .iter()
                    .map(|(name, ty)| {
                        let name = normal_form(name).map_or_else(|| name.clone(), |n| (*n).clone());
                        Some((name, parse(ty, depth)?))
                    })
                    .collect::<Option<_>>()
                    .map(Type::Object),
                ("tuple", Json::Array(elements)) => elements
                    .iter()
                    .map(|ty| parse(ty, depth))
                    .collect::<Option<_>>()
                    .map(Type::Tuple),
                _ => None,
            }
        }
        _ => None,
    }
}
