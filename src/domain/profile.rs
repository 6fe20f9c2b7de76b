//! Vault profiles: the names under which a configuration speaks of its vaults.
//!
//! What a profile is made of (its backend, defaults, limits) is configuration and belongs to the
//! provider.

use std::fmt;
use std::str::FromStr;

const LONGEST: usize = 64;

/// Name of a profile: 1 to 64 ASCII letters, digits, `_` and `-`. It has no slash, so the first
/// slash of an id ends it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProfileName(String);

impl ProfileName {
    /// Checks a name.
    ///
    /// # Errors
    /// When it has other characters or another length.
    pub fn parse(text: &str) -> Result<Self, InvalidProfileName> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if (1..=LONGEST).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidProfileName { text: text.to_owned() })
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProfileName {
    type Err = InvalidProfileName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is not a profile's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a profile's name has 1 to {LONGEST} ASCII letters, digits, \"_\" and \"-\", {text:?} is no such name"
)]
pub struct InvalidProfileName {
    text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_64_plain_characters_at_most() {
        let longest = "x".repeat(64);
        for good in ["a", "main", "eu-1_prod", "9", &longest] {
            assert_eq!(good.parse::<ProfileName>().unwrap().to_string(), good);
        }
        let longer = "x".repeat(65);
        for bad in ["", "a/b", "a b", "é", "a#1", "a.b", &longer] {
            let message = bad.parse::<ProfileName>().unwrap_err().to_string();
            assert!(message.contains("1 to 64 ASCII letters"), "{message}");
        }
    }
}
