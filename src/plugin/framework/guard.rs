//! The one place that nulls write-only values and checks what objects return.
//!
//! Responsible for invariant I6: everything that carries a state, plan, imported, moved or upgraded
//! object leaves the server as a [`Sealed`] value, and only [`seal`] makes one. Also repairs what
//! core would reject (unknown after apply, values that do not fit the schema), so that a bug in an
//! object costs a diagnostic and not the recorded state.
//! Source: core's consistency checks after plan, apply, read, import, upgrade and move.

use super::codec::{CodecError, encode_msgpack};
use super::diag::Diagnostics;
use super::path::Path;
use super::schema::{Level, Shape};
use super::types::Type;
use super::value::Value;

/// An object without write-only values: fit to be stored.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sealed(Value);

impl Sealed {
    /// The object.
    #[must_use]
    pub const fn value(&self) -> &Value {
        &self.0
    }

    /// The object, to work on.
    #[must_use]
    pub fn into_value(self) -> Value {
        self.0
    }

    /// The MessagePack form.
    ///
    /// # Errors
    /// When the value does not conform to the type.
    pub fn encode(&self, ty: &Type) -> Result<Vec<u8>, CodecError> {
        encode_msgpack(&self.0, ty)
    }
}

/// Nulls every write-only attribute. The only way to a [`Sealed`] value.
#[must_use]
pub fn seal(shape: &Shape, mut value: Value) -> Sealed {
    if shape.has_write_only {
        null_write_only(shape.schema.level(), &mut value);
    }
    Sealed(value)
}

/// Seals a planned object: it must fit the schema, and may have unknown parts.
pub fn planned(shape: &Shape, mut value: Value, diags: &mut Diagnostics) -> Sealed {
    conform(&shape.ty, &mut value, &Path::root(), diags);
    seal(shape, value)
}

/// Seals an object that will be stored: it must fit the schema and be wholly known. Parts that are
/// not become null, with an error for each.
pub fn stored(shape: &Shape, mut value: Value, diags: &mut Diagnostics) -> Sealed {
    conform(&shape.ty, &mut value, &Path::root(), diags);
    null_unknown(&mut value, &Path::root(), diags);
    seal(shape, value)
}

fn null_write_only(level: Level<'_>, value: &mut Value) {
    let Value::Object(entries) = value else { return };
    for (name, attribute) in level.attributes {
        if attribute.write_only
            && let Some(entry) = entries.get_mut(name)
        {
            *entry = Value::Null;
        }
    }
    for (name, _, inner) in level.nested() {
        if let Some(entry) = entries.get_mut(name) {
            each_object(entry, &mut |object| null_write_only(inner, object));
        }
    }
}

/// Calls `f` for the object itself or for each object of the collection.
fn each_object(value: &mut Value, f: &mut impl FnMut(&mut Value)) {
    match value {
        Value::Object(_) => f(value),
        Value::List(items) | Value::Set(items) | Value::Tuple(items) => {
            items.iter_mut().for_each(f);
        }
        Value::Map(entries) => entries.values_mut().for_each(f),
        Value::Null
        | Value::Unknown(_)
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Dynamic(_) => {}
    }
}

/// Makes `value` fit `ty`: attributes left out become null, everything else that does not fit
/// becomes null with an error.
fn conform(ty: &Type, value: &mut Value, path: &Path, diags: &mut Diagnostics) {
    match (ty, &mut *value) {
        (_, Value::Null | Value::Unknown(_))
        | (Type::Bool, Value::Bool(_))
        | (Type::Number, Value::Number(_))
        | (Type::String, Value::String(_)) => {}
        (Type::List(element), Value::List(items)) => {
            for (item, index) in items.iter_mut().zip(0..) {
                conform(element, item, &path.clone().index(index), diags);
            }
        }
        (Type::Set(element), Value::Set(items)) => {
            items.iter_mut().for_each(|item| conform(element, item, path, diags));
        }
        (Type::Tuple(types), Value::Tuple(items)) if types.len() == items.len() => {
            for ((item, ty), index) in items.iter_mut().zip(types).zip(0..) {
                conform(ty, item, &path.clone().index(index), diags);
            }
        }
        (Type::Map(element), Value::Map(entries)) => {
            for (key, entry) in entries {
                conform(element, entry, &path.clone().key(key), diags);
            }
        }
        (Type::Object(types), Value::Object(entries)) => {
            entries.retain(|name, _| {
                let known = types.contains_key(name);
                if !known {
                    misfit(&path.clone().child(name), "there is no such attribute", diags);
                }
                known
            });
            for (name, ty) in types {
                let entry = entries.entry(name.clone()).or_default();
                conform(ty, entry, &path.clone().child(name), diags);
            }
        }
        (Type::Dynamic, Value::Dynamic(inner)) => {
            let (ty, value) = &mut **inner;
            conform(ty, value, path, diags);
        }
        _ => {
            misfit(path, &format!("a {} is expected", noun(ty)), diags);
            *value = Value::Null;
        }
    }
}

fn misfit(path: &Path, what: &str, diags: &mut Diagnostics) {
    diags.error(
        path.clone(),
        "The provider returned a value that does not fit its schema",
        format!(
            "At {}: {what}. The value was dropped, the rest is kept. This is a bug in the \
             provider, please report it.",
            place(path)
        ),
    );
}

fn null_unknown(value: &mut Value, path: &Path, diags: &mut Diagnostics) {
    match value {
        Value::Unknown(_) => {
            *value = Value::Null;
            diags.error(
                path.clone(),
                "The provider left a value undecided",
                format!(
                    "After the operation {} is still unknown; it is recorded as null. This is a \
                     bug in the provider, please report it.",
                    place(path)
                ),
            );
        }
        Value::List(items) | Value::Tuple(items) => {
            for (item, index) in items.iter_mut().zip(0..) {
                if !item.is_wholly_known() {
                    null_unknown(item, &path.clone().index(index), diags);
                }
            }
        }
        Value::Set(items) => items.iter_mut().for_each(|item| null_unknown(item, path, diags)),
        Value::Map(entries) => {
            for (key, entry) in entries {
                null_unknown(entry, &path.clone().key(key), diags);
            }
        }
        Value::Object(entries) => {
            for (name, entry) in entries {
                null_unknown(entry, &path.clone().child(name), diags);
            }
        }
        Value::Dynamic(inner) => null_unknown(&mut inner.1, path, diags),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn place(path: &Path) -> String {
    if path.steps().is_empty() { "the object itself".to_owned() } else { path.to_string() }
}

const fn noun(ty: &Type) -> &'static str {
    match ty {
        Type::Bool => "bool",
        Type::Number => "number",
        Type::String => "string",
        Type::Dynamic => "value with its type",
        Type::List(_) => "list",
        Type::Set(_) => "set",
        Type::Map(_) => "map",
        Type::Object(_) => "object with exactly the attributes of the schema",
        Type::Tuple(_) => "tuple of the right length",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::framework::schema::{
        Attribute, Block, BlockNesting, Nesting, Presence, Schema,
    };

    fn shape() -> Shape {
        let key = || Attribute::optional(Type::String, "").write_only();
        let hint = || Attribute::optional(Type::String, "");
        let inner = || [("key_wo", key()), ("hint", hint())];
        let nested = |nesting| Attribute::nested(nesting, Presence::Optional, inner(), "");
        let block =
            |nesting| Block::new(nesting, "").attribute("key_wo", key()).attribute("hint", hint());
        Schema::new("")
            .attribute("key_wo", key())
            .attribute("one", nested(Nesting::Single))
            .attribute("list", nested(Nesting::List))
            .attribute("map", nested(Nesting::Map))
            .attribute(
                "deep",
                Attribute::nested(
                    Nesting::List,
                    Presence::Optional,
                    [("map", nested(Nesting::Map))],
                    "",
                ),
            )
            .attribute("number", Attribute::optional(Type::Number, ""))
            .block("single", block(BlockNesting::Single))
            .block("blocks", block(BlockNesting::List))
            .into()
    }

    fn filled() -> Value {
        let inner =
            || Value::object([("key_wo", Value::string("s")), ("hint", Value::string("h"))]);
        let map = || Value::Map([("k".to_owned(), inner())].into());
        Value::object([
            ("key_wo", Value::string("s")),
            ("one", inner()),
            ("list", Value::List(vec![inner(), inner()])),
            ("map", map()),
            ("deep", Value::List(vec![Value::object([("map", map())])])),
            ("number", Value::Number(1_i64.into())),
            ("single", inner()),
            ("blocks", Value::List(vec![inner()])),
        ])
    }

    fn count(value: &Value, text: &str) -> usize {
        match value {
            Value::String(found) => usize::from(found.as_str() == text),
            Value::List(items) => items.iter().map(|item| count(item, text)).sum(),
            Value::Map(entries) | Value::Object(entries) => {
                entries.values().map(|entry| count(entry, text)).sum()
            }
            _ => 0,
        }
    }

    #[test]
    fn seal_nulls_write_only_values_at_any_depth_and_nothing_else() {
        let (before, shape) = (filled(), shape());
        assert_eq!((count(&before, "s"), count(&before, "h")), (8, 7));
        let sealed = seal(&shape, before);
        assert_eq!((count(sealed.value(), "s"), count(sealed.value(), "h")), (0, 7));
        assert!(sealed.encode(&shape.ty).is_ok());
    }

    #[test]
    fn every_exit_seals() {
        let shape = shape();
        let mut diags = Diagnostics::new();
        assert_eq!(count(planned(&shape, filled(), &mut diags).value(), "s"), 0);
        assert_eq!(count(stored(&shape, filled(), &mut diags).value(), "s"), 0);
        assert_eq!(diags, Diagnostics::new());
    }

    #[test]
    fn stored_objects_are_made_to_fit_with_an_error_for_each_repair() {
        let shape = shape();
        let mut object = filled();
        object.set("number", Value::string("s"));
        object.set("surplus", Value::Bool(true));
        object.set("one", Value::object([("hint", Value::UNKNOWN)]));
        if let Value::Object(entries) = &mut object {
            entries.remove("single");
        }
        let mut diags = Diagnostics::new();
        let sealed = stored(&shape, object, &mut diags);
        assert!(sealed.encode(&shape.ty).is_ok());
        assert!(sealed.value().is_wholly_known());
        let found: Vec<_> = diags.iter().map(|d| d.path.to_string()).collect();
        assert_eq!(found, ["surplus", "number", "one.hint"]);
    }

    #[test]
    fn planned_objects_may_be_unknown() {
        let shape = shape();
        let mut object = filled();
        object.set("number", Value::UNKNOWN);
        let mut diags = Diagnostics::new();
        let sealed = planned(&shape, object, &mut diags);
        assert!(sealed.value().get("number").is_unknown() && !diags.has_errors());
    }
}
