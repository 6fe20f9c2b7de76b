//! Stores of OpenSSL and Java: opened, compared, refused.

use proptest::prelude::*;

use super::*;
use crate::domain::canonical;

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/keys/", $name))
    };
}

const PASS: &str = "throwaway";

fn store(
    bytes: &[u8],
    password: &str,
    format: &str,
    comparison: Option<&str>,
) -> Result<Content, InvalidContent> {
    Content::key_store(
        Secret::new(bytes.to_vec()),
        password.into(),
        format.into(),
        comparison.map(Secret::from),
    )
}

fn print(bytes: &[u8], format: &str, comparison: Option<&str>) -> Secret {
    canonical::bytes(&store(bytes, PASS, format, comparison).unwrap())
}

fn rule(result: Result<Content, InvalidContent>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn stores_of_openssl_and_java_open_with_their_password_only() {
    let stores: [(&[u8], _); 6] = [
        (fixture!("openssl.p12"), PKCS12),
        (fixture!("legacy.p12"), PKCS12),
        (fixture!("java.p12"), PKCS12),
        (fixture!("java-again.p12"), PKCS12),
        (fixture!("java.jks"), JKS),
        (fixture!("java-again.jks"), JKS),
    ];
    for (bytes, format) in stores {
        let content = store(bytes, PASS, format, None).unwrap();
        assert_eq!(content.field(field::BYTES).unwrap().expose(), bytes);
        assert!(content.canonical_fields().is_none());
        for password in ["canary", "", "Throwaway"] {
            let message = rule(store(bytes, password, format, None));
            assert_eq!(message, "password: does not open the store");
        }
    }
}

#[test]
fn raw_comparison_sees_each_packing_and_semantic_does_not() {
    let packed: [(&[u8], &[u8], _); 2] = [
        (fixture!("java.p12"), fixture!("java-again.p12"), PKCS12),
        (fixture!("java.jks"), fixture!("java-again.jks"), JKS),
    ];
    for (once, again, format) in packed {
        assert!(print(once, format, None) != print(again, format, None));
        assert!(print(once, format, Some("raw")) == print(once, format, None));
        let semantic = |bytes| print(bytes, format, Some(SEMANTIC));
        assert!(semantic(once) == semantic(again));
        assert!(semantic(once) != print(once, format, None));
    }
}

#[test]
fn tool_and_algorithms_of_a_store_do_not_matter_to_a_semantic_comparison() {
    let semantic = |bytes| print(bytes, PKCS12, Some(SEMANTIC));
    let openssl = semantic(fixture!("openssl.p12"));
    assert!(openssl == semantic(fixture!("legacy.p12")));
    assert!(openssl == semantic(fixture!("java.p12")));
}

#[test]
fn semantic_comparison_sees_what_is_inside_and_the_password() {
    let content = store(fixture!("java.jks"), PASS, JKS, Some(SEMANTIC)).unwrap();
    let fields = content.canonical_fields().unwrap();
    let texts: Vec<_> = fields
        .iter()
        .filter(|(name, _)| name != "part")
        .map(|(name, value)| (name.as_str(), value.expose_text().unwrap()))
        .collect();
    let expected = [
        ("format", JKS),
        ("password", PASS),
        ("comparison", SEMANTIC),
        ("alias", "authority"),
        ("kind", "trusted"),
        ("alias", "service"),
        ("kind", "key"),
    ];
    assert_eq!(texts, expected);
    // The key and its certificate, and the trusted one, which is the same.
    let parts: Vec<_> = fields.iter().filter(|(name, _)| name == "part").collect();
    assert_eq!(parts.len(), 3);
    assert!(parts[0].1 == parts[2].1);
    let pem = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/keys/ec.sec1.pem"));
    let key = Content::private_key(pem.into(), None).unwrap().canonical_fields().unwrap();
    assert!(parts[1].1 == key[0].1);
}

#[test]
fn what_is_no_store_of_the_format_is_refused() {
    let p12: &[u8] = fixture!("java.p12");
    let jks: &[u8] = fixture!("java.jks");
    assert_eq!(rule(store(jks, PASS, PKCS12, None)), "bytes: is not a PKCS#12 store");
    assert_eq!(rule(store(p12, PASS, JKS, None)), "bytes: is not a JKS store");
    for bytes in [&b""[..], b"canary", b"0", b"\xfe\xed\xfe\xed"] {
        assert_eq!(rule(store(bytes, PASS, PKCS12, None)), "bytes: is not a PKCS#12 store");
        assert_eq!(rule(store(bytes, PASS, JKS, None)), "bytes: is not a JKS store");
    }
    assert!(rule(store(&jks[..jks.len() - 1], PASS, JKS, None)).starts_with("password: "));
    assert_eq!(rule(store(p12, PASS, "JCEKS", None)), "format: must be one of PKCS12, JKS");
    assert_eq!(
        rule(store(p12, PASS, PKCS12, Some("x"))),
        "comparison: must be one of raw, semantic"
    );
}

proptest! {
    #[test]
    fn damaged_stores_do_not_panic(at: prop::sample::Index, bit in 0_u8..8, jks: bool) {
        let (bytes, format): (&[u8], _) =
            if jks { (fixture!("java.jks"), JKS) } else { (fixture!("legacy.p12"), PKCS12) };
        let mut bytes = bytes.to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let _ = store(&bytes, PASS, format, Some(SEMANTIC));
    }

    /// Below a hash that is right, so that the reader behind it sees the bytes.
    #[test]
    fn any_bytes_in_a_jks_do_not_panic(body in prop::collection::vec(any::<u8>(), 0..120)) {
        use sha1::Digest as _;
        let password: Vec<u8> = PASS.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let mut bytes = b"\xfe\xed\xfe\xed\0\0\0\x02".to_vec();
        bytes.extend(body);
        let hash = sha1::Sha1::new()
            .chain_update(password)
            .chain_update(b"Mighty Aphrodite")
            .chain_update(&bytes)
            .finalize();
        bytes.extend_from_slice(&hash);
        let _ = store(&bytes, PASS, JKS, Some(SEMANTIC));
    }
}
