//! What a copy is worth, told without the state of its sync: by tags and prints alone.

use std::collections::BTreeMap;

use super::owner::SOURCE_TAG;
use crate::domain::port::{Lifecycle, SecretRecord};
use crate::domain::secret::SecretId;

/// What is known of the source of a copy.
#[derive(Debug, Clone, Copy)]
pub enum Origin<'o> {
    /// Nothing: it could not be looked at, or the copy does not say where it is from.
    Unknown,
    /// It is not there, or soft-deleted.
    Gone,
    /// It is there.
    There(&'o SecretRecord),
}

/// What a copy is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It has the content of its source.
    Synced,
    /// It has other content than its source; which of them changed, only the sync can tell.
    Different,
    /// Its source is gone.
    Orphaned,
    /// It exists, but cannot be read.
    Disabled,
    /// It is soft-deleted.
    Deleted,
    /// There is nothing to compare.
    Unknown,
}

impl Standing {
    /// Every standing, in the order of the documentation.
    pub const ALL: [Self; 6] = [
        Self::Synced,
        Self::Different,
        Self::Orphaned,
        Self::Disabled,
        Self::Deleted,
        Self::Unknown,
    ];

    /// The code as users read it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Synced => "synced",
            Self::Different => "different",
            Self::Orphaned => "orphaned",
            Self::Disabled => "disabled",
            Self::Deleted => "deleted",
            Self::Unknown => "unknown",
        }
    }
}

/// What a copy is worth.
#[must_use]
pub fn standing(copy: &SecretRecord, origin: Origin<'_>) -> Standing {
    match (copy.lifecycle, origin) {
        (Lifecycle::Deleted { .. }, _) => Standing::Deleted,
        (Lifecycle::Disabled, _) => Standing::Disabled,
        (Lifecycle::Active, Origin::Unknown) => Standing::Unknown,
        (Lifecycle::Active, Origin::Gone) => Standing::Orphaned,
        (Lifecycle::Active, Origin::There(source)) => match equal(copy, source) {
            Some(true) => Standing::Synced,
            Some(false) => Standing::Different,
            None => Standing::Unknown,
        },
    }
}

/// Whether both have the same content: a copy carries the print of its source, so equal prints
/// prove it, and prints under the same salt and key that differ prove the contrary.
fn equal(copy: &SecretRecord, source: &SecretRecord) -> Option<bool> {
    let print = |record: &SecretRecord| record.current.as_ref()?.fingerprint.clone();
    let (copy, source) = (print(copy)?, print(source)?);
    let comparable = copy.salt() == source.salt() && copy.key_id() == source.key_id();
    comparable.then(|| copy == source)
}

/// Where a copy with these tags is from, if it says.
#[must_use]
pub fn source(tags: &BTreeMap<String, String>) -> Option<SecretId> {
    tags.get(SOURCE_TAG)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::testing::record;

    #[test]
    fn every_standing() {
        let print = |salt: char, end: char| {
            let tag = "A".repeat(26) + &end.to_string();
            format!("cfp1.h2.{}.{}.{tag}", "aaaaaaaa", salt.to_string().repeat(21) + "A")
        };
        let with = |print: Option<String>| {
            let mut record = record("a");
            let version = record.current.as_mut().unwrap();
            version.fingerprint = print.map(|print| print.parse().unwrap());
            record
        };
        let copy = with(Some(print('A', 'E')));
        let stands = |source: SecretRecord| standing(&copy, Origin::There(&source));
        assert_eq!(stands(copy.clone()), Standing::Synced);
        assert_eq!(stands(with(Some(print('A', 'I')))), Standing::Different);
        assert_eq!(stands(with(Some(print('B', 'E')))), Standing::Unknown);
        assert_eq!(stands(with(None)), Standing::Unknown);
        assert_eq!(standing(&copy, Origin::Unknown), Standing::Unknown);
        assert_eq!(standing(&copy, Origin::Gone), Standing::Orphaned);
        let lifecycle = |lifecycle| SecretRecord { lifecycle, ..copy.clone() };
        let there = Origin::There(&copy);
        assert_eq!(standing(&lifecycle(Lifecycle::Disabled), there), Standing::Disabled);
        let deleted = lifecycle(Lifecycle::Deleted { purge_at: None });
        assert_eq!(standing(&deleted, Origin::Gone), Standing::Deleted);
    }

    #[test]
    fn source_is_what_the_tag_says() {
        let tags = |text: &str| BTreeMap::from([(SOURCE_TAG.to_owned(), text.to_owned())]);
        assert_eq!(source(&tags("main/app/db")).unwrap().to_string(), "main/app/db");
        assert_eq!(source(&tags("nothing")), None);
        assert_eq!(source(&BTreeMap::new()), None);
    }
}
