//! `generate`: when a value is made, and making it.
//!
//! Responsible for reading the argument into a recipe, for the one decision that plan and apply
//! share ([`making`]), and for the process's source of randomness. What a recipe gives is
//! [`domain::generate`](crate::domain::generate)'s. Used by both resources.

use std::collections::BTreeMap;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
};
use time::{Duration, OffsetDateTime};

use super::content::Given;
use super::import_id::capitalised;
pub(super) use super::schema::generate::ATTRIBUTE;
use super::settings::integer;
use super::times;
use crate::domain::fingerprint::{Fingerprint, Salt};
use crate::domain::generate::{
    Characters, DEFAULT_SYMBOLS, Entropy, Generated, KeyAlgorithm, KeyFormat, NotMade, Recipe,
    public_half,
};
use crate::domain::kind::{Content, Kind};
use crate::domain::material::Secret;
use crate::plugin::framework::convert::IntoValue;
use crate::plugin::framework::diag::Diagnostics;
use crate::plugin::framework::path::Path;
use crate::plugin::framework::value::Value;

/// Whether a value is to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Making {
    /// `generate` is not set, or the value stays.
    No,
    /// A value that exists is kept although `generate` is new.
    Kept,
    /// For the first time, or because an argument changed.
    Yes,
    /// Because it is due since then.
    Due(OffsetDateTime),
    /// Depends on what is not known before apply.
    Open,
}

impl Making {
    /// True when an apply makes a value.
    pub(super) const fn makes(self) -> bool {
        matches!(self, Self::Yes | Self::Due(_))
    }
}

/// An order for a value, as the configuration gives it.
#[derive(Debug)]
pub(super) struct Order {
    recipe: Recipe,
    username: Option<String>,
}

/// A value that was made for an apply.
#[derive(Debug)]
pub(super) struct Made {
    /// What it was made by.
    pub(super) order: Order,
    /// Its public half, for a key pair.
    pub(super) public_key: Option<String>,
    /// Salt of its print: it follows from the secret and the order.
    pub(super) salt: Salt,
}

impl Made {
    /// Makes the value that the configuration orders, if one is to be made, and puts it into
    /// `given`. The outer `None` only after an error.
    pub(super) fn by(
        config: &Value,
        prior: &Value,
        secret: &str,
        given: &mut Given,
        diags: &mut Diagnostics,
    ) -> Option<Option<Self>> {
        let making = making(config, prior, secret, OffsetDateTime::now_utc());
        if !making.makes() {
            return Some(None);
        }
        let salt = salt(secret, config, making);
        let path = Path::attribute(ATTRIBUTE);
        let order = read(config, diags)?;
        let Generated { content, public_key } = order.make(diags)?;
        *given = Given::Known { content, path };
        Some(Some(Self { order, public_key, salt }))
    }
}

/// Decides whether a value is made. `prior` is the state, null for a create; `secret` is the id of
/// the secret.
pub(super) fn making(config: &Value, prior: &Value, secret: &str, now: OffsetDateTime) -> Making {
    let (wanted, had) = (config.get(ATTRIBUTE), prior.get(ATTRIBUTE));
    if wanted.is_null() {
        return Making::No;
    }
    if !wanted.is_wholly_known() {
        return Making::Open;
    }
    if prior.is_null() {
        return Making::Yes;
    }
    let there = is_made(config, prior, secret);
    if had.is_null() {
        return if there { Making::No } else { Making::Kept };
    }
    if !apart_from_days(wanted).same(&apart_from_days(had)) {
        return if there { Making::No } else { Making::Yes };
    }
    match rotate_at(wanted, made_at(prior)) {
        Some(due) if due <= now => Making::Due(due),
        _ => Making::No,
    }
}

/// True when the print in the state tells that the value was made by this very order: by a run that
/// was interrupted before the state had it, or before an import.
fn is_made(config: &Value, prior: &Value, secret: &str) -> bool {
    let print = prior.get("fingerprint").as_str().and_then(|text| text.parse::<Fingerprint>().ok());
    print.is_some_and(|print| print.salt() == salt(secret, config, Making::Yes))
}

/// Plans what `generate` tells: the public half and the due time, unknown only when they change.
pub(super) fn plan_told(
    config: &Value,
    prior: &Value,
    secret: &str,
    making: Making,
    planned: &mut Value,
) {
    let wanted = config.get(ATTRIBUTE);
    let pair = Order::read(wanted).is_ok_and(|order| order.is_key_pair());
    let public_key = match making {
        Making::Open => Value::UNKNOWN,
        making if making.makes() && pair => Value::UNKNOWN,
        making if making.makes() => Value::Null,
        _ if wanted.is_null() => Value::Null,
        // Made by a run that was interrupted: it can be told now.
        _ if pair && prior.get("public_key").is_null() && is_made(config, prior, secret) => {
            Value::UNKNOWN
        }
        _ => prior.get("public_key").clone(),
    };
    planned.set("public_key", public_key);
    let days = wanted.get("rotate_after_days");
    let rotate_at = if days.is_null() && !wanted.is_unknown() {
        Value::Null
    } else if matches!(making, Making::No)
        && days.same(prior.get(ATTRIBUTE).get("rotate_after_days"))
    {
        prior.get("rotate_at").clone()
    } else {
        Value::UNKNOWN
    };
    planned.set("rotate_at", rotate_at);
}

/// What a state tells of a value whose version was made at `created_at`.
pub(super) fn tell(state: &mut Value, created_at: Option<OffsetDateTime>, same_version: bool) {
    state.set("rotate_at", due(state, created_at));
    // The public half of a version that somebody else wrote is not known.
    if state.get("public_key").is_unknown() || !same_version {
        state.set("public_key", Value::Null);
    }
}

/// The public half of a key pair that is in the vault and was made by this order.
pub(super) fn told_half(config: &Value, content: &Content) -> Value {
    let order = Order::read(config.get(ATTRIBUTE)).ok();
    order.and_then(|order| order.public_half(content)).into_value()
}

/// When a value whose version was made at `created_at` is due.
pub(super) fn due(state: &Value, created_at: Option<OffsetDateTime>) -> Value {
    rotate_at(state.get(ATTRIBUTE), created_at).map(times::format).into_value()
}

/// Warns of what the plan alone does not say well.
pub(super) fn caution(making: Making, name: &str, diags: &mut Diagnostics) {
    match making {
        Making::Due(due) => diags.warning(
            Path::attribute(ATTRIBUTE).child("rotate_after_days"),
            "Rotation is due",
            format!(
                "The value of {name:?} is due for rotation since {}. Apply makes a new one.",
                times::told(due)
            ),
        ),
        Making::Kept => diags.warning(
            Path::attribute(ATTRIBUTE),
            "Present value is kept",
            format!(
                "{name:?} exists, and generate is new in its configuration. Its value stays as it \
                 is. Next step: to have a new one made, add keepers after this apply and change \
                 them."
            ),
        ),
        Making::No | Making::Yes | Making::Open => {}
    }
}

/// The salt of a made value's print: of the secret, of all that a change of makes another value,
/// and of the time a rotation was due.
pub(super) fn salt(secret: &str, config: &Value, making: Making) -> Salt {
    let due = match making {
        Making::Due(at) => times::format(at),
        _ => String::new(),
    };
    Salt::derived(&[secret, &canonical(&apart_from_days(config.get(ATTRIBUTE))), &due])
}

/// One text for equal values: names in order, lengths before texts.
fn canonical(value: &Value) -> String {
    let entries = |entries: &BTreeMap<String, Value>| {
        let one = |(name, value): (&String, &Value)| {
            format!("{}:{name}={}", name.len(), canonical(value))
        };
        let set = entries.iter().filter(|(_, value)| !value.is_null());
        format!("{{{}}}", set.map(one).collect::<Vec<_>>().join(","))
    };
    match value {
        Value::String(text) => format!("{}:{}", text.as_str().len(), text.as_str()),
        Value::Number(number) => number.to_string(),
        Value::Map(map) | Value::Object(map) => entries(map),
        _ => "-".to_owned(),
    }
}

fn made_at(state: &Value) -> Option<OffsetDateTime> {
    let due = times::parse(state.get("rotate_at").as_str()?)?;
    let days = integer(state.get(ATTRIBUTE).get("rotate_after_days"))?;
    Some(due - Duration::days(days))
}

fn rotate_at(generate: &Value, made_at: Option<OffsetDateTime>) -> Option<OffsetDateTime> {
    made_at?.checked_add(Duration::days(integer(generate.get("rotate_after_days"))?))
}

fn apart_from_days(generate: &Value) -> Value {
    let mut rest = generate.clone();
    rest.set("rotate_after_days", Value::Null);
    rest
}

impl Order {
    /// Reads a wholly known `generate`.
    ///
    /// # Errors
    /// The nested attribute that cannot be, and why.
    pub(super) fn read(generate: &Value) -> Result<Self, (&'static str, String)> {
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
    pub(super) fn kind(&self) -> Kind {
        match self.recipe {
            Recipe::Aes(_) => Kind::SecretKey,
            Recipe::KeyPair { .. } => Kind::PrivateKey,
            _ if self.username.is_some() => Kind::BasicAuth,
            _ => Kind::Generic,
        }
    }

    /// True when there is a public half to tell.
    pub(super) const fn is_key_pair(&self) -> bool {
        matches!(self.recipe, Recipe::KeyPair { .. })
    }

    /// The public half of a key pair that was made by this order.
    pub(super) fn public_half(&self, content: &Content) -> Option<String> {
        match self.recipe {
            Recipe::KeyPair { algorithm, format } => public_half(algorithm, format, content).ok(),
            _ => None,
        }
    }

    /// Makes the value.
    pub(super) fn make(&self, diags: &mut Diagnostics) -> Option<Generated> {
        self.recipe
            .make(self.username.as_deref(), &mut System)
            .map_err(|error| {
                let message = format!("{}.", capitalised(&error.0));
                diags.error(Path::attribute(ATTRIBUTE), "Value could not be made", message);
            })
            .ok()
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
pub(super) fn validate(config: &Value, diags: &mut Diagnostics) {
    let generate = config.get(ATTRIBUTE);
    if generate.is_null() || !generate.is_wholly_known() {
        return;
    }
    if let Err(error) = Order::read(generate) {
        report(error, diags);
    }
}

/// Reads the `generate` of a configuration that is wholly known; reports what cannot be.
pub(super) fn read(config: &Value, diags: &mut Diagnostics) -> Option<Order> {
    Order::read(config.get(ATTRIBUTE)).map_err(|error| report(error, diags)).ok()
}

fn report((name, rule): (&'static str, String), diags: &mut Diagnostics) {
    diags.error(
        Path::attribute(ATTRIBUTE).child(name),
        "Value cannot be made like this",
        format!("{ATTRIBUTE}.{name}: {rule}."),
    );
}

/// The operating system's randomness.
struct System;

impl Entropy for System {
    fn fill(&mut self, bytes: &mut [u8]) {
        getrandom::fill(bytes).unwrap_or_else(|error| {
            // There is nothing safe to go on with.
            panic!("the operating system gives no random bytes: {error}")
        });
    }

    fn private_key(&mut self, algorithm: KeyAlgorithm) -> Result<Secret, NotMade> {
        use aws_lc_rs::rsa::{KeyPair, KeySize};
        let random = SystemRandom::new();
        let der = match algorithm {
            KeyAlgorithm::Rsa(bits) => {
                let size = match bits {
                    2048 => KeySize::Rsa2048,
                    3072 => KeySize::Rsa3072,
                    _ => KeySize::Rsa4096,
                };
                KeyPair::generate(size)
                    .and_then(|pair| pair.as_der())
                    .map(|der: Pkcs8V1Der<'_>| Secret::new(der.as_ref().to_vec()))
            }
            KeyAlgorithm::P256 => {
                EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random)
                    .map(|der| Secret::new(der.as_ref().to_vec()))
            }
            KeyAlgorithm::P384 => {
                EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_ASN1_SIGNING, &random)
                    .map(|der| Secret::new(der.as_ref().to_vec()))
            }
            KeyAlgorithm::Ed25519 => Ed25519KeyPair::generate_pkcs8v1(&random)
                .map(|der| Secret::new(der.as_ref().to_vec())),
        };
        der.map_err(|_| NotMade("the key pair could not be made".to_owned()))
    }
}
