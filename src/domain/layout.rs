//! How content lies in a vault that others read too.
//!
//! Responsible for turning content into the value of a vault and back, exactly: what cannot be read
//! back as it was written is not written. `native` is what applications of such a vault expect;
//! `envelope` is one document that holds any content, and takes the place of `native` where that
//! would lose something. Pure functions: the type is in the vault's metadata, which adapters keep,
//! as they keep the choice of layout. A vault of coffer's own stores the frame of
//! [`canonical`](super::canonical) instead.

use std::collections::BTreeMap;

use super::kind::{Content, Kind};
use super::material::Secret;

mod envelope;
mod native;

#[cfg(test)]
mod tests;

/// What lies in the vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    /// What applications of the vault expect.
    #[default]
    Native,
    /// One document for every type.
    Envelope,
}

impl Layout {
    /// Every layout, the default first.
    pub const ALL: [Self; 2] = [Self::Native, Self::Envelope];

    /// The code as users write it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Envelope => "envelope",
        }
    }

    /// The layout of a code.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|layout| layout.code() == code)
    }
}

/// What the values of a vault are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A JSON object whose values are texts (key-value stores of Vault and OpenBao).
    Map,
    /// Text or bytes (AWS, Google Cloud, OCI).
    Bytes,
    /// Text with a media type (Azure).
    Text,
    /// Named bytes, with a type (Kubernetes).
    Data,
}

/// A value of a vault.
#[derive(Debug, PartialEq, Eq)]
pub enum Form {
    /// Of [`Shape::Map`]; every value is text.
    Map(BTreeMap<String, Secret>),
    /// Of [`Shape::Bytes`].
    Bytes(Secret),
    /// Of [`Shape::Text`].
    Text {
        /// The text.
        text: Secret,
        /// Its media type. `encoding=base64` in it says how `generic` is to be read.
        content_type: String,
    },
    /// Of [`Shape::Data`].
    Data {
        /// Type of the Kubernetes secret.
        data_type: &'static str,
        /// The entries.
        entries: BTreeMap<String, Secret>,
    },
}

/// The value that holds `content` in a vault.
///
/// # Errors
/// When nothing of that shape can hold it and give it back exactly.
pub fn write(content: &Content, layout: Layout, shape: Shape) -> Result<Form, Unfit> {
    let exact = |form: &Form| read(content.kind(), layout, form).is_ok_and(|read| read == *content);
    if layout == Layout::Native {
        let form = native::write(content, shape)?;
        if exact(&form) {
            return Ok(form);
        }
    }
    let form = envelope::write(content, shape);
    if exact(&form) { Ok(form) } else { Err(Unfit { rule: INEXACT }) }
}

const INEXACT: &str = "the vault's own layout would not give it back exactly";

/// The content of type `kind` that a value holds.
///
/// # Errors
/// When the value is not one that [`write`] makes of such content.
pub fn read(kind: Kind, layout: Layout, form: &Form) -> Result<Content, Unreadable> {
    let content = match layout {
        Layout::Envelope => envelope::read(form).ok_or(Unreadable)?,
        Layout::Native => native::read(kind, form)?,
    };
    if content.kind() == kind { Ok(content) } else { Err(Unreadable) }
}

/// Content that a vault cannot hold in this layout; says why, not what.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{rule}; layout = \"envelope\" holds it")]
pub struct Unfit {
    /// The rule that is broken.
    pub rule: &'static str,
}

/// A value that is not laid out as expected; it may be somebody else's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the value in the vault is not laid out as a secret of its type")]
pub struct Unreadable;
