//! MessagePack and JSON forms of values and types.
//!
//! Responsible for type-directed encoding and decoding with limits on depth and size, and for the
//! JSON form of types. Never panics on any bytes. Source: the plugin protocol's object wire format.

use super::path::Path;
use super::types::Type;
use super::value::Value;

/// Why bytes are not a value of the type. Never contains the value.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message} at {path}")]
pub struct CodecError {
    /// Where in the value.
    pub path: Path,
    /// What is wrong.
    pub message: String,
}

/// Decodes a MessagePack value of type `ty`.
///
/// # Errors
/// When the bytes are not a value of that type, or exceed a limit.
pub fn decode_msgpack(_bytes: &[u8], _ty: &Type) -> Result<Value, CodecError> {
    unimplemented!()
}

/// Encodes `value` as MessagePack; map keys are sorted, so the bytes are stable.
///
/// # Errors
/// When the value does not conform to the type.
pub fn encode_msgpack(_value: &Value, _ty: &Type) -> Result<Vec<u8>, CodecError> {
    unimplemented!()
}

/// Decodes a JSON value of type `ty`; attributes an object misses become null.
///
/// # Errors
/// When the JSON is not a value of that type.
pub fn decode_json(_bytes: &[u8], _ty: &Type) -> Result<Value, CodecError> {
    unimplemented!()
}

/// The JSON form of a type, as in schemas and dynamic values.
#[must_use]
pub fn encode_type(_ty: &Type) -> Vec<u8> {
    unimplemented!()
}

/// Reads the JSON form of a type.
///
/// # Errors
/// When it is not one.
pub fn decode_type(_json: &[u8]) -> Result<Type, CodecError> {
    unimplemented!()
}
