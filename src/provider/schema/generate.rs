//! Schema of `generate`: a value that coffer makes, and what it tells about it.

use super::choices;
use crate::domain::generate::DEFAULT_SYMBOLS;
use crate::plugin::framework::schema::{Attribute, Nesting, Presence, Schema};
use crate::plugin::framework::types::Type;
use crate::plugin::framework::validators;

/// Name of the attribute.
pub(crate) const ATTRIBUTE: &str = "generate";
/// Codes of `kind`.
pub(crate) const KINDS: &[&str] = &[
    "password",
    "passphrase",
    "token",
    "uuid",
    "aes128",
    "aes192",
    "aes256",
    "rsa",
    "ec",
    "ed25519",
];
/// Codes of `encoding`, the default first.
pub(crate) const ENCODINGS: &[&str] = &["base64url", "hex"];
/// Codes of `format`, the default first.
pub(crate) const FORMATS: &[&str] = &["pkcs8", "openssh"];

/// `generate` of an action, which makes a value each time.
pub(super) fn order() -> Attribute {
    let without: Vec<_> = arguments()
        .into_iter()
        .filter(|(name, _)| !matches!(*name, "keepers" | "rotate_after_days"))
        .collect();
    Attribute::nested(Nesting::Single, Presence::Required, without, "What to make.")
}

/// Adds `generate` and what it tells.
pub(super) fn attributes(schema: Schema) -> Schema {
    let generate = Attribute::nested(
        Nesting::Single,
        Presence::Optional,
        arguments(),
        "Lets coffer make the value at apply: it never passes through configuration, plan or state. \
         A value is made once, at creation, and again when an argument below changes (but for \
         `rotate_after_days`) or a rotation is due. Taking `generate` into the configuration of a \
         secret that exists keeps its value.",
    );
    schema
        .attribute(ATTRIBUTE, generate)
        .attribute(
            "public_key",
            Attribute::computed(
                Type::String,
                "Public half of a generated key pair: PEM, or a line of `authorized_keys`.",
            )
            .keeps_prior(),
        )
        .attribute(
            "rotate_at",
            Attribute::computed(
                Type::String,
                "When the next rotation is due (RFC 3339), with `generate.rotate_after_days`.",
            )
            .keeps_prior(),
        )
}

fn arguments() -> Vec<(&'static str, Attribute)> {
    let text = |description: &str| Attribute::optional(Type::String, description);
    let kinds: Vec<String> = KINDS.iter().map(|kind| format!("`{kind}`")).collect();
    vec![
        (
            "kind",
            Attribute::required(
                Type::String,
                format!(
                    "What to make. One of {}. Text makes a secret of type `generic`, with \
                     `username` one of type `basic_auth`; AES keys make type `secret_key`, key \
                     pairs `private_key`.",
                    kinds.join(", ")
                ),
            )
            .check(validators::one_of(KINDS)),
        ),
        (
            "length",
            Attribute::optional(
                Type::Number,
                "Characters of a password (default 32), words of a passphrase (7, which is 77 \
                 bits), random bytes of a token (32), bits of an `rsa` key (2048, 3072 or 4096; \
                 3072) or of an `ec` curve (256 or 384; 256).",
            ),
        ),
        ("characters", characters()),
        ("separator", text("Between the words of a passphrase. Default: `-`.")),
        (
            "encoding",
            Attribute::optional(
                Type::String,
                format!("How a token is written. {}", choices(ENCODINGS)),
            )
            .check(validators::one_of(ENCODINGS)),
        ),
        (
            "format",
            Attribute::optional(
                Type::String,
                format!(
                    "How a key pair is written; `openssh` for `rsa` and `ed25519`. {}",
                    choices(FORMATS)
                ),
            )
            .check(validators::one_of(FORMATS)),
        ),
        (
            "username",
            text(
                "User name that the made text is the password of; makes a secret of type \
                 `basic_auth`. Not secret.",
            )
            .check(validators::not_empty()),
        ),
        (
            "keepers",
            Attribute::optional(
                Type::map(Type::String),
                "Texts whose change makes a new value, unless others manage the content. Not secret.",
            ),
        ),
        (
            "rotate_after_days",
            Attribute::optional(
                Type::Number,
                "Makes a new value when the current version is older than so many days. The plan \
                 shows it, and an apply does it; nothing happens in between.",
            )
            .check(validators::between(1, 36_500)),
        ),
    ]
}

fn characters() -> Attribute {
    let least = |what: &str| {
        Attribute::optional(Type::Number, format!("Least number of {what}; left out, none occur."))
            .check(validators::between(0, 4096))
    };
    Attribute::nested(
        Nesting::Single,
        Presence::Optional,
        [
            ("lower", least("lower-case letters")),
            ("upper", least("upper-case letters")),
            ("digits", least("digits")),
            ("symbols", least("symbols")),
            (
                "symbol_set",
                Attribute::optional(
                    Type::String,
                    format!("What counts as a symbol. Default: `{DEFAULT_SYMBOLS}`."),
                )
                .check(validators::not_empty()),
            ),
            (
                "exclude",
                Attribute::optional(
                    Type::String,
                    "Characters that never occur, such as `0O1lI`. Default: none.",
                ),
            ),
        ],
        "Characters of a password. Default: at least one of each class.",
    )
}
