//! The signed statement with which an application proves that it has its certificate.
//!
//! Responsible for reading the PEM file and for the JSON web token that the sign-in service takes
//! instead of a client secret (`x5t`: SHA-1 of the certificate, which is a name here and no
//! protection; RS256). Source: "Microsoft identity platform application authentication
//! certificate credentials". Time and id come in as arguments.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use sha1::{Digest as _, Sha1};
use zeroize::Zeroizing;

use crate::domain::material::Secret;

/// How long a statement is good for, in seconds. It is used at once.
const LIFETIME: i64 = 300;

/// A certificate with its key.
pub(super) struct Certificate {
    key: KeyPair,
    /// DER, the application's own first.
    chain: Vec<Vec<u8>>,
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Certificate(…)")
    }
}

impl Certificate {
    /// Reads PEM text. The error says what is wrong, not what is in it.
    pub(super) fn parse(pem: &Secret) -> Result<Self, String> {
        let text = pem.expose_text().map_err(|_| {
            "it is not text; convert PKCS#12 with `openssl pkcs12 -in in.pfx -out out.pem -nodes`"
                .to_owned()
        })?;
        let mut chain = Vec::new();
        let mut key = None;
        for (label, der) in blocks(text)? {
            match label {
                "CERTIFICATE" => chain.push(der.to_vec()),
                "PRIVATE KEY" => key = Some(KeyPair::from_pkcs8(&der)),
                "RSA PRIVATE KEY" => key = Some(KeyPair::from_der(&der)),
                "ENCRYPTED PRIVATE KEY" => {
                    return Err("its private key is encrypted; remove the passphrase".to_owned());
                }
                _ => {}
            }
        }
        let key = key.ok_or("it has no private key")?;
        let key = key.map_err(|_| "its private key is not an RSA key of 2048 bits or more")?;
        if chain.is_empty() {
            return Err("it has no certificate".to_owned());
        }
        Ok(Self { key, chain })
    }

    /// A statement by `client_id` to `audience` (the token endpoint), good from `now` (seconds
    /// since 1970).
    pub(super) fn assertion(
        &self,
        client_id: &str,
        audience: &str,
        send_chain: bool,
        now: i64,
        id: &str,
    ) -> Result<String, String> {
        let mut header = serde_json::json!({
            "alg": "RS256",
            "typ": "JWT",
            "x5t": URL_SAFE_NO_PAD.encode(Sha1::digest(&self.chain[0])),
        });
        if send_chain {
            let chain: Vec<_> = self.chain.iter().map(|der| STANDARD.encode(der)).collect();
            header["x5c"] = chain.into();
        }
        let claims = serde_json::json!({
            "aud": audience,
            "iss": client_id,
            "sub": client_id,
            "jti": id,
            "nbf": now,
            "iat": now,
            "exp": now + LIFETIME,
        });
        let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(|_| "its private key cannot sign".to_owned())?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// Label and bytes of a PEM block.
type Block<'t> = (&'t str, Zeroizing<Vec<u8>>);

fn blocks(text: &str) -> Result<Vec<Block<'_>>, String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("-----BEGIN ") {
        let (label, after) = after.split_once("-----").ok_or("a PEM block has no end")?;
        let end = format!("-----END {label}-----");
        let (body, after) = after.split_once(end.as_str()).ok_or("a PEM block has no end")?;
        let body: Zeroizing<String> =
            body.chars().filter(|c| !c.is_whitespace()).collect::<String>().into();
        let bytes = STANDARD.decode(body.as_bytes()).map_err(|_| "a PEM block is damaged")?;
        found.push((label, Zeroizing::new(bytes)));
        rest = after;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

    use super::*;

    const KEY: &str = include_str!("../../../../tests/fixtures/keys/rsa.pkcs8.pem");
    const PKCS1: &str = include_str!("../../../../tests/fixtures/keys/rsa.pkcs1.pem");
    const ENCRYPTED: &str = include_str!("../../../../tests/fixtures/keys/rsa.encrypted.pem");
    const EC: &str = include_str!("../../../../tests/fixtures/keys/ec.pkcs8.pem");
    const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nAQIDBAU=\n-----END CERTIFICATE-----\n";

    fn parse(pem: &str) -> Result<Certificate, String> {
        Certificate::parse(&Secret::from(pem))
    }

    fn decoded(part: &str) -> serde_json::Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    }

    #[test]
    fn statement_is_signed_by_the_key_and_names_the_certificate() {
        for key in [KEY, PKCS1] {
            let certificate = parse(&format!("{key}{CERTIFICATE}")).unwrap();
            let statement =
                certificate.assertion("app", "https://l/t", true, 1_700_000_000, "id").unwrap();
            let parts: Vec<_> = statement.split('.').collect();
            let header = decoded(parts[0]);
            // SHA-1 of 01 02 03 04 05.
            assert_eq!(header["x5t"], "EZZqucCZ-Pq--sVMCNW-K9jJA68");
            assert_eq!(header["x5c"], serde_json::json!(["AQIDBAU="]));
            let claims = decoded(parts[1]);
            assert_eq!((&claims["iss"], &claims["aud"]), (&"app".into(), &"https://l/t".into()));
            assert_eq!(claims["exp"], 1_700_000_300_i64);
            let public = UnparsedPublicKey::new(
                &RSA_PKCS1_2048_8192_SHA256,
                certificate.key.public_key().as_ref().to_vec(),
            );
            let signed = format!("{}.{}", parts[0], parts[1]);
            let signature = URL_SAFE_NO_PAD.decode(parts[2]).unwrap();
            public.verify(signed.as_bytes(), &signature).unwrap();
        }
    }

    #[test]
    fn unusable_files_are_told_apart() {
        for (pem, expected) in [
            (CERTIFICATE.to_owned(), "no private key"),
            (KEY.to_owned(), "no certificate"),
            (format!("{ENCRYPTED}{CERTIFICATE}"), "encrypted"),
            (format!("{EC}{CERTIFICATE}"), "not an RSA key"),
            ("-----BEGIN PRIVATE KEY-----\nx".to_owned(), "no end"),
            ("-----BEGIN X-----\n?\n-----END X-----".to_owned(), "damaged"),
        ] {
            let error = parse(&pem).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        let error = Certificate::parse(&Secret::new(vec![0x30, 0x82, 0xff])).unwrap_err();
        assert!(error.contains("openssl pkcs12"), "{error}");
    }
}
