//! Structure of tokens, told without content.

use proptest::prelude::*;

use super::*;
use crate::domain::canonical;

fn part(json: &str) -> String {
    URL_SAFE_NO_PAD.encode(json)
}

fn signed(header: &str, payload: &str) -> String {
    format!("{}.{}.{}", part(header), part(payload), part("signature"))
}

fn rule(token: &str, encrypted: EncryptedToken) -> String {
    Content::jwt_token(token.into(), encrypted).unwrap_err().to_string()
}

/// The example of RFC 7515, appendix A.1: its header has line breaks, which stay.
const RFC7515: &str = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

#[test]
fn signed_token_is_kept_as_it_is_but_for_white_space_around_it() {
    for given in [RFC7515.to_owned(), format!(" \n{RFC7515}\r\n")] {
        let content = Content::jwt_token(given.as_str().into(), EncryptedToken::Refused).unwrap();
        assert_eq!(content.field(field::VALUE).unwrap().expose(), RFC7515.as_bytes());
    }
    let unsigned = format!("{}.{}.", part(r#"{"alg":"none"}"#), part("{}"));
    assert!(Content::jwt_token(unsigned.as_str().into(), EncryptedToken::Refused).is_ok());
}

#[test]
fn white_space_around_a_stored_token_does_not_change_its_canonical_bytes() {
    let stored = |text: &str| {
        let fields = vec![(field::VALUE.to_owned(), Secret::from(text))];
        Content::restore(crate::domain::kind::Kind::JwtToken, fields).unwrap()
    };
    let bare = stored(RFC7515);
    assert!(bare.canonical_fields().is_none());
    let spaced = stored(&format!("{RFC7515}\n"));
    assert!(canonical::bytes(&spaced) == canonical::bytes(&bare));
    assert!(canonical::encode(&spaced) != canonical::encode(&bare));
}

#[test]
fn broken_tokens_are_refused_by_the_rule_they_break() {
    let cases = [
        (String::new(), "must not be empty"),
        ("  \n".to_owned(), "must not be empty"),
        ("canary".to_owned(), "three parts"),
        ("a.b".to_owned(), "three parts"),
        (format!("{}=.e30.", part("{}")), "base64url without padding"),
        (format!("{RFC7515}+"), "base64url without padding"),
        (format!("{RFC7515}.e30"), "three parts"),
        (signed("canary", "{}"), "header that is a JSON object"),
        (signed(r#"["canary"]"#, "{}"), "header that is a JSON object"),
        (signed(r#"{"typ":"canary"}"#, "{}"), "header that is a JSON object"),
        (signed(r#"{"alg":1}"#, "{}"), "header that is a JSON object"),
        (signed(r#"{"alg":"HS256"}"#, "\"canary\""), "payload that is a JSON object"),
        (signed(r#"{"alg":"HS256"}"#, "{canary"), "payload that is a JSON object"),
        (signed(r#"{"alg":"HS256"}"#, "{} {}"), "payload that is a JSON object"),
    ];
    for (token, expected) in cases {
        let message = rule(&token, EncryptedToken::Refused);
        assert!(message.starts_with("value: ") && message.contains(expected), "{message}");
        assert!(!message.contains("canary"), "{message}");
    }
}

#[test]
fn encrypted_token_needs_leave() {
    let token = format!("{}..{}.{}.{}", part(r#"{"alg":"dir","enc":"A256GCM"}"#), "AA", "AA", "AA");
    assert!(Content::jwt_token(token.as_str().into(), EncryptedToken::Allowed).is_ok());
    assert!(rule(&token, EncryptedToken::Refused).contains("jwt_allow_encrypted_wo"));
    let unnamed = format!("{}.AA.AA.AA.AA", part(r#"{"alg":"dir"}"#));
    assert!(rule(&unnamed, EncryptedToken::Allowed).contains("`enc`"));
}

proptest! {
    #[test]
    fn any_text_is_refused_or_kept(text in ".{0,60}") {
        if let Ok(content) = Content::jwt_token(text.as_str().into(), EncryptedToken::Allowed) {
            prop_assert_eq!(content.field(field::VALUE).unwrap().expose(), text.trim().as_bytes());
        }
    }

    #[test]
    fn any_claims_are_kept_byte_for_byte(claim in "[a-z \\\\n]{0,12}") {
        let payload = serde_json::json!({ "claim": claim }).to_string();
        let token = signed(r#"{ "alg" : "ES256" }"#, &payload);
        let content = Content::jwt_token(token.as_str().into(), EncryptedToken::Refused).unwrap();
        prop_assert_eq!(content.field(field::VALUE).unwrap().expose(), token.as_bytes());
    }
}
