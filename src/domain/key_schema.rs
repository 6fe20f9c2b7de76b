//! Key schemas: templates that turn a secret's key into the name at a destination and back.
//!
//! `{{environment}}-{{secretKey}}` has the key exactly once; every other placeholder has one value
//! per rendering, so a name is a fixed beginning, the key and a fixed end. That makes a schema a
//! template, a filter and its own inverse: under equal [`Values`], different keys have different
//! names and every matching name has one key. Rules a destination adds (alphabet, case) are
//! checked over the names with [`collisions`] and [`limits`](super::limits).

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::limits::takes_character;
use super::port::Capability;
use super::secret::SecretName;

const LONGEST: usize = 255;
const LITERAL_PUNCTUATION: &str = "-_/.";

/// A parsed schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySchema {
    before: Vec<Part>,
    after: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Value(Placeholder),
}

/// What may stand between `{{` and `}}` besides the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Placeholder {
    /// The environment that the destination serves.
    Environment,
    /// The profile of the source.
    Profile,
    /// The folder of the secret in the source.
    Path,
    /// The type of the secret.
    Type,
    /// The rotation state that is carried over.
    VersionState,
}

const KEY: &str = "secretKey";

impl Placeholder {
    /// Every placeholder besides the key.
    pub const ALL: [Self; 5] =
        [Self::Environment, Self::Profile, Self::Path, Self::Type, Self::VersionState];

    /// The name as users write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Environment => "environment",
            Self::Profile => "profile",
            Self::Path => "path",
            Self::Type => "type",
            Self::VersionState => "versionState",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|placeholder| placeholder.name() == name)
    }
}

impl fmt::Display for Placeholder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{{{}}}}}", self.name())
    }
}

/// What the placeholders besides the key stand for.
pub type Values = BTreeMap<Placeholder, String>;

impl KeySchema {
    /// The schema that leaves keys as they are.
    #[must_use]
    pub const fn identity() -> Self {
        Self { before: Vec::new(), after: Vec::new() }
    }

    /// The placeholders besides the key, in the order in which they stand.
    pub fn placeholders(&self) -> impl Iterator<Item = Placeholder> {
        self.parts().filter_map(|part| match part {
            Part::Value(placeholder) => Some(*placeholder),
            Part::Literal(_) => None,
        })
    }

    /// The name of a key at the destination.
    ///
    /// # Errors
    /// When a placeholder has no value, or the result is not a name.
    pub fn render(&self, key: &str, values: &Values) -> Result<SecretName, RenderError> {
        if key.is_empty() {
            return Err(RenderError::EmptyKey);
        }
        let name = format!("{}{key}{}", fill(&self.before, values)?, fill(&self.after, values)?);
        SecretName::parse(&name)
            .map_err(|error| RenderError::Name { name, rule: error.to_string() })
    }

    /// The key of a name that this schema made; `None` for a name it does not match.
    ///
    /// # Errors
    /// When a placeholder has no value.
    pub fn invert(&self, name: &str, values: &Values) -> Result<Option<String>, RenderError> {
        let (before, after) = (fill(&self.before, values)?, fill(&self.after, values)?);
        let key = name.strip_prefix(&before).and_then(|rest| rest.strip_suffix(&after));
        Ok(key.filter(|key| !key.is_empty()).map(str::to_owned))
    }

    /// The first character of the schema itself that no name in the vault may have.
    #[must_use]
    pub fn foreign_character(&self, vault: &Capability) -> Option<char> {
        self.parts()
            .filter_map(|part| match part {
                Part::Literal(text) => Some(text.chars()),
                Part::Value(_) => None,
            })
            .flatten()
            .find(|character| !takes_character(vault, *character))
    }

    fn parts(&self) -> impl Iterator<Item = &Part> {
        self.before.iter().chain(&self.after)
    }
}

fn fill(parts: &[Part], values: &Values) -> Result<String, RenderError> {
    parts
        .iter()
        .map(|part| match part {
            Part::Literal(text) => Ok(text.as_str()),
            Part::Value(placeholder) => values
                .get(placeholder)
                .filter(|value| !value.is_empty())
                .map(String::as_str)
                .ok_or(RenderError::NoValue(*placeholder)),
        })
        .collect()
}

impl FromStr for KeySchema {
    type Err = InvalidSchema;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let length = text.chars().count();
        if length > LONGEST {
            return Err(InvalidSchema::TooLong(length));
        }
        let (mut before, mut after, mut found) = (Vec::new(), Vec::new(), false);
        let mut rest = text;
        while !rest.is_empty() {
            let (literal, placeholder, next) = split(rest)?;
            let side = if found { &mut after } else { &mut before };
            if !literal.is_empty() {
                side.push(Part::Literal(literal.to_owned()));
            }
            match placeholder {
                None => {}
                Some(KEY) if found => return Err(InvalidSchema::KeyTwice),
                Some(KEY) => found = true,
                Some(name) => side.push(Part::Value(
                    Placeholder::parse(name)
                        .ok_or_else(|| InvalidSchema::Unknown(name.to_owned()))?,
                )),
            }
            rest = next;
        }
        if found { Ok(Self { before, after }) } else { Err(InvalidSchema::NoKey) }
    }
}

/// Cuts the text into the literal at its beginning, the placeholder after it, and the rest.
fn split(text: &str) -> Result<(&str, Option<&str>, &str), InvalidSchema> {
    let (literal, placeholder, rest) = match text.split_once("{{") {
        None => (text, None, ""),
        Some((literal, tail)) => {
            let (name, rest) = tail.split_once("}}").ok_or(InvalidSchema::Unclosed)?;
            (literal, Some(name), rest)
        }
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || LITERAL_PUNCTUATION.contains(c);
    match literal.chars().find(|c| !allowed(*c)) {
        Some(character) => Err(InvalidSchema::Character(character)),
        None => Ok((literal, placeholder, rest)),
    }
}

impl fmt::Display for KeySchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let write = |parts: &[Part], f: &mut fmt::Formatter<'_>| {
            parts.iter().try_for_each(|part| match part {
                Part::Literal(text) => f.write_str(text),
                Part::Value(placeholder) => placeholder.fmt(f),
            })
        };
        write(&self.before, f)?;
        write!(f, "{{{{{KEY}}}}}")?;
        write(&self.after, f)
    }
}

/// The keys that would share a name at the destination, by name, in the order of the names. With
/// `case_sensitive` false, names that differ in case only are the same.
#[must_use]
pub fn collisions<'k>(
    names: impl IntoIterator<Item = (&'k str, &'k SecretName)>,
    case_sensitive: bool,
) -> Vec<Collision> {
    let mut taken: BTreeMap<String, Collision> = BTreeMap::new();
    for (key, name) in names {
        let same = if case_sensitive { name.to_string() } else { name.as_str().to_lowercase() };
        let collision =
            taken.entry(same).or_insert_with(|| Collision { name: name.clone(), keys: Vec::new() });
        if collision.keys.iter().all(|other| other != key) {
            collision.keys.push(key.to_owned());
        }
    }
    taken.into_values().filter(|collision| collision.keys.len() > 1).collect()
}

/// Several keys with one name at the destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collision {
    /// The name, as the first of the keys has it.
    pub name: SecretName,
    /// The keys, in the order in which they were given.
    pub keys: Vec<String>,
}

impl fmt::Display for Collision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<_> = self.keys.iter().map(|key| format!("{key:?}")).collect();
        write!(f, "the keys {} would share the name {:?}", keys.join(", "), self.name.as_str())
    }
}

/// Why a text is not a key schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSchema {
    /// More than 255 characters.
    #[error("a key schema has at most {LONGEST} characters, this one has {0}")]
    TooLong(usize),
    /// No key.
    #[error("a key schema must contain {{{{{KEY}}}}} exactly once, this one does not contain it")]
    NoKey,
    /// More than one key.
    #[error(
        "a key schema must contain {{{{{KEY}}}}} exactly once, this one contains it more often"
    )]
    KeyTwice,
    /// A placeholder that does not exist.
    #[error("a key schema knows no placeholder {{{{{0}}}}}; it knows {list}", list = known())]
    Unknown(String),
    /// `{{` without `}}`.
    #[error("a placeholder of the key schema begins with {{{{ and does not end with }}}}")]
    Unclosed,
    /// A character outside the alphabet.
    #[error(
        "besides placeholders a key schema has ASCII letters, digits, \"-\", \"_\", \"/\" and \".\", this one contains {0:?}"
    )]
    Character(char),
}

fn known() -> String {
    let others = Placeholder::ALL.map(|placeholder| placeholder.to_string());
    format!("{{{{{KEY}}}}}, {}", others.join(", "))
}

/// Why a schema cannot be applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// Nothing to render.
    #[error("the key is empty")]
    EmptyKey,
    /// A placeholder without a value.
    #[error("the key schema contains {0}, which has no value here")]
    NoValue(Placeholder),
    /// The result breaks the rules of names.
    #[error("the key schema gives the name {name:?}: {rule}")]
    Name {
        /// The result.
        name: String,
        /// The rule.
        rule: String,
    },
}

#[cfg(test)]
mod tests;
