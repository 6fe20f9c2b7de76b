//! Typed secrets: the eight types, their fields and what makes them valid.
//!
//! Responsible for [`Kind`], [`Content`] and validation. Leaves canonical bytes to
//! [`canonical`](super::canonical) and the layout in a vault to its adapter.

use super::material::Secret;

/// Type of a secret (the type codes of the ILM platform in snake case).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Arbitrary text or bytes; field `value`.
    Generic,
    /// An API key; field `value`.
    ApiKey,
    /// A JSON web token; field `value`.
    JwtToken,
    /// Fields `username` and `password`.
    BasicAuth,
    /// A private key; fields `pem` and optionally `passphrase`.
    PrivateKey,
    /// A symmetric key; fields `bytes` and optionally `algorithm`.
    SecretKey,
    /// A key store; fields `bytes`, `password`, `format`.
    KeyStore,
    /// A map of strings; one field per key.
    KeyValue,
}

impl Kind {
    /// Every type, in the order of the documentation.
    pub const ALL: [Self; 8] = [
        Self::Generic,
        Self::ApiKey,
        Self::JwtToken,
        Self::BasicAuth,
        Self::PrivateKey,
        Self::SecretKey,
        Self::KeyStore,
        Self::KeyValue,
    ];

    /// The code as users write and read it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::ApiKey => "api_key",
            Self::JwtToken => "jwt_token",
            Self::BasicAuth => "basic_auth",
            Self::PrivateKey => "private_key",
            Self::SecretKey => "secret_key",
            Self::KeyStore => "key_store",
            Self::KeyValue => "key_value",
        }
    }

    /// The type of a code.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// Validated content of a secret: its type and named fields, in the canonical order of the type
/// (the declared order; for `key_value` by key).
#[derive(Debug, PartialEq, Eq)]
pub struct Content {
    kind: Kind,
    fields: Vec<(String, Secret)>,
}

impl Content {
    /// Validates and orders the fields of a secret of type `kind`.
    ///
    /// # Errors
    /// The rule that is broken and the field it concerns, never the value.
    pub fn new(_kind: Kind, _fields: Vec<(String, Secret)>) -> Result<Self, InvalidContent> {
        unimplemented!()
    }

    /// The type.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The fields in canonical order.
    #[must_use]
    pub fn fields(&self) -> &[(String, Secret)] {
        &self.fields
    }

    /// One field.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Secret> {
        self.fields.iter().find(|(n, _)| n == name).map(|(_, secret)| secret)
    }

    /// Bytes of all field values together, as vaults count them for their size limits.
    #[must_use]
    pub fn size(&self) -> usize {
        self.fields.iter().map(|(_, secret)| secret.len()).sum()
    }
}

/// A rule of a type that the content breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {rule}")]
pub struct InvalidContent {
    /// The field it concerns.
    pub field: String,
    /// The rule in words, without the value.
    pub rule: String,
}
