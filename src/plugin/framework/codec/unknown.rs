//! Unknown values on the wire, and what is known about them.
//!
//! Responsible for extension items: any code means unknown, code 12 carries refinements. Leaves
//! everything else of MessagePack to [`msgpack_read`](super::msgpack_read) and [`msgpack_write`](super::msgpack_write).
//! Source: the plugin protocol's object wire format, unknown values. A refinement that was
//! returned in a plan binds the value at apply, so nothing is added here; leaving one out is safe.

use super::super::number::Number;
use super::super::types::Type;
use super::super::value::{Refinements, Text, Value};
use super::msgpack_read::{Item, Reader};
use super::msgpack_write::Writer;
use super::{CodecError, Level};

/// Extension code of an unknown value with refinements.
const REFINED: i8 = 12;
/// Longest payload core reads.
const MAX_PAYLOAD: usize = 1024;
/// Longest string prefix, in bytes.
const MAX_PREFIX: usize = 256;

const NULLNESS: i64 = 1;
const STRING_PREFIX: i64 = 2;
const NUMBER_LOWER: i64 = 3;
const NUMBER_UPPER: i64 = 4;
const LENGTH_LOWER: i64 = 5;
const LENGTH_UPPER: i64 = 6;

/// The value of an extension item.
pub(super) fn decode(
    code: i8,
    payload: &[u8],
    ty: &Type,
    level: &Level<'_>,
) -> Result<Value, CodecError> {
    // One byte or none is the plain form, whatever the code; dynamic values have no refinements.
    if code != REFINED || payload.len() <= 1 || matches!(ty, Type::Dynamic) {
        return Ok(Value::UNKNOWN);
    }
    if payload.len() > MAX_PAYLOAD {
        return Err(level.error(format!("refinements of more than {MAX_PAYLOAD} bytes")));
    }
    let refinements = refinements(&mut Reader(payload), ty)
        .ok_or_else(|| level.error("malformed refinements of an unknown value"))?;
    Ok(Value::Unknown((!refinements.is_empty()).then(|| Box::new(refinements))))
}

/// Reads the map of refinements; `None` when it is malformed. Those that a later protocol may add,
/// and those that say nothing about `ty`, are skipped, as are trailing bytes.
fn refinements(reader: &mut Reader<'_>, ty: &Type) -> Option<Refinements> {
    let Item::Map(count) = reader.item()? else { return None };
    let mut found = Refinements::default();
    for _ in 0..count {
        let Item::Int(key) = reader.item()? else { return None };
        match (key, ty) {
            (NULLNESS, _) => found.null = Some(bool_item(reader)?),
            (STRING_PREFIX, Type::String) => found.string_prefix = Some(prefix_item(reader)?),
            (NUMBER_LOWER, Type::Number) => found.number_lower = Some(bound_item(reader)?),
            (NUMBER_UPPER, Type::Number) => found.number_upper = Some(bound_item(reader)?),
            (LENGTH_LOWER, ty) if is_collection(ty) => {
                found.length_lower = Some(length_item(reader)?);
            }
            (LENGTH_UPPER, ty) if is_collection(ty) => {
                found.length_upper = Some(length_item(reader)?);
            }
            _ => skip(reader)?,
        }
    }
    Some(found)
}

const fn is_collection(ty: &Type) -> bool {
    matches!(ty, Type::List(_) | Type::Set(_) | Type::Map(_))
}

fn bool_item(reader: &mut Reader<'_>) -> Option<bool> {
    match reader.item()? {
        Item::Bool(flag) => Some(flag),
        _ => None,
    }
}

fn prefix_item(reader: &mut Reader<'_>) -> Option<Text> {
    match reader.item()? {
        Item::Str(bytes) => {
            let text = Text::normalized(std::str::from_utf8(bytes).ok()?);
            Some(Text::from(cut(text.as_str())))
        }
        _ => None,
    }
}

fn bound_item(reader: &mut Reader<'_>) -> Option<(Number, bool)> {
    let Item::Array(2) = reader.item()? else { return None };
    let number = reader.item()?.to_number()?;
    Some((number, bool_item(reader)?))
}

fn length_item(reader: &mut Reader<'_>) -> Option<u64> {
    reader.item()?.to_number()?.to_u64()
}

/// Skips one value with all its parts. The payload's length bounds the work.
fn skip(reader: &mut Reader<'_>) -> Option<()> {
    let mut pending = 1_usize;
    while pending > 0 {
        pending -= 1;
        let parts = match reader.item()? {
            Item::Array(length) => length,
            Item::Map(length) => length.checked_mul(2)?,
            _ => 0,
        };
        pending = pending.checked_add(parts)?;
    }
    Some(())
}

/// Writes an unknown value of type `ty`.
pub(super) fn encode(
    refinements: Option<&Refinements>,
    ty: &Type,
    out: &mut Writer,
    level: &Level<'_>,
) -> Result<(), CodecError> {
    let payload = match refinements {
        Some(known) if !matches!(ty, Type::Dynamic) => encode_payload(known, ty, level)?,
        _ => None,
    };
    match payload {
        Some(payload) => out.ext(REFINED, &payload),
        None => out.ext(0, &[0]),
    }
    Ok(())
}

/// The payload, or `None` when there is nothing to say or too much to say it.
fn encode_payload(
    known: &Refinements,
    ty: &Type,
    level: &Level<'_>,
) -> Result<Option<Vec<u8>>, CodecError> {
    let mut out = Writer::default();
    let mut count = 0;
    let mut key = |out: &mut Writer, key| {
        count += 1;
        out.int(key);
    };
    if let Some(null) = known.null {
        key(&mut out, NULLNESS);
        out.bool(null);
    }
    if let (Type::String, Some(prefix)) = (ty, &known.string_prefix) {
        key(&mut out, STRING_PREFIX);
        out.text(cut(prefix.as_str()), level)?;
    }
    let bounds = [(NUMBER_LOWER, &known.number_lower), (NUMBER_UPPER, &known.number_upper)];
    for (code, bound) in bounds {
        if let (Type::Number, Some((number, inclusive))) = (ty, bound) {
            key(&mut out, code);
            out.array(2, level)?;
            out.number(number, level)?;
            out.bool(*inclusive);
        }
    }
    let lengths = [(LENGTH_LOWER, known.length_lower), (LENGTH_UPPER, known.length_upper)];
    for (code, length) in lengths {
        let length = length.and_then(|length| i64::try_from(length).ok());
        if let (true, Some(length)) = (is_collection(ty), length) {
            key(&mut out, code);
            out.int(length);
        }
    }
    let mut payload = Writer::default();
    payload.map(count, level)?;
    payload.append(&out.into_bytes());
    let payload = payload.into_bytes();
    Ok((count > 0 && payload.len() <= MAX_PAYLOAD).then_some(payload))
}

/// At most [`MAX_PREFIX`] bytes of `prefix`, whole characters.
fn cut(prefix: &str) -> &str {
    let end = (0..=MAX_PREFIX.min(prefix.len())).rev().find(|end| prefix.is_char_boundary(*end));
    &prefix[..end.unwrap_or(0)]
}
