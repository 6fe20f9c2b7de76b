//! Schema of the managed resource `coffer_secret_version`.

use super::{choices, generate, secret, secret_id_rule};
use crate::domain::policy::OnDestroy;
use crate::plugin::framework::path::Path;
use crate::plugin::framework::schema::{Attribute, ConfigValidator, Schema};
use crate::plugin::framework::timeouts::{self, Operation};
use crate::plugin::framework::types::Type;
use crate::plugin::framework::validators;
use crate::plugin::framework::value::Value;

/// What `rotation_state` may be set to.
pub(crate) const SETTABLE: &[&str] = &["current", "pending"];

/// The resource.
pub(crate) fn schema() -> Schema {
    let schema = Schema::new(
        "One version of a secret: uploaded, promoted, rolled back. A new version is stored beside \
         the current one, read back and compared, and only then becomes current, so readers \
         always have something to read. Set `manage_content = \"initial\"` on the secret, so that \
         the two do not both manage its content.",
    );
    let mut paths: Vec<_> =
        secret::CONTENT_ARGUMENTS.iter().map(|name| Path::attribute(name)).collect();
    paths.push(Path::attribute("number"));
    let generate = Path::attribute(generate::ATTRIBUTE);
    paths.push(generate.clone());
    computed(choice(generate::attributes(secret::content(naming(schema)))))
        .attribute(
            timeouts::ATTRIBUTE,
            timeouts::attribute(&[
                Operation::Create,
                Operation::Read,
                Operation::Update,
                Operation::Delete,
            ]),
        )
        .rule(ConfigValidator::AtMostOneOf(paths))
        .rule(ConfigValidator::AtMostOneOf(vec![generate, Path::attribute("content_wo_version")]))
}

/// The identity: enough to import by.
pub(crate) fn identity() -> Schema {
    Schema::new("Where the version is.")
        .attribute("profile", Attribute::required(Type::String, "Profile of the vault."))
        .attribute("name", Attribute::required(Type::String, "Name of the secret."))
        .attribute("number", Attribute::required(Type::Number, "Number of the version."))
}

fn naming(schema: Schema) -> Schema {
    schema.attribute(
        "secret_id",
        Attribute::required(
            Type::String,
            "The secret: `<profile>/<name>`, the `id` of a `coffer_secret`. Changing it replaces \
             the resource.",
        )
        .check(secret_id_rule())
        .replaces(),
    )
}

fn choice(schema: Schema) -> Schema {
    schema
        .attribute(
            "number",
            Attribute::optional_computed(
                Type::Number,
                "Number of the version. Set it to pick a version that exists, instead of \
                 uploading content: with `rotation_state = \"current\"` that is a roll back.",
            )
            .check(validators::between(1, i64::MAX)),
        )
        .attribute(
            "rotation_state",
            Attribute::optional_computed(
                Type::String,
                "What the version is to be. `current`: readers get it, and if another becomes \
                 current, the next plan heals that. `pending`: it waits beside the current one; \
                 change it to `current` to promote it. Left out: content is uploaded as current \
                 once and nothing is healed; a version picked by `number` stays as it is.",
            )
            .check(validators::one_of(SETTABLE)),
        )
        .attribute(
            "on_destroy",
            Attribute::optional(
                Type::String,
                format!(
                    "What a destroy does with the version. Only a deprecated one can be deleted: \
                     `delete` of another is refused while the secret stays, and when the secret \
                     goes as well, the version is left to it. {}",
                    choices(OnDestroy::CODES)
                ),
            )
            .check(validators::one_of(OnDestroy::CODES))
            .default(Value::string(OnDestroy::default().code())),
        )
}

fn computed(schema: Schema) -> Schema {
    let told = |ty, text: &str| Attribute::computed(ty, text).keeps_prior();
    schema
        .attribute("id", told(Type::String, "`<profile>/<name>#<number>`."))
        .attribute("profile", told(Type::String, "Profile of the vault."))
        .attribute("type", told(Type::String, "Type of the secret."))
        .attribute(
            "fingerprint",
            told(Type::String, "Says whether the content changed, and nothing about what it is."),
        )
        .attribute("version_id", told(Type::String, "The vault's own id of the version."))
        .attribute(
            "rotation_states",
            told(
                Type::list(Type::String),
                "All states of the version, in this order: `current`, `latest`, `pending`, \
                 `previous`, `deprecated`.",
            ),
        )
        .attribute("created_at", told(Type::String, "When it was uploaded (RFC 3339)."))
}
