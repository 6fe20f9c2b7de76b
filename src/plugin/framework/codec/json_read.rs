//! JSON to values.
//!
//! Responsible for reading the form that states, identities and moved states are stored in:
//! numbers of any precision, dynamic values as `{"type":…,"value":…}`, attributes that an object
//! misses filled with null. Each string of the parsed JSON is moved, not copied, into wiping
//! memory. The walk is over parsed JSON and not a serde visitor, because serde_json hands a
//! visitor some decimals as the double nearest to them.
//! Source: the plugin protocol's object wire format, JSON section.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::super::path::Trail;
use super::super::types::Type;
use super::super::value::{Text, Value, normal_form};
use super::{Budget, CodecError, Level, expected, types};

/// Decodes a JSON value of type `ty`; attributes an object misses become null.
///
/// # Errors
/// When the JSON is not a value of that type, or exceeds a limit.
pub fn decode_json(bytes: &[u8], ty: &Type) -> Result<Value, CodecError> {
    // The text of a serde error may quote the value, so only its position is used.
    let json = serde_json::from_slice(bytes).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        CodecError::new(&Trail::root(), format!("invalid JSON, line {line} column {column}"))
    })?;
    decode_json_value(json, ty)
}

/// Decodes parsed JSON of type `ty`; attributes an object misses become null.
///
/// # Errors
/// When the JSON is not a value of that type, or exceeds a limit.
pub fn decode_json_value(json: Json, ty: &Type) -> Result<Value, CodecError> {
    read(json, ty, &mut Budget::new(), &Level::top(&Trail::root()))
}

fn read(
    json: Json,
    ty: &Type,
    budget: &mut Budget,
    level: &Level<'_>,
) -> Result<Value, CodecError> {
    level.check()?;
    budget.spend(level)?;
    match (ty, json) {
        (_, Json::Null) => Ok(Value::Null),
        (Type::Bool, Json::Bool(flag)) => Ok(Value::Bool(flag)),
        (Type::Number, Json::Number(number)) => read_number(number.as_str(), level),
        (Type::Number, Json::String(text)) => read_number(Text::from(text).as_str(), level),
        (Type::String, Json::String(text)) => {
            let text = Text::from(text);
            Ok(Value::String(normal_form(text.as_str()).map_or(text, Text::from)))
        }
        (Type::List(element), Json::Array(items)) => {
            read_items(items, |_| element, budget, level).map(Value::List)
        }
        (Type::Set(element), Json::Array(items)) => {
            read_items(items, |_| element, budget, level).map(Value::Set)
        }
        (Type::Tuple(elements), Json::Array(items)) => {
            if items.len() != elements.len() {
                let (found, expected) = (items.len(), elements.len());
                return Err(level.error(format!("{found} elements in a tuple of {expected}")));
            }
            read_items(items, |index| &elements[index], budget, level).map(Value::Tuple)
        }
        (Type::Map(element), Json::Object(items)) => {
            let mut entries = BTreeMap::new();
            for (key, item) in items {
                let key = normal_form(&key).map_or(key, |normal| (*normal).clone());
                let value = read(item, element, budget, &level.down(&level.at.key(&key)))?;
                if entries.contains_key(&key) {
                    return Err(level.error(format!("key {key:?} occurs twice")));
                }
                entries.insert(key, value);
            }
            Ok(Value::Map(entries))
        }
        (Type::Object(attributes), Json::Object(items)) => {
            read_object(items, attributes, budget, level)
        }
        (Type::Dynamic, Json::Object(items)) => read_dynamic(items, budget, level),
        (ty, json) => {
            let (expected, found) = (expected(ty), found(&json));
            Err(level.error(format!("expected {expected}, found {found}")))
        }
    }
}

fn read_number(text: &str, level: &Level<'_>) -> Result<Value, CodecError> {
    text.parse()
        .map(Value::Number)
        .map_err(|error: super::super::number::InvalidNumber| level.error(error.to_string()))
}

fn read_items<'t>(
    items: Vec<Json>,
    ty: impl Fn(usize) -> &'t Type,
    budget: &mut Budget,
    level: &Level<'_>,
) -> Result<Vec<Value>, CodecError> {
    items
        .into_iter()
        .enumerate()
        .map(|(index, item)| read(item, ty(index), budget, &level.down(&level.at.index(index))))
        .collect()
}

fn read_object(
    mut items: serde_json::Map<String, Json>,
    attributes: &BTreeMap<String, Type>,
    budget: &mut Budget,
    level: &Level<'_>,
) -> Result<Value, CodecError> {
    let mut entries = BTreeMap::new();
    for (name, ty) in attributes {
        let item = items.remove(name).unwrap_or(Json::Null);
        let value = read(item, ty, budget, &level.down(&level.at.attribute(name)))?;
        entries.insert(name.clone(), value);
    }
    match items.keys().next() {
        Some(name) => Err(level.error(format!("unsupported attribute {name:?}"))),
        None => Ok(Value::Object(entries)),
    }
}

fn read_dynamic(
    mut items: serde_json::Map<String, Json>,
    budget: &mut Budget,
    level: &Level<'_>,
) -> Result<Value, CodecError> {
    let (Some(ty), Some(value), true) =
        (items.remove("type"), items.remove("value"), items.is_empty())
    else {
        return Err(level.error("expected an object of \"type\" and \"value\""));
    };
    let ty = types::from_json(&ty, level)?;
    let value = read(value, &ty, budget, &level.down(level.at))?;
    Ok(Value::Dynamic(Box::new((ty, value))))
}

const fn found(json: &Json) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(_) => "a bool",
        Json::Number(_) => "a number",
        Json::String(_) => "a string",
        Json::Array(_) => "an array",
        Json::Object(_) => "an object",
    }
}
