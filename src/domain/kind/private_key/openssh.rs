//! Keys in the format of OpenSSH (its `PROTOCOL.key`), converted to PKCS#8.
//!
//! An RSA key there lacks two numbers that PKCS#8 has; they are computed.

use pkcs1::RsaPrivateKey;
use pkcs8::der::Encode as _;
use pkcs8::der::asn1::{OctetStringRef, UintRef};
use pkcs8::{AlgorithmIdentifierRef, ObjectIdentifier};
use sec1::EcPrivateKey;
use ssh_key::private::{EcdsaKeypair, Ed25519Keypair, KeypairData, RsaKeypair};
use ssh_key::{EcdsaCurve, PrivateKey};
use zeroize::Zeroizing;

use super::{
    Broken, DAMAGED, ED25519, Key, NOT_ENCRYPTED, WRONG_PASSPHRASE, consistency, ec_key, rsa, wrap,
};
use crate::domain::kind::field;
use crate::domain::material::Secret;

const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");

/// The key in the bytes between the lines.
pub(super) fn find(bytes: &[u8], passphrase: Option<&[u8]>) -> Result<Key, Broken> {
    let key = PrivateKey::from_bytes(bytes).map_err(|_| DAMAGED)?;
    let opened = match (key.is_encrypted(), passphrase) {
        (false, None) => key,
        (false, Some(_)) => return Err(NOT_ENCRYPTED),
        (true, None) => return Ok(Key::Sealed(Secret::new(bytes.to_vec()))),
        (true, Some(passphrase)) => key.decrypt(passphrase).map_err(|_| WRONG_PASSPHRASE)?,
    };
    let der = match opened.key_data() {
        KeypairData::Ed25519(pair) => ed25519(pair),
        KeypairData::Ecdsa(pair) => ecdsa(pair),
        KeypairData::Rsa(pair) => rsa_pair(pair),
        KeypairData::SkEd25519(_) | KeypairData::SkEcdsaSha2NistP256(_) => Err((
            field::PEM,
            "is a handle of a security key, which holds no key material; store it as generic",
        )),
        _ => Err((field::PEM, "must be a key for RSA, ECDSA (P-256, P-384, P-521) or Ed25519")),
    };
    der.map(Key::Open)
}

fn ed25519(pair: &Ed25519Keypair) -> Result<Secret, Broken> {
    let seed = Zeroizing::new(pair.private.to_bytes());
    consistency::ed25519(&seed[..], Some(&pair.public.0))?;
    let octets = OctetStringRef::new(&seed[..]).map_err(|_| DAMAGED)?;
    let inner = Zeroizing::new(octets.to_der().map_err(|_| DAMAGED)?);
    wrap(AlgorithmIdentifierRef { oid: ED25519, parameters: None }, &inner)
}

fn ecdsa(pair: &EcdsaKeypair) -> Result<Secret, Broken> {
    let curve = match pair.curve() {
        EcdsaCurve::NistP256 => P256,
        EcdsaCurve::NistP384 => P384,
        EcdsaCurve::NistP521 => P521,
    };
    let key = EcPrivateKey {
        private_key: pair.private_key_bytes(),
        parameters: None,
        public_key: Some(pair.public_key_bytes()),
    };
    ec_key(&key, curve)
}

fn rsa_pair(pair: &RsaKeypair) -> Result<Secret, Broken> {
    let bytes = |number: Option<&[u8]>| Zeroizing::new(number.unwrap_or_default().to_vec());
    let (public, private) = (pair.public(), pair.private());
    let n = bytes(public.n().as_positive_bytes());
    let e = bytes(public.e().as_positive_bytes());
    let d = bytes(private.d().as_positive_bytes());
    let p = bytes(private.p().as_positive_bytes());
    let q = bytes(private.q().as_positive_bytes());
    let coefficient = bytes(private.iqmp().as_positive_bytes());
    let exponent1 = consistency::exponent(&d, &p)?;
    let exponent2 = consistency::exponent(&d, &q)?;
    let number = |bytes| UintRef::new(bytes).map_err(|_| DAMAGED);
    let key = RsaPrivateKey {
        modulus: number(&n)?,
        public_exponent: number(&e)?,
        private_exponent: number(&d)?,
        prime1: number(&p)?,
        prime2: number(&q)?,
        exponent1: number(&exponent1)?,
        exponent2: number(&exponent2)?,
        coefficient: number(&coefficient)?,
        other_prime_infos: None,
    };
    rsa(&Zeroizing::new(key.to_der().map_err(|_| DAMAGED)?))
}
