//! The layout `native`: what applications of a vault expect of each type.
//!
//! | type | map | bytes | text | data |
//! |---|---|---|---|---|
//! | generic | `value`, `encoding` | as it is | text or base64 | `value` |
//! | api_key | `value` | text | `text/plain` | `value` |
//! | jwt_token | `token` | text | `application/jwt` | `token` |
//! | basic_auth | `username`, `password` | JSON | JSON | `kubernetes.io/basic-auth` |
//! | private_key | `private_key`, `passphrase` | PEM | PEM | `tls.key` or `ssh-privatekey`, `passphrase` |
//! | secret_key | `key`, `algorithm` | as it is | base64 | `key`, `algorithm` |
//! | key_store | `keystore`, `password`, `store_type` | envelope | base64, if without password | `keystore.p12` or `.jks`, `password` |
//! | key_value | its keys | JSON | JSON | its keys |
//!
//! A single value holds a single field; where there are more, an envelope takes its place
//! ([`super::write`] sees to that by reading what was written).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Form, Shape, Unfit, Unreadable, envelope};
use crate::domain::kind::{Content, Kind, field};
use crate::domain::material::Secret;

pub(super) const OPAQUE: &str = "Opaque";
const BASIC_AUTH: &str = "kubernetes.io/basic-auth";
const SSH_AUTH: &str = "kubernetes.io/ssh-auth";

const PLAIN: &str = "text/plain";
const JSON: &str = "application/json";
const JWT: &str = "application/jwt";
const PEM: &str = "application/x-pem-file";
const PKCS12: &str = "application/x-pkcs12";
const BINARY: &str = "application/octet-stream;encoding=base64";

type Entries = BTreeMap<String, Secret>;
/// A name in the vault and the field that is there.
type Name = (&'static str, &'static str);

const NOT_TEXT: Unfit = Unfit { rule: "the vault holds text only, and a field is not text" };

pub(super) fn write(content: &Content, shape: Shape) -> Result<Form, Unfit> {
    match shape {
        Shape::Map => map(content).map(Form::Map),
        Shape::Bytes => bytes(content).map(Form::Bytes),
        Shape::Text => {
            let (text, content_type) = text(content)?;
            Ok(Form::Text { text, content_type: content_type.to_owned() })
        }
        Shape::Data => data(content),
    }
}

pub(super) fn read(kind: Kind, form: &Form) -> Result<Content, Unreadable> {
    let fields = match form {
        Form::Map(entries) => from_map(kind, entries)?,
        Form::Data { entries, .. } => from_data(kind, entries)?,
        Form::Bytes(value) => match envelope_of(kind, form) {
            Some(content) => return Ok(content),
            None => from_bytes(kind, value)?,
        },
        Form::Text { text, content_type } => match envelope_of(kind, form) {
            Some(content) => return Ok(content),
            None => from_text(kind, text, content_type)?,
        },
    };
    Content::restore(kind, fields).map_err(|_| Unreadable)
}

/// Types whose fields do not all fit into a single value may be an envelope.
fn envelope_of(kind: Kind, form: &Form) -> Option<Content> {
    match kind {
        Kind::PrivateKey | Kind::SecretKey | Kind::KeyStore => envelope::read(form),
        _ => None,
    }
}

// Maps of texts.

fn map_names(kind: Kind) -> &'static [Name] {
    match kind {
        Kind::Generic | Kind::ApiKey => &[("value", field::VALUE)],
        Kind::JwtToken => &[("token", field::VALUE)],
        Kind::BasicAuth => &[("username", field::USERNAME), ("password", field::PASSWORD)],
        Kind::PrivateKey => &[("private_key", field::PEM), ("passphrase", field::PASSPHRASE)],
        Kind::SecretKey => &[("key", field::BYTES), ("algorithm", field::ALGORITHM)],
        Kind::KeyStore => &[
            ("keystore", field::BYTES),
            ("password", field::PASSWORD),
            ("store_type", field::FORMAT),
            ("comparison", field::COMPARISON),
        ],
        Kind::KeyValue => &[],
    }
}

/// Says that `value` of `generic` is base64.
const ENCODING: &str = "encoding";
const BASE64: &str = "base64";

fn map(content: &Content) -> Result<Entries, Unfit> {
    let mut entries = named(content, map_names(content.kind()));
    if let Some(bytes) = entries.remove("key").filter(|_| content.kind() == Kind::SecretKey) {
        entries.insert("key".to_owned(), base64(&bytes));
    }
    if let Some(bytes) = entries.remove("keystore").filter(|_| content.kind() == Kind::KeyStore) {
        entries.insert("keystore".to_owned(), base64(&bytes));
    }
    if content.kind() == Kind::Generic && !content.is_text() {
        entries.values_mut().for_each(|value| *value = base64(value));
        entries.insert(ENCODING.to_owned(), BASE64.into());
    }
    all_text(entries)
}

fn from_map(kind: Kind, entries: &Entries) -> Result<Vec<(String, Secret)>, Unreadable> {
    if kind == Kind::Generic && entries.contains_key(ENCODING) {
        let known = entries.len() == 2 && entries[ENCODING].expose() == BASE64.as_bytes();
        let value = entries.get("value").filter(|_| known).ok_or(Unreadable)?;
        return Ok(one(field::VALUE, decoded(value)?));
    }
    let mut fields = unnamed(kind, entries, map_names(kind))?;
    if matches!(kind, Kind::SecretKey | Kind::KeyStore) {
        for (_, value) in fields.iter_mut().filter(|(name, _)| name == field::BYTES) {
            *value = decoded(value)?;
        }
    }
    Ok(fields)
}

// Single values.

fn bytes(content: &Content) -> Result<Secret, Unfit> {
    match content.kind() {
        Kind::BasicAuth | Kind::KeyValue => json(content),
        _ => Ok(first(content)),
    }
}

fn from_bytes(kind: Kind, value: &Secret) -> Result<Vec<(String, Secret)>, Unreadable> {
    match kind {
        Kind::BasicAuth | Kind::KeyValue => from_json(value),
        Kind::KeyStore => Err(Unreadable),
        Kind::PrivateKey => Ok(one(field::PEM, value.duplicate())),
        Kind::SecretKey => Ok(one(field::BYTES, value.duplicate())),
        Kind::Generic | Kind::ApiKey | Kind::JwtToken => Ok(one(field::VALUE, value.duplicate())),
    }
}

fn text(content: &Content) -> Result<(Secret, &'static str), Unfit> {
    let value = first(content);
    let is_text = value.expose_text().is_ok();
    match content.kind() {
        Kind::Generic if !is_text => Ok((base64(&value), BINARY)),
        Kind::SecretKey => Ok((base64(&value), BINARY)),
        Kind::KeyStore => Ok((base64(&value), PKCS12)),
        Kind::BasicAuth | Kind::KeyValue => Ok((json(content)?, JSON)),
        _ if !is_text => Err(NOT_TEXT),
        Kind::JwtToken => Ok((value, JWT)),
        Kind::PrivateKey => Ok((value, PEM)),
        Kind::Generic | Kind::ApiKey => Ok((value, PLAIN)),
    }
}

fn from_text(
    kind: Kind,
    text: &Secret,
    content_type: &str,
) -> Result<Vec<(String, Secret)>, Unreadable> {
    let is_base64 = content_type.split(';').skip(1).any(|part| part.trim() == "encoding=base64");
    match kind {
        Kind::Generic if is_base64 => Ok(one(field::VALUE, decoded(text)?)),
        Kind::SecretKey => Ok(one(field::BYTES, decoded(text)?)),
        // A store stands alone only if it is PKCS#12 without a password.
        Kind::KeyStore => Ok(vec![
            (field::BYTES.to_owned(), decoded(text)?),
            (field::PASSWORD.to_owned(), "".into()),
            (field::FORMAT.to_owned(), "PKCS12".into()),
        ]),
        _ => from_bytes(kind, text),
    }
}

// Named bytes.

fn data_names(kind: Kind) -> &'static [Name] {
    match kind {
        Kind::KeyStore => &[
            ("keystore.p12", field::BYTES),
            ("password", field::PASSWORD),
            ("comparison", field::COMPARISON),
        ],
        Kind::PrivateKey => &[("tls.key", field::PEM), ("passphrase", field::PASSPHRASE)],
        kind => map_names(kind),
    }
}

const JKS_NAMES: &[Name] = &[
    ("keystore.jks", field::BYTES),
    ("password", field::PASSWORD),
    ("comparison", field::COMPARISON),
];
const SSH_NAMES: &[Name] = &[("ssh-privatekey", field::PEM), ("passphrase", field::PASSPHRASE)];

fn data(content: &Content) -> Result<Form, Unfit> {
    let kind = content.kind();
    let has = |name, wanted: &[u8]| {
        content.field(name).is_some_and(|value| {
            value.expose().windows(wanted.len()).any(|window| window == wanted)
        })
    };
    let (data_type, names) = match kind {
        Kind::BasicAuth => (BASIC_AUTH, data_names(kind)),
        Kind::PrivateKey if has(field::PEM, b"BEGIN OPENSSH PRIVATE KEY") => (SSH_AUTH, SSH_NAMES),
        Kind::KeyStore if has(field::FORMAT, b"JKS") => (OPAQUE, JKS_NAMES),
        _ => (OPAQUE, data_names(kind)),
    };
    let entries = named(content, names);
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    let fits = |key: &String| (1..=253).contains(&key.len()) && key.chars().all(plain);
    if !entries.keys().all(fits) {
        return Err(Unfit {
            rule: "a key is not one of 1 to 253 letters, digits, '-', '_' and '.' of ASCII",
        });
    }
    Ok(Form::Data { data_type, entries })
}

fn from_data(kind: Kind, entries: &Entries) -> Result<Vec<(String, Secret)>, Unreadable> {
    let (names, format) = match kind {
        Kind::PrivateKey if entries.contains_key("ssh-privatekey") => (SSH_NAMES, None),
        Kind::KeyStore if entries.contains_key("keystore.jks") => (JKS_NAMES, Some("JKS")),
        Kind::KeyStore => (data_names(kind), Some("PKCS12")),
        kind => (data_names(kind), None),
    };
    let mut fields = unnamed(kind, entries, names)?;
    fields.extend(format.map(|format| (field::FORMAT.to_owned(), format.into())));
    Ok(fields)
}

// What they share.

/// The fields under their names in the vault; those of `key_value` are their own names.
fn named(content: &Content, names: &[Name]) -> Entries {
    let copy = |name: &str, value: &Secret| (name.to_owned(), value.duplicate());
    if content.kind() == Kind::KeyValue {
        return content.fields().iter().map(|(name, value)| copy(name, value)).collect();
    }
    names.iter().filter_map(|(name, field)| Some(copy(name, content.field(field)?))).collect()
}

fn unnamed(
    kind: Kind,
    entries: &Entries,
    names: &[Name],
) -> Result<Vec<(String, Secret)>, Unreadable> {
    let field = |key: &String| {
        if kind == Kind::KeyValue {
            return Some(key.clone());
        }
        let (_, field) = names.iter().find(|(name, _)| name == key)?;
        Some((*field).to_owned())
    };
    let entry = |(key, value): (&String, &Secret)| Some((field(key)?, value.duplicate()));
    entries.iter().map(|pair| entry(pair).ok_or(Unreadable)).collect()
}

fn one(name: &str, value: Secret) -> Vec<(String, Secret)> {
    vec![(name.to_owned(), value)]
}

/// The field that a single value is; the others, if any, make it an envelope.
fn first(content: &Content) -> Secret {
    content.fields().first().map_or_else(|| "".into(), |(_, value)| value.duplicate())
}

fn base64(bytes: &Secret) -> Secret {
    Secret::new(STANDARD.encode(bytes.expose()).into_bytes())
}

fn decoded(text: &Secret) -> Result<Secret, Unreadable> {
    STANDARD.decode(text.expose()).map(Secret::new).map_err(|_| Unreadable)
}

fn all_text(entries: Entries) -> Result<Entries, Unfit> {
    if entries.values().all(|value| value.expose_text().is_ok()) {
        Ok(entries)
    } else {
        Err(NOT_TEXT)
    }
}

fn json(content: &Content) -> Result<Secret, Unfit> {
    let mut texts = BTreeMap::new();
    for (name, value) in content.fields() {
        texts.insert(name.as_str(), value.expose_text().map_err(|_| NOT_TEXT)?);
    }
    let json = serde_json::to_vec(&texts);
    Ok(Secret::new(json.unwrap_or_else(|_| unreachable!("a map of texts is JSON"))))
}

fn from_json(value: &Secret) -> Result<Vec<(String, Secret)>, Unreadable> {
    let texts: BTreeMap<String, String> =
        serde_json::from_slice(value.expose()).map_err(|_| Unreadable)?;
    Ok(texts.into_iter().map(|(name, text)| (name, Secret::new(text.into_bytes()))).collect())
}
