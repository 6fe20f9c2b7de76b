//! Values of the Terraform type system: known, null or unknown.
//!
//! Responsible for representing any configuration, state or plan value, whole, and for the small
//! operations on it (navigation, "is it wholly known"). Leaves encodings to
//! [`codec`](super::codec), numbers to [`number`](super::number) and conversion to Rust structs
//! to [`convert`](super::convert).
//! Every string is a [`Text`]: a value read from configuration may be a secret, so all of them are
//! wiped on drop and none shows in `Debug`.

use std::collections::BTreeMap;
use std::fmt;

use unicode_normalization::{UnicodeNormalization, is_nfc};
use zeroize::Zeroizing;

use super::number::Number;
use super::types::Type;

/// A string that is wiped when dropped and hidden from `Debug`.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Text(Zeroizing<String>);

impl Text {
    /// Text in normalisation form C, as every Terraform string is. Makes exactly one copy of
    /// `raw`, in wiping memory.
    #[must_use]
    pub fn normalized(raw: &str) -> Self {
        Self(normal_form(raw).unwrap_or_else(|| Zeroizing::new(raw.to_owned())))
    }

    /// The characters. Callers must not log or format them: they may be a secret.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Moves the bytes out without copying them; they stay in wiping memory.
    #[must_use]
    pub fn into_bytes(mut self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(std::mem::take(&mut *self.0).into_bytes())
    }
}

impl From<String> for Text {
    fn from(value: String) -> Self {
        Self(Zeroizing::new(value))
    }
}

impl From<Zeroizing<String>> for Text {
    fn from(value: Zeroizing<String>) -> Self {
        Self(value)
    }
}

impl From<&str> for Text {
    fn from(value: &str) -> Self {
        Self(Zeroizing::new(value.to_owned()))
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({} bytes)", self.0.len())
    }
}

/// The normalisation form C of `raw`, or `None` when `raw` already is in it.
#[must_use]
pub fn normal_form(raw: &str) -> Option<Zeroizing<String>> {
    if raw.is_ascii() || is_nfc(raw) {
        return None;
    }
    // Counted first, so that the buffer never moves and leaves a copy behind.
    let length = raw.nfc().map(char::len_utf8).sum();
    let mut text = Zeroizing::new(String::with_capacity(length));
    text.extend(raw.nfc());
    Some(text)
}

/// What is known about an unknown value (protocol: refined unknown, extension code 12).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Refinements {
    /// `Some(true)`: certainly null; `Some(false)`: certainly not null.
    pub null: Option<bool>,
    /// The final string starts with this, at most 256 bytes.
    pub string_prefix: Option<Text>,
    /// Lower bound and whether it is itself allowed.
    pub number_lower: Option<(Number, bool)>,
    /// Upper bound and whether it is itself allowed.
    pub number_upper: Option<(Number, bool)>,
    /// Least number of elements.
    pub length_lower: Option<u64>,
    /// Greatest number of elements.
    pub length_upper: Option<u64>,
}

impl Refinements {
    /// True when nothing is said about the value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A value of some [`Type`]. The type itself is not carried, except by [`Value::Dynamic`].
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value {
    /// Null of any type.
    #[default]
    Null,
    /// Not known yet; decided at apply.
    Unknown(Option<Box<Refinements>>),
    /// `bool`
    Bool(bool),
    /// `number`
    Number(Number),
    /// `string`
    String(Text),
    /// `list(T)`
    List(Vec<Self>),
    /// `set(T)`, in the order received; compared without regard to order by
    /// [`Value::same`](Self::same)
    Set(Vec<Self>),
    /// `map(T)`
    Map(BTreeMap<String, Self>),
    /// `object({…})`: nested attribute, block or object
    Object(BTreeMap<String, Self>),
    /// `tuple([…])`
    Tuple(Vec<Self>),
    /// A value of type `dynamic` with its own type.
    Dynamic(Box<(Type, Self)>),
}

impl Value {
    /// An unknown value of which nothing more is known.
    pub const UNKNOWN: Self = Self::Unknown(None);

    /// A known string.
    #[must_use]
    pub fn string(text: impl Into<Text>) -> Self {
        Self::String(text.into())
    }

    /// A known object.
    #[must_use]
    pub fn object<K: Into<String>>(attributes: impl IntoIterator<Item = (K, Self)>) -> Self {
        Self::Object(attributes.into_iter().map(|(k, v)| (k.into(), v)).collect())
    }

    /// True for null.
    #[must_use]
    pub fn is_null(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Dynamic(inner) => inner.1.is_null(),
            _ => false,
        }
    }

    /// True when the value itself is unknown; its parts are not looked at.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        match self {
            Self::Unknown(_) => true,
            Self::Dynamic(inner) => inner.1.is_unknown(),
            _ => false,
        }
    }

    /// True when neither the value nor any part of it is unknown.
    #[must_use]
    pub fn is_wholly_known(&self) -> bool {
        match self {
            Self::Unknown(_) => false,
            Self::List(items) | Self::Set(items) | Self::Tuple(items) => {
                items.iter().all(Self::is_wholly_known)
            }
            Self::Map(entries) | Self::Object(entries) => {
                entries.values().all(Self::is_wholly_known)
            }
            Self::Dynamic(inner) => inner.1.is_wholly_known(),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) => true,
        }
    }

    /// The attribute of an object or entry of a map; null when there is none.
    #[must_use]
    pub fn get(&self, name: &str) -> &Self {
        const NULL: &Value = &Value::Null;
        match self {
            Self::Object(entries) | Self::Map(entries) => entries.get(name).unwrap_or(NULL),
            _ => NULL,
        }
    }

    /// Sets an attribute of an object. Anything but an object is left alone.
    pub fn set(&mut self, name: &str, value: Self) {
        if let Self::Object(entries) = self {
            entries.insert(name.to_owned(), value);
        }
    }

    /// The characters of a known string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text.as_str()),
            _ => None,
        }
    }

    /// Equality of Terraform values: sets without regard to order, the rest by structure.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Set(a), Self::Set(b)) => {
                a.len() == b.len() && a.iter().all(|x| b.iter().any(|y| x.same(y)))
            }
            (Self::List(a), Self::List(b)) | (Self::Tuple(a), Self::Tuple(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(x, y)| x.same(y))
            }
            (Self::Map(a), Self::Map(b)) | (Self::Object(a), Self::Object(b)) => {
                a.len() == b.len() && a.iter().all(|(k, x)| b.get(k).is_some_and(|y| x.same(y)))
            }
            (Self::Dynamic(a), Self::Dynamic(b)) => a.0 == b.0 && a.1.same(&b.1),
            _ => self == other,
        }
    }
}
