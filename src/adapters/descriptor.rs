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

/// What a profile is opened with: configuration first, then environment.
#[derive(Debug, Default)]
pub struct Settings {
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

    /// A true-or-false argument.
    #[must_use]
    pub fn bool(&self, name: &str) -> Option<bool> {
        match self.values.get(name) {
            Some(Setting::Bool(flag)) => Some(*flag),
            _ => None,
        }
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
