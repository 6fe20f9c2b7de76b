//! Schemas of the data sources that list: `coffer_secrets` and `coffer_secret_versions`.
//!
//! Metadata only.

use super::{profile_rule, told};
use crate::domain::kind::Kind;
use crate::plugin::framework::schema::{Attribute, Nesting, Presence, Schema};
use crate::plugin::framework::types::Type;
use crate::plugin::framework::validators;

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
        .check(validators::text("the id of a secret", |text| {
            text.parse::<crate::domain::secret::SecretId>().map(drop)
        })),
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
    Schema::new(
        "The secrets of a vault that match all filters, by name, without their values. Deleted \
         ones are not listed.",
    )
    .attribute(
        "profile",
        Attribute::optional_computed(
            Type::String,
            "Profile of the vault. Default: the provider's `default_profile`.",
        )
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
        ),
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

fn kinds() -> String {
    let codes: Vec<String> = Kind::ALL.iter().map(|kind| format!("`{}`", kind.code())).collect();
    codes.join(", ")
}
