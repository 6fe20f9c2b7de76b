//! HTTP request signatures, RSA-SHA256 (draft-cavage-http-signatures-08), as Oracle Cloud uses
//! them in its "signature version 1".
//!
//! Responsible for the signing string, the digest of the body and the `Authorization` header.
//! Leaves finding keys, and the text of `keyId`, to the backend's sign-in. Source: Oracle's page
//! "Request Signatures".

use std::fmt;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

/// RFC 9110 IMF-fixdate.
const DATE: &[BorrowedFormatItem<'_>] = format_description!(
    "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
);

/// A private RSA key.
pub struct SigningKey(RsaKeyPair);

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

/// The bytes are not a private RSA key of 2048 to 8192 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is not a private RSA key of 2048 to 8192 bits")]
pub struct UnusableKey;

impl SigningKey {
    /// A key in DER, PKCS#8 or PKCS#1.
    ///
    /// # Errors
    /// When it is something else.
    pub fn from_der(der: &[u8]) -> Result<Self, UnusableKey> {
        RsaKeyPair::from_pkcs8(der)
            .or_else(|_| RsaKeyPair::from_der(der))
            .map(Self)
            .map_err(|_| UnusableKey)
    }

    /// A new key of 2048 bits. Takes some tenths of a second.
    ///
    /// # Errors
    /// When the machine has no randomness.
    pub fn generate() -> Result<Self, UnusableKey> {
        RsaKeyPair::generate(KeySize::Rsa2048).map(Self).map_err(|_| UnusableKey)
    }

    /// Its public half, as a DER `SubjectPublicKeyInfo`.
    ///
    /// # Errors
    /// Practically none: memory ran out.
    pub fn public_der(&self) -> Result<Vec<u8>, UnusableKey> {
        let der: PublicKeyX509Der<'_> = self.0.public_key().as_der().map_err(|_| UnusableKey)?;
        Ok(der.as_ref().to_vec())
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, UnusableKey> {
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
            .map_err(|_| UnusableKey)?;
        Ok(signature)
    }
}

/// What is signed of a request.
#[derive(Debug, Clone, Copy)]
pub struct Signable<'r> {
    /// Method, in capitals.
    pub method: &'r str,
    /// Path and query, exactly as they are sent.
    pub target: &'r str,
    /// The `Host` header, with the port where it is not the scheme's own; `None` where a service
    /// does not want it signed.
    pub host: Option<&'r str>,
    /// The body of a POST, PUT or PATCH, which is signed even when it is empty.
    pub body: Option<Body<'r>>,
    /// The time of signing; services allow five minutes of difference.
    pub now: OffsetDateTime,
}

/// A body that is signed.
#[derive(Clone, Copy)]
pub struct Body<'r> {
    /// The bytes.
    pub bytes: &'r [u8],
    /// Their media type.
    pub content_type: &'r str,
}

impl fmt::Debug for Body<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("content_type", &self.content_type).finish_non_exhaustive()
    }
}

/// The headers that go with a request: what was signed of them, and `authorization`. `host` is not
/// among them, the connection sends it.
///
/// # Errors
/// When the key does not sign.
pub fn sign(
    request: &Signable<'_>,
    key_id: &str,
    key: &SigningKey,
) -> Result<Vec<(&'static str, String)>, UnusableKey> {
    let lines = lines(request);
    let text = signing_string(&lines);
    let names: Vec<_> = lines.iter().map(|(name, _)| *name).collect();
    let signature = STANDARD.encode(key.sign(text.as_bytes())?);
    let authorization = format!(
        "Signature version=\"1\",keyId=\"{key_id}\",algorithm=\"rsa-sha256\",headers=\"{}\",signature=\"{signature}\"",
        names.join(" ")
    );
    let mut headers: Vec<_> =
        lines.into_iter().filter(|(name, _)| !matches!(*name, TARGET | HOST)).collect();
    headers.push(("authorization", authorization));
    Ok(headers)
}

const TARGET: &str = "(request-target)";
const HOST: &str = "host";

/// What is signed, in order.
fn lines(request: &Signable<'_>) -> Vec<(&'static str, String)> {
    let date = request.now.to_offset(time::UtcOffset::UTC).format(DATE);
    let mut lines = vec![
        ("date", date.unwrap_or_else(|_| unreachable!("a time in UTC has all components"))),
        (TARGET, format!("{} {}", request.method.to_lowercase(), request.target)),
    ];
    lines.extend(request.host.map(|host| (HOST, host.to_owned())));
    if let Some(body) = request.body {
        lines.push(("content-length", body.bytes.len().to_string()));
        lines.push(("content-type", body.content_type.to_owned()));
        lines.push(("x-content-sha256", STANDARD.encode(Sha256::digest(body.bytes))));
    }
    lines
}

fn signing_string(lines: &[(&'static str, String)]) -> String {
    let lines: Vec<_> = lines.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests;
