//! Names and ids of secrets.
//!
//! Responsible for the grammar of `<profile>/<name>` and `<profile>/<name>#<number>`. Which names
//! a vault accepts is in its [`Capability`](super::port::Capability).

use std::fmt;

/// Name of a secret in its vault: 1 to 512 bytes, no control characters, no `#`, no leading or
/// trailing slash, no empty path segment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretName(String);

impl SecretName {
    /// Checks the general rules; a vault may have narrower ones.
    ///
    /// # Errors
    /// The rule that is broken.
    pub fn parse(_text: &str) -> Result<Self, InvalidName> {
        unimplemented!()
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidName(pub String);
