//! The rules of `jwt_token`: the compact forms of RFC 7515 (JWS) and RFC 7516 (JWE).
//!
//! Responsible for the structure only: nothing is verified or decrypted, and what a token claims is
//! not judged. A token is never written anew, since its signature covers the very text.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::IgnoredAny;
use zeroize::Zeroizing;

use super::rules::{broken, text};
use super::{Content, Fields, InvalidContent, field};
use crate::domain::material::Secret;

/// Whether an encrypted token (JWE) may be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EncryptedToken {
    /// Only signed tokens, whose claims can be checked.
    #[default]
    Refused,
    /// Encrypted ones too.
    Allowed,
}

/// Takes the white space around a token away, which a file or a pipe leaves there.
pub(super) fn trimmed(value: Secret) -> Secret {
    match value.expose_text() {
        Ok(text) if text.trim().len() != text.len() => Secret::from(text.trim()),
        _ => value,
    }
}

/// Tokens as vaults hold them may have white space around them; it does not count.
pub(super) fn canonical(content: &Content) -> Option<Fields> {
    let value = content.field(field::VALUE)?;
    let trimmed = value.expose_text().ok()?.trim();
    (trimmed.len() != value.len()).then(|| vec![(field::VALUE.to_owned(), Secret::from(trimmed))])
}

/// A signed token.
pub(super) fn check(content: &Content) -> Result<(), InvalidContent> {
    check_as(content, EncryptedToken::Refused)
}

pub(super) fn check_as(content: &Content, encrypted: EncryptedToken) -> Result<(), InvalidContent> {
    let Some(value) = content.field(field::VALUE) else { return Ok(()) };
    let token = text(field::VALUE, value)?;
    let rule = |rule: &str| Err(broken(field::VALUE, rule));
    if token.is_empty() {
        return rule("must not be empty");
    }
    let parts: Vec<_> = token.split('.').collect();
    if !matches!(parts.len(), 3 | 5) {
        return rule("must have three parts separated by dots: header, payload, signature");
    }
    let mut decoded = Vec::with_capacity(parts.len());
    for part in &parts {
        match URL_SAFE_NO_PAD.decode(part) {
            Ok(bytes) => decoded.push(Zeroizing::new(bytes)),
            Err(_) => {
                return rule(
                    "must be parts of base64url without padding, separated by dots (the compact form of a JSON web token)",
                );
            }
        }
    }
    match (decoded.as_slice(), encrypted) {
        ([header, payload, _signature], _) => {
            if !is_header::<Signed>(header) {
                return rule("must begin with a header that is a JSON object with a text `alg`");
            }
            if !is_object(payload) {
                return rule("must have a payload that is a JSON object");
            }
            Ok(())
        }
        (rest, EncryptedToken::Allowed) => {
            if rest.first().is_some_and(|header| is_header::<Encrypted>(header)) {
                Ok(())
            } else {
                rule("must begin with a header that is a JSON object with texts `alg` and `enc`")
            }
        }
        (_, EncryptedToken::Refused) => rule(
            "is an encrypted token (JWE, five parts), which nobody can check here; set jwt_allow_encrypted_wo = true to store it",
        ),
    }
}

#[derive(Deserialize)]
struct Signed {
    #[serde(rename = "alg")]
    _alg: Text,
}

#[derive(Deserialize)]
struct Encrypted {
    #[serde(rename = "alg")]
    _alg: Text,
    #[serde(rename = "enc")]
    _enc: Text,
}

/// Any JSON string; what it says does not matter.
#[derive(Deserialize)]
#[serde(from = "String")]
struct Text;

impl From<String> for Text {
    fn from(_: String) -> Self {
        Self
    }
}

fn is_header<'j, T: Deserialize<'j>>(json: &'j [u8]) -> bool {
    is_object(json) && serde_json::from_slice::<T>(json).is_ok()
}

fn is_object(json: &[u8]) -> bool {
    json.trim_ascii_start().starts_with(b"{") && serde_json::from_slice::<IgnoredAny>(json).is_ok()
}

#[cfg(test)]
mod tests;
