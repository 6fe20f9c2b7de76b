//! Values to MessagePack.
//!
//! Responsible for writing a value as its type says, byte-stable: sorted keys, sorted sets, one
//! form for each number. Leaves the payload of unknown values to [`unknown`].
//! Source: the plugin protocol's object wire format, MessagePack section.

use std::collections::BTreeMap;
use std::convert::Infallible;

use rmp::encode::{self, ByteBuf, ValueWriteError};

use super::super::number::Number;
use super::super::path::Trail;
use super::super::types::Type;
use super::super::value::{Value, normal_form};
use super::{CodecError, Level, encode_type, mismatch, refuse_extra, unknown};

/// Encodes `value` as MessagePack. Map keys are sorted and sets have one order, so the bytes are
/// stable. Attributes an object misses are written as null.
///
/// # Errors
/// When the value does not conform to the type.
pub fn encode_msgpack(value: &Value, ty: &Type) -> Result<Vec<u8>, CodecError> {
    let mut out = Writer::default();
    let top = Trail::root();
    write(value, ty, &mut out, &Level::top(&top))?;
    Ok(out.into_bytes())
}

fn write(value: &Value, ty: &Type, out: &mut Writer, level: &Level<'_>) -> Result<(), CodecError> {
    level.check()?;
    match (ty, value) {
        (_, Value::Null) => out.nil(),
        (ty, Value::Unknown(known)) => unknown::encode(known.as_deref(), ty, out, level)?,
        (Type::Bool, Value::Bool(flag)) => out.bool(*flag),
        (Type::Number, Value::Number(number)) => out.number(number, level)?,
        (Type::String, Value::String(text)) => out.text(text.as_str(), level)?,
        (Type::List(element), Value::List(items)) => {
            out.array(items.len(), level)?;
            for (index, item) in items.iter().enumerate() {
                write(item, element, out, &level.down(&level.at.index(index)))?;
            }
        }
        (Type::Set(element), Value::Set(items)) => write_set(items, element, out, level)?,
        (Type::Tuple(types), Value::Tuple(items)) => {
            if items.len() != types.len() {
                let (found, expected) = (items.len(), types.len());
                return Err(level.error(format!("{found} elements in a tuple of {expected}")));
            }
            out.array(items.len(), level)?;
            for (index, (item, ty)) in items.iter().zip(types).enumerate() {
                write(item, ty, out, &level.down(&level.at.index(index)))?;
            }
        }
        (Type::Map(element), Value::Map(entries)) => {
            out.map(entries.len(), level)?;
            for (key, item) in entries {
                let at = level.at.key(key);
                out.text(key, level)?;
                write(item, element, out, &level.down(&at))?;
            }
        }
        (Type::Object(attributes), Value::Object(entries)) => {
            write_object(entries, attributes, out, level)?;
        }
        (Type::Dynamic, Value::Dynamic(inner)) => {
            out.array(2, level)?;
            out.bin(&encode_type(&inner.0), level)?;
            write(&inner.1, &inner.0, out, &level.down(level.at))?;
        }
        (ty, value) => return Err(mismatch(ty, value, level)),
    }
    Ok(())
}

/// Elements in the order of their bytes, known ones once.
fn write_set(
    items: &[Value],
    ty: &Type,
    out: &mut Writer,
    level: &Level<'_>,
) -> Result<(), CodecError> {
    let mut elements = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let mut element = Writer::default();
        write(item, ty, &mut element, &level.down(&level.at.index(index)))?;
        elements.push((element.into_bytes(), item.is_wholly_known()));
    }
    elements.sort();
    elements.dedup_by(|a, b| a == b && a.1);
    out.array(elements.len(), level)?;
    for (bytes, _) in elements {
        out.append(&bytes);
    }
    Ok(())
}

/// Every attribute of the type, no other.
fn write_object(
    entries: &BTreeMap<String, Value>,
    attributes: &BTreeMap<String, Type>,
    out: &mut Writer,
    level: &Level<'_>,
) -> Result<(), CodecError> {
    refuse_extra(entries, attributes, level)?;
    out.map(attributes.len(), level)?;
    for (name, ty) in attributes {
        out.text(name, level)?;
        match entries.get(name) {
            Some(item) => write(item, ty, out, &level.down(&level.at.attribute(name)))?,
            None => out.nil(),
        }
    }
    Ok(())
}

/// MessagePack items into a growing buffer.
#[derive(Default)]
pub(super) struct Writer(ByteBuf);

impl Writer {
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0.into_vec()
    }

    pub(super) fn append(&mut self, bytes: &[u8]) {
        self.0.as_mut_vec().extend_from_slice(bytes);
    }

    pub(super) fn nil(&mut self) {
        written(encode::write_nil(&mut self.0).map_err(ValueWriteError::InvalidMarkerWrite));
    }

    pub(super) fn bool(&mut self, flag: bool) {
        written(encode::write_bool(&mut self.0, flag).map_err(ValueWriteError::InvalidMarkerWrite));
    }

    pub(super) fn int(&mut self, value: i64) {
        written(encode::write_sint(&mut self.0, value));
    }

    /// An integer if it is one of 64 bits, else a double if it is exactly one, else decimal text.
    pub(super) fn number(&mut self, number: &Number, level: &Level<'_>) -> Result<(), CodecError> {
        match number.canonical().map_err(|error| level.error(error.to_string()))? {
            Number::Int(value) => self.int(value),
            Number::Float(value) => written(encode::write_f64(&mut self.0, value)),
            Number::Uint(value) => self.text(&value.to_string(), level)?,
            Number::Decimal(text) => self.text(&text, level)?,
        }
        Ok(())
    }

    /// A string in normalisation form C.
    pub(super) fn text(&mut self, text: &str, level: &Level<'_>) -> Result<(), CodecError> {
        let normal = normal_form(text);
        let text = normal.as_ref().map_or(text, |text| text.as_str());
        let length = length(text.len(), level)?;
        // Grown to the exact size at once: a value of a megabyte is not moved twice.
        self.0.as_mut_vec().reserve(text.len().saturating_add(5));
        written(encode::write_str_len(&mut self.0, length));
        self.append(text.as_bytes());
        Ok(())
    }

    pub(super) fn bin(&mut self, bytes: &[u8], level: &Level<'_>) -> Result<(), CodecError> {
        written(encode::write_bin_len(&mut self.0, length(bytes.len(), level)?));
        self.append(bytes);
        Ok(())
    }

    pub(super) fn array(&mut self, count: usize, level: &Level<'_>) -> Result<(), CodecError> {
        written(encode::write_array_len(&mut self.0, length(count, level)?));
        Ok(())
    }

    pub(super) fn map(&mut self, count: usize, level: &Level<'_>) -> Result<(), CodecError> {
        written(encode::write_map_len(&mut self.0, length(count, level)?));
        Ok(())
    }

    /// An extension item; `payload` is short.
    pub(super) fn ext(&mut self, code: i8, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        written(encode::write_ext_meta(&mut self.0, length, code));
        self.append(payload);
    }
}

fn length(length: usize, level: &Level<'_>) -> Result<u32, CodecError> {
    u32::try_from(length).map_err(|_| level.error("longer than MessagePack allows"))
}

/// Writing to memory cannot fail; the types know it.
fn written<T>(result: Result<T, ValueWriteError<Infallible>>) -> T {
    match result {
        Ok(done) => done,
        Err(
            ValueWriteError::InvalidMarkerWrite(never) | ValueWriteError::InvalidDataWrite(never),
        ) => match never {},
    }
}
