//! What is written is read back exactly, in every layout and shape; native forms are the expected.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::*;
use crate::domain::canonical;

const SHAPES: [Shape; 4] = [Shape::Map, Shape::Bytes, Shape::Text, Shape::Data];

fn content(kind: Kind, fields: &[(&str, &[u8])]) -> Content {
    let fields = fields.iter().map(|(n, v)| ((*n).to_owned(), Secret::new(v.to_vec()))).collect();
    Content::restore(kind, fields).unwrap()
}

fn any_content() -> impl Strategy<Value = Content> {
    let text = || ".{0,12}".prop_map(String::into_bytes);
    let bytes = || prop_oneof![vec(any::<u8>(), 0..40), text()];
    // Values that look like what coffer itself writes.
    let tricky = prop_oneof![
        Just(envelope_text(&content(Kind::SecretKey, &[("bytes", b"x")]))),
        Just(b"{\"username\":\"a\",\"password\":\"b\"}".to_vec()),
    ];
    let value = || prop_oneof![4 => bytes(), 1 => tricky.clone()];
    let make = |kind, names: &'static [&'static str]| {
        move |values: Vec<Vec<u8>>| {
            let fields: Vec<_> =
                names.iter().zip(&values).map(|(name, value)| (*name, &value[..])).collect();
            content(kind, &fields)
        }
    };
    let store = (bytes(), text(), any::<bool>(), prop::option::of(Just(b"semantic".to_vec())));
    prop_oneof![
        vec(value(), 1).prop_map(make(Kind::Generic, &["value"])),
        vec(text(), 1).prop_map(make(Kind::ApiKey, &["value"])),
        vec(text(), 1).prop_map(make(Kind::JwtToken, &["value"])),
        vec(text(), 2).prop_map(make(Kind::BasicAuth, &["username", "password"])),
        vec(text(), 1).prop_map(make(Kind::PrivateKey, &["pem"])),
        vec(text(), 2).prop_map(make(Kind::PrivateKey, &["pem", "passphrase"])),
        vec(value(), 1).prop_map(make(Kind::SecretKey, &["bytes"])),
        (value(), text())
            .prop_map(|(b, a)| content(Kind::SecretKey, &[("bytes", &b), ("algorithm", &a)])),
        store.prop_map(|(bytes, password, jks, comparison)| {
            let format: &[u8] = if jks { b"JKS" } else { b"PKCS12" };
            let mut fields =
                vec![("bytes", &bytes[..]), ("password", &password), ("format", format)];
            fields.extend(comparison.as_deref().map(|value| ("comparison", value)));
            content(Kind::KeyStore, &fields)
        }),
        btree_map("[a-z.]{1,4}", text(), 0..4).prop_map(|map| {
            let fields: Vec<_> = map.iter().map(|(k, v)| (k.as_str(), &v[..])).collect();
            content(Kind::KeyValue, &fields)
        }),
    ]
}

fn envelope_text(content: &Content) -> Vec<u8> {
    match write(content, Layout::Envelope, Shape::Bytes).unwrap() {
        Form::Bytes(document) => document.expose().to_vec(),
        form => panic!("{form:?}"),
    }
}

fn native(content: &Content, shape: Shape) -> Form {
    write(content, Layout::Native, shape).unwrap()
}

fn entries(pairs: &[(&str, &str)]) -> BTreeMap<String, Secret> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), Secret::from(*value))).collect()
}

fn text(text: &str, content_type: &str) -> Form {
    Form::Text { text: text.into(), content_type: content_type.to_owned() }
}

fn data(data_type: &'static str, pairs: &[(&str, &str)]) -> Form {
    Form::Data { data_type, entries: entries(pairs) }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back_exactly(given in any_content()) {
        for layout in Layout::ALL {
            for shape in SHAPES {
                let form = write(&given, layout, shape).unwrap();
                let back = read(given.kind(), layout, &form).unwrap();
                prop_assert_eq!(&back, &given);
                prop_assert!(canonical::bytes(&back) == canonical::bytes(&given));
                if let Form::Map(entries) = &form {
                    prop_assert!(entries.values().all(|value| value.expose_text().is_ok()));
                }
                if let Form::Text { text, .. } = &form {
                    prop_assert!(text.expose_text().is_ok());
                }
            }
        }
    }

    #[test]
    fn values_of_others_are_refused_or_read_but_do_not_panic(bytes in vec(any::<u8>(), 0..60)) {
        for kind in Kind::ALL {
            for layout in Layout::ALL {
                let _ = read(kind, layout, &Form::Bytes(Secret::new(bytes.clone())));
            }
        }
    }
}

#[test]
fn native_forms_are_those_that_applications_expect() {
    let login = content(Kind::BasicAuth, &[("username", b"ada"), ("password", b"p\"")]);
    let pairs = [("username", "ada"), ("password", "p\"")];
    assert_eq!(native(&login, Shape::Map), Form::Map(entries(&pairs)));
    let json = r#"{"password":"p\"","username":"ada"}"#;
    assert_eq!(native(&login, Shape::Bytes), Form::Bytes(json.into()));
    assert_eq!(native(&login, Shape::Text), text(json, "application/json"));
    assert_eq!(native(&login, Shape::Data), data("kubernetes.io/basic-auth", &pairs));

    let token = content(Kind::JwtToken, &[("value", b"a.b.c")]);
    assert_eq!(native(&token, Shape::Map), Form::Map(entries(&[("token", "a.b.c")])));
    assert_eq!(native(&token, Shape::Text), text("a.b.c", "application/jwt"));

    let key = content(Kind::SecretKey, &[("bytes", b"\x00\xff")]);
    assert_eq!(native(&key, Shape::Bytes), Form::Bytes(Secret::new(vec![0, 0xff])));
    assert_eq!(native(&key, Shape::Map), Form::Map(entries(&[("key", "AP8=")])));

    let generic = content(Kind::Generic, &[("value", b"\xff")]);
    let encoded = entries(&[("value", "/w=="), ("encoding", "base64")]);
    assert_eq!(native(&generic, Shape::Map), Form::Map(encoded));
    let binary = text("/w==", "application/octet-stream;encoding=base64");
    assert_eq!(native(&generic, Shape::Text), binary);

    let pem = "-----BEGIN OPENSSH PRIVATE KEY-----";
    let ssh = content(Kind::PrivateKey, &[("pem", pem.as_bytes())]);
    let expected = data("kubernetes.io/ssh-auth", &[("ssh-privatekey", pem)]);
    assert_eq!(native(&ssh, Shape::Data), expected);
    assert_eq!(native(&ssh, Shape::Text), text(pem, "application/x-pem-file"));

    let store = |password: &[u8]| {
        content(
            Kind::KeyStore,
            &[("bytes", b"\x30"), ("password", password), ("format", b"PKCS12")],
        )
    };
    assert_eq!(native(&store(b""), Shape::Text), text("MA==", "application/x-pkcs12"));
    let named = data("Opaque", &[("keystore.p12", "0"), ("password", "p")]);
    assert_eq!(native(&store(b"p"), Shape::Data), named);
    assert!(matches!(native(&store(b"p"), Shape::Text), Form::Text { content_type, .. }
        if content_type == "application/vnd.coffer+json"));
}

#[test]
fn envelope_is_the_documented_one() {
    let store =
        content(Kind::KeyStore, &[("bytes", b"\xff"), ("password", b"p"), ("format", b"JKS")]);
    let expected = r#"{"coffer":1,"encoding":{"bytes":"base64"},"fields":{"bytes":"/w==","format":"JKS","password":"p"},"type":"key_store"}"#;
    assert_eq!(envelope_text(&store), expected.as_bytes());
    // A single value cannot hold a store with its password.
    assert_eq!(native(&store, Shape::Bytes), Form::Bytes(expected.into()));
}

#[test]
fn content_that_no_native_form_holds_is_refused_with_the_way_out() {
    let spaced = content(Kind::KeyValue, &[("a b", b"canary")]);
    let error = write(&spaced, Layout::Native, Shape::Data).unwrap_err().to_string();
    assert!(error.contains("envelope") && !error.contains("canary"), "{error}");
    assert!(write(&spaced, Layout::Envelope, Shape::Data).is_ok());
    let bytes = content(Kind::BasicAuth, &[("username", b"\xff"), ("password", b"p")]);
    for shape in [Shape::Map, Shape::Bytes, Shape::Text] {
        let error = write(&bytes, Layout::Native, shape).unwrap_err();
        assert!(error.rule.contains("not text"));
    }
    assert!(write(&bytes, Layout::Native, Shape::Data).is_ok());
    let unknown =
        content(Kind::KeyStore, &[("bytes", b"x"), ("password", b"p"), ("format", b"JCEKS")]);
    assert_eq!(write(&unknown, Layout::Native, Shape::Data).unwrap_err().rule, INEXACT);
    assert!(write(&unknown, Layout::Envelope, Shape::Data).is_ok());
}

#[test]
fn foreign_values_and_documents_are_refused() {
    let bytes = |text: &str| Form::Bytes(text.into());
    for (kind, layout, form) in [
        (Kind::BasicAuth, Layout::Native, bytes(r#"{"username":"a","password":"b","port":"1"}"#)),
        (Kind::BasicAuth, Layout::Native, bytes("text")),
        (Kind::KeyStore, Layout::Native, bytes("text")),
        (Kind::JwtToken, Layout::Native, Form::Map(entries(&[("value", "x")]))),
        (Kind::Generic, Layout::Native, Form::Map(entries(&[("value", "x"), ("encoding", "x")]))),
        (Kind::Generic, Layout::Envelope, bytes("text")),
        (
            Kind::Generic,
            Layout::Envelope,
            bytes(r#"{"coffer":2,"encoding":{},"fields":{"value":"x"},"type":"generic"}"#),
        ),
        (
            Kind::ApiKey,
            Layout::Envelope,
            bytes(r#"{"coffer":1,"encoding":{},"fields":{"value":"x"},"type":"generic"}"#),
        ),
        (
            Kind::Generic,
            Layout::Envelope,
            bytes(
                r#"{"coffer":1,"encoding":{"other":"base64"},"fields":{"value":"x"},"type":"generic"}"#,
            ),
        ),
    ] {
        assert_eq!(read(kind, layout, &form).unwrap_err(), Unreadable, "{form:?}");
    }
    for layout in Layout::ALL {
        assert_eq!(Layout::parse(layout.code()), Some(layout));
    }
}
