//! What a copy is made of: one secret as it is, a part of it, or several in one.
//!
//! Responsible for the fixed set of transforms and for saying before any value is read which types
//! of secrets each can take. Pure; values enter and leave as [`Content`]. Errors name a rule, never
//! a value. Leaves which secrets there are to the selection, and names to
//! [`naming`](super::naming).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::{json, pem};
use crate::domain::kind::{Content, InvalidContent, Kind, field};
use crate::domain::material::Secret;

/// How a copy is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// What is done.
    pub transform: Transform,
    /// What it is done with; one input, but for a bundle.
    pub inputs: Vec<Input>,
}

/// A secret that goes into a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Its key: the name in the source.
    pub key: String,
    /// Name of its field in a bundle.
    pub field: String,
}

/// What is done to a value on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transform {
    /// Nothing: type and bytes stay.
    Identity,
    /// Base64 of the value (RFC 4648 §4, with padding), as `generic`.
    Base64,
    /// One field of the secret, or of the JSON object that it is, as `generic`. A name that begins
    /// with `/` is a JSON pointer (RFC 6901). What is no text becomes JSON.
    JsonField(String),
    /// A part of a PEM bundle.
    Pem(pem::Part),
    /// All inputs in one `key_value`.
    JsonBundle,
}

impl fmt::Display for Recipe {
    /// What a plan says a copy is made from.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.inputs.first().map_or("", |input| input.key.as_str());
        match &self.transform {
            Transform::Identity => f.write_str(key),
            Transform::Base64 => write!(f, "{key} in base64"),
            Transform::JsonField(name) => write!(f, "{key}, field {name}"),
            Transform::Pem(part) => write!(f, "{key}, {}", part.code()),
            Transform::JsonBundle => {
                let keys: Vec<_> = self.inputs.iter().map(|input| input.key.as_str()).collect();
                write!(f, "{}", keys.join(", "))
            }
        }
    }
}

/// Why a copy cannot be made of a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsuitable {
    /// The type does not suit.
    #[error("a secret of type {kind} {rule}")]
    Kind {
        /// The type.
        kind: Kind,
        /// Why it does not suit.
        rule: &'static str,
    },
    /// The value does not suit.
    #[error("the value {0}")]
    Value(&'static str),
    /// What came out is no valid content.
    #[error("the copy would not be valid: {0}")]
    Invalid(#[from] InvalidContent),
}

impl Recipe {
    /// The secret as it is.
    #[must_use]
    pub fn identity(key: &str) -> Self {
        Self::of(Transform::Identity, key)
    }

    /// A transform of one secret.
    #[must_use]
    pub fn of(transform: Transform, key: &str) -> Self {
        Self { transform, inputs: vec![Input { key: key.to_owned(), field: String::new() }] }
    }

    /// The version of the source of a copy that is made of these versions of the inputs, in their
    /// order. Of one secret as it is: its own. With a transform, that is part of it, so that another
    /// transform makes another version; of several inputs it is a digest of all.
    #[must_use]
    pub fn version_id(&self, versions: &[&str]) -> String {
        let version = || versions.first().copied().unwrap_or_default();
        match &self.transform {
            Transform::Identity => version().to_owned(),
            Transform::Base64 => format!("{}#base64", version()),
            Transform::JsonField(name) => format!("{}#json_field:{name}", version()),
            Transform::Pem(part) => format!("{}#pem_split:{}", version(), part.code()),
            Transform::JsonBundle => format!("{}#json_bundle", self.digest(versions)),
        }
    }

    /// A digest that any change of the set of inputs or of a version changes.
    fn digest(&self, versions: &[&str]) -> String {
        let mut digest = Sha256::new();
        for (input, version) in self.inputs.iter().zip(versions) {
            for part in [input.key.as_str(), input.field.as_str(), version] {
                digest.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
                digest.update(part);
            }
        }
        digest.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether a secret of this type can go in at all.
    ///
    /// # Errors
    /// Why not.
    pub const fn takes(&self, kind: Kind) -> Result<(), Unsuitable> {
        let several = matches!(kind, Kind::BasicAuth | Kind::KeyStore | Kind::KeyValue);
        let rule = match &self.transform {
            Transform::Base64 if several => "has several fields; choose one with json_field",
            Transform::JsonBundle if several => {
                "has several fields and cannot be one field of a bundle"
            }
            Transform::JsonBundle if matches!(kind, Kind::SecretKey) => {
                "holds bytes, and the fields of a bundle are text"
            }
            Transform::Pem(_) if !matches!(kind, Kind::Generic | Kind::PrivateKey) => {
                "is not PEM text"
            }
            _ => return Ok(()),
        };
        Err(Unsuitable::Kind { kind, rule })
    }

    /// Makes the content of the copy of the contents of the inputs, in their order.
    ///
    /// # Errors
    /// [`Unsuitable`], without the value.
    pub fn make(&self, contents: Vec<Content>) -> Result<Content, Unsuitable> {
        for content in &contents {
            self.takes(content.kind())?;
        }
        if self.transform == Transform::JsonBundle {
            return self.bundle(&contents);
        }
        let content = contents.into_iter().next().ok_or(Unsuitable::Value("is missing"))?;
        match &self.transform {
            Transform::Identity | Transform::JsonBundle => Ok(content),
            Transform::Base64 => {
                let encoded = STANDARD.encode(only_field(&content)?.expose()).into_bytes();
                Ok(Content::generic(Secret::new(encoded))?)
            }
            Transform::JsonField(name) => Ok(Content::generic(json::field(&content, name)?)?),
            Transform::Pem(part) => {
                let text = only_field(&content)?.expose_text().map_err(|_| NOT_TEXT)?;
                let block = part.of(text).map_err(Unsuitable::Value)?;
                match part {
                    pem::Part::PrivateKey => Ok(Content::private_key(block, None)?),
                    _ => Ok(Content::generic(block)?),
                }
            }
        }
    }

    fn bundle(&self, contents: &[Content]) -> Result<Content, Unsuitable> {
        let mut fields = Vec::with_capacity(contents.len());
        for (input, content) in self.inputs.iter().zip(contents) {
            let value = only_field(content)?;
            value.expose_text().map_err(|_| NOT_TEXT)?;
            fields.push((input.field.clone(), value.duplicate()));
        }
        Ok(Content::new(Kind::KeyValue, fields)?)
    }
}

const NOT_TEXT: Unsuitable = Unsuitable::Value("is not text");

/// The one field that matters: a `secret_key`'s algorithm does not.
fn only_field(content: &Content) -> Result<&Secret, Unsuitable> {
    match content.fields() {
        [(_, value)] => Ok(value),
        _ if content.kind() == Kind::SecretKey => {
            content.field(field::BYTES).ok_or(Unsuitable::Value("has no bytes"))
        }
        _ => Err(Unsuitable::Value("has several fields; choose one with json_field")),
    }
}

#[cfg(test)]
mod tests;
