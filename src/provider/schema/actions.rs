//! Schemas of the actions: things done once, on request (Terraform 1.14).
//!
//! Each text names the arguments that do the same without actions.

use super::secret_version::SETTABLE;
use super::{choices, generate, secret_id_rule, secret_sync};
use crate::plugin::framework::schema::{Attribute, Schema, Validator};
use crate::plugin::framework::types::Type;
use crate::plugin::framework::validators;

/// `coffer_promote`.
pub(crate) fn promote() -> Schema {
    Schema::new(
        "Makes a version the current one: reads it back, then moves `current` to it. The version \
         that was current becomes `previous`. Nothing is uploaded, and readers always find a \
         current version. Without actions: `rotation_state = \"current\"` of a \
         `coffer_secret_version`.",
    )
    .attribute("secret_id", secret_id())
    .attribute(
        "number",
        Attribute::optional(Type::Number, "The version. Default: the pending one.")
            .check(number_rule()),
    )
}

/// `coffer_rollback`.
pub(crate) fn rollback() -> Schema {
    Schema::new(
        "Goes back to the version that was current before, as one step: it is read back, then \
         `current` moves to it. Nothing is uploaded. Without actions: `number` and \
         `rotation_state = \"current\"` of a `coffer_secret_version`.",
    )
    .attribute("secret_id", secret_id())
}

/// `coffer_recover`.
pub(crate) fn recover() -> Schema {
    Schema::new(
        "Brings a soft-deleted secret back with all its versions. One that is in use stays as it \
         is. Without actions: a create of `coffer_secret` with `on_existing = \"recover\"`, which \
         is its default.",
    )
    .attribute("secret_id", secret_id())
}

/// `coffer_rotate`.
pub(crate) fn rotate() -> Schema {
    Schema::new(
        "Makes a new value and stores it as a new version: read back, and only then current. The \
         version that was current becomes `previous`. For a secret whose resource does not manage \
         its content any more (`manage_content = \"initial\"` or `generate`). Without actions: \
         another `keepers` in `generate` of `coffer_secret` or `coffer_secret_version`.",
    )
    .attribute("secret_id", secret_id())
    .attribute(generate::ATTRIBUTE, generate::order())
    .attribute(
        "rotation_state",
        Attribute::optional(
            Type::String,
            format!(
                "What the new version is to be: `pending` waits for `coffer_promote`. {}",
                choices(SETTABLE)
            ),
        )
        .check(validators::one_of(SETTABLE)),
    )
}

/// `coffer_sync`.
pub(crate) fn sync() -> Schema {
    let schema = Schema::new(
        "Runs a sync now: creates the copies that are absent and updates those that carry its owner \
         tag. It keeps no state, so it leaves everything else alone and never removes anything. \
         Without actions: another `sync_trigger` of a `coffer_secret_sync`.",
    );
    secret_sync::places(schema)
        .attribute(
            "id",
            Attribute::optional(
                Type::String,
                "Instance of the sync, the `id` of its `coffer_secret_sync`. Default: the one that \
                 wrote the copies that are there, else a new one.",
            ),
        )
        .attribute(
            "initial_sync_behavior",
            Attribute::optional(
                Type::String,
                format!(
                    "What happens to a secret that stands at a destination under the name of a \
                     copy, and that this sync did not write: it is left alone, adopted when its \
                     content is equal, or the run fails. {}",
                    choices(CAREFUL)
                ),
            )
            .check(validators::one_of(CAREFUL)),
        )
        .attribute("parallelism", Attribute { default: None, ..secret_sync::parallelism() })
}

/// Initial behaviours that overwrite nothing of others.
const CAREFUL: &[&str] = &["overwrite_managed", "adopt_if_equal", "fail_if_exists"];

fn secret_id() -> Attribute {
    Attribute::required(
        Type::String,
        "The secret: `<profile>/<name>`, the `id` of a `coffer_secret`.",
    )
    .check(secret_id_rule())
}

fn number_rule() -> Validator {
    validators::between(1, i64::MAX)
}
