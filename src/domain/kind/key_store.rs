//! The rules of `key_store` and its two comparisons.
//!
//! Responsible for opening a store with its password, to check it, and for the canonical fields of
//! `semantic` comparison: what is in the store, in an order that writing it anew does not change.
//! Bytes differ each time a tool writes a store (random salts), so `raw` sees a change whenever one
//! is packed again. The bytes are stored as they were given. PKCS#12 (RFC 7292) is read by
//! `p12-keystore`, JKS by `jks`.

use p12_keystore::Pkcs12Archive;
use p12_keystore::error::Error;

use super::private_key;
use super::rules::{broken, text};
use super::{Content, Fields, InvalidContent, field};
use crate::domain::material::Secret;

mod jks;

/// Formats a store can have.
pub const FORMATS: [&str; 2] = [PKCS12, JKS];
const PKCS12: &str = "PKCS12";
const JKS: &str = "JKS";

/// How two stores are compared; the default first.
pub const COMPARISONS: [&str; 2] = ["raw", SEMANTIC];
const SEMANTIC: &str = "semantic";

/// A thing in a store.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    alias: String,
    kind: &'static str,
    /// What it consists of, in an order that means something.
    parts: Vec<Vec<u8>>,
}

/// Why a store could not be opened.
enum Closed {
    /// A rule about a field.
    Broken(&'static str, &'static str),
    /// It may be in order, but uses something that is not known here.
    Unknown,
}

pub(super) fn check(content: &Content) -> Result<(), InvalidContent> {
    let one_of = |name, allowed: [&str; 2]| {
        let Some(given) = content.field(name) else { return Ok(()) };
        if allowed.contains(&text(name, given)?) {
            return Ok(());
        }
        Err(broken(name, format!("must be one of {}", allowed.join(", "))))
    };
    one_of(field::FORMAT, FORMATS)?;
    one_of(field::COMPARISON, COMPARISONS)?;
    if let Some(password) = content.field(field::PASSWORD) {
        text(field::PASSWORD, password)?;
    }
    match open(content) {
        Ok(_) => Ok(()),
        Err(Closed::Unknown) if !is_semantic(content) => Ok(()),
        Err(Closed::Unknown) => Err(broken(
            field::COMPARISON,
            "must be raw for this store: it is protected in a way that cannot be opened here",
        )),
        Err(Closed::Broken(name, rule)) => Err(broken(name, rule)),
    }
}

/// What is in the store, for a semantic comparison. `None` for a raw one, and for bytes that do
/// not open after all.
pub(super) fn canonical(content: &Content) -> Option<Fields> {
    if !is_semantic(content) {
        return raw(content);
    }
    let mut entries = open(content).ok()?;
    entries.sort();
    let mut fields = Fields::new();
    for name in [field::FORMAT, field::PASSWORD, field::COMPARISON] {
        let value = content.field(name).map(Secret::duplicate)?;
        fields.push((name.to_owned(), value));
    }
    // The order carries the structure: an alias begins an entry.
    for entry in entries {
        fields.push(("alias".to_owned(), Secret::new(entry.alias.into_bytes())));
        fields.push(("kind".to_owned(), Secret::from(entry.kind)));
        for part in entry.parts {
            fields.push(("part".to_owned(), Secret::new(part)));
        }
    }
    Some(fields)
}

/// Saying `raw` and saying nothing is the same.
fn raw(content: &Content) -> Option<Fields> {
    content.field(field::COMPARISON)?;
    let fields = content.fields().iter().filter(|(name, _)| name != field::COMPARISON);
    Some(fields.map(|(name, value)| (name.clone(), value.duplicate())).collect())
}

fn is_semantic(content: &Content) -> bool {
    content.field(field::COMPARISON).is_some_and(|given| given.expose() == SEMANTIC.as_bytes())
}

fn open(content: &Content) -> Result<Vec<Entry>, Closed> {
    let value = |name| content.field(name).map(Secret::expose).unwrap_or_default();
    let password = std::str::from_utf8(value(field::PASSWORD)).unwrap_or_default();
    let bytes = value(field::BYTES);
    if value(field::FORMAT) == JKS.as_bytes() {
        return jks::open(bytes, password);
    }
    pkcs12(bytes, password)
}

const NOT_PKCS12: Closed = Closed::Broken(field::BYTES, "is not a PKCS#12 store");
const WRONG_PASSWORD: Closed = Closed::Broken(field::PASSWORD, "does not open the store");

fn pkcs12(bytes: &[u8], password: &str) -> Result<Vec<Entry>, Closed> {
    // SEQUENCE, whatever its length: enough to tell a store from a text or a JKS by its look.
    if bytes.first() != Some(&0x30) {
        return Err(NOT_PKCS12);
    }
    let archive = Pkcs12Archive::from_pkcs12(bytes, password).map_err(|error| match error {
        Error::MacError(_) | Error::Pkcs5Error(_) | Error::UnpadError => WRONG_PASSWORD,
        Error::UnsupportedEncryptionScheme
        | Error::UnsupportedMacAlgorithm
        | Error::UnsupportedContentType
        | Error::UnsupportedCertificateType => Closed::Unknown,
        _ => NOT_PKCS12,
    })?;
    let mut entries = Vec::new();
    let ids: Vec<_> = archive.keys.iter().map(|key| key.local_key_id.as_ref()).collect();
    for certificate in &archive.certs {
        // A certificate has the name of the key it is for, however the tool has named it: keytool
        // writes the alias twice, OpenSSL may write it once.
        let id = certificate.local_key_id.as_deref();
        let of = ids.iter().position(|key| id.is_some() && key.map(AsRef::as_ref) == id);
        let of = of.and_then(|at| archive.keys[at].friendly_name.clone());
        entries.push(Entry {
            alias: of.or_else(|| certificate.friendly_name.clone()).unwrap_or_default(),
            kind: if certificate.trusted { "trusted" } else { "certificate" },
            parts: vec![certificate.cert.as_der().to_vec()],
        });
    }
    for key in archive.keys {
        entries.push(Entry {
            alias: key.friendly_name.unwrap_or_default(),
            kind: "key",
            parts: vec![key_bytes(key.key.as_der())?],
        });
    }
    for secret in archive.secrets {
        let algorithm = secret.key.key_type().to_oid().as_bytes().to_vec();
        entries.push(Entry {
            alias: secret.friendly_name.unwrap_or_default(),
            kind: "secret",
            parts: vec![algorithm, secret.key.key().to_vec()],
        });
    }
    Ok(entries)
}

/// The one form of a private key.
fn key_bytes(der: &[u8]) -> Result<Vec<u8>, Closed> {
    match private_key::pkcs8(der) {
        Ok(key) => Ok(key.expose().to_vec()),
        Err((_, rule)) => Err(Closed::Broken(field::BYTES, rule)),
    }
}

#[cfg(test)]
mod tests;
