//! Type constraints of the Terraform type system.
//!
//! Responsible for the shape of a type and for the type a whole schema implies. Leaves the JSON
//! form and every encoding of values to [`codec`](super::codec).
//! Implements the type grammar of the plugin protocol's object wire format
//! (`"string"`, `["list", T]`, `["object", {…}]`, …).

use std::collections::BTreeMap;

/// A type constraint, as it appears in a schema and travels next to dynamic values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// `bool`
    Bool,
    /// `number`, of arbitrary precision
    Number,
    /// `string`, Unicode in normalisation form C
    String,
    /// `dynamic`: the value carries its own type
    Dynamic,
    /// `list(T)`
    List(Box<Self>),
    /// `set(T)`
    Set(Box<Self>),
    /// `map(T)`
    Map(Box<Self>),
    /// `object({…})`; every attribute is present in a value of the type, possibly null
    Object(BTreeMap<String, Self>),
    /// `tuple([…])`
    Tuple(Vec<Self>),
}

impl Type {
    /// `list(element)`
    #[must_use]
    pub fn list(element: Self) -> Self {
        Self::List(Box::new(element))
    }

    /// `set(element)`
    #[must_use]
    pub fn set(element: Self) -> Self {
        Self::Set(Box::new(element))
    }

    /// `map(element)`
    #[must_use]
    pub fn map(element: Self) -> Self {
        Self::Map(Box::new(element))
    }

    /// `object({ name = type, … })`
    #[must_use]
    pub fn object<K: Into<String>>(attributes: impl IntoIterator<Item = (K, Self)>) -> Self {
        Self::Object(attributes.into_iter().map(|(k, v)| (k.into(), v)).collect())
    }
}
