//! JSON to values.
//!
//! Responsible for reading the form that states, identities and moved states are stored in:
//! numbers of any precision, dynamic values as `{"type":…,"value":…}`, attributes that an object
//! misses filled with null. Strings go from the input into wiping memory, not through a tree of
//! plain ones. Source: the plugin protocol's object wire format, JSON section.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;

use super::super::number::Number;
use super::super::path::Trail;
use super::super::types::Type;
use super::super::value::{Text, Value, normal_form};
use super::{Budget, CodecError, Level, expected, types};

/// Decodes a JSON value of type `ty`; attributes an object misses become null.
///
/// # Errors
/// When the JSON is not a value of that type, or exceeds a limit.
pub fn decode_json(bytes: &[u8], ty: &Type) -> Result<Value, CodecError> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    with_seed(ty, |seed| {
        let value = seed.deserialize(&mut deserializer)?;
        deserializer.end()?;
        Ok(value)
    })
}

/// Decodes parsed JSON of type `ty`; attributes an object misses become null.
///
/// # Errors
/// When the JSON is not a value of that type, or exceeds a limit.
pub fn decode_json_value(json: serde_json::Value, ty: &Type) -> Result<Value, CodecError> {
    with_seed(ty, |seed| seed.deserialize(json))
}

fn with_seed(
    ty: &Type,
    decode: impl FnOnce(Seed<'_>) -> serde_json::Result<Value>,
) -> Result<Value, CodecError> {
    let state = RefCell::new(State { budget: Budget::new(), error: None });
    let top = Trail::root();
    let result = decode(Seed { ty, level: Level::top(&top), state: &state });
    // The text of a serde error may quote the value, so only its position is used.
    result.map_err(|error| match (error.classify(), state.into_inner().error) {
        (Category::Data, Some(found)) => found,
        (_, found) => CodecError {
            path: found.map(|found| found.path).unwrap_or_default(),
            message: format!("invalid JSON, line {} column {}", error.line(), error.column()),
        },
    })
}

/// What one document shares: the first error, which serde's own errors have no room for.
struct State {
    budget: Budget,
    error: Option<CodecError>,
}

/// Reads one value of type `ty`.
#[derive(Clone, Copy)]
struct Seed<'s> {
    ty: &'s Type,
    level: Level<'s>,
    state: &'s RefCell<State>,
}

impl Seed<'_> {
    fn fail<E: Error>(&self, error: CodecError) -> E {
        self.state.borrow_mut().error.get_or_insert(error);
        E::custom("not a value of the type")
    }

    fn spend<E: Error>(&self) -> Result<(), E> {
        let spent = self.state.borrow_mut().budget.spend(&self.level);
        spent.map_err(|error| self.fail(error))
    }

    fn number<E: Error>(&self, text: &str) -> Result<Value, E> {
        if !matches!(self.ty, Type::Number) {
            return Err(E::custom(""));
        }
        let number: Result<Number, _> = text.parse();
        number.map(Value::Number).map_err(|error| self.fail(self.level.error(error.to_string())))
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        if let Err(error) = self.level.check() {
            return Err(self.fail(error));
        }
        self.spend()?;
        deserializer.deserialize_option(self).inspect_err(|_| {
            let error = self.level.error(format!("expected {}", expected(self.ty)));
            self.state.borrow_mut().error.get_or_insert(error);
        })
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(expected(self.ty))
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        match self.ty {
            Type::Bool => deserializer.deserialize_bool(self),
            Type::Number => deserializer.deserialize_any(self),
            Type::String => deserializer.deserialize_str(self),
            Type::List(_) | Type::Set(_) | Type::Tuple(_) => deserializer.deserialize_seq(self),
            Type::Map(_) | Type::Object(_) | Type::Dynamic => deserializer.deserialize_map(self),
        }
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Value, E> {
        match self.ty {
            Type::Bool => Ok(Value::Bool(flag)),
            _ => Err(E::custom("")),
        }
    }

    // The forms in which parsed JSON hands over its numbers; a double only if its shortest decimal
    // text is what was parsed.
    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        self.number(&value.to_string())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        self.number(&value.to_string())
    }

    fn visit_i128<E: Error>(self, value: i128) -> Result<Value, E> {
        self.number(&value.to_string())
    }

    fn visit_u128<E: Error>(self, value: u128) -> Result<Value, E> {
        self.number(&value.to_string())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        self.number(&value.to_string())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        match self.ty {
            Type::String => Ok(Value::String(Text::normalized(text))),
            _ => self.number(text),
        }
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Value, E> {
        match self.ty {
            // Already on its own in memory: taken over, so that it is wiped, too.
            Type::String => {
                let text = Text::from(text);
                Ok(Value::String(normal_form(text.as_str()).map_or(text, Text::from)))
            }
            _ => self.visit_str(&text),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        match self.ty {
            Type::List(element) => self.items(element, items).map(Value::List),
            Type::Set(element) => self.items(element, items).map(Value::Set),
            Type::Tuple(elements) => {
                let mut values = Vec::new();
                for (index, ty) in elements.iter().enumerate() {
                    let at = self.level.at.index(index);
                    values.extend(items.next_element_seed(self.below(ty, &at))?);
                }
                let more = items.next_element::<IgnoredAny>()?.is_some();
                if more || values.len() != elements.len() {
                    let error = format!("expected a tuple of {} elements", elements.len());
                    return Err(self.fail(self.level.error(error)));
                }
                Ok(Value::Tuple(values))
            }
            _ => Err(A::Error::custom("")),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Value, A::Error> {
        match self.ty {
            // How serde_json hands over a number of any precision.
            Type::Number => {
                let number = serde_json::Number::deserialize(MapAccessDeserializer::new(entries))?;
                self.number(number.as_str())
            }
            Type::Map(element) => self.map(element, entries),
            Type::Object(attributes) => self.object(attributes, entries),
            Type::Dynamic => self.dynamic(entries),
            _ => Err(A::Error::custom("")),
        }
    }
}

impl<'s> Seed<'s> {
    /// For a part of the value.
    const fn below<'p>(&self, ty: &'p Type, at: &'p Trail<'p>) -> Seed<'p>
    where
        's: 'p,
    {
        Seed { ty, level: self.level.down(at), state: self.state }
    }

    fn items<'de, A: SeqAccess<'de>>(
        self,
        ty: &Type,
        mut items: A,
    ) -> Result<Vec<Value>, A::Error> {
        let mut values = Vec::new();
        loop {
            let at = self.level.at.index(values.len());
            match items.next_element_seed(self.below(ty, &at))? {
                Some(value) => values.push(value),
                None => return Ok(values),
            }
        }
    }

    fn map<'de, A: MapAccess<'de>>(self, ty: &Type, mut items: A) -> Result<Value, A::Error> {
        let mut entries = BTreeMap::new();
        while let Some(key) = items.next_key::<String>()? {
            let key = normal_form(&key).map_or(key, |normal| (*normal).clone());
            let at = self.level.at.key(&key);
            let value = items.next_value_seed(self.below(ty, &at))?;
            if entries.contains_key(&key) {
                let error = self.level.error(format!("key {key:?} occurs twice"));
                return Err(self.fail(error));
            }
            entries.insert(key, value);
        }
        Ok(Value::Map(entries))
    }

    fn object<'de, A: MapAccess<'de>>(
        self,
        attributes: &BTreeMap<String, Type>,
        mut items: A,
    ) -> Result<Value, A::Error> {
        let mut entries = BTreeMap::new();
        while let Some(name) = items.next_key::<String>()? {
            let Some(ty) = attributes.get(&name) else {
                let error = self.level.error(format!("unsupported attribute {name:?}"));
                return Err(self.fail(error));
            };
            let at = self.level.at.attribute(&name);
            let value = items.next_value_seed(self.below(ty, &at))?;
            if entries.contains_key(&name) {
                let error = self.level.error(format!("attribute {name:?} occurs twice"));
                return Err(self.fail(error));
            }
            entries.insert(name, value);
        }
        for name in attributes.keys() {
            if !entries.contains_key(name) {
                self.spend()?;
                entries.insert(name.clone(), Value::Null);
            }
        }
        Ok(Value::Object(entries))
    }

    /// Core writes the value before its type, so the value may have to wait.
    fn dynamic<'de, A: MapAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut ty: Option<Type> = None;
        let mut waiting: Option<serde_json::Value> = None;
        let mut value = None;
        while let Some(key) = items.next_key::<String>()? {
            match (key.as_str(), &ty) {
                ("type", None) => {
                    let json = items.next_value()?;
                    let read = types::from_json(&json, &self.level);
                    ty = Some(read.map_err(|error| self.fail(error))?);
                }
                ("value", Some(ty)) if value.is_none() && waiting.is_none() => {
                    value = Some(items.next_value_seed(self.below(ty, self.level.at))?);
                }
                ("value", None) if waiting.is_none() => waiting = Some(items.next_value()?),
                _ => return Err(A::Error::custom("")),
            }
        }
        let Some(ty) = ty else { return Err(A::Error::custom("")) };
        let value = match (value, waiting) {
            (Some(value), _) => value,
            (None, Some(json)) => {
                self.below(&ty, self.level.at).deserialize(json).map_err(A::Error::custom)?
            }
            (None, None) => return Err(A::Error::custom("")),
        };
        Ok(Value::Dynamic(Box::new((ty, value))))
    }
}
