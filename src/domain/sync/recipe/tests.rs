//! Every transform: what comes out, what it refuses, and that no error shows a value.

use proptest::prelude::*;

use super::*;

fn generic(text: &str) -> Content {
    Content::generic(text.into()).unwrap()
}

fn one(transform: Transform, content: Content) -> Result<String, String> {
    let made = Recipe::of(transform, "k").make(vec![content]);
    let made = made.map_err(|error| error.to_string())?;
    Ok(made.fields()[0].1.expose_text().unwrap().to_owned())
}

fn json(name: &str, text: &str) -> Result<String, String> {
    one(Transform::JsonField(name.to_owned()), generic(text))
}

#[test]
fn base64_has_padding_and_takes_bytes() {
    assert_eq!(one(Transform::Base64, generic("a?>")).unwrap(), "YT8+");
    assert_eq!(one(Transform::Base64, generic("ab")).unwrap(), "YWI=");
    let bytes = Content::generic(Secret::new(vec![0, 255])).unwrap();
    assert_eq!(one(Transform::Base64, bytes).unwrap(), "AP8=");
    let key = Content::secret_key(Secret::new(vec![7; 32]), Some("AES".into())).unwrap();
    assert_eq!(one(Transform::Base64, key).unwrap(), STANDARD.encode([7; 32]));
}

#[test]
fn field_by_name_and_by_pointer() {
    let text = r#"{"user":"ada","port":5432,"tls":{"ca":["x","y"]},"a/b":"c","none":null}"#;
    assert_eq!(json("user", text).unwrap(), "ada");
    assert_eq!(json("port", text).unwrap(), "5432");
    assert_eq!(json("a/b", text).unwrap(), "c");
    assert_eq!(json("/tls/ca/1", text).unwrap(), "y");
    assert_eq!(json("/a~1b", text).unwrap(), "c");
    assert_eq!(json("tls", text).unwrap(), r#"{"ca":["x","y"]}"#);
    for missing in ["none", "nobody", "/tls/ca/2", "tls.ca"] {
        assert!(json(missing, text).unwrap_err().contains("no such field"), "{missing}");
    }
    // Digits that no floating-point number has stay as they are.
    assert_eq!(json("n", r#"{"n":12345678901234567890.10}"#).unwrap(), "12345678901234567890.10");
}

#[test]
fn field_of_a_type_that_has_fields() {
    let login = || Content::basic_auth("ada".into(), "pass".into()).unwrap();
    let field = |name: &str| one(Transform::JsonField(name.to_owned()), login());
    assert_eq!(field("password").unwrap(), "pass");
    assert!(field("Password").unwrap_err().contains("no such field"));
}

#[test]
fn bundle_names_its_fields() {
    let input = |key: &str, field: &str| Input { key: key.to_owned(), field: field.to_owned() };
    let inputs = vec![input("db", "DB"), input("api", "API")];
    let recipe = Recipe { transform: Transform::JsonBundle, inputs };
    let made = recipe.make(vec![generic("one"), generic("two")]).unwrap();
    assert_eq!(made.kind(), Kind::KeyValue);
    assert_eq!(made.field("DB").unwrap().expose(), b"one");
    assert_eq!(made.field("API").unwrap().expose(), b"two");
    // The version is that of all of them.
    let id = recipe.version_id(&["1", "2"]);
    assert_eq!(id, recipe.version_id(&["1", "2"]));
    assert_ne!(id, recipe.version_id(&["1", "3"]));
    assert_ne!(id, recipe.version_id(&["12", ""]));
    assert_eq!(Recipe::identity("db").version_id(&["7"]), "7");
    assert_eq!(Recipe::of(Transform::Base64, "db").version_id(&["7"]), "7#base64");
    let login = Content::basic_auth("ada".into(), "pass".into()).unwrap();
    let refused = recipe.make(vec![generic("one"), login]).unwrap_err();
    assert!(refused.to_string().contains("basic_auth has several fields"), "{refused}");
}

const CERT: &str = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----";
const CA: &str = "-----BEGIN CERTIFICATE-----\nMQ==\n-----END CERTIFICATE-----";

#[test]
fn parts_of_a_bundle_are_the_blocks_byte_for_byte() {
    let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let key = key.trim();
    let text = format!("subject=x\n{CERT}\nissuer=y\n{CA}\n{key}\n");
    let part = |part| one(Transform::Pem(part), generic(&text)).unwrap();
    assert_eq!(part(pem::Part::Certificate), format!("{CERT}\n"));
    assert_eq!(part(pem::Part::Chain), format!("{CA}\n"));
    assert_eq!(part(pem::Part::FullChain), format!("{CERT}\n{CA}\n"));
    assert_eq!(part(pem::Part::PrivateKey), format!("{key}\n"));
}

#[test]
fn what_a_bundle_lacks_is_told() {
    let of = |part, text: &str| one(Transform::Pem(part), generic(text)).unwrap_err();
    assert!(of(pem::Part::Chain, CERT).contains("no chain"));
    assert!(of(pem::Part::PrivateKey, CERT).contains("no private key"));
    assert!(of(pem::Part::Certificate, "plain").contains("no block"));
    assert!(of(pem::Part::Certificate, "-----BEGIN CERTIFICATE-----\n").contains("no end"));
    assert!(of(pem::Part::Certificate, "-----BEGIN CERT").contains("no end"));
}

#[test]
fn types_are_refused_before_values_are_read() {
    let refused = |transform, kind| Recipe::of(transform, "k").takes(kind).is_err();
    assert!(refused(Transform::Base64, Kind::KeyValue));
    assert!(refused(Transform::JsonBundle, Kind::SecretKey));
    assert!(refused(Transform::Pem(pem::Part::Chain), Kind::JwtToken));
    assert!(Kind::ALL.into_iter().all(|kind| !refused(Transform::Identity, kind)));
}

proptest! {
    #[test]
    fn no_error_shows_a_value_and_nothing_panics(text in ".{1,80}", name in "/?[a-z]{0,3}") {
        let value = format!("{text}canary");
        let mut transforms = vec![Transform::Base64, Transform::JsonField(name)];
        transforms.extend(pem::Part::ALL.map(Transform::Pem));
        for transform in transforms {
            let Ok(content) = Content::generic(Secret::from(value.as_str())) else { continue };
            if let Err(error) = Recipe::of(transform, "k").make(vec![content]) {
                prop_assert!(!error.to_string().contains("canary"));
            }
        }
    }

    #[test]
    fn pem_never_panics(text in "(-----|BEGIN |END |CERTIFICATE|\n|x){0,20}") {
        for part in pem::Part::ALL {
            let _ = part.of(&text);
        }
    }
}
