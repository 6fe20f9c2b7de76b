//! The ciphers of the vault: keys derived from one data key, sealed records, keyed look-ups.
//!
//! Responsible for [`DataKey`] and its sub-keys, and for binding each record to its place through
//! associated data. Leaves where keys come from to [`auth`](super::auth) and what is in a record
//! to [`wire`](super::wire). XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) with random 192-bit
//! nonces; HKDF and HMAC with SHA-256 (RFC 5869, RFC 2104).

use std::fmt;

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::ambient::Ambient;
use super::error::Failure;
use crate::domain::material::Secret;
use crate::domain::port::ErrorKind;

/// A key of 32 bytes in wiping memory.
pub(super) type KeyBytes = Zeroizing<[u8; 32]>;

/// Bytes that a keyed hash or a checksum yields.
pub(super) type Digest32 = [u8; 32];

const NONCE: usize = 24;
const TAG: usize = 16;
/// Records are padded to multiples of this, so that a file's sizes say less.
const BLOCK: usize = 64;

/// Nonce and tag of a sealed record. Unique per write, so it also names one writing of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark(pub(super) [u8; NONCE + TAG]);

impl Mark {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Failure> {
        bytes.try_into().map(Self).map_err(|_| Failure::corrupt("a record has no authenticator"))
    }

    fn nonce(&self) -> XNonce {
        let mut nonce = [0; NONCE];
        nonce.copy_from_slice(&self.0[..NONCE]);
        nonce.into()
    }

    fn tag(&self) -> chacha20poly1305::Tag {
        let mut tag = [0; TAG];
        tag.copy_from_slice(&self.0[NONCE..]);
        tag.into()
    }
}

/// A record as it is stored: its mark and its ciphertext.
#[derive(Debug)]
pub(super) struct Sealed {
    pub(super) mark: Mark,
    pub(super) ciphertext: Vec<u8>,
}

/// Which record of the vault a ciphertext is; part of what is authenticated.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place<'p> {
    /// The one record that says what the vault holds.
    Root,
    /// Metadata of a secret, by its look-up hash.
    Secret(&'p Digest32),
    /// Content of a version of a secret, by the secret's random id.
    Version(&'p [u8; 16], u64),
    /// A backup of one secret.
    Backup,
    /// The checksum over the whole file.
    Seal,
}

impl Place<'_> {
    fn associated_data(self, vault: &[u8; 16]) -> Vec<u8> {
        let mut data = b"coffer/embedded/1/".to_vec();
        data.extend_from_slice(vault);
        match self {
            Self::Root => data.extend_from_slice(b"root"),
            Self::Secret(lookup) => {
                data.extend_from_slice(b"secret/");
                data.extend_from_slice(lookup);
            }
            Self::Version(secret, number) => {
                data.extend_from_slice(b"version/");
                data.extend_from_slice(secret);
                data.extend_from_slice(&number.to_le_bytes());
            }
            Self::Backup => data.extend_from_slice(b"backup"),
            Self::Seal => data.extend_from_slice(b"seal"),
        }
        data
    }
}

/// One cipher.
struct Cipher(XChaCha20Poly1305);

impl Cipher {
    fn new(key: &KeyBytes) -> Self {
        Self(XChaCha20Poly1305::new((&**key).into()))
    }

    fn seal(&self, mark: [u8; NONCE], data: &[u8], mut buffer: Vec<u8>) -> Result<Sealed, Failure> {
        let mut bytes = [0; NONCE + TAG];
        bytes[..NONCE].copy_from_slice(&mark);
        let tag =
            self.0
                .encrypt_inout_detached(&mark.into(), data, buffer.as_mut_slice().into())
                .map_err(|_| Failure::new(ErrorKind::InvalidRequest, "the record is too large"))?;
        bytes[NONCE..].copy_from_slice(&tag);
        Ok(Sealed { mark: Mark(bytes), ciphertext: buffer })
    }

    /// Decrypts in place, in memory that is wiped; `None` when any bit differs.
    fn open(&self, mark: &Mark, data: &[u8], ciphertext: Vec<u8>) -> Option<Zeroizing<Vec<u8>>> {
        let mut buffer = Zeroizing::new(ciphertext);
        self.0
            .decrypt_inout_detached(&mark.nonce(), data, buffer.as_mut_slice().into(), &mark.tag())
            .ok()?;
        Some(buffer)
    }
}

/// The vault's random key, from which all others follow. Never stored but wrapped.
pub(super) struct DataKey(KeyBytes);

/// A data key under a key-encryption key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrapped(pub(super) Vec<u8>);

impl DataKey {
    pub(super) fn generate(ambient: &Ambient) -> Result<Self, Failure> {
        let mut key = KeyBytes::default();
        ambient.fill(key.as_mut_slice())?;
        Ok(Self(key))
    }

    /// Wraps the key; `context` is what the wrapping must not be separated from.
    pub(super) fn wrap(
        &self,
        ambient: &Ambient,
        master: &KeyBytes,
        vault: &[u8; 16],
        context: &[u8],
    ) -> Result<Wrapped, Failure> {
        let mut nonce = [0; NONCE];
        ambient.fill(&mut nonce)?;
        let sealed = wrapping_cipher(master, vault).seal(nonce, context, self.0.to_vec())?;
        let mut bytes = sealed.mark.0.to_vec();
        bytes.extend_from_slice(&sealed.ciphertext);
        Ok(Wrapped(bytes))
    }

    /// Unwraps; `None` when the master key is another one.
    pub(super) fn unwrap(
        wrapped: &Wrapped,
        master: &KeyBytes,
        vault: &[u8; 16],
        context: &[u8],
    ) -> Option<Self> {
        let (mark, ciphertext) = wrapped.0.split_first_chunk::<{ NONCE + TAG }>()?;
        let bytes =
            wrapping_cipher(master, vault).open(&Mark(*mark), context, ciphertext.to_vec())?;
        let mut key = KeyBytes::default();
        if bytes.len() != key.len() {
            return None;
        }
        key.copy_from_slice(&bytes);
        Some(Self(key))
    }
}

fn wrapping_cipher(master: &KeyBytes, vault: &[u8; 16]) -> Cipher {
    Cipher::new(&derive(Some(vault), master, "coffer/embedded/1/wrap"))
}

fn derive(salt: Option<&[u8; 16]>, key: &KeyBytes, label: &str) -> KeyBytes {
    let mut derived = KeyBytes::default();
    Hkdf::<Sha256>::new(salt.map(<[u8; 16]>::as_slice), key.as_slice())
        .expand(label.as_bytes(), derived.as_mut_slice())
        .unwrap_or_else(|_| unreachable!("32 bytes are within what HKDF-SHA-256 yields"));
    derived
}

/// The keys of an open vault.
pub(super) struct Keys {
    vault: [u8; 16],
    metadata: Cipher,
    values: Cipher,
    backup: Cipher,
    lookup: KeyBytes,
    set: KeyBytes,
    fingerprint: KeyBytes,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(…)")
    }
}

impl Keys {
    pub(super) fn derive(data_key: &DataKey, vault: [u8; 16]) -> Self {
        let sub = |purpose: &str| {
            derive(Some(&vault), &data_key.0, &format!("coffer/embedded/1/{purpose}"))
        };
        Self {
            vault,
            metadata: Cipher::new(&sub("metadata")),
            values: Cipher::new(&sub("values")),
            backup: Cipher::new(&sub("backup")),
            lookup: sub("lookup"),
            set: sub("set"),
            fingerprint: sub("fingerprint"),
        }
    }

    /// The id of the vault.
    pub(super) const fn vault(&self) -> &[u8; 16] {
        &self.vault
    }

    /// The key of fingerprints; stays the same when the master key is changed.
    pub(super) fn fingerprint_material(&self) -> Secret {
        Secret::new(self.fingerprint.to_vec())
    }

    /// Where a secret of this name is found.
    pub(super) fn lookup(&self, name: &str) -> Digest32 {
        keyed_hash(&self.lookup, &[b"name/", name.as_bytes()])
    }

    /// Where a version is found.
    pub(super) fn slot(&self, secret: &[u8; 16], number: u64) -> Digest32 {
        keyed_hash(&self.lookup, &[b"version/", secret, &number.to_le_bytes()])
    }

    /// What a writing of a secret's record adds to the digest over all of them.
    pub(super) fn set_element(&self, lookup: &Digest32, mark: &Mark) -> Digest32 {
        keyed_hash(&self.set, &[lookup, &mark.0])
    }

    /// Encrypts a record for its place. `plaintext` is wiped.
    pub(super) fn seal(
        &self,
        ambient: &Ambient,
        place: Place<'_>,
        plaintext: &Secret,
    ) -> Result<Sealed, Failure> {
        let mut nonce = [0; NONCE];
        ambient.fill(&mut nonce)?;
        let padded = pad(plaintext.expose())?;
        self.cipher(place).seal(nonce, &place.associated_data(&self.vault), padded)
    }

    /// Decrypts a record of a place; [`ErrorKind::Corrupt`] when it is not what was sealed there.
    pub(super) fn open(
        &self,
        place: Place<'_>,
        mark: &Mark,
        ciphertext: Vec<u8>,
    ) -> Result<Secret, Failure> {
        self.cipher(place)
            .open(mark, &place.associated_data(&self.vault), ciphertext)
            .and_then(|padded| unpad(&padded))
            .ok_or_else(|| Failure::corrupt(format!("{} does not authenticate", name(place))))
    }

    const fn cipher(&self, place: Place<'_>) -> &Cipher {
        match place {
            Place::Version(..) => &self.values,
            Place::Backup => &self.backup,
            Place::Root | Place::Secret(_) | Place::Seal => &self.metadata,
        }
    }

    /// A MAC over bytes that are not secret themselves.
    pub(super) fn authenticate(&self, pieces: &[&[u8]]) -> Digest32 {
        keyed_hash(&self.set, pieces)
    }
}

const fn name(place: Place<'_>) -> &'static str {
    match place {
        Place::Root => "the record of what the vault holds",
        Place::Secret(_) => "the metadata of a secret",
        Place::Version(..) => "the content of a version",
        Place::Backup => "the backup",
        Place::Seal => "the checksum over the file",
    }
}

fn keyed_hash(key: &KeyBytes, pieces: &[&[u8]]) -> Digest32 {
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key.as_slice())
        .unwrap_or_else(|_| unreachable!("HMAC takes keys of any length"));
    for piece in pieces {
        mac.update(piece);
    }
    mac.finalize().into_bytes().into()
}

/// A checksum without a key, for what must be readable before the key is.
pub(super) fn checksum(pieces: &[&[u8]]) -> Digest32 {
    let mut hash = Sha256::new();
    for piece in pieces {
        hash.update(piece);
    }
    hash.finalize().into()
}

/// Length, bytes, zeros up to a whole block. The buffer has its final capacity from the start, so
/// that no plaintext is left behind by a reallocation; it is encrypted in place.
fn pad(plaintext: &[u8]) -> Result<Vec<u8>, Failure> {
    let length = u32::try_from(plaintext.len())
        .map_err(|_| Failure::new(ErrorKind::InvalidRequest, "the record is too large"))?;
    let whole = (plaintext.len() + 4).next_multiple_of(BLOCK);
    let mut padded = Vec::with_capacity(whole);
    padded.extend_from_slice(&length.to_le_bytes());
    padded.extend_from_slice(plaintext);
    padded.resize(whole, 0);
    Ok(padded)
}

fn unpad(padded: &[u8]) -> Option<Secret> {
    let (length, rest) = padded.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    Some(Secret::new(rest.get(..length)?.to_vec()))
}
