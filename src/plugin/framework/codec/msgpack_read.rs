//! MessagePack to values.
//!
//! Responsible for reading bytes by type, borrowing from the input and copying each string once.
//! Leaves the payload of unknown values to [`unknown`].
//! Source: the plugin protocol's object wire format, MessagePack section; lengths in the input are
//! never trusted for an allocation.

use std::borrow::Cow;
use std::collections::BTreeMap;

use rmp::Marker;

use super::super::number::Number;
use super::super::path::Trail;
use super::super::types::Type;
use super::super::value::{Text, Value, normal_form};
use super::{Budget, CodecError, Level, expected, types, unknown};

/// Decodes a MessagePack value of type `ty`.
///
/// # Errors
/// When the bytes are not a value of that type, or exceed a limit.
pub fn decode_msgpack(bytes: &[u8], ty: &Type) -> Result<Value, CodecError> {
    let top = Trail::root();
    let level = Level::top(&top);
    let mut decoder = Decoder { reader: Reader(bytes), budget: Budget::new() };
    let value = decoder.value(ty, &level)?;
    if decoder.reader.0.is_empty() { Ok(value) } else { Err(level.error("bytes follow the value")) }
}

struct Decoder<'b> {
    reader: Reader<'b>,
    budget: Budget,
}

impl<'b> Decoder<'b> {
    fn value(&mut self, ty: &Type, level: &Level<'_>) -> Result<Value, CodecError> {
        level.check()?;
        self.budget.spend(level)?;
        match (ty, self.item(level)?) {
            (_, Item::Nil) => Ok(Value::Null),
            (ty, Item::Ext(code, payload)) => unknown::decode(code, payload, ty, level),
            (Type::Bool, Item::Bool(flag)) => Ok(Value::Bool(flag)),
            (Type::Number, item) => match item.to_number() {
                Some(number) => Ok(Value::Number(number)),
                None => Err(item.mismatch(expected(ty), level)),
            },
            (Type::String, Item::Str(bytes)) => {
                Ok(Value::String(Text::normalized(utf8(bytes, level)?)))
            }
            (Type::List(element), Item::Array(length)) => {
                self.elements(length, |_| element, level).map(Value::List)
            }
            (Type::Set(element), Item::Array(length)) => {
                self.elements(length, |_| element, level).map(Value::Set)
            }
            (Type::Tuple(elements), Item::Array(length)) => {
                if length != elements.len() {
                    let expected = elements.len();
                    return Err(level.error(format!("{length} elements in a tuple of {expected}")));
                }
                self.elements(length, |index| &elements[index], level).map(Value::Tuple)
            }
            (Type::Map(element), Item::Map(length)) => self.map(length, element, level),
            (Type::Object(attributes), Item::Map(length)) => self.object(length, attributes, level),
            (Type::Dynamic, Item::Array(2)) => self.dynamic(level),
            (ty, item) => Err(item.mismatch(expected(ty), level)),
        }
    }

    fn elements<'t>(
        &mut self,
        length: usize,
        ty: impl Fn(usize) -> &'t Type,
        level: &Level<'_>,
    ) -> Result<Vec<Value>, CodecError> {
        // An element takes at least one byte, and the start is enough for most collections.
        let mut items = Vec::with_capacity(length.min(self.reader.0.len()).min(1024));
        for index in 0..length {
            items.push(self.value(ty(index), &level.down(&level.at.index(index)))?);
        }
        Ok(items)
    }

    fn map(&mut self, length: usize, ty: &Type, level: &Level<'_>) -> Result<Value, CodecError> {
        let mut entries = BTreeMap::new();
        for _ in 0..length {
            let key = self.key(level)?;
            let value = self.value(ty, &level.down(&level.at.key(&key)))?;
            if entries.contains_key(&*key) {
                return Err(level.error(format!("key {key:?} occurs twice")));
            }
            entries.insert(key.into_owned(), value);
        }
        Ok(Value::Map(entries))
    }

    fn object(
        &mut self,
        length: usize,
        attributes: &BTreeMap<String, Type>,
        level: &Level<'_>,
    ) -> Result<Value, CodecError> {
        if length != attributes.len() {
            let expected = attributes.len();
            return Err(level.error(format!("{length} attributes in an object of {expected}")));
        }
        let mut entries = BTreeMap::new();
        for _ in 0..length {
            let name = self.key(level)?;
            let Some(ty) = attributes.get(&*name) else {
                return Err(level.error(format!("unsupported attribute {name:?}")));
            };
            let value = self.value(ty, &level.down(&level.at.attribute(&name)))?;
            if entries.insert(name.clone().into_owned(), value).is_some() {
                return Err(level.error(format!("attribute {name:?} occurs twice")));
            }
        }
        Ok(Value::Object(entries))
    }

    /// The two elements of a value with its type.
    fn dynamic(&mut self, level: &Level<'_>) -> Result<Value, CodecError> {
        let ty = match self.item(level)? {
            Item::Bin(json) => types::decode(json, level)?,
            item => return Err(item.mismatch("the type of a dynamic value", level)),
        };
        let value = self.value(&ty, &level.down(level.at))?;
        Ok(Value::Dynamic(Box::new((ty, value))))
    }

    fn key(&mut self, level: &Level<'_>) -> Result<Cow<'b, str>, CodecError> {
        match self.item(level)? {
            Item::Str(bytes) => {
                let key = utf8(bytes, level)?;
                Ok(normal_form(key).map_or(Cow::Borrowed(key), |key| Cow::Owned((*key).clone())))
            }
            item => Err(item.mismatch("a key", level)),
        }
    }

    fn item(&mut self, level: &Level<'_>) -> Result<Item<'b>, CodecError> {
        self.reader.item().ok_or_else(|| level.error("MessagePack ends early or is malformed"))
    }
}

fn utf8<'b>(bytes: &'b [u8], level: &Level<'_>) -> Result<&'b str, CodecError> {
    std::str::from_utf8(bytes).map_err(|_| level.error("string is not UTF-8"))
}

/// One MessagePack item; collections are just announced.
pub(super) enum Item<'b> {
    Nil,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    Str(&'b [u8]),
    Bin(&'b [u8]),
    Array(usize),
    Map(usize),
    Ext(i8, &'b [u8]),
}

impl Item<'_> {
    /// The number this item is, in any of the forms a number may have.
    pub(super) fn to_number(&self) -> Option<Number> {
        match self {
            Self::Int(value) => Some((*value).into()),
            Self::Uint(value) => Some((*value).into()),
            Self::Float(value) => Number::from_f64(*value),
            Self::Str(text) => std::str::from_utf8(text).ok()?.parse().ok(),
            _ => None,
        }
    }

    fn mismatch(&self, expected: &str, level: &Level<'_>) -> CodecError {
        let found = match self {
            Self::Nil => "nil",
            Self::Bool(_) => "a bool",
            Self::Int(_) | Self::Uint(_) => "an integer",
            Self::Float(_) => "a float",
            Self::Str(_) => "a string",
            Self::Bin(_) => "binary data",
            Self::Array(_) => "an array",
            Self::Map(_) => "a map",
            Self::Ext(..) => "an unknown value",
        };
        level.error(format!("expected {expected}, found {found}"))
    }
}

/// The bytes not yet read.
pub(super) struct Reader<'b>(pub(super) &'b [u8]);

impl<'b> Reader<'b> {
    /// The next item, or `None` when the bytes end in the middle of it or are reserved.
    pub(super) fn item(&mut self) -> Option<Item<'b>> {
        Some(match Marker::from_u8(self.u8()?) {
            Marker::Null => Item::Nil,
            Marker::False => Item::Bool(false),
            Marker::True => Item::Bool(true),
            Marker::FixPos(value) => Item::Int(value.into()),
            Marker::FixNeg(value) => Item::Int(value.into()),
            Marker::U8 => Item::Int(self.u8()?.into()),
            Marker::U16 => Item::Int(u16::from_be_bytes(self.array()?).into()),
            Marker::U32 => Item::Int(u32::from_be_bytes(self.array()?).into()),
            Marker::U64 => Item::Uint(u64::from_be_bytes(self.array()?)),
            Marker::I8 => Item::Int(i8::from_be_bytes(self.array()?).into()),
            Marker::I16 => Item::Int(i16::from_be_bytes(self.array()?).into()),
            Marker::I32 => Item::Int(i32::from_be_bytes(self.array()?).into()),
            Marker::I64 => Item::Int(i64::from_be_bytes(self.array()?)),
            Marker::F32 => Item::Float(f32::from_be_bytes(self.array()?).into()),
            Marker::F64 => Item::Float(f64::from_be_bytes(self.array()?)),
            Marker::FixStr(length) => Item::Str(self.take(length.into())?),
            Marker::Str8 => Item::Str(self.block8()?),
            Marker::Str16 => Item::Str(self.block16()?),
            Marker::Str32 => Item::Str(self.block32()?),
            Marker::Bin8 => Item::Bin(self.block8()?),
            Marker::Bin16 => Item::Bin(self.block16()?),
            Marker::Bin32 => Item::Bin(self.block32()?),
            Marker::FixArray(length) => Item::Array(length.into()),
            Marker::Array16 => Item::Array(self.length16()?),
            Marker::Array32 => Item::Array(self.length32()?),
            Marker::FixMap(length) => Item::Map(length.into()),
            Marker::Map16 => Item::Map(self.length16()?),
            Marker::Map32 => Item::Map(self.length32()?),
            Marker::FixExt1 => self.ext(1)?,
            Marker::FixExt2 => self.ext(2)?,
            Marker::FixExt4 => self.ext(4)?,
            Marker::FixExt8 => self.ext(8)?,
            Marker::FixExt16 => self.ext(16)?,
            Marker::Ext8 => {
                let length = self.u8()?;
                self.ext(length.into())?
            }
            Marker::Ext16 => {
                let length = self.length16()?;
                self.ext(length)?
            }
            Marker::Ext32 => {
                let length = self.length32()?;
                self.ext(length)?
            }
            Marker::Reserved => return None,
        })
    }

    fn ext(&mut self, length: usize) -> Option<Item<'b>> {
        let code = i8::from_be_bytes(self.array()?);
        Some(Item::Ext(code, self.take(length)?))
    }

    fn block8(&mut self) -> Option<&'b [u8]> {
        let length = self.u8()?;
        self.take(length.into())
    }

    fn block16(&mut self) -> Option<&'b [u8]> {
        let length = self.length16()?;
        self.take(length)
    }

    fn block32(&mut self) -> Option<&'b [u8]> {
        let length = self.length32()?;
        self.take(length)
    }

    fn length16(&mut self) -> Option<usize> {
        Some(u16::from_be_bytes(self.array()?).into())
    }

    fn length32(&mut self) -> Option<usize> {
        u32::from_be_bytes(self.array()?).try_into().ok()
    }

    fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*head)
    }

    fn take(&mut self, length: usize) -> Option<&'b [u8]> {
        let (head, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(head)
    }
}
