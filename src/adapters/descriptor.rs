//! What a backend tells about itself, so that nobody has to ask for it by name.
//!
//! Responsible for the constant each backend fills in and for the settings it is opened with.
//! Leaves turning arguments into a provider schema, and reading configuration and environment, to
//! the provider.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::domain::material::Secret;
use crate::domain::port::{Backend, Capability};

/// One backend.
pub struct Descriptor {
    /// Name of its attribute in a profile, of its folder, docs page and tests.
    pub name: &'static str,
    /// Name for people.
    pub title: &'static str,
    /// How much it can be relied on.
    pub stability: Stability,
    /// One sentence for the capability matrix.
    pub summary: &'static str,
    /// Markdown of its page.
    pub docs: &'static str,
    /// Arguments of a profile.
    pub arguments: &'static [Argument],
    /// Arguments of a secret in such a vault, below `options.<name>`; all optional, and what is
    /// left out is the vault's own affair.
    pub options: &'static [SecretOption],
    /// How fast the service may be called when the profile sets no limits, from the vendor's
    /// published quotas. `None` for a vault without a network: the engine paces it.
    pub pacing: Option<Pacing>,
    /// What it can do.
    pub capability: fn() -> Capability,
    /// Makes the backend. Cheap: no network, no files, no key derivation; those wait for the
    /// first call.
    pub open: fn(Settings) -> Result<Arc<dyn Backend>, InvalidSettings>,
}

impl fmt::Debug for Descriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Descriptor").field(&self.name).finish()
    }
}

/// How much a backend can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stability {
    /// Covered by the compatibility promise.
    Stable,
    /// May still change.
    Beta,
}

/// One argument of a backend's profile attribute.
#[derive(Debug)]
pub struct Argument {
    /// Attribute name.
    pub name: &'static str,
    /// Type.
    pub kind: ArgumentKind,
    /// Must be set (in configuration or environment).
    pub required: bool,
    /// Hidden in plans.
    pub sensitive: bool,
    /// Environment variable that feeds it when the configuration leaves it out.
    pub env: Option<&'static str>,
    /// Markdown for the documentation.
    pub description: &'static str,
}

/// Type of an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArgumentKind {
    /// Text.
    Text,
    /// Text that must not be shown and lives in wiping memory.
    Secret,
    /// Whole number.
    Integer,
    /// True or false.
    Bool,
    /// List of texts.
    TextList,
}

/// One argument of a secret that only this kind of vault has.
#[derive(Debug)]
pub struct SecretOption {
    /// Attribute name.
    pub name: &'static str,
    /// Type.
    pub kind: OptionKind,
    /// What a change does.
    pub change: OptionChange,
    /// Markdown for the documentation.
    pub description: &'static str,
}

/// Type of an option.
#[derive(Debug, Clone, Copy)]
pub enum OptionKind {
    /// Text.
    Text,
    /// Whole number.
    Integer,
    /// True or false.
    Bool,
    /// List of texts; the order counts.
    TextList,
    /// Map of texts.
    TextMap,
    /// Object with fields of its own.
    Object(&'static [SecretOption]),
    /// List of objects.
    ObjectList(&'static [SecretOption]),
}

/// What a change of an option does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptionChange {
    /// The vault changes it in place.
    InPlace,
    /// The vault fixes it at creation: another value is another secret.
    Replace,
}

/// How fast a service may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pacing {
    /// Most calls at once.
    pub concurrency: usize,
    /// Most calls per second, on average.
    pub requests_per_second: u32,
}

/// What a profile is opened with: configuration first, then environment.
#[derive(Debug, Default)]
pub struct Settings {
    /// What coffer calls itself towards a service (`User-Agent`).
    pub user_agent: String,
    /// How fast the service may be called: the profile's limits, else the descriptor's.
    pub pacing: Option<Pacing>,
    values: BTreeMap<&'static str, Setting>,
    from_environment: BTreeSet<&'static str>,
}

/// Value of an argument.
#[derive(Debug)]
pub enum Setting {
    /// Text.
    Text(String),
    /// Secret text.
    Secret(Secret),
    /// Whole number.
    Integer(i64),
    /// True or false.
    Bool(bool),
    /// List of texts.
    TextList(Vec<String>),
}

impl Settings {
    /// Sets an argument that the configuration gives.
    pub fn set(&mut self, name: &'static str, value: Setting) {
        self.values.insert(name, value);
        self.from_environment.remove(name);
    }

    /// Sets an argument that the configuration leaves out and the environment gives. A backend
    /// may care: of two arguments that exclude each other, the configured one wins.
    pub fn set_from_environment(&mut self, name: &'static str, value: Setting) {
        self.values.insert(name, value);
        self.from_environment.insert(name);
    }

    /// True when the argument is set and the configuration itself sets it.
    #[must_use]
    pub fn is_configured(&self, name: &str) -> bool {
        self.values.contains_key(name) && !self.from_environment.contains(name)
    }

    /// A text argument.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.values.get(name) {
            Some(Setting::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Takes a secret argument out. Call [`is_configured`](Self::is_configured) before, not after.
    pub fn take_secret(&mut self, name: &str) -> Option<Secret> {
        match self.values.remove(name) {
            Some(Setting::Secret(secret)) => Some(secret),
            _ => None,
        }
    }

    /// A whole-number argument.
    #[must_use]
    pub fn integer(&self, name: &str) -> Option<i64> {
        match self.values.get(name) {
            Some(Setting::Integer(number)) => Some(*number),
            _ => None,
        }
    }

    /// A list of texts; empty when it is not set.
    #[must_use]
    pub fn text_list(&self, name: &str) -> &[String] {
        match self.values.get(name) {
            Some(Setting::TextList(texts)) => texts,
            _ => &[],
        }
    }

    /// A true-or-false argument.
    #[must_use]
    pub fn bool(&self, name: &str) -> Option<bool> {
        match self.values.get(name) {
            Some(Setting::Bool(flag)) => Some(*flag),
            _ => None,
        }
    }
}

impl InvalidSettings {
    /// Says what is wrong with an argument.
    #[must_use]
    pub fn of(argument: &'static str, message: impl Into<String>) -> Self {
        Self { argument: Some(argument), message: message.into() }
    }
}

/// The settings of a profile cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct InvalidSettings {
    /// The argument it concerns, if one.
    pub argument: Option<&'static str>,
    /// What is wrong and what to write instead.
    pub message: String,
}
