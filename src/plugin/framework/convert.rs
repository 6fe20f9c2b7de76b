//! Conversion between dynamic values and Rust types.
//!
//! Responsible for the traits [`FromValue`] and [`IntoValue`], for [`Input`] (a configuration
//! value that may be unknown) and for [`record!`](record), which maps a struct onto an
//! object. A provider reads its configuration and writes its state with them. Leaves the wire to
//! [`codec`](super::codec) and rules about values to [`validate`](super::validate).
//! Errors name the place and the kinds involved, never a value.

use std::collections::{BTreeMap, BTreeSet};

use super::diag::Diagnostics;
use super::number::Number;
use super::path::{Path, Trail};
use super::value::{Text, Value};

/// Reads `value` as a Rust type.
///
/// # Errors
/// When it is null, unknown, or of another kind than `T` can take.
pub fn read<T: FromValue>(value: &Value) -> Result<T, ConvertError> {
    T::from_value(value, &Trail::root())
}

/// A Rust type that can be read from a value.
pub trait FromValue: Sized {
    /// Reads `value`, which stands at `at`. Strings are copied into memory that is wiped if `Self`
    /// wipes it ([`Text`]).
    ///
    /// # Errors
    /// When the value is null, unknown, or of another kind than `Self` can take.
    fn from_value(value: &Value, at: &Trail<'_>) -> Result<Self, ConvertError>;
}

/// A Rust type that can be written as a value.
pub trait IntoValue {
    /// The value; text is moved, not copied.
    fn into_value(self) -> Value;
}

/// The value at a place is not what the provider's code expects there.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("expected {expected}, found {found} at {path}")]
pub struct ConvertError {
    /// Where.
    pub path: Path,
    /// What was wanted ("a string").
    pub expected: &'static str,
    /// What was there ("a number"), never its content.
    pub found: &'static str,
}

impl ConvertError {
    /// For implementations of [`FromValue`]: `value` is not `expected`.
    #[must_use]
    pub fn new(at: &Trail<'_>, expected: &'static str, value: &Value) -> Self {
        Self { path: at.path(), expected, found: kind(value) }
    }

    /// Reports the error at its attribute.
    pub fn report(self, diags: &mut Diagnostics) {
        let detail = format!("Expected {}, found {}.", self.expected, self.found);
        diags.error(self.path, "Unexpected value", detail);
    }
}

/// A value of a configuration or plan, in which anything may still be unknown.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Input<T> {
    /// Left out.
    #[default]
    Null,
    /// Decided at apply.
    Unknown,
    /// Here.
    Known(T),
}

impl<T> Input<T> {
    /// The value when it is known and not null.
    pub const fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Null | Self::Unknown => None,
        }
    }

    /// The value itself when it is known and not null.
    pub fn into_known(self) -> Option<T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Null | Self::Unknown => None,
        }
    }

    /// True when left out.
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// True when decided at apply.
    pub const fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown)
    }
}

impl<T> From<Option<T>> for Input<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Self::Known)
    }
}

/// Declares a struct whose fields are the attributes of an object, with [`FromValue`],
/// [`IntoValue`] and `ATTRIBUTES`, the list of their names.
///
/// Fields are named like the attributes (`r#type` for `type`). An attribute the object misses
/// reads as null; attributes the struct does not name are left alone. Documentation and other
/// attributes pass through.
///
/// ```
/// use coffer::plugin::framework::convert::{Input, IntoValue, read, record};
/// use coffer::plugin::framework::value::{Text, Value};
///
/// record! {
///     /// User name and password.
///     #[derive(Debug, PartialEq)]
///     pub struct BasicAuth {
///         /// Who signs in.
///         pub username: Option<String>,
///         /// Unknown until the other resource exists.
///         pub password: Input<Text>,
///     }
/// }
///
/// let value = Value::object([("username", Value::string("ada")), ("password", Value::UNKNOWN)]);
/// let auth: BasicAuth = read(&value).unwrap();
/// assert_eq!(auth.username.as_deref(), Some("ada"));
/// assert!(auth.password.is_unknown());
/// assert_eq!(auth.into_value(), value);
/// assert_eq!(BasicAuth::ATTRIBUTES, ["username", "password"]);
/// ```
#[macro_export]
macro_rules! record {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident {
            $( $(#[$field_meta:meta])* $field_vis:vis $field:ident : $ty:ty ),* $(,)?
        }
    ) => {
        $(#[$meta])*
        $vis struct $name {
            $( $(#[$field_meta])* $field_vis $field: $ty, )*
        }

        impl $name {
            /// The attribute names, in the order of the fields.
            #[allow(dead_code, reason = "not every record is compared with a schema")]
            $vis const ATTRIBUTES: &'static [&'static str] = &[
                $( $crate::plugin::framework::convert::attribute_name(stringify!($field)), )*
            ];
        }

        impl $crate::plugin::framework::convert::FromValue for $name {
            fn from_value(
                value: &$crate::plugin::framework::value::Value,
                at: &$crate::plugin::framework::path::Trail<'_>,
            ) -> Result<Self, $crate::plugin::framework::convert::ConvertError> {
                use $crate::plugin::framework::convert::{ConvertError, attribute_name};
                if !matches!(value, $crate::plugin::framework::value::Value::Object(_)) {
                    return Err(ConvertError::new(at, "an object", value));
                }
                Ok(Self {
                    $( $field: {
                        let name = attribute_name(stringify!($field));
                        $crate::plugin::framework::convert::FromValue::from_value(
                            value.get(name),
                            &at.attribute(name),
                        )?
                    }, )*
                })
            }
        }

        impl $crate::plugin::framework::convert::IntoValue for $name {
            fn into_value(self) -> $crate::plugin::framework::value::Value {
                $crate::plugin::framework::value::Value::object([
                    $( (
                        $crate::plugin::framework::convert::attribute_name(stringify!($field)),
                        $crate::plugin::framework::convert::IntoValue::into_value(self.$field),
                    ), )*
                ])
            }
        }
    };
}

#[doc(inline)]
pub use record;

/// The attribute a field stands for: its name without the mark of a raw identifier.
#[doc(hidden)]
#[must_use]
pub const fn attribute_name(field: &'static str) -> &'static str {
    match field.as_bytes() {
        [b'r', b'#', ..] => field.split_at(2).1,
        _ => field,
    }
}

/// What a value is, for messages.
const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Unknown(_) => "a value that is not known yet",
        Value::Bool(_) => "a bool",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::List(_) => "a list",
        Value::Set(_) => "a set",
        Value::Map(_) => "a map",
        Value::Object(_) => "an object",
        Value::Tuple(_) => "a tuple",
        Value::Dynamic(_) => "a dynamic value",
    }
}

impl FromValue for Value {
    fn from_value(value: &Value, _at: &Trail<'_>) -> Result<Self, ConvertError> {
        Ok(value.clone())
    }
}

impl FromValue for bool {
    fn from_value(value: &Value, at: &Trail<'_>) -> Result<Self, ConvertError> {
        match value {
            Value::Bool(flag) => Ok(*flag),
            other => Err(ConvertError::new(at, "a bool", other)),
        }
    }
}

impl FromValue for Number {
    fn from_value(value: &Value, at: &Trail<'_>) -> Result<Self, ConvertError> {
        match value {
            Value::Number(number) => Ok(number.clone()),
            other => Err(ConvertError::new(at, "a number", other)),
        }
    }
}

/// Reads a number that must have an exact `$convert`.
macro_rules! from_number {
    ($($ty:ty, $expected:literal, $convert:expr;)*) => { $(
        impl FromValue for $ty {
            fn from_value(value: &Value, at: &Trail<'_>) -> Result<Self, ConvertError> {
                let convert: fn(&Number) -> Option<Self> = $convert;
                let number = match value {
                    Value::Number(number) => convert(number),
                    _ => None,
                };
                number.ok_or_else(|| ConvertError::new(at, $expected, value))
            }
        }
    )* };
}

from_number! {
    i64, "a whole number of 64 bits", Number::to_i64;
    u64, "a whole number of 64 bits that is not negative", Number::to_u64;
    u32, "a whole number of 32 bits that is not negative",
        |number| number.to_u64().and_then(|n| n.try_into().ok());
    // People write 0.1 and mean the double nearest to it.
    f64, "a number in the range of a double", Number::nearest_f64;
}

impl FromValue for Text {
    fn from_value(value: &Value, at: &Trail<'_>) -> Result<Self, ConvertError> {
        match value {
            Value::String(text) => Ok(text.clone()),
            other => Err(ConvertError::new(at, "a string", other)),
        }
    }
}

/// For text that is no secret; a secret is read as [`Text`].
impl FromValue for String {
    fn from_value(value: &Value, at: &Trail<'_>) -> Result<Self, ConvertError> {
        match value {
            Value::String(text) => Ok(text.as_str().to_owned()),
            other => Err(ConvertError::new(at, "a string", other)),
        }
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: &Value, at: &Trail<'_>) -> Result<Self, ConvertError> {
        match value {
            Value::Null => Ok(None),
            other => T::from_value(other, at).map(Some),
        }
    }
}

impl<T: FromValue> FromValue for Input<T> {
    fn from_value(value: &Value, at: &Trail<'_>) -> Result<Self, ConvertError> {
        match value {
            Value::Null => Ok(Self::Null),
            Value::Unknown(_) => Ok(Self::Unknown),
            other => T::from_value(other, at).map(Self::Known),
        }
    }
}

impl<T: FromValue> FromValue for Box<T> {
    fn from_value(value: &Value, at: &Trail<'_>) -> Result<Self, ConvertError> {
        T::from_value(value, at).map(Self::new)
    }
}

impl<T: FromValue> FromValue for Vec<T> {
    fn from_value(value: &Value, at: &Trail<'_>) -> Result<Self, ConvertError> {
        elements(value, at)?
            .iter()
            .enumerate()
            .map(|(index, item)| T::from_value(item, &at.index(index)))
            .collect()
    }
}

impl FromValue for BTreeSet<String> {
    fn from_value(value: &Value, at: &Trail<'_>) -> Result<Self, ConvertError> {
        Vec::from_value(value, at).map(Self::from_iter)
    }
}

impl<T: FromValue> FromValue for BTreeMap<String, T> {
    fn from_value(value: &Value, at: &Trail<'_>) -> Result<Self, ConvertError> {
        let Value::Map(entries) = value else {
            return Err(ConvertError::new(at, "a map", value));
        };
        entries
            .iter()
            .map(|(key, entry)| Ok((key.clone(), T::from_value(entry, &at.key(key))?)))
            .collect()
    }
}

fn elements<'v>(value: &'v Value, at: &Trail<'_>) -> Result<&'v [Value], ConvertError> {
    match value {
        Value::List(items) | Value::Set(items) | Value::Tuple(items) => Ok(items),
        other => Err(ConvertError::new(at, "a list or set", other)),
    }
}

impl IntoValue for Value {
    fn into_value(self) -> Value {
        self
    }
}

impl IntoValue for bool {
    fn into_value(self) -> Value {
        Value::Bool(self)
    }
}

impl IntoValue for Number {
    fn into_value(self) -> Value {
        Value::Number(self)
    }
}

impl IntoValue for i64 {
    fn into_value(self) -> Value {
        Value::Number(self.into())
    }
}

impl IntoValue for u64 {
    fn into_value(self) -> Value {
        Value::Number(self.into())
    }
}

impl IntoValue for u32 {
    fn into_value(self) -> Value {
        Value::Number(self.into())
    }
}

/// Null for "not a number", which no Terraform value can be.
impl IntoValue for f64 {
    fn into_value(self) -> Value {
        Number::from_f64(self).map_or(Value::Null, Value::Number)
    }
}

impl IntoValue for Text {
    fn into_value(self) -> Value {
        Value::String(self)
    }
}

impl IntoValue for String {
    fn into_value(self) -> Value {
        Value::string(self)
    }
}

impl IntoValue for &str {
    fn into_value(self) -> Value {
        Value::string(self)
    }
}

impl<T: IntoValue> IntoValue for Option<T> {
    fn into_value(self) -> Value {
        self.map_or(Value::Null, T::into_value)
    }
}

impl<T: IntoValue> IntoValue for Input<T> {
    fn into_value(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Unknown => Value::UNKNOWN,
            Self::Known(value) => value.into_value(),
        }
    }
}

impl<T: IntoValue> IntoValue for Box<T> {
    fn into_value(self) -> Value {
        (*self).into_value()
    }
}

/// A list.
impl<T: IntoValue> IntoValue for Vec<T> {
    fn into_value(self) -> Value {
        Value::List(self.into_iter().map(T::into_value).collect())
    }
}

/// A set.
impl IntoValue for BTreeSet<String> {
    fn into_value(self) -> Value {
        Value::Set(self.into_iter().map(String::into_value).collect())
    }
}

/// A map.
impl<T: IntoValue> IntoValue for BTreeMap<String, T> {
    fn into_value(self) -> Value {
        Value::Map(self.into_iter().map(|(key, entry)| (key, entry.into_value())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    record! {
        /// A record with every kind of field.
        #[derive(Debug, PartialEq)]
        struct Sample {
            r#type: String,
            size: Input<i64>,
            secret: Option<Text>,
            tags: BTreeMap<String, String>,
            parts: Vec<Part>,
            names: BTreeSet<String>,
        }
    }

    record! {
        #[derive(Debug, PartialEq)]
        struct Part { weight: Option<f64>, rest: Value }
    }

    fn sample() -> Value {
        Value::object([
            ("type", Value::string("generic")),
            ("size", Value::UNKNOWN),
            ("secret", Value::Null),
            ("tags", Value::Map(BTreeMap::from([("a".to_owned(), Value::string("b"))]))),
            (
                "parts",
                Value::List(vec![Value::object([
                    ("weight", 0.5.into_value()),
                    ("rest", Value::UNKNOWN),
                ])]),
            ),
            ("names", Value::Set(vec![Value::string("x")])),
        ])
    }

    #[test]
    fn record_round_trip_keeps_every_attribute() {
        let record: Sample = read(&sample()).unwrap();
        assert_eq!(record.size, Input::Unknown);
        assert_eq!(record.parts, vec![Part { weight: Some(0.5), rest: Value::UNKNOWN }]);
        assert_eq!(record.into_value(), sample());
        assert_eq!(Sample::ATTRIBUTES[0], "type");
    }

    #[test]
    fn missing_attribute_reads_as_null() {
        let part: Part = read(&Value::object::<String>([])).unwrap();
        assert_eq!(part, Part { weight: None, rest: Value::Null });
    }

    #[test]
    fn error_names_the_place_and_not_the_value() {
        let mut value = sample();
        value
            .set("parts", Value::List(vec![Value::object([("weight", Value::string("hunter2"))])]));
        let error = read::<Sample>(&value).unwrap_err();
        assert_eq!(
            error.to_string(),
            "expected a number in the range of a double, found a string at parts[0].weight"
        );
        value = sample();
        value.set("tags", Value::Map(BTreeMap::from([("k".to_owned(), Value::UNKNOWN)])));
        let error = read::<Sample>(&value).unwrap_err();
        assert_eq!(error.path.to_string(), "tags[\"k\"]");
        assert_eq!(error.found, "a value that is not known yet");
    }

    #[test]
    fn null_is_refused_where_a_value_is_needed() {
        assert_eq!(read::<Sample>(&Value::Null).unwrap_err().found, "null");
        assert_eq!(read::<String>(&Value::Null).unwrap_err().expected, "a string");
        assert_eq!(read::<Option<String>>(&Value::Null), Ok(None));
        assert!(read::<Option<String>>(&Value::UNKNOWN).is_err());
    }

    #[test]
    fn numbers_outside_the_type_are_refused() {
        let number = |text: &str| Value::Number(text.parse().unwrap());
        assert_eq!(read::<u32>(&number("4294967295")), Ok(u32::MAX));
        assert!(read::<u32>(&number("4294967296")).is_err());
        assert!(read::<i64>(&number("1.5")).is_err());
        assert_eq!(read::<f64>(&number("0.1")), Ok(0.1));
    }
}
