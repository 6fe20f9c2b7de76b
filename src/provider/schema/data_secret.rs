//! Schema of the data source `coffer_secret`: metadata only.

use super::{name_rule, profile_rule, told};
use crate::plugin::framework::path::Path;
use crate::plugin::framework::schema::{Attribute, ConfigValidator, Schema};
use crate::plugin::framework::types::Type;

/// The data source.
pub(crate) fn schema() -> Schema {
    let schema = Schema::new(
        "Metadata of a secret, without its value. A value can be read with the ephemeral resource \
         of the same name, which leaves nothing in state.",
    )
    .rule(ConfigValidator::ExactlyOneOf(vec![Path::attribute("id"), Path::attribute("name")]));
    metadata(located(schema))
}

/// `id`, or `name` and `profile`.
pub(super) fn located(schema: Schema) -> Schema {
    schema
        .attribute(
            "id",
            Attribute::optional_computed(
                Type::String,
                "`<profile>/<name>`. Give this, or `name` and perhaps `profile`.",
            ),
        )
        .attribute(
            "name",
            Attribute::optional_computed(Type::String, "Name in the vault.").check(name_rule()),
        )
        .attribute(
            "profile",
            Attribute::optional_computed(
                Type::String,
                "Profile of the vault. Default: the provider's `default_profile`.",
            )
            .check(profile_rule()),
        )
}

fn metadata(schema: Schema) -> Schema {
    schema
        .attribute("type", told("Type of the secret, if coffer wrote it.", Type::String))
        .attribute("fingerprint", told("Fingerprint of the current content.", Type::String))
        .attribute("version", told("Number of the current version.", Type::Number))
        .attribute("version_id", told("The vault's own id of the version.", Type::String))
        .attribute("lifecycle_state", told("`active`, `disabled` or `deleted`.", Type::String))
        .attribute("backend_id", told("The vault's own id of the secret.", Type::String))
        .attribute("description", told("Text for people.", Type::String))
        .attribute("content_type", told("Media type of the content.", Type::String))
        .attribute("tags", told("All tags in the vault.", Type::map(Type::String)))
        .attribute("not_before", told("Not to be used before this time.", Type::String))
        .attribute("expires_at", told("Not to be used after this time.", Type::String))
        .attribute("enabled", told("Readers can read it.", Type::Bool))
        .attribute("created_at", told("When it was created (RFC 3339).", Type::String))
        .attribute("updated_at", told("When it last changed (RFC 3339).", Type::String))
}
