//! Schemas of everything the provider offers, with the texts of its documentation.
//!
//! One file per object. Responsible for names, types, defaults, validators and descriptions.
//! Leaves checks that need more than one value, and everything that needs a vault, to the object.

pub(crate) mod actions;
pub(crate) mod data_secret;
pub(crate) mod data_secrets;
pub(crate) mod data_sync_status;
pub(crate) mod ephemeral_secret;
pub(crate) mod generate;
pub(crate) mod list_secret;
pub(crate) mod options;
pub(crate) mod provider_block;
pub(crate) mod secret;
pub(crate) mod secret_sync;
pub(crate) mod secret_version;

use super::import_id::capitalised;
use crate::domain::profile::ProfileName;
use crate::domain::secret::SecretName;
use crate::domain::sync::owner::is_name;
use crate::plugin::framework::schema::{Attribute, Validator};
use crate::plugin::framework::types::Type;
use crate::plugin::framework::validators;

/// ``One of `a`, `b`.``, with the default first.
fn choices(codes: &'static [&'static str]) -> String {
    let quoted: Vec<String> = codes.iter().map(|code| format!("`{code}`")).collect();
    format!("One of {}. Default: `{}`.", quoted.join(", "), codes.first().unwrap_or(&""))
}

fn name_rule() -> Validator {
    rule("the name of a secret", "Name of a secret is not valid", |text| {
        SecretName::parse(text).map(drop).map_err(|error| error.to_string())
    })
}

/// The name of a sync, required.
fn name_of_sync(description: &str) -> Attribute {
    Attribute::required(Type::String, description).check(validators::length(1, 64)).check(rule(
        "a slug",
        "Name of a sync is not valid",
        |text| {
            if is_name(text) {
                Ok(())
            } else {
                Err("a sync's name has small letters, digits and \"-\" only".to_owned())
            }
        },
    ))
}

fn profile_rule() -> Validator {
    rule("the name of a profile", "Name of a profile is not valid", |text| {
        ProfileName::parse(text).map(drop).map_err(|error| error.to_string())
    })
}

fn secret_id_rule() -> Validator {
    validators::text("the id of a secret", |text| {
        text.parse::<crate::domain::secret::SecretId>().map(drop)
    })
}

/// A rule of the domain, whose message is a sentence of its own.
fn rule(
    description: &str,
    summary: &'static str,
    test: fn(&str) -> Result<(), String>,
) -> Validator {
    validators::check(description, move |value, path, diags| {
        if let Some(Err(message)) = value.as_str().map(test) {
            diags.error(path.clone(), summary, format!("{}.", capitalised(&message)));
        }
    })
}

/// The metadata that data source and ephemeral resource tell about a secret.
fn told(description: &str, ty: Type) -> Attribute {
    Attribute::computed(ty, description)
}
