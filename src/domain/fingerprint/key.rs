//! Fingerprint keys: where they come from, their public ids, and the ring of the primary key and
//! retired ones.
//!
//! HKDF as in RFC 5869, argon2id as in RFC 9106.

use std::fmt;

use hkdf::Hkdf;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::{Fingerprint, Match, Salt, argon2id};
use crate::domain::kind::Content;
use crate::domain::material::Secret;

const KEY_BYTES: usize = 32;
const ID_BYTES: usize = 5;
const SHORTEST_SALT: usize = 16;

/// A 32-byte fingerprint key with its public 8-character id.
pub struct Key {
    secret: Secret,
    id: String,
}

impl Key {
    /// A key of 32 bytes.
    ///
    /// # Errors
    /// When it has another length.
    pub fn new(bytes: Secret) -> Result<Self, InvalidKey> {
        if bytes.len() != KEY_BYTES {
            return Err(InvalidKey::Length(bytes.len()));
        }
        let id = id(bytes.expose());
        Ok(Self { secret: bytes, id })
    }

    /// The key that belongs to a vault's master key: HKDF-SHA-256 without salt, info
    /// `coffer/fp/key`.
    #[must_use]
    pub fn derive(master: &Secret) -> Self {
        let mut key = Zeroizing::new(vec![0; KEY_BYTES]);
        expand(&Hkdf::new(None, master.expose()), b"coffer/fp/key", &mut key);
        let id = id(&key);
        Self { secret: Secret::from_zeroizing(key), id }
    }

    /// The key of a passphrase: argon2id with m = 64 MiB, t = 3, p = 1 (about 0.2 s). The salt is
    /// not secret, and is the same wherever the prints are to be compared.
    ///
    /// # Errors
    /// When the passphrase is empty or the salt has fewer than 16 bytes.
    pub fn from_passphrase(passphrase: &Secret, salt: &[u8]) -> Result<Self, InvalidKey> {
        if passphrase.is_empty() {
            return Err(InvalidKey::EmptyPassphrase);
        }
        if salt.len() < SHORTEST_SALT {
            return Err(InvalidKey::ShortSalt(salt.len()));
        }
        let mut key = Zeroizing::new(vec![0; KEY_BYTES]);
        argon2id(KEY_BYTES)
            .hash_password_into(passphrase.expose(), salt, &mut key)
            .map_err(|_| InvalidKey::TooLong)?;
        Self::new(Secret::from_zeroizing(key))
    }

    /// Public id, safe to show: 8 characters derived one way from the key.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn expose(&self) -> &[u8] {
        self.secret.expose()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Why bytes cannot be a fingerprint key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// Not 32 bytes.
    #[error("a fingerprint key has 32 bytes, this one has {0}")]
    Length(usize),
    /// Nothing to derive from.
    #[error("the passphrase is empty")]
    EmptyPassphrase,
    /// Too short to be unique.
    #[error("the salt of a passphrase has at least 16 bytes, this one has {0}")]
    ShortSalt(usize),
    /// More than argon2 takes.
    #[error("the passphrase or its salt is too long")]
    TooLong,
}

/// The primary key, retired keys, and what to do without one.
#[derive(Debug, Default)]
pub struct KeyRing {
    primary: Option<Key>,
    retired: Vec<Key>,
}

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

    /// Id of the key that new prints are made with.
    #[must_use]
    pub fn primary_id(&self) -> Option<&str> {
        self.primary.as_ref().map(Key::id)
    }

    /// True when a new print of the same content would look different: the stored one was made
    /// with a retired key, an unknown one, or without the key there is now.
    #[must_use]
    pub fn is_outdated(&self, stored: &Fingerprint) -> bool {
        stored.key_id() != self.primary_id()
    }

    /// The print of `content` under the primary key.
    #[must_use]
    pub fn fingerprint(&self, content: &Content, salt: Salt) -> Fingerprint {
        match &self.primary {
            Some(key) => Fingerprint::keyed(key, content, salt),
            None => Fingerprint::keyless(content, salt),
        }
    }

    /// Compares content with a stored print, under the key the print names.
    #[must_use]
    pub fn verify(&self, content: &Content, stored: &Fingerprint) -> Match {
        let again = match stored.key_id() {
            None => Fingerprint::keyless(content, stored.salt()),
            Some(id) => {
                let mut keys = self.primary.iter().chain(&self.retired);
                let Some(key) = keys.find(|key| key.id() == id) else { return Match::UnknownKey };
                Fingerprint::keyed(key, content, stored.salt())
            }
        };
        if again.tag.ct_eq(&stored.tag).into() { Match::Same } else { Match::Different }
    }
}

/// The public id of a key. No message that a key ever authenticates is as short as the input of
/// HKDF here, so the id says nothing about any print.
fn id(key: &[u8]) -> String {
    let mut bytes = [0; ID_BYTES];
    let key = Hkdf::<Sha256>::from_prk(key)
        .unwrap_or_else(|_| unreachable!("a key is as long as the hash"));
    expand(&key, b"coffer/fp/kid", &mut bytes);
    let number = bytes.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    (0..8).rev().map(|place| char::from(BASE32[(number >> (5 * place) & 31) as usize])).collect()
}

/// Alphabet of RFC 4648, lower case.
const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// True for what [`Key::id`] can be.
pub(super) fn is_id(text: &str) -> bool {
    text.len() == 8 && text.bytes().all(|byte| BASE32.contains(&byte))
}

fn expand(key: &Hkdf<Sha256>, info: &[u8], output: &mut [u8]) {
    key.expand(info, output)
        .unwrap_or_else(|_| unreachable!("the output is far shorter than 255 hashes"));
}
