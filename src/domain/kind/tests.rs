//! Rules of the types, told without content.

use super::*;

fn secret(bytes: &[u8]) -> Secret {
    Secret::new(bytes.to_vec())
}

fn rule(result: Result<Content, InvalidContent>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn generic_of_any_bytes_is_accepted_unless_blank() {
    for bytes in [&b"x"[..], b" x ", b"\0", b"\xff\xfe", b"line\n"] {
        let content = Content::generic(secret(bytes)).unwrap();
        assert_eq!(content.field(field::VALUE).unwrap().expose(), bytes);
        assert_eq!(content.size(), bytes.len());
        assert_eq!(content.is_text(), std::str::from_utf8(bytes).is_ok());
    }
    assert_eq!(rule(Content::generic(secret(b""))), "value: must not be empty");
    for blank in ["  ", "\n", "\t \r\n", "\u{a0}\u{2003}"] {
        assert_eq!(
            rule(Content::generic(blank.into())),
            "value: must not consist of white space only"
        );
    }
}

#[test]
fn api_key_with_control_characters_or_outer_space_is_refused() {
    assert!(Content::api_key("sk-live 1".into()).is_ok());
    assert!(rule(Content::api_key("k\n".into())).starts_with("value: must not contain control"));
    assert!(rule(Content::api_key(" k".into())).contains("begin or end with white space"));
    assert_eq!(rule(Content::api_key(secret(b"k\xff"))), "value: must be UTF-8 text");
    assert_eq!(rule(Content::api_key("".into())), "value: must not be empty");
}

#[test]
fn basic_auth_username_must_suit_http() {
    assert!(Content::basic_auth("ada".into(), "p:a\nss".into()).is_ok());
    assert!(rule(Content::basic_auth("a:b".into(), "p".into())).contains("RFC 7617"));
    for name in ["a\rb", "a\nb", "a\0b"] {
        assert!(rule(Content::basic_auth(name.into(), "p".into())).contains("line break"));
    }
    assert_eq!(rule(Content::basic_auth("".into(), "p".into())), "username: must not be empty");
    assert_eq!(
        rule(Content::basic_auth("a".into(), " ".into())),
        "password: must not consist of white space only"
    );
}

#[test]
fn key_value_is_ordered_bytewise_and_may_hold_empty_values() {
    let entries = ["b", "a", "Z", "é"].map(|key| (key.to_owned(), Secret::from(""))).into();
    let content = Content::key_value(entries).unwrap();
    let keys: Vec<_> = content.fields().iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["Z", "a", "b", "é"]);
    assert!(rule(Content::key_value(BTreeMap::new())).contains("at least one key"));
}

#[test]
fn key_value_errors_do_not_show_keys() {
    let entry = |key: &str, value: &[u8]| vec![(key.to_owned(), secret(value))];
    let message = rule(Content::new(Kind::KeyValue, entry("canary", b"\xff")));
    assert_eq!(message, "key_value: must be UTF-8 text");
    assert!(rule(Content::new(Kind::KeyValue, entry("", b"x"))).contains("empty key"));
    let mut twice = entry("canary", b"1");
    twice.extend(entry("canary", b"2"));
    let message = rule(Content::new(Kind::KeyValue, twice));
    assert_eq!(message, "key_value: has two fields of the same name");
}

#[test]
fn fields_are_brought_into_declared_order_and_foreign_ones_refused() {
    let fields = |names: &[&str]| -> Vec<_> {
        names.iter().map(|name| ((*name).to_owned(), Secret::from("x"))).collect()
    };
    let content = Content::new(Kind::BasicAuth, fields(&["password", "username"])).unwrap();
    assert_eq!(content.fields()[0].0, "username");
    assert_eq!(rule(Content::new(Kind::BasicAuth, fields(&["username"]))), "password: is required");
    let message = rule(Content::new(Kind::BasicAuth, fields(&["username", "canary", "password"])));
    assert!(message.contains("its fields are username, password") && !message.contains("canary"));
    assert!(rule(Content::new(Kind::Generic, fields(&["value", "value"]))).contains("same name"));
}

#[test]
fn codes_are_parsed_and_stored_content_is_not_judged() {
    for kind in Kind::ALL {
        assert_eq!(Kind::parse(kind.code()), Some(kind));
    }
    let stored = vec![(field::PEM.to_owned(), Secret::from("x"))];
    assert!(Content::restore(Kind::PrivateKey, stored).is_ok());
}

#[test]
fn debug_shows_no_content() {
    let content = Content::basic_auth("canary-user".into(), "canary-pass".into()).unwrap();
    assert!(!format!("{content:?}").contains("canary"));
}
