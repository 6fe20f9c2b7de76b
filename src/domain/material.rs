//! Secret bytes.
//!
//! Responsible for the one type that holds them (invariant I1): wiped on drop, silent in `Debug`,
//! not serialisable, copied only by a method that says so. Leaves their meaning to
//! [`kind`](super::kind).

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Secret bytes in memory that is wiped when dropped.
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the bytes over; `bytes` is moved, not copied.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Takes wiping memory over without a copy.
    #[must_use]
    pub const fn from_zeroizing(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }

    /// The bytes, for those who must handle them: a cipher, a MAC, a vault's request body.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The bytes as text.
    ///
    /// # Errors
    /// When they are not UTF-8; the error does not contain them.
    pub fn expose_text(&self) -> Result<&str, NotText> {
        std::str::from_utf8(&self.0).map_err(|_| NotText)
    }

    /// A deliberate second copy in wiping memory.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self(self.0.clone())
    }

    /// Number of bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True for a value of 0 bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl PartialEq for Secret {
    /// In time that depends on the lengths only.
    fn eq(&self, other: &Self) -> bool {
        self.0.as_slice().ct_eq(other.0.as_slice()).into()
    }
}

impl Eq for Secret {}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text.as_bytes().to_vec())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Stack that is wiped. Calls in release builds use a fraction of it; unoptimised frames are
/// several times as large.
const STACK: usize = if cfg!(debug_assertions) { 256 << 10 } else { 128 << 10 };

/// Overwrites what finished calls have left on the stack of this thread.
///
/// Ciphers and hash functions work in buffers on the stack that nobody can wipe from outside. So
/// whoever ran secret work on a thread calls this afterwards, from no deeper than where the work
/// was called from.
#[inline(never)]
pub fn wipe_stack() {
    // A frame that covers the dead ones below the caller's, and is really written.
    let frame = [0_u8; STACK];
    std::hint::black_box(&frame);
}

/// The bytes are not text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the secret is not valid UTF-8 text")]
pub struct NotText;
