//! One key in many encodings has one canonical form; errors name rules.

use proptest::prelude::*;

use super::*;
use crate::domain::canonical;

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/keys/", $name))
    };
}

const PASS: &str = "throwaway";

fn key(pem: &str, passphrase: Option<&str>) -> Result<Content, InvalidContent> {
    Content::private_key(pem.into(), passphrase.map(Secret::from))
}

fn der(pem: &str, passphrase: Option<&str>) -> Secret {
    let fields = key(pem, passphrase).unwrap().canonical_fields().unwrap();
    assert_eq!(fields[0].0, PKCS8);
    fields[0].1.duplicate()
}

fn rule(pem: &str, passphrase: Option<&str>) -> String {
    key(pem, passphrase).unwrap_err().to_string()
}

/// The bytes of a PEM text, by other code than that under test.
fn plain(pem: &str) -> Vec<u8> {
    let lines: String = pem.lines().filter(|line| !line.contains("-----")).collect();
    STANDARD.decode(lines).unwrap()
}

fn block(label: &str, bytes: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(bytes))
}

#[test]
fn rsa_key_is_its_pkcs8_in_every_encoding() {
    let expected = plain(fixture!("rsa.pkcs8.pem"));
    for pem in [fixture!("rsa.pkcs8.pem"), fixture!("rsa.pkcs1.pem"), fixture!("rsa.openssh.pem")] {
        assert_eq!(der(pem, None).expose(), expected);
    }
    for pem in [fixture!("rsa.encrypted.pem"), fixture!("rsa.encrypted-again.pem")] {
        assert_eq!(der(pem, Some(PASS)).expose(), expected);
    }
}

#[test]
fn elliptic_curve_key_is_its_scalar_and_curve_in_every_encoding() {
    // SEC1: SEQUENCE, INTEGER 1, OCTET STRING of 32 bytes.
    let sec1 = fixture!("ec.sec1.pem").split("-----BEGIN EC PRIVATE").nth(1).unwrap();
    let sec1 = plain(&format!("-----BEGIN EC PRIVATE{sec1}"));
    assert_eq!(sec1[2..7], [2, 1, 1, 4, 32]);
    let head = [
        0x30, 0x41, 2, 1, 0, 0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a,
        0x86, 0x48, 0xce, 0x3d, 3, 1, 7, 4, 0x27, 0x30, 0x25, 2, 1, 1, 4, 0x20,
    ];
    let expected = [&head[..], &sec1[7..39]].concat();
    for pem in [fixture!("ec.sec1.pem"), fixture!("ec.pkcs8.pem"), fixture!("ec.openssh.pem")] {
        assert_eq!(der(pem, None).expose(), expected);
    }
    assert_eq!(der(fixture!("ec.openssh-encrypted.pem"), Some(PASS)).expose(), expected);
    for (sec1, openssh) in [
        (fixture!("ec384.sec1.pem"), fixture!("ec384.openssh.pem")),
        (fixture!("ec521.sec1.pem"), fixture!("ec521.openssh.pem")),
    ] {
        assert!(der(sec1, None) == der(openssh, None));
    }
}

#[test]
fn ed25519_key_is_its_seed_in_every_encoding() {
    let expected = plain(fixture!("ed25519.pkcs8.pem"));
    assert_eq!(expected.len(), 48);
    assert_eq!(der(fixture!("ed25519.pkcs8.pem"), None).expose(), expected);
    assert_eq!(der(fixture!("ed25519.openssh.pem"), None).expose(), expected);
    // Version 2 with attributes-free public half, as RFC 8410 has it.
    let text = fixture!("ed25519.openssh.pem");
    let public = ssh_key::PrivateKey::from_openssh(text).unwrap();
    let public = public.key_data().ed25519().unwrap().public.0;
    let with = |public: &[u8]| {
        let mut v2 = expected.clone();
        (v2[1], v2[4]) = (0x51, 1);
        v2.extend_from_slice(&[0x81, 0x21, 0]);
        v2.extend_from_slice(public);
        block("PRIVATE KEY", &v2)
    };
    assert_eq!(der(&with(&public), None).expose(), expected);
    assert!(rule(&with(&[7; 32]), None).contains("does not belong"));
}

#[test]
fn stored_text_stays_as_it_was_given() {
    let pem =
        format!("Bag Attributes\n  name\n{}\n\n", fixture!("rsa.pkcs1.pem").replace('\n', "\r\n"));
    let content = key(&pem, None).unwrap();
    assert_eq!(content.field(field::PEM).unwrap().expose(), pem.as_bytes());
    assert_eq!(canonical::decode(&canonical::encode(&content)).unwrap(), content);
    let bare = key(fixture!("rsa.pkcs8.pem"), None).unwrap();
    assert!(canonical::bytes(&content) == canonical::bytes(&bare));
}

#[test]
fn passphrase_is_part_of_the_print_and_only_for_encrypted_keys() {
    let open = key(fixture!("rsa.pkcs8.pem"), None).unwrap();
    let sealed = key(fixture!("rsa.encrypted.pem"), Some(PASS)).unwrap();
    let again = key(fixture!("rsa.encrypted-again.pem"), Some(PASS)).unwrap();
    assert!(canonical::bytes(&sealed) == canonical::bytes(&again));
    assert!(canonical::bytes(&sealed) != canonical::bytes(&open));
    for pem in [fixture!("rsa.pkcs8.pem"), fixture!("ec.openssh.pem"), fixture!("ec.sec1.pem")] {
        assert!(rule(pem, Some(PASS)).starts_with("passphrase: is set, but"));
    }
    for pem in [fixture!("rsa.encrypted.pem"), fixture!("ec.openssh-encrypted.pem")] {
        assert_eq!(rule(pem, Some("canary")), "passphrase: does not open the key");
        assert_eq!(rule(pem, Some("")), "passphrase: must not be empty");
    }
    assert!(rule(fixture!("rsa.legacy.pem"), Some(PASS)).contains("openssl pkcs8 -topk8"));
}

#[test]
fn encrypted_key_without_passphrase_is_its_encrypted_bytes() {
    for pem in [fixture!("rsa.encrypted.pem"), fixture!("ec.openssh-encrypted.pem")] {
        let fields = key(pem, None).unwrap().canonical_fields().unwrap();
        assert_eq!(fields.len(), 1);
        assert_eq!((fields[0].0.as_str(), fields[0].1.expose()), (ENCRYPTED, &plain(pem)[..]));
    }
    assert!(key(fixture!("rsa.legacy.pem"), None).is_ok());
}

#[test]
fn text_that_is_not_exactly_one_key_is_refused() {
    let rsa = fixture!("rsa.pkcs8.pem");
    let certificate = block("CERTIFICATE", b"canary");
    let cases = [
        (String::new(), "must not be empty"),
        ("canary".to_owned(), "must be PEM text"),
        (format!("{rsa}{rsa}"), "exactly one private key"),
        (format!("{rsa}{certificate}"), "not a private key"),
        (certificate, "not a private key"),
        (rsa.replace("END PRIVATE", "END CANARY"), "without an END line"),
        (rsa.replacen("MII", "M*I", 1), "not base64"),
        (block("PRIVATE KEY", b"canary"), "damaged"),
        (block("RSA PRIVATE KEY", b"canary"), "damaged"),
        (block("EC PRIVATE KEY", b"canary"), "damaged"),
        (block("OPENSSH PRIVATE KEY", b"canary"), "damaged"),
        (block("ENCRYPTED PRIVATE KEY", b"canary"), "damaged"),
        (block("CANARY PRIVATE KEY", b"canary"), "OPENSSH PRIVATE KEY"),
        (rsa.replace("PRIVATE KEY", "RSA PRIVATE KEY"), "damaged"),
    ];
    for (pem, expected) in cases {
        let message = rule(&pem, None);
        assert!(message.starts_with("pem: ") && message.contains(expected), "{message}");
        assert!(!message.to_lowercase().contains("canary"), "{message}");
    }
}

#[test]
fn halves_of_two_keys_are_refused() {
    let mut rsa = plain(fixture!("rsa.pkcs8.pem"));
    rsa[60] ^= 1; // in the modulus
    assert!(rule(&block("PRIVATE KEY", &rsa), None).contains("does not belong"));
    for (pem, at) in [(fixture!("ec.pkcs8.pem"), 40), (fixture!("ec.pkcs8.pem"), 130)] {
        let mut ec = plain(pem);
        ec[at] ^= 1;
        assert!(rule(&block("PRIVATE KEY", &ec), None).contains("does not belong"));
    }
}

proptest! {
    #[test]
    fn any_bytes_below_any_label_do_not_panic(
        label in prop::sample::select(vec!["", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "]),
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        passphrase in prop::option::of("[a-z]{0,4}"),
    ) {
        let pem = block(&format!("{label}PRIVATE KEY"), &bytes);
        let _ = key(&pem, passphrase.as_deref());
    }

    #[test]
    fn any_damage_is_refused_or_leaves_a_key(at: prop::sample::Index, bit in 0_u8..8) {
        let pem = fixture!("ec.pkcs8.pem");
        let mut bytes = plain(pem);
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        if let Ok(content) = key(&block("PRIVATE KEY", &bytes), None) {
            prop_assert!(content.canonical_fields().is_some());
        }
    }

    #[test]
    fn wrapping_of_base64_does_not_matter(width in 1_usize..90) {
        let bytes = plain(fixture!("ec.pkcs8.pem"));
        let text = STANDARD.encode(&bytes);
        let lines: Vec<_> = text.as_bytes().chunks(width).map(|l| str::from_utf8(l).unwrap()).collect();
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----", lines.join("\r\n"));
        prop_assert!(der(&pem, None) == der(fixture!("ec.pkcs8.pem"), None));
    }
}
