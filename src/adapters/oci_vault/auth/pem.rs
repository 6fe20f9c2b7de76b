//! Keys and certificates in PEM files, as Oracle's tools write them.
//!
//! Responsible for finding the armoured part (Oracle's console adds a line after it), for opening
//! encrypted PKCS#8, and for what a certificate tells that sign-in needs. Reads no file.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::adapters::sign::http_signature::SigningKey;
use crate::domain::material::Secret;

/// The private key in a PEM text. The error says what is wrong, without the key.
pub(super) fn private_key(pem: &Secret, passphrase: Option<&Secret>) -> Result<SigningKey, String> {
    let text = pem.expose_text().map_err(|_| "it is not text in PEM form".to_owned())?;
    let (label, body) = armoured(text).ok_or("it holds no private key in PEM form")?;
    if body.contains("Proc-Type:") {
        return Err("it is encrypted in the old form of OpenSSL, which is not supported; convert \
                    it with `openssl pkcs8 -topk8 -in <key> -out <new key>`"
            .to_owned());
    }
    let der = Secret::new(decode(body).ok_or("its base64 is damaged")?);
    let opened;
    let der = match label {
        "PRIVATE KEY" | "RSA PRIVATE KEY" => der.expose(),
        "ENCRYPTED PRIVATE KEY" => {
            let passphrase =
                passphrase.ok_or("it is encrypted; set private_key_passphrase as well")?;
            opened = decrypt(der.expose(), passphrase)?;
            opened.as_bytes()
        }
        other => return Err(format!("it holds a {other:?}, not a private RSA key")),
    };
    SigningKey::from_der(der).map_err(|error| error.to_string())
}

fn decrypt(der: &[u8], passphrase: &Secret) -> Result<pkcs8::SecretDocument, String> {
    pkcs8::EncryptedPrivateKeyInfoRef::try_from(der)
        .map_err(|_| "it is encrypted in a way that is not supported (PBES2 is)".to_owned())?
        .decrypt(passphrase.expose())
        .map_err(|_| "the passphrase does not open it".to_owned())
}

/// Label and body of the first armoured part.
fn armoured(text: &str) -> Option<(&str, &str)> {
    let (_, rest) = text.split_once("-----BEGIN ")?;
    let (label, rest) = rest.split_once("-----")?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    Some((label, body))
}

/// Base64 across lines.
fn decode(body: &str) -> Option<Vec<u8>> {
    let body: zeroize::Zeroizing<String> =
        body.chars().filter(|c| !c.is_whitespace()).collect::<String>().into();
    STANDARD.decode(body.as_bytes()).ok()
}

/// A certificate: its base64 without armour, as federation takes it, and its bytes.
#[derive(Debug)]
pub(super) struct Certificate {
    pub base64: String,
    der: Vec<u8>,
}

impl Certificate {
    /// The first certificate in a PEM text.
    pub(super) fn parse(pem: &str) -> Option<Self> {
        let (label, body) = armoured(pem)?;
        let der = decode(body).filter(|_| label == "CERTIFICATE")?;
        Some(Self { base64: STANDARD.encode(&der), der })
    }

    /// SHA-1 of it, in capital hexadecimal digits with colons.
    pub(super) fn fingerprint(&self) -> String {
        let digest = digest(&SHA1_FOR_LEGACY_USE_ONLY, &self.der);
        let pairs: Vec<_> = digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
        pairs.join(":")
    }

    /// The tenancy, which stands in the subject as `opc-tenant:<ocid>` or `opc-identity:<ocid>`.
    pub(super) fn tenancy(&self) -> Option<String> {
        ["opc-tenant:", "opc-identity:"].into_iter().find_map(|prefix| self.subject_text(prefix))
    }

    /// The rest of the DER string that starts with `prefix`. The byte before it is its length:
    /// tenancies are shorter than the 128 bytes from which a length takes two.
    fn subject_text(&self, prefix: &str) -> Option<String> {
        let at = self.der.windows(prefix.len()).position(|w| w == prefix.as_bytes())?;
        let length = usize::from(*self.der.get(at.checked_sub(1)?)?);
        let text = self.der.get(at + prefix.len()..at + length)?;
        String::from_utf8(text.to_vec()).ok().filter(|text| text.starts_with("ocid1."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    macro_rules! fixture {
        ($name:literal) => {
            Secret::from(include_str!(concat!("../../../../tests/fixtures/keys/", $name)))
        };
    }

    #[test]
    fn keys_are_read_in_both_encodings_and_with_what_the_console_appends() {
        private_key(&fixture!("rsa.pkcs8.pem"), None).unwrap();
        private_key(&fixture!("rsa.pkcs1.pem"), None).unwrap();
        let text = fixture!("rsa.pkcs8.pem");
        let labelled = format!("{}\nOCI_API_KEY\n", text.expose_text().unwrap());
        private_key(&Secret::from(labelled.as_str()), None).unwrap();
    }

    #[test]
    fn encrypted_key_needs_its_passphrase() {
        let key = fixture!("rsa.encrypted.pem");
        private_key(&key, Some(&"throwaway".into())).unwrap();
        let error = private_key(&key, Some(&"wrong".into())).unwrap_err();
        assert_eq!(error, "the passphrase does not open it");
        assert!(private_key(&key, None).unwrap_err().contains("private_key_passphrase"));
    }

    #[test]
    fn other_things_are_refused_with_what_they_are() {
        let refuse = |text: &str| private_key(&text.into(), None).unwrap_err();
        assert!(refuse("nothing").contains("no private key"));
        let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----";
        assert!(refuse(old).contains("openssl pkcs8 -topk8"));
        let certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----";
        assert!(refuse(certificate).contains("CERTIFICATE"));
    }

    #[test]
    fn certificate_tells_tenancy_and_fingerprint() {
        let mut der = b"\x30\x20before\x0c".to_vec();
        let name = b"opc-tenant:ocid1.tenancy.oc1..aaaa";
        der.push(u8::try_from(name.len()).unwrap());
        der.extend_from_slice(name);
        der.extend_from_slice(b"after");
        let pem = format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
            STANDARD.encode(&der)
        );
        let certificate = Certificate::parse(&pem).unwrap();
        assert_eq!(certificate.tenancy().as_deref(), Some("ocid1.tenancy.oc1..aaaa"));
        assert_eq!(certificate.fingerprint().len(), 59);
        assert_eq!(certificate.base64, STANDARD.encode(&der));
    }
}
