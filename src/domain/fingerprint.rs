//! Content fingerprints, format `cfp1`.
//!
//! Responsible for making, parsing and comparing `cfp1.<alg>.<kid>.<salt>.<tag>` under a ring of
//! keys. Keys come in as bytes; where they are read from is the provider's business.

use std::fmt;
use std::str::FromStr;

use super::kind::Content;
use super::material::Secret;

/// A fingerprint: says whether content changed, and nothing about what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    text: String,
}

/// 16 random bytes, made once per secret and kept for its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Salt(pub [u8; 16]);

/// A 32-byte fingerprint key with its public 8-character id.
#[derive(Debug)]
pub struct Key {
    secret: Secret,
    id: String,
}

/// The primary key, retired keys, and what to do without one.
#[derive(Debug, Default)]
pub struct KeyRing {
    primary: Option<Key>,
    retired: Vec<Key>,
}

/// Outcome of comparing content with a stored fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// Same type and content.
    Same,
    /// Different.
    Different,
    /// The stored print was made with a key that is not in the ring.
    UnknownKey,
}

impl Fingerprint {
    /// The 67 characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The salt inside.
    #[must_use]
    pub fn salt(&self) -> Salt {
        unimplemented!()
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Fingerprint {
    type Err = InvalidFingerprint;

    fn from_str(_text: &str) -> Result<Self, Self::Err> {
        unimplemented!()
    }
}

/// The text is not a `cfp1` fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a coffer fingerprint (cfp1)")]
pub struct InvalidFingerprint;

impl Key {
    /// A key of 32 bytes.
    ///
    /// # Errors
    /// When it has another length.
    pub fn new(_bytes: Secret) -> Result<Self, InvalidKey> {
        unimplemented!()
    }

    /// Public id, safe to show: 8 characters derived one way from the key.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// A fingerprint key has 32 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a fingerprint key has 32 bytes")]
pub struct InvalidKey;

impl KeyRing {
    /// A ring; without a primary key, prints are made with argon2id (about 0.2 s each).
    #[must_use]
    pub const fn new(primary: Option<Key>, retired: Vec<Key>) -> Self {
        Self { primary, retired }
    }

    /// True when prints are made with a key.
    #[must_use]
    pub const fn is_keyed(&self) -> bool {
        self.primary.is_some()
    }

    /// The print of `content` under the primary key.
    #[must_use]
    pub fn fingerprint(&self, _content: &Content, _salt: Salt) -> Fingerprint {
        unimplemented!()
    }

    /// Compares content with a stored print, under the key the print names.
    #[must_use]
    pub fn verify(&self, _content: &Content, _stored: &Fingerprint) -> Match {
        unimplemented!()
    }
}
