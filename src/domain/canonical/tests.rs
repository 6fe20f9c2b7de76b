//! The frame is exact, injective and safe to decode from any bytes.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::*;

fn content() -> impl Strategy<Value = (Kind, Vec<(String, Vec<u8>)>)> {
    let bytes = || vec(any::<u8>(), 0..40);
    let named = |kind: Kind, names: &'static [&'static str]| {
        vec(vec(any::<u8>(), 0..40), names.len()).prop_map(move |values| {
            (kind, names.iter().map(|name| (*name).to_owned()).zip(values).collect())
        })
    };
    prop_oneof![
        named(Kind::Generic, &["value"]),
        named(Kind::ApiKey, &["value"]),
        named(Kind::JwtToken, &["value"]),
        named(Kind::BasicAuth, &["username", "password"]),
        named(Kind::PrivateKey, &["pem"]),
        named(Kind::PrivateKey, &["pem", "passphrase"]),
        named(Kind::SecretKey, &["bytes", "algorithm"]),
        named(Kind::KeyStore, &["bytes", "password", "format"]),
        named(Kind::KeyStore, &["bytes", "password", "format", "comparison"]),
        btree_map(".{0,6}", bytes(), 0..5)
            .prop_map(|map| (Kind::KeyValue, map.into_iter().collect())),
    ]
}

fn build((kind, fields): &(Kind, Vec<(String, Vec<u8>)>)) -> Content {
    let fields = fields.iter().map(|(n, v)| (n.clone(), Secret::new(v.clone()))).collect();
    Content::restore(*kind, fields).unwrap()
}

#[test]
fn frame_of_a_known_content_is_the_documented_one() {
    let frame = encode(&Content::generic("hunter2".into()).unwrap());
    let expected = [
        &b"coffer-fp\x01"[..],
        b"\x07\0\0\0\0\0\0\0generic",
        b"\x01\0\0\0\0\0\0\0",
        b"\x05\0\0\0\0\0\0\0value",
        b"\x07\0\0\0\0\0\0\0hunter2",
    ];
    assert_eq!(frame.expose(), expected.concat());
}

#[test]
fn canonical_frame_is_that_of_the_canonical_fields_or_of_the_fields() {
    let plain = Content::basic_auth("ada".into(), "pass".into()).unwrap();
    assert!(bytes(&plain) == encode(&plain));
    let stored = |text: &str| build(&(Kind::JwtToken, vec![("value".to_owned(), text.into())]));
    assert!(bytes(&stored(" a ")) == encode(&stored("a")));
    assert!(encode(&stored(" a ")) != encode(&stored("a")));
    let mut pieces = Vec::new();
    write(&stored(" a "), |piece| pieces.extend_from_slice(piece));
    assert_eq!(pieces, bytes(&stored(" a ")).expose());
}

#[test]
fn splits_and_types_that_concatenate_alike_have_different_frames() {
    let pair = |a: &str, b: &str| encode(&Content::basic_auth(a.into(), b.into()).unwrap());
    assert!(pair("a|b", "c") != pair("a", "b|c"));
    assert!(pair("ab", "c") != pair("a", "bc"));
    let value = || Secret::from("x");
    assert!(
        encode(&Content::generic(value()).unwrap()) != encode(&Content::api_key(value()).unwrap())
    );
}

#[test]
fn frames_that_are_not_canonical_are_refused() {
    let frame = encode(&Content::basic_auth("ada".into(), "pass".into()).unwrap());
    let good = frame.expose();
    assert!(decode(&frame).is_ok());
    for length in 0..good.len() {
        assert_eq!(decode(&Secret::new(good[..length].to_vec())).unwrap_err(), InvalidFrame);
    }
    assert!(decode(&Secret::new([good, b"\0"].concat())).is_err());
    let field = |name: &str, value: &str| {
        [&length(name.len())[..], name.as_bytes(), &length(value.len()), value.as_bytes()].concat()
    };
    let head = &good[..10 + 8 + "basic_auth".len() + 8];
    let swapped = [head, &field("password", "pass"), &field("username", "ada")].concat();
    assert_eq!(decode(&Secret::new(swapped)).unwrap_err(), InvalidFrame);
    let mut huge = good.to_vec();
    huge[28..36].copy_from_slice(&[0xff; 8]);
    assert_eq!(decode(&Secret::new(huge)).unwrap_err(), InvalidFrame);
}

proptest! {
    #[test]
    fn decode_returns_exactly_what_was_encoded(given in content()) {
        let content = build(&given);
        prop_assert_eq!(decode(&encode(&content)).unwrap(), content);
    }

    #[test]
    fn different_contents_have_different_frames(a in content(), b in content()) {
        let same = a == b;
        prop_assert_eq!(encode(&build(&a)) == encode(&build(&b)), same);
    }

    /// All ways to cut the same bytes into user name and password give different frames.
    #[test]
    fn no_two_splits_collide(bytes in vec(any::<u8>(), 1..24)) {
        let mut frames: Vec<_> = (0..=bytes.len())
            .map(|cut| {
                let (user, pass) = bytes.split_at(cut);
                let fields = vec![("username".to_owned(), user.to_vec()), ("password".to_owned(), pass.to_vec())];
                encode(&build(&(Kind::BasicAuth, fields))).expose().to_vec()
            })
            .collect();
        frames.sort();
        frames.dedup();
        prop_assert_eq!(frames.len(), bytes.len() + 1);
    }

    #[test]
    fn decode_of_any_bytes_does_not_panic(bytes in vec(any::<u8>(), 0..200)) {
        let framed = [&b"coffer-fp\x01"[..], &bytes].concat();
        let _ = decode(&Secret::new(bytes));
        let _ = decode(&Secret::new(framed));
    }

    #[test]
    fn decode_of_a_damaged_frame_is_another_content_or_refused(given in content(), at: prop::sample::Index, bit in 0_u8..8) {
        let content = build(&given);
        let mut bytes = encode(&content).expose().to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        if let Ok(other) = decode(&Secret::new(bytes)) {
            prop_assert_ne!(other, content);
        }
    }
}
