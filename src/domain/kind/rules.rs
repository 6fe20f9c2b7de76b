//! The table of types: the fields of each and the rules their values must keep.
//!
//! The rules come from the ILM platform's model (not blank) and the format each type names: RFC 7617
//! for user names; those of formats that must be parsed have a file each.

use super::{Content, Fields as Values, InvalidContent, Kind, field};
use super::{jwt, key_store, private_key, secret_key};
use crate::domain::material::Secret;

/// What makes content of a type valid.
pub(super) struct Rules {
    /// The fields.
    pub(super) fields: Fields,
    /// The rules on their values.
    pub(super) check: Check,
    /// Their canonical form, where it is not the fields as they are.
    pub(super) canonical: Canonical,
}

/// The rules of a type on the values of its fields.
type Check = fn(&Content) -> Result<(), InvalidContent>;

/// The canonical fields of content; `None` when those are the fields as they are.
type Canonical = fn(&Content) -> Option<Values>;

/// Which fields a type has.
pub(super) enum Fields {
    /// These, in this order.
    Named(&'static [Field]),
    /// Whatever the user names, ordered by name.
    Keys,
}

/// A named field.
pub(super) struct Field {
    name: &'static str,
    required: bool,
}

const fn required(name: &'static str) -> Field {
    Field { name, required: true }
}

const fn optional(name: &'static str) -> Field {
    Field { name, required: false }
}

const VALUE: &[Field] = &[required(field::VALUE)];
const BASIC_AUTH: &[Field] = &[required(field::USERNAME), required(field::PASSWORD)];
const PRIVATE_KEY: &[Field] = &[required(field::PEM), optional(field::PASSPHRASE)];
const SECRET_KEY: &[Field] = &[required(field::BYTES), optional(field::ALGORITHM)];
const KEY_STORE: &[Field] = &[
    required(field::BYTES),
    required(field::PASSWORD),
    required(field::FORMAT),
    optional(field::COMPARISON),
];

/// The rules of a type.
pub(super) const fn of(kind: Kind) -> Rules {
    let (fields, check, canonical): (_, Check, Canonical) = match kind {
        Kind::Generic => (Fields::Named(VALUE), generic, as_is),
        Kind::ApiKey => (Fields::Named(VALUE), api_key, as_is),
        Kind::JwtToken => (Fields::Named(VALUE), jwt::check, jwt::canonical),
        Kind::BasicAuth => (Fields::Named(BASIC_AUTH), basic_auth, as_is),
        Kind::PrivateKey => {
            (Fields::Named(PRIVATE_KEY), private_key::check, private_key::canonical)
        }
        Kind::SecretKey => (Fields::Named(SECRET_KEY), secret_key::check, as_is),
        Kind::KeyStore => (Fields::Named(KEY_STORE), key_store::check, key_store::canonical),
        Kind::KeyValue => (Fields::Keys, key_value, as_is),
    };
    Rules { fields, check, canonical }
}

const fn as_is(_: &Content) -> Option<Values> {
    None
}

impl Fields {
    /// Brings the fields into canonical order.
    pub(super) fn arrange(
        &self,
        kind: Kind,
        mut given: Vec<(String, Secret)>,
    ) -> Result<Vec<(String, Secret)>, InvalidContent> {
        match self {
            Self::Keys => given.sort_by(|(a, _), (b, _)| a.as_bytes().cmp(b.as_bytes())),
            Self::Named(fields) => {
                let rank = |name: &str| fields.iter().position(|field| field.name == name);
                if given.iter().any(|(name, _)| rank(name).is_none()) {
                    let names: Vec<_> = fields.iter().map(|field| field.name).collect();
                    return Err(broken(
                        kind.code(),
                        format!(
                            "has a field that the type does not have; its fields are {}",
                            names.join(", ")
                        ),
                    ));
                }
                if let Some(missing) = fields.iter().find(|field| {
                    field.required && given.iter().all(|(name, _)| name != field.name)
                }) {
                    return Err(broken(missing.name, "is required"));
                }
                given.sort_by_key(|(name, _)| rank(name));
            }
        }
        if given.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(broken(kind.code(), "has two fields of the same name"));
        }
        Ok(given)
    }
}

fn generic(content: &Content) -> Result<(), InvalidContent> {
    each(content, not_blank)
}

fn api_key(content: &Content) -> Result<(), InvalidContent> {
    each(content, |name, value| {
        not_blank(name, value)?;
        let text = text(name, value)?;
        if text.chars().any(char::is_control) {
            return Err(broken(
                name,
                "must not contain control characters (a line break at the end is one; use trimspace() or chomp())",
            ));
        }
        if text.trim() != text {
            return Err(broken(name, "must not begin or end with white space; use trimspace()"));
        }
        Ok(())
    })
}

fn basic_auth(content: &Content) -> Result<(), InvalidContent> {
    each(content, |name, value| {
        not_blank(name, value)?;
        let text = text(name, value)?;
        if name != field::USERNAME {
            return Ok(());
        }
        if text.contains(['\r', '\n', '\0']) {
            return Err(broken(name, "must not contain a line break or NUL"));
        }
        if text.contains(':') {
            return Err(broken(
                name,
                "must not contain a colon, which ends the user name in HTTP Basic authentication (RFC 7617); store such a pair as key_value",
            ));
        }
        Ok(())
    })
}

/// Keys are content too, so a broken rule is told without naming the key.
fn key_value(content: &Content) -> Result<(), InvalidContent> {
    let name = Kind::KeyValue.code();
    if content.fields().is_empty() {
        return Err(broken(name, "must have at least one key"));
    }
    for (key, value) in content.fields() {
        if key.is_empty() {
            return Err(broken(name, "must not have an empty key"));
        }
        text(name, value)?;
    }
    Ok(())
}

/// Applies a rule to every field of a type with named fields.
fn each(
    content: &Content,
    rule: impl Fn(&'static str, &Secret) -> Result<(), InvalidContent>,
) -> Result<(), InvalidContent> {
    let Fields::Named(fields) = of(content.kind()).fields else { return Ok(()) };
    fields
        .iter()
        .filter_map(|field| Some((field.name, content.field(field.name)?)))
        .try_for_each(|(name, value)| rule(name, value))
}

fn not_blank(name: &'static str, value: &Secret) -> Result<(), InvalidContent> {
    if value.is_empty() {
        return Err(broken(name, "must not be empty"));
    }
    match value.expose_text() {
        Ok(text) if text.trim().is_empty() => {
            Err(broken(name, "must not consist of white space only"))
        }
        _ => Ok(()),
    }
}

pub(super) fn text<'v>(name: &'static str, value: &'v Secret) -> Result<&'v str, InvalidContent> {
    value.expose_text().map_err(|_| broken(name, "must be UTF-8 text"))
}

pub(super) fn broken(field: &'static str, rule: impl Into<String>) -> InvalidContent {
    InvalidContent { field, rule: rule.into() }
}
