//! The rules of `private_key`, and the one form that all encodings of a key have.
//!
//! Responsible for finding the key in PEM text (RFC 7468 and its elders), for opening an encrypted
//! one and for its canonical bytes: PKCS#8 version 1 in DER (RFC 5208), without attributes and
//! without the public half. The text is stored as it was given. Leaves the OpenSSH format to
//! `openssh` and arithmetic to `consistency`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pkcs1::RsaPrivateKeyRef;
use pkcs8::der::asn1::{AnyRef, OctetStringRef};
use pkcs8::der::{Decode as _, Encode as _};
use pkcs8::{
    AlgorithmIdentifierRef, EncryptedPrivateKeyInfoRef, ObjectIdentifier, PrivateKeyInfoRef,
};
use sec1::{EcParameters, EcPrivateKey};
use zeroize::Zeroizing;

use super::rules::{broken, text};
use super::{Content, Fields, InvalidContent, field};
use crate::domain::material::Secret;

mod consistency;
mod openssh;

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// Names of canonical fields that are no fields of the type.
const PKCS8: &str = "pkcs8";
const ENCRYPTED: &str = "encrypted";

/// A key as it was found.
enum Key {
    /// Readable: PKCS#8 version 1, DER.
    Open(Secret),
    /// Encrypted, and there is no passphrase: the encrypted structure, byte for byte.
    Sealed(Secret),
}

/// A rule that is broken, and by which field.
type Broken = (&'static str, &'static str);

pub(super) fn check(content: &Content) -> Result<(), InvalidContent> {
    for name in [field::PEM, field::PASSPHRASE] {
        if content.field(name).is_some_and(Secret::is_empty) {
            return Err(broken(name, "must not be empty"));
        }
    }
    if let Some(pem) = content.field(field::PEM) {
        text(field::PEM, pem)?;
    }
    find(content).map(drop).map_err(|(name, rule)| broken(name, rule))
}

/// The key itself, however it was encoded. The passphrase counts too: a reader of the stored text
/// needs it. `None` for text that does not hold a key after all.
pub(super) fn canonical(content: &Content) -> Option<Fields> {
    let mut fields = match find(content).ok()? {
        Key::Open(key) => vec![(PKCS8.to_owned(), key)],
        Key::Sealed(key) => vec![(ENCRYPTED.to_owned(), key)],
    };
    if let Some(passphrase) = content.field(field::PASSPHRASE) {
        fields.push((field::PASSPHRASE.to_owned(), passphrase.duplicate()));
    }
    Some(fields)
}

fn find(content: &Content) -> Result<Key, Broken> {
    let pem = content.field(field::PEM).and_then(|pem| pem.expose_text().ok()).unwrap_or_default();
    let passphrase = content.field(field::PASSPHRASE).map(Secret::expose);
    let block = Block::only_key(pem)?;
    if block.has_headers() {
        return match passphrase {
            None => Ok(Key::Sealed(Secret::from(block.body))),
            Some(_) => Err((
                field::PEM,
                "is encrypted in the old way of OpenSSL (Proc-Type header), which cannot be opened here; write it anew with `openssl pkcs8 -topk8`, or leave the passphrase out",
            )),
        };
    }
    let bytes = block.decode()?;
    let key = match block.label {
        "PRIVATE KEY" => pkcs8(&bytes)?,
        "RSA PRIVATE KEY" => rsa(&bytes)?,
        "EC PRIVATE KEY" => ec(&bytes)?,
        "ENCRYPTED PRIVATE KEY" => return encrypted(&bytes, passphrase),
        "OPENSSH PRIVATE KEY" => return openssh::find(&bytes, passphrase),
        _ => {
            return Err((
                field::PEM,
                "must hold a key as PRIVATE KEY, ENCRYPTED PRIVATE KEY, RSA PRIVATE KEY, EC PRIVATE KEY or OPENSSH PRIVATE KEY",
            ));
        }
    };
    if passphrase.is_some() {
        return Err(NOT_ENCRYPTED);
    }
    Ok(Key::Open(key))
}

const NOT_ENCRYPTED: Broken =
    (field::PASSPHRASE, "is set, but the key is not encrypted; leave the passphrase out");
const WRONG_PASSPHRASE: Broken = (field::PASSPHRASE, "does not open the key");
const DAMAGED: Broken = (field::PEM, "does not hold what its label says; the key is damaged");

/// One block of PEM text.
struct Block<'t> {
    label: &'t str,
    body: &'t str,
}

impl<'t> Block<'t> {
    /// The one block that is a private key. Curve parameters, which OpenSSL writes before a key,
    /// and text outside of blocks do not count; anything else does.
    fn only_key(text: &'t str) -> Result<Self, Broken> {
        let mut keys = Vec::new();
        let mut rest = text;
        while let Some((_, begun)) = rest.split_once("-----BEGIN ") {
            let block = Self::first(begun)
                .ok_or((field::PEM, "has a BEGIN line without an END line of the same label"))?;
            rest = &begun[block.end..];
            match block.block.label {
                "EC PARAMETERS" => {}
                label if label.ends_with("PRIVATE KEY") => keys.push(block.block),
                _ => {
                    return Err((
                        field::PEM,
                        "holds something that is not a private key; store a key with its certificate as key_value or key_store",
                    ));
                }
            }
        }
        match keys.len() {
            1 => Ok(keys.remove(0)),
            0 => Err((field::PEM, "must be PEM text with a private key (-----BEGIN ... -----)")),
            _ => Err((field::PEM, "must hold exactly one private key")),
        }
    }

    /// The block whose label starts the text.
    fn first(begun: &'t str) -> Option<Ended<'t>> {
        let (label, after) = begun.split_once("-----")?;
        let marker = format!("-----END {label}-----");
        let (body, _) = after.split_once(marker.as_str())?;
        let end = label.len() + "-----".len() + body.len() + marker.len();
        Some(Ended { block: Block { label, body }, end })
    }

    fn has_headers(&self) -> bool {
        self.body.contains(':')
    }

    fn decode(&self) -> Result<Zeroizing<Vec<u8>>, Broken> {
        let mut packed = Zeroizing::new(String::with_capacity(self.body.len()));
        packed.extend(self.body.chars().filter(|c| !c.is_ascii_whitespace()));
        let bytes = STANDARD.decode(packed.as_bytes());
        bytes.map(Zeroizing::new).map_err(|_| (field::PEM, "is not base64 between its lines"))
    }
}

struct Ended<'t> {
    block: Block<'t>,
    end: usize,
}

fn encrypted(der: &[u8], passphrase: Option<&[u8]>) -> Result<Key, Broken> {
    let Some(passphrase) = passphrase else {
        // Only the outer shape can be checked: the scheme may be one that is not known here.
        AnyRef::from_der(der).map_err(|_| DAMAGED)?;
        return Ok(Key::Sealed(Secret::new(der.to_vec())));
    };
    let info = EncryptedPrivateKeyInfoRef::try_from(der).map_err(|_| {
        (field::PEM, "is encrypted in a way that cannot be opened here (PBES2 can); leave the passphrase out to store it unopened")
    })?;
    let opened = info.decrypt(passphrase).map_err(|_| WRONG_PASSPHRASE)?;
    pkcs8(opened.as_bytes()).map(Key::Open)
}

/// PKCS#8 of either version, or as other software nests it.
pub(super) fn pkcs8(der: &[u8]) -> Result<Secret, Broken> {
    let info = PrivateKeyInfoRef::try_from(der).map_err(|_| DAMAGED)?;
    let inner = info.private_key.as_bytes();
    match info.algorithm.oid {
        RSA => rsa(inner),
        EC => {
            let curve = info.algorithm.parameters_oid().map_err(|_| NO_CURVE)?;
            ec_key(&EcPrivateKey::try_from(inner).map_err(|_| DAMAGED)?, curve)
        }
        ED25519 => {
            let seed = <&OctetStringRef>::from_der(inner).map_err(|_| DAMAGED)?;
            let public = info.public_key.as_ref().and_then(|bits| bits.as_bytes());
            consistency::ed25519(seed.as_bytes(), public)?;
            wrap(info.algorithm, inner)
        }
        _ => wrap(info.algorithm, inner),
    }
}

/// PKCS#1 (RFC 8017).
fn rsa(der: &[u8]) -> Result<Secret, Broken> {
    let key = RsaPrivateKeyRef::try_from(der).map_err(|_| DAMAGED)?;
    if key.other_prime_infos.is_none() {
        consistency::rsa(key.modulus.as_bytes(), key.prime1.as_bytes(), key.prime2.as_bytes())?;
    }
    wrap(AlgorithmIdentifierRef { oid: RSA, parameters: Some(AnyRef::NULL) }, der)
}

const NO_CURVE: Broken = (field::PEM, "is a key of an elliptic curve that it does not name");

/// SEC1 (RFC 5915).
fn ec(der: &[u8]) -> Result<Secret, Broken> {
    let key = EcPrivateKey::try_from(der).map_err(|_| DAMAGED)?;
    let curve = key.parameters.and_then(EcParameters::named_curve).ok_or(NO_CURVE)?;
    ec_key(&key, curve)
}

fn ec_key(key: &EcPrivateKey<'_>, curve: ObjectIdentifier) -> Result<Secret, Broken> {
    consistency::ec(curve, key.private_key, key.public_key)?;
    let bare = EcPrivateKey { private_key: key.private_key, parameters: None, public_key: None };
    let inner = Zeroizing::new(bare.to_der().map_err(|_| DAMAGED)?);
    wrap(AlgorithmIdentifierRef { oid: EC, parameters: Some((&curve).into()) }, &inner)
}

fn wrap(algorithm: AlgorithmIdentifierRef<'_>, key: &[u8]) -> Result<Secret, Broken> {
    let key = OctetStringRef::new(key).map_err(|_| DAMAGED)?;
    let der = PrivateKeyInfoRef::new(algorithm, key).to_der().map_err(|_| DAMAGED)?;
    Ok(Secret::new(der))
}

#[cfg(test)]
mod tests;
