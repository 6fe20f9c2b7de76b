//! Schema of the managed resource `coffer_secret`.

use super::{choices, name_rule, profile_rule};
use crate::domain::policy::{DeletionPolicy, ManageContent, OnDrift, OnExisting};
use crate::plugin::framework::path::Path;
use crate::plugin::framework::schema::{Attribute, ConfigValidator, Nesting, Presence, Schema};
use crate::plugin::framework::timeouts::{self, Operation};
use crate::plugin::framework::types::Type;
use crate::plugin::framework::validators;
use crate::plugin::framework::value::Value;

/// The arguments that carry content. At most one may be set.
pub(crate) const CONTENT_ARGUMENTS: &[&str] =
    &["value_wo", "value_base64_wo", "api_key_wo", "basic_auth_wo", "key_value_wo"];

/// The resource.
pub(crate) fn schema() -> Schema {
    let schema = Schema::new(
        "A secret in a vault. Its value enters through a write-only argument and is in no state, \
         plan or log. Change the value in the configuration and nothing else: coffer compares \
         fingerprints.",
    );
    let schema = content(naming(schema));
    let schema = policies(metadata(schema));
    let paths = CONTENT_ARGUMENTS.iter().map(|name| Path::attribute(name)).collect();
    let mut limits = timeouts::attribute(&[
        Operation::Create,
        Operation::Read,
        Operation::Update,
        Operation::Delete,
    ]);
    limits.description.push_str(" Default: `5m` each.");
    computed(schema)
        .attribute(timeouts::ATTRIBUTE, limits)
        .rule(ConfigValidator::AtMostOneOf(paths))
}

/// The identity: enough to import by.
pub(crate) fn identity() -> Schema {
    Schema::new("Where the secret is.")
        .attribute("profile", Attribute::required(Type::String, "Profile of the vault."))
        .attribute("name", Attribute::required(Type::String, "Name in the vault."))
}

fn naming(schema: Schema) -> Schema {
    schema
        .attribute(
            "name",
            Attribute::required(
                Type::String,
                "Name in the vault. Another name is another secret: changing it replaces the \
                 resource.",
            )
            .check(name_rule())
            .replaces(),
        )
        .attribute(
            "profile",
            Attribute::optional_computed(
                Type::String,
                "Profile of the vault, as named in the provider block. Changing it moves the \
                 secret: it is written to the new vault, read back and compared, and only then \
                 removed from the old one as `deletion_policy` says. Default: the provider's \
                 `default_profile`.",
            )
            .check(profile_rule()),
        )
}

fn content(schema: Schema) -> Schema {
    let text = |description: &str| hidden(Attribute::optional(Type::String, description));
    schema
        .attribute("value_wo", text("Text of a secret of type `generic`."))
        .attribute(
            "value_base64_wo",
            text("Bytes of a secret of type `generic`, in base64.").check(validators::base64()),
        )
        .attribute("api_key_wo", text("An API key; makes a secret of type `api_key`."))
        .attribute(
            "basic_auth_wo",
            hidden(Attribute::nested(
                Nesting::Single,
                Presence::Optional,
                // Not required by the schema: Terraform generates an empty object on import.
                [
                    ("username", text("User name. Must be set.")),
                    ("password", text("Password. Must be set.")),
                ],
                "User name and password; makes a secret of type `basic_auth`.",
            )),
        )
        .attribute(
            "key_value_wo",
            hidden(Attribute::optional(
                Type::map(Type::String),
                "Several values by key; makes a secret of type `key_value`.",
            )),
        )
        .attribute(
            "content_wo_version",
            Attribute::optional(
                Type::String,
                "Set it when the source of the value gives another one each time it is read (such \
                 as an ephemeral random password): then only a change of this text writes the \
                 content. Leave it out otherwise; a changed value is noticed by itself.",
            ),
        )
}

/// Write-only, and not marked sensitive on top: nothing of it is ever shown or stored, and the
/// marks would be. Terraform 1.11 lists them in the state in random order, so that
/// `plan -refresh-only` finds a difference where there is none.
fn hidden(attribute: Attribute) -> Attribute {
    let mut attribute = attribute.write_only();
    attribute.sensitive = false;
    attribute
}

fn metadata(schema: Schema) -> Schema {
    schema
        .attribute("description", Attribute::optional(Type::String, "Text for people."))
        .attribute(
            "content_type",
            Attribute::optional(Type::String, "Media type of the content, such as `text/plain`."),
        )
        .attribute(
            "tags",
            Attribute::optional(
                Type::map(Type::String),
                "Tags. Those of the profile are added in the vault; see `effective_tags`.",
            ),
        )
        .attribute(
            "not_before",
            Attribute::optional(
                Type::String,
                "Not to be used before this time (RFC 3339, such as `2030-01-31T12:00:00Z`).",
            )
            .check(validators::rfc3339()),
        )
        .attribute(
            "expires_at",
            Attribute::optional(Type::String, "Not to be used after this time (RFC 3339).")
                .check(validators::rfc3339()),
        )
        .attribute(
            "enabled",
            Attribute::optional(Type::Bool, "Readers can read it. Default: `true`.")
                .default(Value::Bool(true)),
        )
}

fn policies(schema: Schema) -> Schema {
    let policy = |codes: &'static [&'static str], text: &str| {
        let description = format!("{text} {}", choices(codes));
        Attribute::optional(Type::String, description)
            .check(validators::one_of(codes))
            .default(Value::string(*codes.first().unwrap_or(&"")))
    };
    schema
        .attribute(
            "manage_content",
            policy(
                ManageContent::CODES,
                "When content of the configuration is written: `always` when it differs, `initial` \
                 at creation only (later versions belong to people or a rotation), `never` not at \
                 all.",
            ),
        )
        .attribute(
            "on_drift",
            policy(
                OnDrift::CODES,
                "What to do about content changed outside: `overwrite` writes the configured \
                 content again, `accept` takes the vault's content as it is until the \
                 configuration itself changes.",
            ),
        )
        .attribute(
            "on_existing",
            policy(
                OnExisting::CODES,
                "What a create does with a name that exists: `recover` brings a soft-deleted \
                 secret back (with a new version only if the content differs) and refuses an \
                 active one, `adopt` takes an active one over as well, `fail` refuses both.",
            ),
        )
        .attribute(
            "deletion_policy",
            policy(
                DeletionPolicy::CODES,
                "What a destroy does: `recoverable` soft-deletes and never destroys (refused at \
                 plan where the vault cannot), `prevent` refuses, `retain` leaves the secret and \
                 forgets it, `disable` leaves it unreadable, `destroy` destroys it for good. The \
                 policy that was applied last counts.",
            ),
        )
        .attribute(
            "recovery_window_days",
            Attribute::optional(
                Type::Number,
                "Days a soft-deleted secret can be recovered. Default: the vault's own.",
            )
            .check(validators::between(0, 36_500)),
        )
}

fn computed(schema: Schema) -> Schema {
    let told = |ty, text: &str| Attribute::computed(ty, text).keeps_prior();
    schema
        .attribute("id", told(Type::String, "`<profile>/<name>`."))
        .attribute(
            "type",
            told(
                Type::String,
                "Type of the secret: `generic`, `api_key`, `basic_auth`, `key_value`.",
            ),
        )
        .attribute(
            "fingerprint",
            told(
                Type::String,
                "Says whether the content changed, and nothing about what it is (`cfp1`, a keyed \
                 hash with a salt of this secret's own).",
            ),
        )
        .attribute("version", told(Type::Number, "Number of the current version."))
        .attribute("version_id", told(Type::String, "The vault's own id of the current version."))
        .attribute("lifecycle_state", told(Type::String, "`active` or `disabled`."))
        .attribute("backend_id", told(Type::String, "The vault's own id of the secret."))
        .attribute(
            "effective_tags",
            told(Type::map(Type::String), "All tags in the vault, with those of the profile."),
        )
        .attribute("created_at", told(Type::String, "When it was created (RFC 3339)."))
        .attribute(
            "updated_at",
            told(Type::String, "When it last changed in the vault (RFC 3339)."),
        )
}
