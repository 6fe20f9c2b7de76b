//! Names and ids of secrets.
//!
//! Responsible for the grammar of `<profile>/<name>` and `<profile>/<name>#<number>`. Which names
//! a vault accepts is in its [`Capability`](super::port::Capability) and checked by
//! [`limits`](super::limits).

use std::fmt;
use std::str::FromStr;

use super::profile::ProfileName;

const LONGEST_NAME: usize = 512;

/// Name of a secret in its vault: 1 to 512 bytes, no control characters, no `#`, no leading or
/// trailing slash, no empty path segment, and no segment `.` or `..` (they would mean another
/// path in a URL).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretName(String);

impl SecretName {
    /// Checks the general rules; a vault may have narrower ones.
    ///
    /// # Errors
    /// The rule that is broken.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let broken = |rule: String| Err(InvalidName(rule));
        if text.is_empty() {
            return broken("a secret's name must not be empty".to_owned());
        }
        if text.len() > LONGEST_NAME {
            return broken(format!(
                "a secret's name has at most {LONGEST_NAME} bytes, this one has {}",
                text.len()
            ));
        }
        if let Some(character) = text.chars().find(|c| c.is_control() || *c == '#') {
            return broken(format!(
                "a secret's name must not contain control characters or \"#\", this one contains {character:?}"
            ));
        }
        if text.starts_with('/') || text.ends_with('/') {
            return broken(format!(
                "a secret's name must not begin or end with \"/\", {text:?} does"
            ));
        }
        if let Some(segment) = text.split('/').find(|s| matches!(*s, "" | "." | "..")) {
            return broken(format!(
                "a secret's name must not have an empty part between slashes, nor \".\" or \"..\", {text:?} has {segment:?}"
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SecretName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidName(pub String);

/// A secret in a profile: `<profile>/<name>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretId {
    /// The profile, up to the first slash.
    pub profile: ProfileName,
    /// The name, which may contain more slashes.
    pub name: SecretName,
}

impl SecretId {
    /// Puts an id together.
    #[must_use]
    pub const fn new(profile: ProfileName, name: SecretName) -> Self {
        Self { profile, name }
    }
}

impl FromStr for SecretId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "<profile>/<name>, such as main/app/db-password";
        let (profile, name) = text
            .split_once('/')
            .ok_or_else(|| InvalidId::new(text, EXPECTED, "there is no \"/\""))?;
        Ok(Self {
            profile: profile.parse().map_err(|e| InvalidId::new(text, EXPECTED, e))?,
            name: name.parse().map_err(|e| InvalidId::new(text, EXPECTED, e))?,
        })
    }
}

impl fmt::Display for SecretId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.profile, self.name)
    }
}

/// A version of a secret: `<profile>/<name>#<number>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionId {
    /// The secret.
    pub secret: SecretId,
    /// The number, from 1 upward.
    pub number: u64,
}

impl VersionId {
    /// Puts an id together.
    #[must_use]
    pub const fn new(secret: SecretId, number: u64) -> Self {
        Self { secret, number }
    }
}

impl FromStr for VersionId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "<profile>/<name>#<number>, such as main/app/db-password#3";
        let (secret, number) = text
            .rsplit_once('#')
            .ok_or_else(|| InvalidId::new(text, EXPECTED, "there is no \"#\""))?;
        // One text per id: no sign, no leading zero.
        let digits = number.bytes().all(|byte| byte.is_ascii_digit()) && !number.starts_with('0');
        let number = number.parse().ok().filter(|_| digits).ok_or_else(|| {
            InvalidId::new(text, EXPECTED, "after \"#\" stands no version number")
        })?;
        let secret: SecretId =
            secret.parse().map_err(|error: InvalidId| InvalidId::new(text, EXPECTED, error.why))?;
        Ok(Self { secret, number })
    }
}

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.secret, self.number)
    }
}

/// The text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an id of the form {expected}: {why}")]
pub struct InvalidId {
    text: String,
    expected: &'static str,
    why: String,
}

impl InvalidId {
    fn new(text: &str, expected: &'static str, why: impl fmt::Display) -> Self {
        Self { text: text.to_owned(), expected, why: why.to_string() }
    }
}

#[cfg(test)]
mod tests;
