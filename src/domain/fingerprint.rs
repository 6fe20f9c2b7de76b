//! Content fingerprints, format `cfp1`.
//!
//! Responsible for making, parsing and comparing `cfp1.<alg>.<kid>.<salt>.<tag>` under a ring of
//! keys. Keys come in as bytes; where they are read from is the provider's business.
//!
//! ```text
//! alg   h2   tag = first 160 bits of HMAC-SHA-256(key, salt frame)
//!       a2   tag = argon2id(password = frame, salt, m = 65536 KiB, t = 3, p = 1), 160 bits
//! kid   8 characters: base32, lower case, of HKDF-Expand-SHA-256(key, "coffer/fp/kid", 5 bytes);
//!       "-" for a2
//! salt  16 bytes, 22 characters of base64url without padding
//! tag   20 bytes, 27 characters of base64url without padding
//! ```
//!
//! So `h2` prints have 4+1+2+1+8+1+22+1+27 = 67 characters and `a2` prints 60. The frame is that
//! of [`canonical`]. A plain hash would let everybody who can read state guess
//! passwords offline; see ADR 0002.

use std::fmt;
use std::str::FromStr;

use argon2::{Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::canonical;
use super::kind::Content;

mod key;

#[cfg(test)]
mod tests;

pub use key::{InvalidKey, Key, KeyRing};

const FORMAT: &str = "cfp1";
const TAG_BYTES: usize = 20;

/// A fingerprint: says whether content changed, and nothing about what it is.
#[derive(Clone)]
pub struct Fingerprint {
    text: String,
    key_id: Option<String>,
    salt: Salt,
    tag: [u8; TAG_BYTES],
}

/// 16 random bytes, made once per secret and kept for its life. Not secret: it is part of every
/// print. It keeps equal values of two secrets from showing equal prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Salt(pub [u8; 16]);

impl Salt {
    /// The salt of a value that coffer makes: it follows from the secret and from what the value is
    /// made by, so that a print tells that the value was made already. Values are random, so
    /// nobody gains from knowing the salt before.
    #[must_use]
    pub fn derived(parts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"coffer/salt/made/1");
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        let mut salt = [0; 16];
        salt.copy_from_slice(&hash.finalize()[..16]);
        Self(salt)
    }
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
    /// The text: 67 characters of `[A-Za-z0-9._-]`, or 60 for one made without a key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The salt inside.
    #[must_use]
    pub const fn salt(&self) -> Salt {
        self.salt
    }

    /// Id of the key it was made with; `None` for one made without a key.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// The first 8 characters of the tag, for people who compare two prints by eye.
    #[must_use]
    pub fn short(&self) -> &str {
        let tag = self.text.len() - base64_length(TAG_BYTES);
        &self.text[tag..tag + 8]
    }

    fn assemble(key_id: Option<&str>, salt: Salt, tag: [u8; TAG_BYTES]) -> Self {
        let (algorithm, kid) = key_id.map_or(("a2", "-"), |id| ("h2", id));
        let text = format!(
            "{FORMAT}.{algorithm}.{kid}.{}.{}",
            URL_SAFE_NO_PAD.encode(salt.0),
            URL_SAFE_NO_PAD.encode(tag)
        );
        Self { text, key_id: key_id.map(str::to_owned), salt, tag }
    }

    fn keyed(key: &Key, content: &Content, salt: Salt) -> Self {
        let mut mac = Hmac::<Sha256>::new_from_slice(key.expose())
            .unwrap_or_else(|_| unreachable!("HMAC takes keys of any length"));
        mac.update(&salt.0);
        canonical::write(content, |piece| mac.update(piece));
        let mut tag = [0; TAG_BYTES];
        tag.copy_from_slice(&mac.finalize().into_bytes()[..TAG_BYTES]);
        Self::assemble(Some(key.id()), salt, tag)
    }

    fn keyless(content: &Content, salt: Salt) -> Self {
        let mut tag = [0; TAG_BYTES];
        // argon2 takes its input in one piece; the frame is wiped when it is dropped.
        let frame = canonical::bytes(content);
        argon2id(TAG_BYTES).hash_password_into(frame.expose(), &salt.0, &mut tag).unwrap_or_else(
            |_| unreachable!("the parameters are constant and a frame is shorter than 4 GiB"),
        );
        Self::assemble(None, salt, tag)
    }
}

/// argon2id as RFC 9106 recommends for little memory, on one thread.
fn argon2id(output: usize) -> Argon2<'static> {
    let params = Params::new(65_536, 3, 1, Some(output))
        .unwrap_or_else(|_| unreachable!("the parameters are constant"));
    Argon2::new(argon2::Algorithm::Argon2id, Version::V0x13, params)
}

const fn base64_length(bytes: usize) -> usize {
    (bytes * 4).div_ceil(3)
}

impl PartialEq for Fingerprint {
    /// In time that depends on the lengths only.
    fn eq(&self, other: &Self) -> bool {
        self.text.as_bytes().ct_eq(other.text.as_bytes()).into()
    }
}

impl Eq for Fingerprint {}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Fingerprint").field(&self.text).finish()
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Fingerprint {
    type Err = InvalidFingerprint;

    /// Takes exactly what [`Fingerprint::as_str`] gives; there is one text per print.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split('.');
        let mut part = || parts.next().ok_or(InvalidFingerprint);
        let (format, algorithm, kid, salt, tag) = (part()?, part()?, part()?, part()?, part()?);
        if format != FORMAT || parts.next().is_some() {
            return Err(InvalidFingerprint);
        }
        let key_id = match algorithm {
            "h2" if key::is_id(kid) => Some(kid),
            "a2" if kid == "-" => None,
            _ => return Err(InvalidFingerprint),
        };
        Ok(Self::assemble(key_id, Salt(bytes(salt)?), bytes(tag)?))
    }
}

/// Exactly `N` bytes of strict base64url (no padding, no stray bits).
fn bytes<const N: usize>(text: &str) -> Result<[u8; N], InvalidFingerprint> {
    if text.len() != base64_length(N) {
        return Err(InvalidFingerprint);
    }
    let mut bytes = [0; N];
    match URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
        Ok(length) if length == N => Ok(bytes),
        _ => Err(InvalidFingerprint),
    }
}

/// The text is not a `cfp1` fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a coffer fingerprint (cfp1)")]
pub struct InvalidFingerprint;
