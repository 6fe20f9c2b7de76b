//! Typed secrets: the eight types, their fields and what makes them valid.
//!
//! Responsible for [`Kind`] and [`Content`]; the rules of each type are a table in `rules`. Leaves
//! canonical bytes to [`canonical`](super::canonical) and the layout in a vault to its adapter.
//! Errors name a field and a rule and never show content, which includes the keys of a
//! `key_value` secret.

use std::collections::BTreeMap;
use std::fmt;

use super::material::Secret;

mod jwt;
mod key_store;
mod private_key;
mod rules;
mod secret_key;

pub use jwt::EncryptedToken;
pub use key_store::{COMPARISONS as KEY_STORE_COMPARISONS, FORMATS as KEY_STORE_FORMATS};
pub use secret_key::algorithms as secret_key_algorithms;

#[cfg(test)]
mod tests;

/// Names of the fields, as they enter the canonical bytes. Changing one changes every fingerprint.
pub mod field {
    /// Of `generic`, `api_key` and `jwt_token`.
    pub const VALUE: &str = "value";
    /// Of `basic_auth`.
    pub const USERNAME: &str = "username";
    /// Of `basic_auth` and `key_store`.
    pub const PASSWORD: &str = "password";
    /// Of `private_key`.
    pub const PEM: &str = "pem";
    /// Of `private_key`, optional.
    pub const PASSPHRASE: &str = "passphrase";
    /// Of `secret_key` and `key_store`: decoded bytes.
    pub const BYTES: &str = "bytes";
    /// Of `secret_key`, optional.
    pub const ALGORITHM: &str = "algorithm";
    /// Of `key_store`.
    pub const FORMAT: &str = "format";
    /// Of `key_store`, optional: how its fingerprint sees it.
    pub const COMPARISON: &str = "comparison";
}

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
    /// A key store; fields `bytes`, `password`, `format` and optionally `comparison`.
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

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Named values.
type Fields = Vec<(String, Secret)>;

/// Validated content of a secret: its type and named fields, in the canonical order of the type
/// (the declared order; for `key_value` by key, bytewise).
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
    pub fn new(kind: Kind, fields: Vec<(String, Secret)>) -> Result<Self, InvalidContent> {
        let content = Self::restore(kind, fields)?;
        (rules::of(kind).check)(&content)?;
        Ok(content)
    }

    /// Content as a vault holds it: the names and the order of the fields are checked, the rules
    /// on their values are not, so that a stricter coffer still reads what an older one or
    /// somebody else stored.
    ///
    /// # Errors
    /// When the fields are not those of the type.
    pub fn restore(kind: Kind, fields: Vec<(String, Secret)>) -> Result<Self, InvalidContent> {
        Ok(Self { kind, fields: rules::of(kind).fields.arrange(kind, fields)? })
    }

    /// A `generic` secret: text or bytes.
    ///
    /// # Errors
    /// When it is blank.
    pub fn generic(value: Secret) -> Result<Self, InvalidContent> {
        Self::new(Kind::Generic, vec![(field::VALUE.to_owned(), value)])
    }

    /// An `api_key` secret.
    ///
    /// # Errors
    /// When it is not one line of text without surrounding white space.
    pub fn api_key(value: Secret) -> Result<Self, InvalidContent> {
        Self::new(Kind::ApiKey, vec![(field::VALUE.to_owned(), value)])
    }

    /// A `jwt_token` secret. White space around the token is taken away.
    ///
    /// # Errors
    /// When it is not a token in compact form, or is an encrypted one and those are refused.
    pub fn jwt_token(value: Secret, encrypted: EncryptedToken) -> Result<Self, InvalidContent> {
        let fields = vec![(field::VALUE.to_owned(), jwt::trimmed(value))];
        let content = Self::restore(Kind::JwtToken, fields)?;
        jwt::check_as(&content, encrypted)?;
        Ok(content)
    }

    /// A `basic_auth` secret.
    ///
    /// # Errors
    /// When a part is blank or the user name cannot be sent in HTTP Basic authentication.
    pub fn basic_auth(username: Secret, password: Secret) -> Result<Self, InvalidContent> {
        let fields =
            vec![(field::USERNAME.to_owned(), username), (field::PASSWORD.to_owned(), password)];
        Self::new(Kind::BasicAuth, fields)
    }

    /// A `private_key` secret.
    ///
    /// # Errors
    /// When the text does not hold exactly one private key, or the passphrase does not open it.
    pub fn private_key(pem: Secret, passphrase: Option<Secret>) -> Result<Self, InvalidContent> {
        let mut fields = vec![(field::PEM.to_owned(), pem)];
        fields.extend(passphrase.map(|value| (field::PASSPHRASE.to_owned(), value)));
        Self::new(Kind::PrivateKey, fields)
    }

    /// A `secret_key` secret; the algorithm is a code of [`secret_key_algorithms`].
    ///
    /// # Errors
    /// When the size does not suit the algorithm.
    pub fn secret_key(bytes: Secret, algorithm: Option<Secret>) -> Result<Self, InvalidContent> {
        let mut fields = vec![(field::BYTES.to_owned(), bytes)];
        fields.extend(algorithm.map(|value| (field::ALGORITHM.to_owned(), value)));
        Self::new(Kind::SecretKey, fields)
    }

    /// A `key_store` secret; `format` is one of [`KEY_STORE_FORMATS`], `comparison` of
    /// [`KEY_STORE_COMPARISONS`].
    ///
    /// # Errors
    /// When it is not a store of that format or the password does not open it.
    pub fn key_store(
        bytes: Secret,
        password: Secret,
        format: Secret,
        comparison: Option<Secret>,
    ) -> Result<Self, InvalidContent> {
        let named = [(field::BYTES, bytes), (field::PASSWORD, password), (field::FORMAT, format)];
        let mut fields: Fields =
            named.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        fields.extend(comparison.map(|value| (field::COMPARISON.to_owned(), value)));
        Self::new(Kind::KeyStore, fields)
    }

    /// A `key_value` secret.
    ///
    /// # Errors
    /// When it has no keys, an empty key, or a value that is not text.
    pub fn key_value(entries: BTreeMap<String, Secret>) -> Result<Self, InvalidContent> {
        Self::new(Kind::KeyValue, entries.into_iter().collect())
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

    /// What the content says, without what its encoding adds: the fields that fingerprints are
    /// computed over, where they are not [`Self::fields`] as they are. Depends on the content
    /// alone. Content that does not keep the rules of its type has no such form.
    #[must_use]
    pub fn canonical_fields(&self) -> Option<Vec<(String, Secret)>> {
        (rules::of(self.kind).canonical)(self)
    }

    /// Takes the fields out, in canonical order.
    #[must_use]
    pub fn into_fields(self) -> Vec<(String, Secret)> {
        self.fields
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

    /// True when every field is UTF-8 text; found by looking, nothing remembers how the value was
    /// given.
    #[must_use]
    pub fn is_text(&self) -> bool {
        self.fields.iter().all(|(_, secret)| secret.expose_text().is_ok())
    }
}

/// A rule of a type that the content breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {rule}")]
pub struct InvalidContent {
    /// The field it concerns; the code of the type when it concerns all of them.
    pub field: &'static str,
    /// The rule in words, without the value.
    pub rule: String,
}
