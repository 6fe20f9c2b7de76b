//! The rules of `secret_key`: bytes, and sizes that suit the algorithm when one is named.
//!
//! Sizes: FIPS 197 (AES), RFC 8439 (ChaCha20), RFC 2104 (HMAC; at least 128 bits, and no more than
//! anybody uses).

use super::rules::{broken, text};
use super::{Content, InvalidContent, field};

/// An algorithm and the sizes its keys may have, in bytes.
struct Algorithm {
    code: &'static str,
    fits: fn(usize) -> bool,
    sizes: &'static str,
}

const AES: Algorithm =
    Algorithm { code: "AES", fits: |size| matches!(size, 16 | 24 | 32), sizes: "16, 24 or 32" };
const CHACHA20: Algorithm =
    Algorithm { code: "CHACHA20", fits: |size| size == 32, sizes: "exactly 32" };

const fn hmac(code: &'static str) -> Algorithm {
    Algorithm { code, fits: |size| (16..=1024).contains(&size), sizes: "16 to 1024" }
}

const ALGORITHMS: [Algorithm; 5] =
    [AES, CHACHA20, hmac("HMAC-SHA256"), hmac("HMAC-SHA384"), hmac("HMAC-SHA512")];

/// Codes of the algorithms a key can be for.
#[must_use]
pub fn algorithms() -> Vec<&'static str> {
    ALGORITHMS.iter().map(|algorithm| algorithm.code).collect()
}

pub(super) fn check(content: &Content) -> Result<(), InvalidContent> {
    let Some(bytes) = content.field(field::BYTES) else { return Ok(()) };
    if bytes.is_empty() {
        return Err(broken(field::BYTES, "must not be empty"));
    }
    let Some(code) = content.field(field::ALGORITHM) else { return Ok(()) };
    let code = text(field::ALGORITHM, code)?;
    let Some(algorithm) = ALGORITHMS.iter().find(|algorithm| algorithm.code == code) else {
        let codes = algorithms().join(", ");
        return Err(broken(
            field::ALGORITHM,
            format!(
                "must be one of {codes}, or not set (a key for DES or triple DES is not taken)"
            ),
        ));
    };
    if !(algorithm.fits)(bytes.len()) {
        let Algorithm { code, sizes, .. } = algorithm;
        return Err(broken(field::BYTES, format!("must be {sizes} bytes long for {code}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
