//! Whose a copy is: the tags that a sync leaves on what it writes.
//!
//! `coffer-owner` is `<name of the sync>.<instance>`; the instance is random, made when the sync is
//! created and kept in its state. `coffer-source` says where the content comes from. A vault that
//! has no room for tags holds neither: there, only the ledger says what is ours.

use std::collections::BTreeMap;

use crate::domain::port::Capability;
use crate::domain::secret::SecretId;

/// Tag with the owner.
pub const OWNER_TAG: &str = "coffer-owner";
/// Tag with the source.
pub const SOURCE_TAG: &str = "coffer-source";

/// Identity of a sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Name in the configuration.
    pub name: String,
    /// Hexadecimal digits; empty before the sync exists.
    pub instance: String,
}

/// Whose a secret at the destination is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// This sync's.
    Ours,
    /// A sync's of the same name, whose instance is another: perhaps left behind by a run whose
    /// state was lost.
    Namesake,
    /// Another sync's.
    Other,
    /// No sync's.
    Nobody,
}

/// Digits of an instance.
const INSTANCE_DIGITS: usize = 32;

/// True for the name that a sync may have.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let slug = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !text.is_empty() && text.chars().all(slug)
}

impl Identity {
    /// The identity that the value of an owner tag stands for.
    #[must_use]
    pub fn parse(tag: &str) -> Option<Self> {
        let (name, instance) = tag.rsplit_once('.')?;
        let digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        let good =
            is_name(name) && instance.len() == INSTANCE_DIGITS && instance.chars().all(digit);
        good.then(|| Self { name: name.to_owned(), instance: instance.to_owned() })
    }

    /// The sync that a secret with these tags belongs to.
    #[must_use]
    pub fn of(tags: &BTreeMap<String, String>) -> Option<Self> {
        Self::parse(tags.get(OWNER_TAG)?)
    }

    /// The value of the owner tag.
    #[must_use]
    pub fn tag(&self) -> String {
        format!("{}.{}", self.name, self.instance)
    }

    /// Whose a secret with these tags is.
    #[must_use]
    pub fn owner(&self, tags: &BTreeMap<String, String>) -> Owner {
        let Some(tag) = tags.get(OWNER_TAG) else { return Owner::Nobody };
        match tag.rsplit_once('.') {
            // The name may have changed since.
            Some((_, instance)) if instance == self.instance && !instance.is_empty() => Owner::Ours,
            Some((name, _)) if name == self.name => Owner::Namesake,
            _ => Owner::Other,
        }
    }

    /// The tags of a copy that has `tags` besides; without those that the vault has no room for,
    /// the source first.
    #[must_use]
    pub fn tags(
        &self,
        tags: &BTreeMap<String, String>,
        source: &SecretId,
        vault: &Capability,
    ) -> BTreeMap<String, String> {
        let mut tags = tags.clone();
        for (tag, value) in [(OWNER_TAG, self.tag()), (SOURCE_TAG, source.to_string())] {
            let room = tags.len() < vault.max_tags || tags.contains_key(tag);
            if room && value.chars().count() <= vault.max_tag_value_chars {
                tags.insert(tag.to_owned(), value);
            }
        }
        tags
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tag_of_an_identity_parses_back_and_nothing_else_does() {
        let instance = "0123456789abcdef".repeat(2);
        let identity = Identity { name: "prod-1".to_owned(), instance: instance.clone() };
        assert_eq!(Identity::parse(&identity.tag()), Some(identity.clone()));
        let tags = BTreeMap::from([(OWNER_TAG.to_owned(), identity.tag())]);
        assert_eq!(Identity::of(&tags), Some(identity));
        assert_eq!(Identity::of(&BTreeMap::new()), None);
        for wrong in ["", "prod", "prod.", ".", &instance, "prod.0123", "prod.x"] {
            assert_eq!(Identity::parse(wrong), None, "{wrong}");
        }
        for name in ["", "Prod", "a b", "a.b"] {
            assert_eq!(Identity::parse(&format!("{name}.{instance}")), None, "{name}");
        }
    }
}
