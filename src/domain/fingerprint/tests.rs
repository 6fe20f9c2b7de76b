//! Known answers, strict parsing and comparison of fingerprints.
//!
//! The answers were computed with Python's `hashlib`, `hmac` and `base64` and the package
//! `argon2-cffi` (the reference C implementation) from the description in the module's header:
//! frame, then `hmac.new(key, salt + frame, "sha256").digest()[:20]`, or
//! `hash_secret_raw(frame, salt, time_cost=3, memory_cost=65536, parallelism=1, hash_len=20,
//! type=Type.ID, version=19)`.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::domain::kind::EncryptedToken;
use crate::domain::material::Secret;

const SALT: Salt =
    Salt([100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112, 113, 114, 115]);
const ZERO: Salt = Salt([0; 16]);

/// Content number, print under the key 00 01 … 1f and the salt 64 65 … 73, print under the key
/// ff ff … ff and the salt 00 00 … 00.
const KEYED: [(usize, &str, &str); 5] = [
    (
        0,
        "cfp1.h2.gogiyh7x.ZGVmZ2hpamtsbW5vcHFycw.QzzTs1rzQ8SpqmVc5cVbClN1taw",
        "cfp1.h2.d7jnc73j.AAAAAAAAAAAAAAAAAAAAAA.jeHMmqB1SmJYUetw-TO5UvWojbs",
    ),
    (
        1,
        "cfp1.h2.gogiyh7x.ZGVmZ2hpamtsbW5vcHFycw.IOPeh5rYOG4Xivhu-JYz6_KUxD4",
        "cfp1.h2.d7jnc73j.AAAAAAAAAAAAAAAAAAAAAA.3Z-iyI_vX2fXmtSsGochr20CBHg",
    ),
    (
        2,
        "cfp1.h2.gogiyh7x.ZGVmZ2hpamtsbW5vcHFycw.dJTN8zd8bzTn_7VU_fCBe3ygccY",
        "cfp1.h2.d7jnc73j.AAAAAAAAAAAAAAAAAAAAAA.UE52DVLVnN-s9Ej05yKl6gmw4UY",
    ),
    (
        3,
        "cfp1.h2.gogiyh7x.ZGVmZ2hpamtsbW5vcHFycw.7fD6oIXzl4VuE-xjgQk9N1HWymU",
        "cfp1.h2.d7jnc73j.AAAAAAAAAAAAAAAAAAAAAA.ydayTmhHg8q0QNTEqZTWUsdwFe8",
    ),
    (
        4,
        "cfp1.h2.gogiyh7x.ZGVmZ2hpamtsbW5vcHFycw.Scoa1BrIhdB9qCK2Z1QIPmFzqKY",
        "cfp1.h2.d7jnc73j.AAAAAAAAAAAAAAAAAAAAAA.jxGoAD9eyNdVPzRp_ZF6M368uv0",
    ),
];

/// Content number, print without a key under the salt 64 65 … 73.
const KEYLESS: [(usize, &str); 2] = [
    (0, "cfp1.a2.-.ZGVmZ2hpamtsbW5vcHFycw.gxKF8HaKj6U-59mp3yE1hZnij1Q"),
    (3, "cfp1.a2.-.ZGVmZ2hpamtsbW5vcHFycw.k2AKR-4fZOzOHw2OWJ2p6ZsONq0"),
];

fn content(number: usize) -> Content {
    match number {
        0 => Content::generic("hunter2".into()),
        1 => Content::generic(Secret::new((0..=255).collect())),
        2 => Content::api_key("hunter2".into()),
        3 => Content::basic_auth("ada".into(), "pässwörd".into()),
        _ => Content::key_value(BTreeMap::from([
            ("A".to_owned(), "1".into()),
            ("a".to_owned(), "".into()),
            ("é".to_owned(), "x=y".into()),
        ])),
    }
    .unwrap()
}

/// Prints of content with a canonical form of its own, under the key 00 01 … 1f and the salt
/// 64 65 … 73; the canonical fields were taken out of the fixtures with `openssl`.
#[test]
fn prints_of_canonical_forms_match_known_answers() {
    macro_rules! fixture {
        ($name:literal) => {
            include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/keys/", $name))
        };
    }
    let bytes = |bytes: &[u8]| Secret::new(bytes.to_vec());
    let password = || Secret::from("throwaway");
    let token = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let store = |comparison: Option<&str>| {
        let p12 = bytes(fixture!("java.p12"));
        Content::key_store(p12, password(), "PKCS12".into(), comparison.map(Secret::from))
    };
    let answers = [
        (
            Content::jwt_token(token.into(), EncryptedToken::Refused),
            "cfp1.h2.gogiyh7x.ZGVmZ2hpamtsbW5vcHFycw.xJN47SubNp_jhoAeX9ryJyZCpJU",
        ),
        (
            Content::private_key(bytes(fixture!("rsa.openssh.pem")), None),
            "cfp1.h2.gogiyh7x.ZGVmZ2hpamtsbW5vcHFycw.LjsLB6p1eQit8umHV0xi8qlm798",
        ),
        (
            Content::private_key(bytes(fixture!("rsa.encrypted.pem")), Some(password())),
            "cfp1.h2.gogiyh7x.ZGVmZ2hpamtsbW5vcHFycw.kNMV4vpAGYpi_AsQfQLC7EwYtFM",
        ),
        (
            Content::secret_key(Secret::new((0..32).collect()), Some("AES".into())),
            "cfp1.h2.gogiyh7x.ZGVmZ2hpamtsbW5vcHFycw.nTW5qO-N1-yv-fVkLgbCRHyX0lc",
        ),
        (store(None), "cfp1.h2.gogiyh7x.ZGVmZ2hpamtsbW5vcHFycw.8ZfnP9a8gK6oBwN3S9uTTiIbYm4"),
        (
            store(Some("semantic")),
            "cfp1.h2.gogiyh7x.ZGVmZ2hpamtsbW5vcHFycw.jJBiaeS3zApLO5kQ5t8tOhc89gs",
        ),
    ];
    for (content, expected) in answers {
        assert_eq!(ring(counting_key()).fingerprint(&content.unwrap(), SALT).as_str(), expected);
    }
}

fn counting_key() -> Key {
    Key::new(Secret::new((0..32).collect())).unwrap()
}

fn full_key() -> Key {
    Key::new(Secret::new(vec![0xff; 32])).unwrap()
}

fn ring(key: Key) -> KeyRing {
    KeyRing::new(Some(key), Vec::new())
}

#[test]
fn keyed_prints_match_known_answers() {
    for (number, counting, full) in KEYED {
        let content = content(number);
        assert_eq!(ring(counting_key()).fingerprint(&content, SALT).as_str(), counting);
        assert_eq!(ring(full_key()).fingerprint(&content, ZERO).as_str(), full);
        assert_eq!(counting.len(), 67);
    }
}

#[test]
fn keyless_prints_match_known_answers() {
    for (number, expected) in KEYLESS {
        let print = KeyRing::default().fingerprint(&content(number), SALT);
        assert_eq!(print.as_str(), expected);
        assert_eq!(print.as_str().len(), 60);
        assert_eq!(print.key_id(), None);
        assert_eq!(KeyRing::default().verify(&content(number), &print), Match::Same);
    }
}

#[test]
fn derived_keys_match_known_answers() {
    let expect = |key: &Key, hex: &str, id: &str| {
        let actual: String = key.expose().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!((actual.as_str(), key.id()), (hex, id));
    };
    expect(
        &Key::derive(&"embedded master key, 32 bytes ok".into()),
        "523e45200d47546447657b730f3344634df28f2ecc545474e4762933f9c177f5",
        "oaj4acu6",
    );
    expect(
        &Key::from_passphrase(&"correct horse battery staple".into(), &SALT.0).unwrap(),
        "2c44e63e57aae6a5aa01d5024e8bf18a97142591db5c22a08c13ca9cee3c41b2",
        "4dg5xftc",
    );
}

#[test]
fn unfit_keys_are_refused() {
    assert_eq!(Key::new(Secret::new(vec![0; 31])).unwrap_err(), InvalidKey::Length(31));
    let passphrase = |text: &str, salt: &[u8]| Key::from_passphrase(&text.into(), salt);
    assert_eq!(passphrase("", &SALT.0).unwrap_err(), InvalidKey::EmptyPassphrase);
    assert_eq!(passphrase("x", &[0; 8]).unwrap_err(), InvalidKey::ShortSalt(8));
}

#[test]
fn debug_of_a_key_shows_its_id_only() {
    assert_eq!(format!("{:?}", counting_key()), r#"Key { id: "gogiyh7x", .. }"#);
}

#[test]
fn verify_uses_the_key_the_print_names() {
    let old = ring(counting_key()).fingerprint(&content(0), SALT);
    let rotated = KeyRing::new(Some(full_key()), vec![counting_key()]);
    assert_eq!(rotated.verify(&content(0), &old), Match::Same);
    assert_eq!(rotated.verify(&content(2), &old), Match::Different);
    assert!(rotated.is_outdated(&old));
    assert!(!rotated.is_outdated(&rotated.fingerprint(&content(0), SALT)));
    assert_eq!(ring(full_key()).verify(&content(0), &old), Match::UnknownKey);
    assert_eq!(KeyRing::default().verify(&content(0), &old), Match::UnknownKey);
}

#[test]
fn short_form_is_the_start_of_the_tag() {
    let print: Fingerprint = KEYED[0].1.parse().unwrap();
    assert_eq!(print.short(), "QzzTs1rz");
    assert_eq!(print.salt(), SALT);
    assert_eq!(print.key_id(), Some("gogiyh7x"));
}

#[test]
fn texts_that_are_not_prints_are_refused() {
    let good = KEYED[0].1;
    let bad = [
        "",
        "....",
        "cfp1",
        &good[..66],
        &format!("{good}."),
        &format!("{good}A"),
        &format!(" {good}"),
        &good.replace("cfp1", "cfp2"),
        &good.replace("h2", "x1"),
        &good.replace("h2", "H2"),
        &good.replace("h2", "a2"),
        &good.replace("gogiyh7x", "-"),
        &good.replace("gogiyh7x", "gogiyh7X"),
        &good.replace("gogiyh7x", "gogiyh1x"),
        &good.replace("gogiyh7x", "gogiyh7"),
        // The last character of a salt carries 2 bits, that of a tag 4: others are not canonical.
        &good.replace("cHFycw", "cHFycx"),
        &good.replace("N1taw", "N1tax"),
        &good.replace('Q', "="),
    ];
    for text in bad {
        assert_eq!(text.parse::<Fingerprint>().unwrap_err(), InvalidFingerprint, "{text}");
    }
}

proptest! {
    #[test]
    fn equal_content_has_equal_prints_under_equal_salt_only(
        a in "[a-c]{1,3}", b in "[a-c]{1,3}", salt: [u8; 16], other: [u8; 16],
    ) {
        let ring = ring(counting_key());
        let print = |text: &str, salt| {
            ring.fingerprint(&Content::generic(text.into()).unwrap(), Salt(salt))
        };
        prop_assert_eq!(print(&a, salt) == print(&b, salt), a == b);
        prop_assert_eq!(print(&a, salt) == print(&a, other), salt == other);
        let expected = if a == b { Match::Same } else { Match::Different };
        let content = Content::generic(b.as_str().into()).unwrap();
        prop_assert_eq!(ring.verify(&content, &print(&a, salt)), expected);
    }

    #[test]
    fn every_print_parses_back(key: [u8; 32], salt: [u8; 16], value in "\\PC{1,8}x") {
        let ring = ring(Key::new(Secret::new(key.to_vec())).unwrap());
        let print = ring.fingerprint(&Content::generic(value.as_str().into()).unwrap(), Salt(salt));
        prop_assert_eq!(print.as_str().len(), 67);
        let parsed: Fingerprint = print.as_str().parse().unwrap();
        prop_assert_eq!(parsed.salt(), Salt(salt));
        prop_assert_eq!(parsed, print);
    }

    #[test]
    fn parse_of_any_text_does_not_panic(text in "(cfp1[.](h2|a2)[.])?[.A-Za-z0-9_-]{0,70}|\\PC*") {
        if let Ok(print) = text.parse::<Fingerprint>() {
            prop_assert_eq!(print.as_str(), text);
        }
    }
}
