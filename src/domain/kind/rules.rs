//! The table of types: the fields of each and the rules their values must keep.
//!
//! A type whose `check` is `None` can be read but not made: adding it is writing its check. The
//! rules come from the ILM platform's model (not blank) and the format each type names: RFC 7617
//! for user names.

use super::{Content, InvalidContent, Kind, field};
use crate::domain::material::Secret;

/// What makes content of a type valid.
pub(super) struct Rules {
    /// The fields.
    pub(super) fields: Fields,
    /// The rules on their values; `None` while coffer cannot make secrets of the type.
    pub(super) check: Option<Check>,
}

/// The rules of a type on the values of its fields.
type Check = fn(&Content) -> Result<(), InvalidContent>;

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
const KEY_STORE: &[Field] =
    &[required(field::BYTES), required(field::PASSWORD), required(field::FORMAT)];

/// The rules of a type.
pub(super) const fn of(kind: Kind) -> Rules {
    match kind {
        Kind::Generic => Rules { fields: Fields::Named(VALUE), check: Some(generic) },
        Kind::ApiKey => Rules { fields: Fields::Named(VALUE), check: Some(api_key) },
        Kind::JwtToken => Rules { fields: Fields::Named(VALUE), check: None },
        Kind::BasicAuth => Rules { fields: Fields::Named(BASIC_AUTH), check: Some(basic_auth) },
        Kind::PrivateKey => Rules { fields: Fields::Named(PRIVATE_KEY), check: None },
        Kind::SecretKey => Rules { fields: Fields::Named(SECRET_KEY), check: None },
        Kind::KeyStore => Rules { fields: Fields::Named(KEY_STORE), check: None },
        Kind::KeyValue => Rules { fields: Fields::Keys, check: Some(key_value) },
    }
}

/// The refusal of a type that coffer cannot make yet.
pub(super) fn not_available(kind: Kind) -> InvalidContent {
    let available: Vec<_> =
        Kind::ALL.into_iter().filter(|kind| kind.is_available()).map(Kind::code).collect();
    InvalidContent {
        field: kind.code(),
        rule: format!(
            "secrets of this type are not available in this version of coffer; available are {}",
            available.join(", ")
        ),
    }
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

fn text<'v>(name: &'static str, value: &'v Secret) -> Result<&'v str, InvalidContent> {
    value.expose_text().map_err(|_| broken(name, "must be UTF-8 text"))
}

fn broken(field: &'static str, rule: impl Into<String>) -> InvalidContent {
    InvalidContent { field, rule: rule.into() }
}
