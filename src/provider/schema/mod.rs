//! Schemas of everything the provider offers, with the texts of its documentation.
//!
//! One file per object. Responsible for names, types, defaults, validators and descriptions.
//! Leaves checks that need more than one value, and everything that needs a vault, to the object.

pub(crate) mod data_secret;
pub(crate) mod ephemeral_secret;
pub(crate) mod provider_block;
pub(crate) mod secret;

use crate::plugin::framework::schema::{Attribute, Validator};
use crate::plugin::framework::types::Type;
use crate::plugin::framework::validators;

/// ``One of `a`, `b`.``, with the default first.
fn choices(codes: &'static [&'static str]) -> String {
    let quoted: Vec<String> = codes.iter().map(|code| format!("`{code}`")).collect();
    format!("One of {}. Default: `{}`.", quoted.join(", "), codes.first().unwrap_or(&""))
}

fn name_rule() -> Validator {
    validators::text("the name of a secret", |text| {
        crate::domain::secret::SecretName::parse(text).map(drop)
    })
}

fn profile_rule() -> Validator {
    validators::text("the name of a profile", |text| {
        crate::domain::profile::ProfileName::parse(text).map(drop)
    })
}

/// The metadata that data source and ephemeral resource tell about a secret.
fn told(description: &str, ty: Type) -> Attribute {
    Attribute::computed(ty, description)
}
