//! Schema of the managed resource `coffer_secret`.

use super::{choices, generate, name_rule, options, profile_rule};
use crate::domain::kind::{KEY_STORE_FORMATS, secret_key_algorithms};
use crate::domain::policy::{DeletionPolicy, ManageContent, OnDrift, OnExisting};
use crate::plugin::framework::path::Path;
use crate::plugin::framework::schema::{Attribute, ConfigValidator, Nesting, Presence, Schema};
use crate::plugin::framework::timeouts::{self, Operation};
use crate::plugin::framework::types::Type;
use crate::plugin::framework::validators;
use crate::plugin::framework::value::Value;

/// The arguments that carry content. At most one may be set.
pub(crate) const CONTENT_ARGUMENTS: &[&str] = &[
    "value_wo",
    "value_base64_wo",
    "api_key_wo",
    "jwt_wo",
    "basic_auth_wo",
    "private_key_wo",
    "secret_key_wo",
    "key_store_wo",
    "key_value_wo",
];

/// The resource.
pub(crate) fn schema() -> Schema {
    let schema = Schema::new(
        "A secret in a vault. Its value enters through a write-only argument and is in no state, \
         plan or log. Change the value in the configuration and nothing else: coffer compares \
         fingerprints.",
    );
    let schema = content(naming(schema));
    let schema = generate::attributes(schema);
    let mut schema = policies(metadata(schema)).attribute("retain", retain());
    if let Some(options) = options::attribute() {
        schema = schema.attribute(options::ATTRIBUTE, options);
    }
    let generate = Path::attribute(generate::ATTRIBUTE);
    let mut paths: Vec<_> = CONTENT_ARGUMENTS.iter().map(|name| Path::attribute(name)).collect();
    paths.push(generate.clone());
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
        .rule(ConfigValidator::AtMostOneOf(vec![generate, Path::attribute("content_wo_version")]))
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

/// The arguments that carry content, for everything that stores some.
pub(super) fn content(schema: Schema) -> Schema {
    let text = |description: &str| hidden(Attribute::optional(Type::String, description));
    schema
        .attribute("value_wo", text("Text of a secret of type `generic`."))
        .attribute(
            "value_base64_wo",
            text("Bytes of a secret of type `generic`, in base64.").check(validators::base64()),
        )
        .attribute("api_key_wo", text("An API key; makes a secret of type `api_key`."))
        .attribute(
            "jwt_wo",
            text(
                "A JSON web token in compact form; makes a secret of type `jwt_token`. Its \
                 structure is checked, not its signature or claims. White space around it is \
                 taken away.",
            ),
        )
        .attribute(
            "jwt_allow_encrypted_wo",
            hidden(Attribute::optional(
                Type::Bool,
                "Lets `jwt_wo` be an encrypted token (JWE, five parts). Default: `false`.",
            )),
        )
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
            "private_key_wo",
            hidden(Attribute::nested(
                Nesting::Single,
                Presence::Optional,
                [
                    (
                        "pem",
                        text(
                            "Exactly one private key as PEM text: PKCS#8 (plain or encrypted), \
                             PKCS#1, SEC1 or OpenSSH. Stored as it is. Must be set.",
                        ),
                    ),
                    (
                        "passphrase",
                        text(
                            "Passphrase of an encrypted key, stored with it. Without one an \
                             encrypted key is stored unopened.",
                        ),
                    ),
                ],
                "A private key; makes a secret of type `private_key`. The fingerprint is that of \
                 the key: another encoding of the same key is no change.",
            )),
        )
        .attribute(
            "secret_key_wo",
            hidden(Attribute::nested(
                Nesting::Single,
                Presence::Optional,
                [
                    ("base64", text("The key, in base64. Must be set.")),
                    (
                        "algorithm",
                        text(&format!(
                            "What the key is for; its size must fit. One of {}.",
                            codes(&secret_key_algorithms())
                        )),
                    ),
                ],
                "A symmetric key; makes a secret of type `secret_key`.",
            )),
        )
        .attribute(
            "key_store_wo",
            hidden(Attribute::nested(
                Nesting::Single,
                Presence::Optional,
                [
                    ("base64", text("The store, in base64 (`filebase64()`). Must be set.")),
                    ("password", text("Its password, which must open it. Must be set.")),
                    (
                        "format",
                        text(&format!("One of {}. Must be set.", codes(&KEY_STORE_FORMATS))),
                    ),
                    (
                        "comparison",
                        text(
                            "What counts as a change: `raw`, the default, any other byte; \
                             `semantic`, another entry (keys, certificates, secret keys) or \
                             password, so that packing the same entries again is none.",
                        ),
                    ),
                ],
                "A key store with its password; makes a secret of type `key_store`.",
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

fn codes(codes: &[&str]) -> String {
    codes.iter().map(|code| format!("`{code}`")).collect::<Vec<_>>().join(", ")
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

/// Which versions a write leaves in the vault.
fn retain() -> Attribute {
    Attribute::nested(
        Nesting::Single,
        Presence::Optional,
        [
            (
                "versions",
                Attribute::required(
                    Type::Number,
                    "The newest so many versions stay, whatever their state.",
                )
                .check(validators::between(1, 1_000_000)),
            ),
            (
                "min_age",
                Attribute::optional(
                    Type::String,
                    "Younger versions stay, too: a duration such as `24h`. Default: no age.",
                )
                .check(validators::duration()),
            ),
        ],
        "Which versions stay in the vault. After a write of content, deprecated versions beyond \
         these are deleted; versions in use never are. Left out, all stay.",
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
                "Type of the secret: `generic`, `api_key`, `jwt_token`, `basic_auth`, \
                 `private_key`, `secret_key`, `key_store`, `key_value`.",
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
        .attribute(
            "sync_targets",
            told(
                Type::map(target_type()),
                "The copies in the profiles that `sync_to` of the profile names, by profile; null \
                 without `sync_to`. `action`: what the latest run did there, or is to do (`create`, \
                 `update`, `update, overwriting a change made outside`, `recover and update`, \
                 `adopt`). `result`: `synced`, `drifted`, `conflict` (the name is taken by \
                 something else, which is left as it is) or `failed`; what is drifted or failed, \
                 the next apply does. `class` of a failure: `ours`, `caller` or `remote`. \
                 `message`, `remote_version`, `fingerprint`, `source_version`, `synced_at`.",
            ),
        )
}

/// One copy.
fn target_type() -> Type {
    Type::object(crate::provider::resource_secret::TARGET.map(|name| (name, Type::String)))
}
