//! Schemas of the data sources that list: `coffer_secrets` and `coffer_secret_versions`, and the
//! filters that the list resource has, too.
//!
//! Metadata only.

use super::{profile_rule, secret_id_rule, told};
use crate::domain::kind::Kind;
use crate::plugin::framework::schema::{Attribute, Nesting, Presence, Schema, Validator};
use crate::plugin::framework::types::Type;
use crate::plugin::framework::validators;
use crate::plugin::framework::value::Value;

/// The versions of one secret.
pub(crate) fn versions() -> Schema {
    Schema::new(
        "The versions of a secret, oldest first, without their values: which there are, what each \
         is used for, and whether two are the same.",
    )
    .attribute(
        "secret_id",
        Attribute::required(
            Type::String,
            "The secret: `<profile>/<name>`, the `id` of a `coffer_secret`.",
        )
        .check(secret_id_rule()),
    )
    .attribute("profile", told("Profile of the vault.", Type::String))
    .attribute(
        "versions",
        Attribute::nested(
            Nesting::List,
            Presence::Computed,
            [
                ("number", told("From 1 upward.", Type::Number)),
                ("version_id", told("The vault's own id of the version.", Type::String)),
                (
                    "rotation_states",
                    told(
                        "All states, in this order: `current`, `latest`, `pending`, `previous`, \
                         `deprecated`.",
                        Type::list(Type::String),
                    ),
                ),
                ("fingerprint", told("Fingerprint of the content.", Type::String)),
                ("profile", told("Profile of the vault.", Type::String)),
                ("created_at", told("When it was uploaded (RFC 3339).", Type::String)),
                (
                    "deletion_scheduled_at",
                    told("When a scheduled deletion takes place.", Type::String),
                ),
            ],
            "The versions, oldest first.",
        ),
    )
}

/// The secrets of a vault.
pub(crate) fn secrets() -> Schema {
    filters(
        Schema::new(
            "The secrets of a vault that match all filters, by name, without their values. Deleted \
             ones are not listed.",
        ),
        Presence::OptionalComputed,
    )
    .attribute(
        "secrets",
        Attribute::nested(
            Nesting::List,
            Presence::Computed,
            [
                ("id", told("`<profile>/<name>`.", Type::String)),
                ("name", told("Name in the vault.", Type::String)),
                ("type", told("Type of the secret, if coffer wrote it.", Type::String)),
                ("fingerprint", told("Fingerprint of the current content.", Type::String)),
                ("version", told("Number of the current version.", Type::Number)),
                ("lifecycle_state", told("`active` or `disabled`.", Type::String)),
                ("description", told("Text for people.", Type::String)),
                ("tags", told("All tags in the vault.", Type::map(Type::String))),
                ("expires_at", told("Not to be used after this time.", Type::String)),
                ("created_at", told("When it was created (RFC 3339).", Type::String)),
                ("updated_at", told("When it last changed (RFC 3339).", Type::String)),
            ],
            "The secrets, sorted by name.",
        ),
    )
}

/// The filters of everything that lists secrets.
pub(super) fn filters(schema: Schema, profile: Presence) -> Schema {
    schema
    .attribute(
        "profile",
        Attribute {
            presence: profile,
            ..Attribute::optional(
                Type::String,
                "Profile of the vault. Default: the provider's `default_profile`.",
            )
        }
        .check(profile_rule()),
    )
    .attribute("name_prefix", Attribute::optional(Type::String, "Only names that begin with this."))
    .attribute(
        "name_glob",
        Attribute::optional(
            Type::String,
            "Only names that match this pattern: `*` stands for any characters but `/`, `**` for \
             any characters, `?` for one character but `/`.",
        ),
    )
    .attribute(
        "tags",
        Attribute::optional(Type::map(Type::String), "Only secrets with all of these tags."),
    )
    .attribute(
        "types",
        Attribute::optional(
            Type::set(Type::String),
            format!("Only secrets of these types: {}.", kinds()),
        )
        .check(known_types()),
    )
}

/// A type that does not exist would silently match nothing.
fn known_types() -> Validator {
    validators::check(format!("types among {}", kinds()), |value, path, diags| {
        let Value::Set(items) = value else { return };
        for code in items.iter().filter_map(Value::as_str) {
            if Kind::parse(code).is_none() {
                diags.error(
                    path.clone(),
                    "Type of secret does not exist",
                    format!("{code:?} is no type. Types: {}.", kinds()),
                );
            }
        }
    })
}

fn kinds() -> String {
    let codes: Vec<String> = Kind::ALL.iter().map(|kind| format!("`{}`", kind.code())).collect();
    codes.join(", ")
}
