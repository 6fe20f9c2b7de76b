//! Schema of the ephemeral resource `coffer_secret`: the value, for the time of one run.

use super::{choices, told};
use crate::plugin::framework::path::Path;
use crate::plugin::framework::schema::{Attribute, ConfigValidator, Nesting, Presence, Schema};
use crate::plugin::framework::types::Type;
use crate::plugin::framework::validators;

/// Codes of `on_missing`, the default first.
pub(crate) const ON_MISSING: &[&str] = &["error", "null"];

/// Rotation states that name one version, the default first.
const SELECTABLE: &[&str] = &["current", "latest", "pending", "previous"];

/// The ephemeral resource.
pub(crate) fn schema() -> Schema {
    let schema = Schema::new(
        "The value of a secret, for providers and write-only arguments. It is read when it is \
         needed and stored nowhere.",
    )
    .rule(ConfigValidator::ExactlyOneOf(vec![Path::attribute("id"), Path::attribute("name")]))
    .rule(ConfigValidator::AtMostOneOf(vec![
        Path::attribute("rotation_state"),
        Path::attribute("version"),
    ]));
    result(selection(super::data_secret::located(schema)))
}

fn selection(schema: Schema) -> Schema {
    schema
        .attribute(
            "rotation_state",
            Attribute::optional(
                Type::String,
                format!("Read the version in this state. {}", choices(SELECTABLE)),
            )
            .check(validators::one_of(SELECTABLE)),
        )
        .attribute(
            "version",
            Attribute::optional_computed(
                Type::Number,
                "Read the version of this number. As a result: the number that was read.",
            )
            .check(validators::between(1, i64::MAX)),
        )
        .attribute(
            "on_missing",
            Attribute::optional(
                Type::String,
                format!(
                    "What to do when there is no such secret or version: `error`, or `null` to go \
                     on with null results. {}",
                    choices(ON_MISSING)
                ),
            )
            .check(validators::one_of(ON_MISSING)),
        )
        .attribute(
            "open",
            Attribute::optional(
                Type::Bool,
                "With `false` nothing is read and all results are unknown. `open = \
                 terraform.applying` keeps a plan from reading the value, so that planning needs \
                 no right to read it and the secret need not exist yet. OpenTofu refuses unknown \
                 results, but waits by itself for changes of what the ephemeral resource refers \
                 to. Default: `true`.",
            ),
        )
        .attribute(
            "depends_on_id",
            Attribute::optional(
                Type::String,
                "Any value of another object. As long as it is not known, opening waits for the \
                 apply: `coffer_secret.example.version_id` makes it wait for a write of that \
                 secret. The text itself is not used.",
            ),
        )
}

fn result(schema: Schema) -> Schema {
    let value = |ty, text: &str| Attribute::computed(ty, text).sensitive();
    fn object<const N: usize>(parts: [(&str, Attribute); N], text: &str) -> Attribute {
        Attribute::nested(Nesting::Single, Presence::Computed, parts, text).sensitive()
    }
    schema
        .attribute("type", told("Type of the secret.", Type::String))
        .attribute("value", value(Type::String, "Content of type `generic`, if it is text."))
        .attribute("value_base64", value(Type::String, "Content of type `generic`, in base64."))
        .attribute("api_key", value(Type::String, "Content of type `api_key`."))
        .attribute("jwt", value(Type::String, "Content of type `jwt_token`."))
        .attribute(
            "basic_auth",
            object(
                [
                    ("username", value(Type::String, "User name.")),
                    ("password", value(Type::String, "Password.")),
                ],
                "Content of type `basic_auth`.",
            ),
        )
        .attribute(
            "private_key",
            object(
                [
                    ("pem", value(Type::String, "The key as PEM text, as it was given.")),
                    ("passphrase", value(Type::String, "Its passphrase, if there is one.")),
                ],
                "Content of type `private_key`.",
            ),
        )
        .attribute(
            "secret_key",
            object(
                [
                    ("base64", value(Type::String, "The key, in base64.")),
                    ("algorithm", value(Type::String, "What it is for, if that was said.")),
                ],
                "Content of type `secret_key`.",
            ),
        )
        .attribute(
            "key_store",
            object(
                [
                    ("base64", value(Type::String, "The store, in base64.")),
                    ("password", value(Type::String, "Its password.")),
                    ("format", value(Type::String, "`PKCS12` or `JKS`.")),
                ],
                "Content of type `key_store`.",
            ),
        )
        .attribute("key_value", value(Type::map(Type::String), "Content of type `key_value`."))
        .attribute("version_id", told("The vault's own id of the version.", Type::String))
        .attribute("fingerprint", told("Fingerprint of the content.", Type::String))
        .attribute("created_at", told("When the version was uploaded (RFC 3339).", Type::String))
}
