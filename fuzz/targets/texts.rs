//! Texts and frames of the domain: ids, key schemas, fingerprints, canonical bytes.

use coffer::domain::canonical;
use coffer::domain::fingerprint::Fingerprint;
use coffer::domain::key_schema::{KeySchema, Placeholder, Values};
use coffer::domain::kind::Content;
use coffer::domain::material::Secret;
use coffer::domain::secret::{SecretId, VersionId};

/// Canonical bytes of content: one frame per content.
pub fn canonical_frame(data: &[u8]) {
    let frame = Secret::new(data.to_vec());
    let Ok(content) = canonical::decode(&frame) else { return };
    assert!(canonical::encode(&content) == frame, "two frames for one content");
}

/// The text of a fingerprint.
pub fn fingerprint_text(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(print) = text.parse::<Fingerprint>() else { return };
    assert_eq!(print.as_str(), text, "two texts for one fingerprint");
    assert_eq!(print.short().len(), 8);
}

/// `<profile>/<name>`.
pub fn secret_id(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(id) = text.parse::<SecretId>() else { return };
    assert_eq!(id.to_string(), text, "two texts for one id");
}

/// `<profile>/<name>#<number>`.
pub fn version_id(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(id) = text.parse::<VersionId>() else { return };
    assert_eq!(id.to_string(), text, "two texts for one id");
}

/// `<schema>\n<key>`: a schema is its own inverse.
pub fn key_schema(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (schema, key) = text.split_once('\n').unwrap_or((text, "key"));
    let Ok(schema) = schema.parse::<KeySchema>() else { return };
    let values: Values =
        Placeholder::ALL.into_iter().map(|placeholder| (placeholder, "v".to_owned())).collect();
    let Ok(name) = schema.render(key, &values) else { return };
    let inverse = schema.invert(name.as_str(), &values).expect("every placeholder has a value");
    assert_eq!(inverse.as_deref(), Some(key), "the schema lost the key");
}

pub fn frame_seeds() -> Vec<Vec<u8>> {
    let entries = [("a", "1"), ("b", "")].map(|(key, value)| (key.to_owned(), Secret::from(value)));
    let contents = [
        Content::generic(Secret::from("value")),
        Content::basic_auth(Secret::from("user"), Secret::from("password")),
        Content::key_value(entries.into()),
    ];
    contents
        .map(|content| canonical::encode(&content.expect("valid content")).expose().to_vec())
        .into()
}

pub fn fingerprint_seeds() -> Vec<Vec<u8>> {
    let salt = "A".repeat(22);
    let tag = "A".repeat(27);
    vec![
        format!("cfp1.a2.-.{salt}.{tag}").into_bytes(),
        format!("cfp1.h2.abcdefgh.{salt}.{tag}").into_bytes(),
    ]
}

pub fn id_seeds() -> Vec<Vec<u8>> {
    ["main/app/db-password", "main/app/db-password#3", "a/b#c#18446744073709551615"]
        .map(|text| text.as_bytes().to_vec())
        .into()
}

pub fn key_schema_seeds() -> Vec<Vec<u8>> {
    [
        "{{secretKey}}\ndb/password",
        "{{environment}}-{{secretKey}}\nkey",
        "a/{{type}}_{{secretKey}}.{{path}}{{versionState}}{{profile}}\nx",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}
