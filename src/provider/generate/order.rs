//! Reading `generate`: from the argument to a recipe.
//!
//! Responsible for defaults, for limits that depend on the kind, and for refusing what a kind has
//! no use for, each with the nested attribute it concerns. Leaves to the recipe what is made of it.

use super::ATTRIBUTE;
use crate::domain::generate::{
    Characters, DEFAULT_SYMBOLS, KeyAlgorithm, KeyFormat, Recipe, public_half,
};
use crate::domain::kind::{Content, Kind};
use crate::domain::policy::ManageContent;
use crate::plugin::framework::diag::Diagnostics;
use crate::plugin::framework::path::Path;
use crate::plugin::framework::value::Value;
use crate::provider::settings::integer;

/// An order for a value, as the configuration gives it.
#[derive(Debug)]
pub(in crate::provider) struct Order {
    pub(super) recipe: Recipe,
    pub(super) username: Option<String>,
}

impl Order {
    /// Reads a wholly known `generate`.
    ///
    /// # Errors
    /// The nested attribute that cannot be, and why.
    pub(in crate::provider) fn read(generate: &Value) -> Result<Self, (&'static str, String)> {
        let text = |name: &str| generate.get(name).as_str().map(str::to_owned);
        let kind = text("kind").unwrap_or_default();
        let sized = |default: i64, least: i64, most: i64| {
            let given = integer(generate.get("length")).unwrap_or(default);
            if (least..=most).contains(&given) {
                Ok(usize::try_from(given).unwrap_or_default())
            } else {
                Err(("length", format!("for {kind} it is from {least} to {most}, not {given}")))
            }
        };
        let openssh = text("format").as_deref() == Some("openssh");
        let format = if openssh { KeyFormat::OpenSsh } else { KeyFormat::Pkcs8 };
        let recipe = match kind.as_str() {
            "password" => {
                let length = sized(32, 4, 4096)?;
                let characters = characters(generate.get("characters"));
                characters.check(length).map_err(|error| ("characters", error.0))?;
                Recipe::Password { length, characters }
            }
            "passphrase" => Recipe::Passphrase {
                words: sized(7, 4, 64)?,
                separator: text("separator").unwrap_or_else(|| "-".to_owned()),
            },
            "token" => Recipe::Token {
                bytes: sized(32, 8, 1024)?,
                hex: text("encoding").as_deref() == Some("hex"),
            },
            "aes128" => Recipe::Aes(128),
            "aes192" => Recipe::Aes(192),
            "aes256" => Recipe::Aes(256),
            "rsa" => match integer(generate.get("length")).unwrap_or(3072) {
                bits @ (2048 | 3072 | 4096) => {
                    let algorithm = KeyAlgorithm::Rsa(u16::try_from(bits).unwrap_or_default());
                    Recipe::KeyPair { algorithm, format }
                }
                bits => {
                    return Err((
                        "length",
                        format!("for rsa it is 2048, 3072 or 4096, not {bits}"),
                    ));
                }
            },
            "ec" if openssh => {
                return Err(("format", "openssh is for rsa and ed25519".to_owned()));
            }
            "ec" => match integer(generate.get("length")).unwrap_or(256) {
                256 => Recipe::KeyPair { algorithm: KeyAlgorithm::P256, format },
                384 => Recipe::KeyPair { algorithm: KeyAlgorithm::P384, format },
                bits => return Err(("length", format!("for ec it is 256 or 384, not {bits}"))),
            },
            "ed25519" => Recipe::KeyPair { algorithm: KeyAlgorithm::Ed25519, format },
            _ => Recipe::Uuid,
        };
        let order = Self { recipe, username: text("username") };
        match unused(&kind).find(|name| !generate.get(name).is_null()) {
            Some(name) => Err((name, format!("{kind} does not have it; leave it out"))),
            None => Ok(order),
        }
    }

    /// Type of the content.
    pub(in crate::provider) fn kind(&self) -> Kind {
        match self.recipe {
            Recipe::Aes(_) => Kind::SecretKey,
            Recipe::KeyPair { .. } => Kind::PrivateKey,
            _ if self.username.is_some() => Kind::BasicAuth,
            _ => Kind::Generic,
        }
    }

    /// True when there is a public half to tell.
    pub(in crate::provider) const fn is_key_pair(&self) -> bool {
        matches!(self.recipe, Recipe::KeyPair { .. })
    }

    /// The public half of a key pair that was made by this order.
    pub(in crate::provider) fn public_half(&self, content: &Content) -> Option<String> {
        match self.recipe {
            Recipe::KeyPair { algorithm, format } => public_half(algorithm, format, content).ok(),
            _ => None,
        }
    }
}

/// Arguments that a kind has no use for: set, they say something that is not done.
fn unused(kind: &str) -> impl Iterator<Item = &'static str> {
    let used: &[&str] = match kind {
        "password" => &["length", "characters", "username"],
        "passphrase" => &["length", "separator", "username"],
        "token" => &["length", "encoding", "username"],
        "uuid" => &["username"],
        "rsa" | "ec" => &["length", "format"],
        "ed25519" => &["format"],
        _ => &[],
    };
    ["length", "characters", "separator", "encoding", "format", "username"]
        .into_iter()
        .filter(move |name| !used.contains(name))
}

fn characters(given: &Value) -> Characters {
    if given.is_null() {
        return Characters::default();
    }
    let least = |name: &str| integer(given.get(name)).and_then(|n| usize::try_from(n).ok());
    let text = |name: &str, default: &str| {
        given.get(name).as_str().map_or_else(|| default.to_owned(), str::to_owned)
    };
    Characters {
        lower: least("lower"),
        upper: least("upper"),
        digits: least("digits"),
        symbols: least("symbols"),
        symbol_set: text("symbol_set", DEFAULT_SYMBOLS),
        exclude: text("exclude", ""),
    }
}

/// Checks `generate` beyond its schema.
pub(in crate::provider) fn validate(config: &Value, diags: &mut Diagnostics) {
    let generate = config.get(ATTRIBUTE);
    check_rotation(config, diags);
    if generate.is_null() || !generate.is_wholly_known() {
        return;
    }
    if let Err(error) = Order::read(generate) {
        report(error, diags);
    }
}

/// A rotation that will never be made is no rotation.
fn check_rotation(config: &Value, diags: &mut Diagnostics) {
    let initial = config.get("manage_content").as_str() == Some(ManageContent::Initial.code());
    if initial && integer(config.get(ATTRIBUTE).get("rotate_after_days")).is_some() {
        diags.error(
            Path::attribute(ATTRIBUTE).child("rotate_after_days"),
            "Rotation would never be made",
            "generate.rotate_after_days: manage_content is \"initial\", so coffer makes the first \
             value only, and others manage it afterwards. Next step: leave rotate_after_days out, or move generate with it to a \
             coffer_secret_version, or set manage_content = \"always\".",
        );
    }
}

/// Reads the `generate` of a configuration that is wholly known; reports what cannot be.
pub(in crate::provider) fn read(config: &Value, diags: &mut Diagnostics) -> Option<Order> {
    Order::read(config.get(ATTRIBUTE)).map_err(|error| report(error, diags)).ok()
}

fn report((name, rule): (&'static str, String), diags: &mut Diagnostics) {
    diags.error(
        Path::attribute(ATTRIBUTE).child(name),
        "Value cannot be made like this",
        format!("{ATTRIBUTE}.{name}: {rule}."),
    );
}
