//! From staging labels to numbered versions with rotation states.
//!
//! | coffer | label |
//! |---|---|
//! | current | `AWSCURRENT` |
//! | previous | `AWSPREVIOUS`, which the service moves by itself |
//! | pending | `AWSPENDING`, or `coffer-pending` while the service rotates the secret |
//! | latest | the highest number; `coffer-latest` keeps that version from falling out of sight |
//! | deprecated | none of these |
//!
//! A number stands in the id of each version that coffer wrote. Versions of others (the console,
//! rotation functions) have none there: they are counted in the order of their creation, between
//! coffer's own. That order takes a call of its own, so it is asked for only while somebody else's
//! version carries a label. Pure.

use super::version_id::VersionId;
use crate::domain::fingerprint::Fingerprint;
use crate::domain::rotation::{RotationState, RotationStates};
use crate::domain::version::VersionRecord;

/// Label of what readers get.
pub(super) const CURRENT: &str = "AWSCURRENT";
/// Label of what was current before.
pub(super) const PREVIOUS: &str = "AWSPREVIOUS";
/// Label of a version that waits.
pub(super) const PENDING: &str = "AWSPENDING";
/// The same while the service rotates the secret, whose own use of `AWSPENDING` it would disturb.
pub(super) const OWN_PENDING: &str = "coffer-pending";
/// Label of the version that coffer wrote last.
pub(super) const LATEST: &str = "coffer-latest";

/// A version as the service tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Its id.
    pub(super) id: String,
    /// Its labels.
    pub(super) labels: Vec<String>,
}

/// A version with its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    /// Number, from 1.
    pub(super) number: u64,
    /// The service's id.
    pub(super) id: String,
    /// Its labels.
    pub(super) labels: Vec<String>,
    /// What it is used for.
    pub(super) states: RotationStates,
    /// What the id says, if coffer wrote it.
    pub(super) own: Option<VersionId>,
}

impl Version {
    /// True when it has a label.
    pub(super) fn has(&self, label: &str) -> bool {
        self.labels.iter().any(|own| own == label)
    }

    /// The label that makes it pending.
    pub(super) fn pending_label(&self) -> Option<&'static str> {
        [PENDING, OWN_PENDING].into_iter().find(|label| self.has(label))
    }

    /// The version for the port. `print` replaces that of the version it names.
    pub(super) fn record(&self, print: Option<&(String, Fingerprint)>) -> VersionRecord {
        let replaced = print.filter(|(id, _)| *id == self.id).map(|(_, print)| print.clone());
        VersionRecord {
            number: self.number,
            version_id: self.id.clone(),
            rotation_states: self.states,
            fingerprint: replaced.or_else(|| self.own.as_ref().map(|own| own.fingerprint.clone())),
            // Only the listing of versions tells it; a date that comes and goes would be a change.
            created_at: None,
            deletion_scheduled_at: None,
        }
    }
}

/// The versions of a secret, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct History(Vec<Version>);

impl History {
    /// From all versions there are, in the order of their creation.
    pub(super) fn complete(found: Vec<Found>) -> Self {
        let own: Vec<Option<VersionId>> =
            found.iter().map(|version| VersionId::parse(&version.id)).collect();
        let taken = |number| own.iter().flatten().any(|own| own.number == number);
        let highest = own.iter().flatten().map(|own| own.number).max().unwrap_or(0);
        let mut versions: Vec<Version> = Vec::new();
        let (mut last, mut beyond) = (0, highest);
        for (found, own) in found.into_iter().zip(&own) {
            let number = match own {
                Some(own) => own.number,
                None if !taken(last + 1) => last + 1,
                // Between two of coffer's numbers there is no room. Only what is in use counts.
                None if found.labels.is_empty() => continue,
                None => {
                    beyond += 1;
                    beyond
                }
            };
            last = last.max(number);
            let states = states(&found.labels);
            let (id, labels, own) = (found.id, found.labels, own.clone());
            versions.push(Version { number, id, labels, states, own });
        }
        Self(sorted(versions))
    }

    /// From the versions with labels alone, when all of those are coffer's; else `None`.
    pub(super) fn of_labelled(found: &[Found]) -> Option<Self> {
        let known: Vec<Found> = found
            .iter()
            .filter(|version| !version.labels.is_empty() || VersionId::parse(&version.id).is_some())
            .cloned()
            .collect();
        known
            .iter()
            .all(|version| VersionId::parse(&version.id).is_some())
            .then(|| Self::complete(known))
    }

    /// From the versions with labels alone, whoever wrote them: right unless versions of others
    /// have lost their labels. For listings, whose differences are looked at one by one.
    pub(super) fn guessed(mut found: Vec<Found>) -> Self {
        found.retain(|version| {
            !version.labels.is_empty() || VersionId::parse(&version.id).is_some()
        });
        let age = |version: &Found| match VersionId::parse(&version.id) {
            Some(own) => (0, own.number),
            None => {
                let states = states(&version.labels);
                let newest =
                    [RotationState::Previous, RotationState::Current, RotationState::Pending];
                let place = newest.iter().rposition(|state| states.contains(*state));
                (1, place.map_or(0, |place| place as u64 + 1))
            }
        };
        found.sort_by_key(age);
        Self::complete(found)
    }

    /// The versions, oldest first.
    pub(super) fn versions(&self) -> &[Version] {
        &self.0
    }

    /// The version in a state.
    pub(super) fn find(&self, state: RotationState) -> Option<&Version> {
        match state {
            RotationState::Deprecated => None,
            state => self.0.iter().find(|version| version.states.contains(state)),
        }
    }

    /// The version of a number.
    pub(super) fn numbered(&self, number: u64) -> Option<&Version> {
        self.0.iter().find(|version| version.number == number)
    }

    /// The highest number; 0 for none.
    pub(super) fn latest(&self) -> u64 {
        self.0.last().map_or(0, |version| version.number)
    }
}

/// By number, each once: of two that a race gave the same number, the one that is in use.
fn sorted(mut versions: Vec<Version>) -> Vec<Version> {
    versions.sort_by_key(|version| (version.number, version.labels.is_empty()));
    versions.dedup_by_key(|version| version.number);
    if let Some(latest) = versions.last_mut() {
        latest.states.insert(RotationState::Latest);
    }
    versions
}

fn states(labels: &[String]) -> RotationStates {
    let has = |label: &str| labels.iter().any(|own| own == label);
    let state = if has(CURRENT) {
        RotationState::Current
    } else if has(PREVIOUS) {
        RotationState::Previous
    } else if has(PENDING) || has(OWN_PENDING) {
        RotationState::Pending
    } else {
        RotationState::Deprecated
    };
    RotationStates::empty().with(state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fingerprint::{Key, KeyRing, Salt};
    use crate::domain::kind::{Content, Kind};
    use crate::domain::layout::Layout;
    use crate::domain::material::Secret;

    fn own(number: u64, labels: &[&str]) -> Found {
        let key = Key::new(Secret::new(vec![7; 32])).unwrap();
        let content = Content::generic(Secret::from("v")).unwrap();
        let fingerprint = KeyRing::new(Some(key), Vec::new()).fingerprint(&content, Salt([9; 16]));
        let (kind, layout) = (Kind::Generic, Layout::Native);
        let id = VersionId { number, kind, layout, fingerprint }.encode().unwrap();
        Found { id, labels: labels.iter().map(|label| (*label).to_owned()).collect() }
    }

    fn foreign(id: &str, labels: &[&str]) -> Found {
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        Found { id: id.to_owned(), labels }
    }

    fn shown(history: &History) -> Vec<(u64, String)> {
        history.versions().iter().map(|v| (v.number, v.states.to_string())).collect()
    }

    fn expected<const N: usize>(pairs: [(u64, &str); N]) -> Vec<(u64, String)> {
        pairs.into_iter().map(|(number, states)| (number, states.to_owned())).collect()
    }

    #[test]
    fn own_versions_carry_their_numbers() {
        let found = [own(3, &[CURRENT, LATEST]), own(1, &[]), own(2, &[PREVIOUS])];
        let history = History::of_labelled(&found).unwrap();
        let states = [(1, "deprecated"), (2, "previous"), (3, "current, latest")];
        assert_eq!(shown(&history), expected(states));
    }

    #[test]
    fn latest_is_seen_after_a_rollback() {
        let found = [own(1, &[CURRENT]), own(2, &[PREVIOUS]), own(3, &[LATEST])];
        let history = History::of_labelled(&found).unwrap();
        assert_eq!(history.latest(), 3);
        assert_eq!(shown(&history)[2], (3, "latest, deprecated".to_owned()));
    }

    #[test]
    fn versions_of_others_are_counted_between_ours() {
        let found = vec![
            foreign("a", &[]),
            own(2, &[LATEST]),
            foreign("b", &[PREVIOUS]),
            foreign("c", &[CURRENT, PENDING]),
        ];
        assert_eq!(History::of_labelled(&found), None);
        let states =
            [(1, "deprecated"), (2, "deprecated"), (3, "previous"), (4, "current, latest")];
        assert_eq!(shown(&History::complete(found)), expected(states));
    }

    #[test]
    fn listing_guesses_the_order_by_the_labels() {
        let found =
            vec![foreign("now", &[CURRENT]), foreign("was", &[PREVIOUS]), own(1, &[LATEST])];
        let history = History::guessed(found);
        let numbers: Vec<_> = history.versions().iter().map(|v| (v.number, v.id.len())).collect();
        assert_eq!(numbers[1..], [(2, 3), (3, 3)]);
        assert_eq!(history.find(RotationState::Current).unwrap().id, "now");
    }

    #[test]
    fn number_given_twice_belongs_to_the_one_in_use() {
        let mut lost = own(2, &[]);
        lost.id.replace_range(40..41, if &lost.id[40..41] == "A" { "B" } else { "A" });
        let found = vec![own(1, &[PREVIOUS]), lost, own(2, &[CURRENT])];
        let history = History::complete(found);
        assert_eq!(shown(&history), expected([(1, "previous"), (2, "current, latest")]));
    }

    #[test]
    fn foreign_current_without_room_is_still_seen() {
        let found = vec![own(1, &[]), foreign("x", &[CURRENT]), own(2, &[LATEST, PREVIOUS])];
        let history = History::complete(found);
        assert_eq!(history.find(RotationState::Current).unwrap().number, 3);
    }

    #[test]
    fn replaced_print_is_that_of_the_version_it_names() {
        let history = History::complete(vec![own(1, &[CURRENT])]);
        let version = &history.versions()[0];
        let other: Fingerprint = {
            let content = Content::generic(Secret::from("w")).unwrap();
            let key = Key::new(Secret::new(vec![8; 32])).unwrap();
            KeyRing::new(Some(key), Vec::new()).fingerprint(&content, Salt([9; 16]))
        };
        let named = (version.id.clone(), other.clone());
        assert_eq!(version.record(Some(&named)).fingerprint, Some(other.clone()));
        let stale = ("else".to_owned(), other);
        assert_ne!(version.record(Some(&stale)).fingerprint, Some(stale.1.clone()));
    }
}
