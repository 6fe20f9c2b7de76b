//! MessagePack and JSON forms of values and types.
//!
//! Responsible for type-directed encoding and decoding with limits on depth and size. Never panics
//! on any bytes; errors tell the place and never the value; strings go from the input straight
//! into wiping memory. Leaves schemas and what a value means to the rest of the framework.
//! Source: the plugin protocol's object wire format.

mod json_read;
mod json_write;
mod msgpack_read;
mod msgpack_write;
mod types;
mod unknown;

use super::path::{Path, Trail};
use super::types::Type;
use super::value::Value;

pub use json_read::{decode_json, decode_json_value};
pub use json_write::encode_json;
pub use msgpack_read::decode_msgpack;
pub use msgpack_write::encode_msgpack;
pub use types::{decode_type, encode_type};

/// Greatest nesting of values and types. Real schemas stay below ten.
const MAX_DEPTH: usize = 64;

/// Greatest number of values in one document, all levels and filled-in nulls counted. It bounds
/// the memory that a small document can claim; a million values need less than 100 MB.
const MAX_VALUES: usize = 1_000_000;

/// Why bytes are not a value of the type. Never contains the value.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}{}", Place(path))]
pub struct CodecError {
    /// Where in the value.
    pub path: Path,
    /// What is wrong.
    pub message: String,
}

impl CodecError {
    fn new(at: &Trail<'_>, message: impl Into<String>) -> Self {
        Self { path: at.path(), message: message.into() }
    }
}

/// " at x.y", or nothing for the value as a whole.
struct Place<'p>(&'p Path);

impl std::fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.steps().is_empty() { Ok(()) } else { write!(f, " at {}", self.0) }
    }
}

/// A place on the way down, with the depth reached.
#[derive(Debug, Clone, Copy)]
struct Level<'l> {
    at: &'l Trail<'l>,
    depth: usize,
}

impl<'l> Level<'l> {
    const fn top(at: &'l Trail<'l>) -> Self {
        Self { at, depth: 0 }
    }

    /// The level below, at `at`.
    const fn down<'d>(&self, at: &'d Trail<'d>) -> Level<'d> {
        Level { at, depth: self.depth + 1 }
    }

    fn error(&self, message: impl Into<String>) -> CodecError {
        CodecError::new(self.at, message)
    }

    fn check(&self) -> Result<(), CodecError> {
        if self.depth > MAX_DEPTH {
            return Err(self.error(format!("nested more than {MAX_DEPTH} levels deep")));
        }
        Ok(())
    }
}

/// How many more values a document may have.
#[derive(Debug)]
struct Budget(usize);

impl Budget {
    const fn new() -> Self {
        Self(MAX_VALUES)
    }

    fn spend(&mut self, level: &Level<'_>) -> Result<(), CodecError> {
        self.0 = self
            .0
            .checked_sub(1)
            .ok_or_else(|| level.error(format!("document of more than {MAX_VALUES} values")))?;
        Ok(())
    }
}

/// What a value of the type is called in messages.
const fn expected(ty: &Type) -> &'static str {
    match ty {
        Type::Bool => "a bool",
        Type::Number => "a number",
        Type::String => "a string",
        Type::Dynamic => "a value with its type",
        Type::List(_) => "a list",
        Type::Set(_) => "a set",
        Type::Map(_) => "a map",
        Type::Object(_) => "an object",
        Type::Tuple(_) => "a tuple",
    }
}

/// What a value is called in messages.
const fn found(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Unknown(_) => "an unknown value",
        Value::Bool(_) => "a bool",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::List(_) => "a list",
        Value::Set(_) => "a set",
        Value::Map(_) => "a map",
        Value::Object(_) => "an object",
        Value::Tuple(_) => "a tuple",
        Value::Dynamic(_) => "a value with its type",
    }
}

fn mismatch(ty: &Type, value: &Value, level: &Level<'_>) -> CodecError {
    level.error(format!("expected {}, found {}", expected(ty), found(value)))
}

/// Refuses an object that has more than its type says.
fn refuse_extra<V>(
    entries: &std::collections::BTreeMap<String, V>,
    attributes: &std::collections::BTreeMap<String, Type>,
    level: &Level<'_>,
) -> Result<(), CodecError> {
    match entries.keys().find(|name| !attributes.contains_key(*name)) {
        Some(name) => Err(level.error(format!("unsupported attribute {name:?}"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
