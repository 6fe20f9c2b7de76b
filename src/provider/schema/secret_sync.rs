//! Schema of the managed resource `coffer_secret_sync`.

use super::{choices, name_of_sync, options, profile_rule, rule};
use crate::domain::key_schema::KeySchema;
use crate::domain::policy::{DriftPolicy, InitialSync, Removal};
use crate::domain::regexp::Regexp;
use crate::domain::sync::pem::Part;
use crate::plugin::framework::number::Number;
use crate::plugin::framework::schema::{Attribute, Nesting, Presence, Schema, Validator};
use crate::plugin::framework::timeouts::{self, Operation};
use crate::plugin::framework::types::Type;
use crate::plugin::framework::validators;
use crate::plugin::framework::value::Value;

/// Versions that can be copied.
const STATES: &[&str] = &["current", "pending", "previous"];

/// The resource.
pub(crate) fn schema() -> Schema {
    let schema = Schema::new(
        "Copies secrets from one vault to others. The plan says for every secret at every \
         destination what will happen to it; the apply does exactly that, or nothing when \
         something changed in between. Values pass through the memory of the provider only. \
         Nothing is ever deleted that this sync did not write, that somebody else changed, or \
         while anything could not be read.",
    );
    let schema = places(schema).attribute("description", text("Text for people."));
    computed(behaviour(schema)).attribute(
        timeouts::ATTRIBUTE,
        timeouts::attribute(&[Operation::Create, Operation::Update, Operation::Delete]),
    )
}

fn text(description: &str) -> Attribute {
    Attribute::optional(Type::String, description)
}

fn flag(default: bool, description: &str) -> Attribute {
    let description = format!("{description} Default: `{default}`.");
    Attribute::optional(Type::Bool, description).default(Value::Bool(default))
}

fn choice(default: &str, codes: &'static [&'static str], description: &str) -> Attribute {
    let description = if codes.first() == Some(&default) {
        format!("{description} {}", choices(codes))
    } else {
        let quoted: Vec<_> = codes.iter().map(|code| format!("`{code}`")).collect();
        format!("{description} One of {}. Default: `{default}`.", quoted.join(", "))
    };
    Attribute::optional(Type::String, description)
        .check(validators::one_of(codes))
        .default(Value::string(default))
}

fn number(default: i64, greatest: i64, description: &str) -> Attribute {
    let description = format!("{description} Default: {default}.");
    Attribute::optional(Type::Number, description)
        .check(validators::between(i64::from(greatest == 64), greatest))
        .default(Value::Number(Number::Int(default)))
}

/// What is copied, and where to: the arguments that the action has, too.
pub(super) fn places(schema: Schema) -> Schema {
    let ids = "Secrets by id, such as `coffer_secret.a.id`, whatever the filters say. They also \
               make the sync wait for these secrets; one that does not exist yet is planned to be \
               copied when it does.";
    let state = format!(
        "Which version of a secret is copied. A secret without a version in this state is \
         skipped, and a copy that is there stays as it is. {}",
        choices(STATES)
    );
    let state = text(&state).check(validators::one_of(STATES));
    let source = [
        (
            "profile",
            text("Profile of the vault. Default: the provider's `default_profile`.")
                .check(profile_rule()),
        ),
        (
            "names",
            Attribute::optional(
                Type::list(Type::String),
                "Only names that match one of these patterns: `*` stands for any characters but \
                 `/`, `**` for any characters, `?` for one character but `/`.",
            ),
        ),
        ("name_prefix", text("Only names that begin with this.")),
        (
            "regexp",
            text(
                "Only names that match this regular expression, and match it as a whole: `app/.*` \
                 takes `app/db`, `app` does not. No look-around and no back references; at most \
                 1000 bytes.",
            )
            .check(rule(
                "a regular expression",
                "Regular expression is not valid",
                |text| Regexp::new(text).map(drop),
            )),
        ),
        ("rotation_state", state),
        (
            "tags",
            Attribute::optional(Type::map(Type::String), "Only secrets with all of these tags."),
        ),
        ("types", Attribute::optional(Type::set(Type::String), "Only secrets of these types.")),
        ("secrets", Attribute::optional(Type::list(Type::String), ids)),
    ];
    let destination = [
        (
            "profile",
            Attribute::required(Type::String, "Profile of the vault.").check(profile_rule()),
        ),
        (
            "key_schema",
            text(
                "Names of the copies: `{{secretKey}}` (the name of the secret) exactly once, and \
                 any of `{{environment}}`, `{{profile}}` (that of the source), `{{versionState}}` \
                 (what `rotation_state` selects), `{{type}}` and `{{path}}` (the name of the secret \
                 up to its last `/`; `{{secretKey}}` is then the rest). Default: `{{secretKey}}`.",
            )
            .check(rule("a key schema", "Key schema is not valid", |text| {
                text.parse::<KeySchema>().map(drop).map_err(|error| error.to_string())
            })),
        ),
        ("environment", text("What `{{environment}}` stands for.")),
        (
            "map",
            Attribute::optional(
                Type::map(Type::String),
                "Names of single copies by name of the secret; they win over `key_schema`.",
            ),
        ),
        ("transform", transform()),
        (
            "native_replication",
            Attribute::optional(
                Type::Bool,
                "Have the service keep replicas instead of copying: no value passes through the \
                 provider, and a replica follows its source by itself. For profiles of one account \
                 of AWS Secrets Manager in different regions. Replicas have the names of their \
                 sources; of `options` only the key counts.",
            ),
        ),
    ];
    let options = options::arguments(
        "Arguments of the copies that only one kind of vault has, below the name of that backend. \
         Those left out are the vault's own affair.",
    );
    let destination = destination.into_iter().chain(options.map(|o| (options::ATTRIBUTE, o)));
    schema
        .attribute(
            "name",
            name_of_sync(
                "Name of the sync: small letters, digits and hyphens. Together with `id` it marks \
                 the copies as this sync's, in the tag `coffer-owner`.",
            ),
        )
        .attribute(
            "source",
            Attribute::nested(
                Nesting::Single,
                Presence::Required,
                source,
                "What is copied: the secrets that all filters let through, and those in `secrets`.",
            ),
        )
        .attribute(
            "destinations",
            Attribute::nested(
                Nesting::Map,
                Presence::Required,
                destination,
                "Where it is copied to, by a name of your choice.",
            ),
        )
}

/// The arguments of `transform`.
const TRANSFORMS: [&str; 4] = ["base64", "json_field", "pem_split", "json_bundle"];

fn yes() -> Validator {
    validators::check("`true`", |value, path, diags| {
        if matches!(value, Value::Bool(false)) {
            diags.error(
                path.clone(),
                "Transform is not clear",
                "`false` would say nothing. Next step: leave transform out to copy values as they \
                 are.",
            );
        }
    })
}

fn transform() -> Attribute {
    let parts = "Copies parts of a PEM bundle, each on its own: `private_key`, `certificate` (the \
                 first), `chain` (the others), `full_chain` (all). Their keys are the name of the \
                 secret and `-private-key`, `-certificate`, `-chain` or `-full-chain`.";
    let arguments = [
        (
            "base64",
            Attribute::optional(Type::Bool, "`true` copies the value as base64 (RFC 4648 §4).")
                .check(yes()),
        ),
        (
            "json_field",
            text(
                "Copies one field: of a `basic_auth`, `key_store` or `key_value` secret, or of the \
                 JSON object that the value is. With a `/` in front it is a JSON pointer \
                 (RFC 6901). What is no text becomes JSON.",
            )
            .check(validators::length(1, 256)),
        ),
        (
            "pem_split",
            Attribute::optional(Type::set(Type::String), parts)
                .check(validators::some_of(Part::CODES)),
        ),
        (
            "json_bundle",
            text(
                "Copies all secrets into one `key_value` secret of this name; `key_schema` and \
                 `map` name its fields.",
            ),
        ),
    ];
    Attribute::nested(
        Nesting::Single,
        Presence::Optional,
        arguments,
        "What is done to the values on their way: exactly one of these. Without it, type and bytes \
         stay as they are.",
    )
    .check(validators::each_exactly_one_of(&TRANSFORMS))
}

fn behaviour(schema: Schema) -> Schema {
    schema
        .attribute(
            "initial_sync_behavior",
            choice(
                InitialSync::default().code(),
                InitialSync::CODES,
                "What happens to a secret that stands at a destination under the name of a copy, \
                 and that this sync did not write. `overwrite_managed`, `adopt_if_equal`: it is \
                 left alone, unless its content is equal (`adopt_if_equal`). `fail_if_exists`: \
                 the plan fails. `overwrite_destination`: it is overwritten. `import_prioritize_*`: \
                 secrets that only the destination has are written into the source, and where \
                 both have one, the side that is named wins.",
            ),
        )
        .attribute(
            "adopt",
            Attribute::optional(
                Type::set(Type::String),
                "Names at the destinations that may be overwritten although this sync did not \
                 write them, unless another sync did.",
            ),
        )
        .attribute("enabled", flag(true, "Whether anything is done at all."))
        .attribute(
            "auto_sync",
            flag(true, "Whether a change of the source is copied by the next apply. `false`: only a change of `sync_trigger` starts a run."),
        )
        .attribute("sync_trigger", text("Any text. A change starts a run, also without `auto_sync`."))
        .attribute(
            "disable_secret_deletion",
            flag(false, "Leaves copies that have no source any more, whatever `on_orphan` says."),
        )
        .attribute(
            "on_orphan",
            choice(Removal::default().code(), Removal::CODES, "What happens to a copy that has no source any more."),
        )
        .attribute(
            "on_destroy",
            choice(Removal::Retain.code(), Removal::CODES, "What happens to the copies when the sync itself is destroyed."),
        )
        .attribute(
            "drift_policy",
            choice(DriftPolicy::default().code(), DriftPolicy::CODES, "What happens to a copy that somebody changed or removed."),
        )
        .attribute("max_deletes", number(5, 1_000_000, "Most copies that one run removes at one destination; a plan with more fails."))
        .attribute("parallelism", parallelism())
}

/// How much is done at once.
pub(super) fn parallelism() -> Attribute {
    number(4, 64, "Most secrets that are copied at once.")
}

fn computed(schema: Schema) -> Schema {
    let told = |ty, text: &str| Attribute::computed(ty, text);
    schema
        .attribute(
            "id",
            told(Type::String, "Instance of the sync, made when it is created.").keeps_prior(),
        )
        .attribute(
            "changes",
            told(
                Type::map(Type::map(Type::String)),
                "What the run does, by destination and name there. In a plan: what will be done. \
                 A refresh empties it.",
            ),
        )
        .attribute(
            "status",
            told(
                Type::String,
                "`synced`, `partial` (some copies are not what they should be) or `disabled`.",
            ),
        )
        .attribute(
            "last_synced_at",
            told(
                Type::String,
                "When the last run ended (RFC 3339). Runs that find nothing to do do not count.",
            ),
        )
        .attribute("last_message", told(Type::String, "What the last run did, in a sentence."))
        .attribute("counts", told(Type::map(Type::Number), "Copies by result."))
        .attribute(
            "results",
            told(
                Type::map(Type::map(result_type())),
                "The copies, by destination and name there: `key` (name of the source), `result` \
                 (`synced`, `drifted`, `conflict`, `skipped`, `failed`), `class` of a failure \
                 (`ours`, `caller`, `remote`), `message`, `remote_version`, `fingerprint`, \
                 `source_version`, `source_fingerprint`, `synced_at`.",
            ),
        )
}

/// One copy.
fn result_type() -> Type {
    Type::object(crate::provider::resource_secret_sync::RESULT.map(|name| (name, Type::String)))
}
