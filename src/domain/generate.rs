//! Content that coffer makes itself: passwords, tokens, passphrases, keys.
//!
//! Responsible for what a [`Recipe`] may say and for turning it into [`Content`]. Randomness comes
//! in as an argument ([`Entropy`]); so do freshly made key pairs, because their libraries take no
//! other source. Every choice is uniform: no modulo bias. Leaves when to make a value to the plan.

use super::kind::{Content, InvalidContent};
use super::material::Secret;

mod key;
mod text;

#[cfg(test)]
mod tests;

pub use key::public_half;
pub use text::{Characters, DEFAULT_SYMBOLS};

/// Where randomness comes from. Must be fit for keys.
pub trait Entropy {
    /// Fills with random bytes.
    fn fill(&mut self, bytes: &mut [u8]);

    /// Makes a private key: PKCS#8 in DER (RFC 5958).
    ///
    /// # Errors
    /// When the library cannot make one.
    fn private_key(&mut self, algorithm: KeyAlgorithm) -> Result<Secret, NotMade>;
}

/// Algorithm of a key pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyAlgorithm {
    /// RSA with a modulus of so many bits: 2048, 3072 or 4096.
    Rsa(u16),
    /// ECDSA over NIST P-256.
    P256,
    /// ECDSA over NIST P-384.
    P384,
    /// Ed25519 (RFC 8032).
    Ed25519,
}

/// How a private key is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeyFormat {
    /// PKCS#8 in PEM; the public half as SubjectPublicKeyInfo in PEM.
    #[default]
    Pkcs8,
    /// OpenSSH; the public half as a line of `authorized_keys`.
    OpenSsh,
}

/// What to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipe {
    /// Characters.
    Password {
        /// How many.
        length: usize,
        /// Which.
        characters: Characters,
    },
    /// Words from a list of 2,048, 11 bits each.
    Passphrase {
        /// How many.
        words: usize,
        /// Between them.
        separator: String,
    },
    /// Random bytes as text.
    Token {
        /// How many bytes.
        bytes: usize,
        /// Hexadecimal instead of base64url without padding.
        hex: bool,
    },
    /// A random UUID (version 4, RFC 9562).
    Uuid,
    /// A symmetric key for AES with 128, 192 or 256 bits.
    Aes(u16),
    /// A key pair.
    KeyPair {
        /// Algorithm.
        algorithm: KeyAlgorithm,
        /// How it is written.
        format: KeyFormat,
    },
}

/// A value that was made.
#[derive(Debug)]
pub struct Generated {
    /// The content.
    pub content: Content,
    /// The public half of a key pair, not secret.
    pub public_key: Option<String>,
}

/// A value could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotMade(pub String);

impl From<InvalidContent> for NotMade {
    fn from(invalid: InvalidContent) -> Self {
        Self(invalid.to_string())
    }
}

impl Recipe {
    /// Makes a value. With a user name, text becomes its password (`basic_auth`).
    ///
    /// # Errors
    /// When characters leave no choice, or the library for keys fails.
    pub fn make(
        &self,
        username: Option<&str>,
        entropy: &mut dyn Entropy,
    ) -> Result<Generated, NotMade> {
        let text = match self {
            Self::Password { length, characters } => characters.password(*length, entropy)?,
            Self::Passphrase { words, separator } => text::passphrase(*words, separator, entropy),
            Self::Token { bytes, hex } => text::token(*bytes, *hex, entropy),
            Self::Uuid => text::uuid(entropy),
            Self::Aes(bits) => return key::aes(*bits, entropy),
            Self::KeyPair { algorithm, format } => return key::pair(*algorithm, *format, entropy),
        };
        let content = match username {
            Some(name) => Content::basic_auth(Secret::from(name), text)?,
            None => Content::generic(text)?,
        };
        Ok(Generated { content, public_key: None })
    }
}

/// A number below `bound`, each equally likely: draws that would favour the low ones are thrown
/// away.
fn below(bound: usize, entropy: &mut dyn Entropy) -> usize {
    let bound = u32::try_from(bound).unwrap_or(u32::MAX).max(1);
    let fair = u32::MAX - u32::MAX % bound;
    loop {
        let mut bytes = [0; 4];
        entropy.fill(&mut bytes);
        let drawn = u32::from_le_bytes(bytes);
        if drawn < fair {
            return (drawn % bound) as usize;
        }
    }
}
