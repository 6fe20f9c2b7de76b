//! Key stores of Java in its own format, JKS (version 1 and 2; `sun.security.provider.JavaKeyStore`
//! of OpenJDK is its only description).
//!
//! ```text
//! store = FEEDFEED u32(version) u32(entries) entry... sha1(password "Mighty Aphrodite" all before)
//! entry = u32(1) utf(alias) u64(time) bytes(EncryptedPrivateKeyInfo) u32(certificates) cert...
//!       | u32(2) utf(alias) u64(time) cert
//! cert  = [utf(type)] bytes(DER)          the type since version 2
//! key   = salt(20) ciphertext sha1(password key); stream: sha1(password previous), salt first
//! ```
//!
//! Numbers are big-endian, passwords UTF-16. Read here because the crates for it bring a second
//! generation of everything.

use pkcs8::AlgorithmIdentifierRef;
use pkcs8::der::asn1::OctetStringRef;
use pkcs8::der::{Reader as _, SliceReader};
use sha1::{Digest as _, Sha1};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::{Closed, Entry, WRONG_PASSWORD, key_bytes};
use crate::domain::kind::field;

const MAGIC: &[u8] = &[0xfe, 0xed, 0xfe, 0xed];
const WHITENER: &[u8] = b"Mighty Aphrodite";
const HASH: usize = 20;
/// The algorithm of protected keys.
const PROTECTION: &str = "1.3.6.1.4.1.42.2.17.1.1";

const NOT_JKS: Closed = Closed::Broken(field::BYTES, "is not a JKS store");
const DAMAGED: Closed = Closed::Broken(field::BYTES, "is a JKS store that is damaged");

/// What is in the store.
pub(super) fn open(bytes: &[u8], password: &str) -> Result<Vec<Entry>, Closed> {
    if !bytes.starts_with(MAGIC) {
        return Err(NOT_JKS);
    }
    let cut = bytes.len().checked_sub(HASH).ok_or(NOT_JKS)?;
    let (body, hash) = bytes.split_at(cut);
    let password = utf16(password);
    let expected = Sha1::new().chain_update(&*password).chain_update(WHITENER).chain_update(body);
    if !bool::from(expected.finalize().as_slice().ct_eq(hash)) {
        return Err(WRONG_PASSWORD);
    }
    let mut input = Input(&body[MAGIC.len()..]);
    let version = input.number()?;
    if !matches!(version, 1 | 2) {
        return Err(NOT_JKS);
    }
    let mut entries = Vec::new();
    for _ in 0..input.number()? {
        entries.push(entry(&mut input, version, &password)?);
    }
    if input.0.is_empty() { Ok(entries) } else { Err(DAMAGED) }
}

fn entry(input: &mut Input<'_>, version: u32, password: &[u8]) -> Result<Entry, Closed> {
    let tag = input.number()?;
    let alias = String::from_utf8_lossy(input.short()?).into_owned();
    input.take(8)?;
    match tag {
        1 => {
            let mut parts = vec![key_bytes(&unprotect(input.long()?, password)?)?];
            for _ in 0..input.number()? {
                parts.push(input.certificate(version)?);
            }
            Ok(Entry { alias, kind: "key", parts })
        }
        2 => Ok(Entry { alias, kind: "trusted", parts: vec![input.certificate(version)?] }),
        _ => Err(DAMAGED),
    }
}

/// The key in its protection.
fn unprotect(der: &[u8], password: &[u8]) -> Result<Zeroizing<Vec<u8>>, Closed> {
    let sealed = sealed(der).map_err(|_| DAMAGED)?.ok_or(Closed::Unknown)?;
    let (salt, rest) = sealed.split_at_checked(HASH).ok_or(DAMAGED)?;
    let (cipher, check) = rest.split_at_checked(rest.len().saturating_sub(HASH)).ok_or(DAMAGED)?;
    let mut plain = Zeroizing::new(cipher.to_vec());
    let mut stream = Zeroizing::new(salt.to_vec());
    for chunk in plain.chunks_mut(HASH) {
        stream = Zeroizing::new(
            Sha1::new().chain_update(password).chain_update(&*stream).finalize().to_vec(),
        );
        chunk.iter_mut().zip(stream.iter()).for_each(|(byte, mask)| *byte ^= mask);
    }
    let expected = Sha1::new().chain_update(password).chain_update(&*plain).finalize();
    if bool::from(expected.as_slice().ct_eq(check)) {
        Ok(plain)
    } else {
        Err(Closed::Broken(
            field::PASSWORD,
            "opens the store, but not a key inside that has a password of its own; give it that of the store (keytool -keypasswd)",
        ))
    }
}

/// The protected bytes; `None` when they are protected in another way.
fn sealed(der: &[u8]) -> pkcs8::der::Result<Option<&[u8]>> {
    let mut reader = SliceReader::new(der)?;
    let (algorithm, bytes) = reader.sequence(|reader| {
        let algorithm: AlgorithmIdentifierRef<'_> = reader.decode()?;
        let bytes: &OctetStringRef = reader.decode()?;
        Ok::<_, pkcs8::der::Error>((algorithm, bytes))
    })?;
    Ok((algorithm.oid.to_string() == PROTECTION).then(|| bytes.as_bytes()))
}

fn utf16(password: &str) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(2 * password.len()));
    password.encode_utf16().for_each(|unit| bytes.extend_from_slice(&unit.to_be_bytes()));
    bytes
}

struct Input<'b>(&'b [u8]);

impl<'b> Input<'b> {
    fn take(&mut self, length: usize) -> Result<&'b [u8], Closed> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(DAMAGED)?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u32, Closed> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(DAMAGED)?;
        self.0 = rest;
        Ok(u32::from_be_bytes(*bytes))
    }

    fn short(&mut self) -> Result<&'b [u8], Closed> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(DAMAGED)?;
        self.0 = rest;
        self.take(u16::from_be_bytes(*bytes).into())
    }

    fn long(&mut self) -> Result<&'b [u8], Closed> {
        let length = self.number()?;
        self.take(usize::try_from(length).map_err(|_| DAMAGED)?)
    }

    fn certificate(&mut self, version: u32) -> Result<Vec<u8>, Closed> {
        if version > 1 {
            self.short()?;
        }
        self.long().map(<[u8]>::to_vec)
    }
}
