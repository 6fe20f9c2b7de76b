//! Schema of the provider block: profiles, the default profile, fingerprint keys.
//!
//! The backend attributes of a profile come from the catalogue's descriptors (invariant I4).

use std::sync::LazyLock;

use crate::adapters::catalog::BACKENDS;
use crate::adapters::descriptor::{Argument, ArgumentKind, Descriptor};
use crate::plugin::framework::path::Path;
use crate::plugin::framework::schema::{Attribute, ConfigValidator, Nesting, Presence, Schema};
use crate::plugin::framework::types::Type;
use crate::plugin::framework::validators;

/// Codes of `drift_detection`, the default first.
pub(crate) const DRIFT_DETECTION: &[&str] = &["metadata", "content"];
/// Codes of `refresh`, the default first.
pub(crate) const REFRESH: &[&str] = &["adaptive", "list", "get"];
/// Codes of `on_missing_key`, the default first.
pub(crate) const ON_MISSING_KEY: &[&str] = &["argon2id", "error"];

/// Names of the backend attributes.
pub(crate) static BACKEND_NAMES: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| BACKENDS.iter().map(|backend| backend.name).collect());

/// The provider block.
pub(crate) fn schema() -> Schema {
    Schema::new(
        "coffer manages secrets in any vault without a value in state, plan or logs.\n\n\
         An empty block works: it gives one profile `local`, an encrypted vault in the file \
         `.coffer/vault.db` next to the configuration.",
    )
    .attribute(
        "default_profile",
        Attribute::optional(
            Type::String,
            "Profile of resources that name none. Default: the only profile there is.",
        )
        .check(super::profile_rule()),
    )
    .attribute(
        "profiles",
        Attribute::nested(
            Nesting::Map,
            Presence::Optional,
            profile(),
            "Vaults by the name that resources use in `profile`. Each entry sets exactly one \
             backend. Default: one profile `local` with the embedded vault.",
        )
        .check(validators::each_exactly_one_of(BACKEND_NAMES.as_slice())),
    )
    .attribute(
        "fingerprint",
        Attribute::nested(
            Nesting::Single,
            Presence::Optional,
            fingerprint(),
            "Keys of the content fingerprints. Default: the environment variable \
             `COFFER_FINGERPRINT_KEY`, else a key derived from the master key of an embedded \
             vault (that of the default profile, else of the first profile by name).",
        ),
    )
    .rule(ConfigValidator::AtMostOneOf(vec![
        Path::attribute("fingerprint").child("key_env"),
        Path::attribute("fingerprint").child("key_file"),
    ]))
}

fn profile() -> Vec<(&'static str, Attribute)> {
    let mut attributes: Vec<_> = BACKENDS.iter().map(|b| (b.name, backend(b))).collect();
    attributes.push((
        "drift_detection",
        Attribute::optional(
            Type::String,
            format!(
                "How a refresh finds content changed outside: `metadata` compares stored \
                 fingerprints and version ids and needs no right to read values, `content` reads \
                 each value. {}",
                super::choices(DRIFT_DETECTION)
            ),
        )
        .check(validators::one_of(DRIFT_DETECTION)),
    ));
    attributes.push((
        "refresh",
        Attribute::optional(
            Type::String,
            format!(
                "How a refresh looks at secrets: `adaptive` reads the first ones one by one and \
                 then by pages of the vault's listing as long as that saves calls, `list` always \
                 lists, `get` never does. Only where a listing tells enough; what it tells to have \
                 changed is read once more. {}",
                super::choices(REFRESH)
            ),
        )
        .check(validators::one_of(REFRESH)),
    ));
    attributes.push((
        "limits",
        Attribute::nested(
            Nesting::Single,
            Presence::Optional,
            [
                (
                    "concurrency",
                    Attribute::optional(Type::Number, "Most calls to the vault at once.")
                        .check(validators::between(1, 1024)),
                ),
                (
                    "requests_per_second",
                    Attribute::optional(Type::Number, "Most calls to the vault per second.")
                        .check(validators::between(1, 100_000)),
                ),
            ],
            "How hard the vault may be used. Default: no limit of coffer's own.",
        ),
    ));
    attributes.push((
        "tags",
        Attribute::optional(
            Type::map(Type::String),
            "Tags that every secret in this profile gets. A tag of the resource wins.",
        ),
    ));
    attributes.push((
        crate::provider::sync_to::ARGUMENT,
        Attribute::optional(
            Type::set(Type::String),
            "Profiles that get a copy, under the same name, of every `coffer_secret` of this \
             profile: made, changed, rotated and removed together with it. What became of each \
             copy is in its `sync_targets`. A circle of profiles is refused. Needs the right to \
             read values in this profile.",
        ),
    ));
    attributes
}

fn backend(descriptor: &Descriptor) -> Attribute {
    let arguments = descriptor.arguments.iter().map(|argument| (argument.name, setting(argument)));
    let description = format!("{}: {}", descriptor.title, descriptor.summary);
    Attribute::nested(Nesting::Single, Presence::Optional, arguments, description)
}

fn setting(argument: &Argument) -> Attribute {
    let ty = match argument.kind {
        ArgumentKind::Text | ArgumentKind::Secret => Type::String,
        ArgumentKind::Integer => Type::Number,
        ArgumentKind::Bool => Type::Bool,
        ArgumentKind::TextList => Type::list(Type::String),
    };
    let mut description = argument.description.to_owned();
    if let Some(variable) = argument.env {
        description.push_str(&format!(" Environment variable: `{variable}`."));
    }
    // Required ones may come from the environment, so the schema cannot require them.
    if argument.required {
        description.push_str(" Must be set, here or in the environment.");
    }
    let attribute = Attribute::optional(ty, description);
    if argument.sensitive || argument.kind == ArgumentKind::Secret {
        attribute.sensitive()
    } else {
        attribute
    }
}

fn fingerprint() -> Vec<(&'static str, Attribute)> {
    vec![
        (
            "key_env",
            Attribute::optional(
                Type::String,
                "Name of the environment variable with the key: 32 bytes in base64.",
            )
            .check(validators::not_empty()),
        ),
        (
            "key_file",
            Attribute::optional(
                Type::String,
                "Path of the file with the key: 32 bytes in base64. Nobody but its owner may read \
                 it.",
            )
            .check(validators::not_empty()),
        ),
        (
            "retired_key_envs",
            Attribute::optional(
                Type::list(Type::String),
                "Names of environment variables with former keys. Fingerprints made with them \
                 still compare; new ones use the key above.",
            ),
        ),
        (
            "retired_key_files",
            Attribute::optional(Type::list(Type::String), "Paths of files with former keys."),
        ),
        (
            "on_missing_key",
            Attribute::optional(
                Type::String,
                format!(
                    "What to do without any key: `argon2id` makes each fingerprint by a slow \
                     password hash (about 0.2 s) and warns once, `error` refuses to write. {}",
                    super::choices(ON_MISSING_KEY)
                ),
            )
            .check(validators::one_of(ON_MISSING_KEY)),
        ),
    ]
}
