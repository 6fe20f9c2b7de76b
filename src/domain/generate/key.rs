//! Keys: symmetric ones and key pairs.
//!
//! Responsible for the form of both halves. Sources: RFC 5958 (PKCS#8), RFC 5280 §4.1
//! (SubjectPublicKeyInfo), RFC 7468 (PEM), OpenSSH's `PROTOCOL.key`.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pkcs8::PrivateKeyInfoRef;
use ssh_key::private::{Ed25519Keypair, Ed25519PrivateKey, KeypairData, RsaKeypair, RsaPrivateKey};
use ssh_key::public::{Ed25519PublicKey, RsaPublicKey};
use ssh_key::{LineEnding, Mpint, PrivateKey};
use zeroize::Zeroizing;

use super::{Entropy, Generated, KeyAlgorithm, KeyFormat, NotMade};
use crate::domain::kind::{Content, field};
use crate::domain::material::Secret;

/// Letters on a line of PEM text.
const LINE: usize = 64;

pub(super) fn aes(bits: u16, entropy: &mut dyn Entropy) -> Result<Generated, NotMade> {
    let mut bytes = Zeroizing::new(vec![0; usize::from(bits / 8)]);
    entropy.fill(&mut bytes);
    let content = Content::secret_key(Secret::from_zeroizing(bytes), Some(Secret::from("AES")))?;
    Ok(Generated { content, public_key: None })
}

pub(super) fn pair(
    algorithm: KeyAlgorithm,
    format: KeyFormat,
    entropy: &mut dyn Entropy,
) -> Result<Generated, NotMade> {
    let pkcs8 = entropy.private_key(algorithm)?;
    let (private, public) = match format {
        KeyFormat::Pkcs8 => (private_pem(pkcs8.expose()), spki(algorithm, pkcs8.expose())?),
        KeyFormat::OpenSsh => openssh(algorithm, pkcs8.expose())?,
    };
    Ok(Generated { content: Content::private_key(private, None)?, public_key: Some(public) })
}

/// The public half of a stored key pair that was made by coffer, as it was told then.
///
/// # Errors
/// When the content is no such key.
pub fn public_half(
    algorithm: KeyAlgorithm,
    format: KeyFormat,
    content: &Content,
) -> Result<String, NotMade> {
    let pem = content.field(field::PEM).ok_or_else(|| broken(()))?.expose_text().map_err(broken)?;
    match format {
        KeyFormat::OpenSsh => {
            let key = PrivateKey::from_openssh(pem).map_err(broken)?;
            key.public_key().to_openssh().map_err(broken)
        }
        KeyFormat::Pkcs8 => {
            // As long as the whole from the start: what grows leaves its former place unwiped.
            let mut base64 = Zeroizing::new(String::with_capacity(pem.len()));
            base64.extend(pem.lines().filter(|line| !line.starts_with("-----")));
            let der = Zeroizing::new(STANDARD.decode(&*base64).map_err(broken)?);
            spki(algorithm, &der)
        }
    }
}

fn broken<E>(_: E) -> NotMade {
    NotMade("the new key has an unexpected form".to_owned())
}

/// The public half as PEM text.
fn spki(algorithm: KeyAlgorithm, pkcs8: &[u8]) -> Result<String, NotMade> {
    let ec = |curve: &'static EcdsaSigningAlgorithm| -> Result<PublicKeyX509Der<'_>, NotMade> {
        let pair = EcdsaKeyPair::from_pkcs8(curve, pkcs8).map_err(broken)?;
        pair.public_key().as_der().map_err(broken)
    };
    let der = match algorithm {
        KeyAlgorithm::Rsa(_) => {
            let pair = RsaKeyPair::from_pkcs8(pkcs8).map_err(broken)?;
            pair.public_key().as_der().map_err(broken)?
        }
        KeyAlgorithm::P256 => ec(&ECDSA_P256_SHA256_ASN1_SIGNING)?,
        KeyAlgorithm::P384 => ec(&ECDSA_P384_SHA384_ASN1_SIGNING)?,
        KeyAlgorithm::Ed25519 => {
            let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).map_err(broken)?;
            pair.public_key().as_der().map_err(broken)?
        }
    };
    let text = pem("PUBLIC KEY", der.as_ref());
    Ok(text.as_str().to_owned())
}

/// Both halves as OpenSSH writes them.
fn openssh(algorithm: KeyAlgorithm, pkcs8: &[u8]) -> Result<(Secret, String), NotMade> {
    let data = match algorithm {
        KeyAlgorithm::Ed25519 => ed25519(pkcs8)?,
        KeyAlgorithm::Rsa(_) => rsa(pkcs8)?,
        KeyAlgorithm::P256 | KeyAlgorithm::P384 => {
            return Err(NotMade(
                "OpenSSH keys are made for rsa and ed25519; other curves are made as pkcs8"
                    .to_owned(),
            ));
        }
    };
    let key = PrivateKey::new(data, String::new()).map_err(broken)?;
    let text = key.to_openssh(LineEnding::LF).map_err(broken)?;
    let public = key.public_key().to_openssh().map_err(broken)?;
    Ok((Secret::from(text.as_str()), public))
}

fn ed25519(pkcs8: &[u8]) -> Result<KeypairData, NotMade> {
    let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).map_err(broken)?;
    let public: [u8; 32] = pair.public_key().as_ref().try_into().map_err(broken)?;
    let info = PrivateKeyInfoRef::try_from(pkcs8).map_err(broken)?;
    // RFC 8410 §7: the seed is an OCTET STRING in the OCTET STRING.
    let inner = info.private_key.as_bytes();
    let seed: &[u8; 32] = inner.get(2..).unwrap_or_default().try_into().map_err(broken)?;
    Ok(KeypairData::from(Ed25519Keypair {
        public: Ed25519PublicKey(public),
        private: Ed25519PrivateKey::from_bytes(seed),
    }))
}

fn rsa(pkcs8: &[u8]) -> Result<KeypairData, NotMade> {
    let info = PrivateKeyInfoRef::try_from(pkcs8).map_err(broken)?;
    let key = pkcs1::RsaPrivateKeyRef::try_from(info.private_key.as_bytes()).map_err(broken)?;
    let number = Mpint::from_positive_bytes;
    let public =
        RsaPublicKey::new(number(key.public_exponent.as_bytes()), number(key.modulus.as_bytes()))
            .map_err(broken)?;
    let private = RsaPrivateKey::new(
        number(key.private_exponent.as_bytes()),
        number(key.coefficient.as_bytes()),
        number(key.prime1.as_bytes()),
        number(key.prime2.as_bytes()),
    )
    .map_err(broken)?;
    Ok(KeypairData::from(RsaKeypair::new(public, private).map_err(broken)?))
}

fn private_pem(der: &[u8]) -> Secret {
    Secret::from(pem("PRIVATE KEY", der).as_str())
}

/// PEM text, in memory that is wiped and does not grow.
fn pem(label: &str, der: &[u8]) -> Zeroizing<String> {
    let base64 = Zeroizing::new(STANDARD.encode(der));
    let (begin, end) = (format!("-----BEGIN {label}-----\n"), format!("-----END {label}-----\n"));
    let breaks = base64.len().div_ceil(LINE);
    let size = begin.len() + base64.len() + breaks + end.len();
    let mut text = Zeroizing::new(String::with_capacity(size));
    text.push_str(&begin);
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(LINE));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str(&end);
    text
}
