//! The three-way plan of one destination: source, ledger, destination.
//!
//! Responsible for one [`Step`] per name at the destination. Nothing is ever removed that is not in
//! the ledger, nothing while something could not be read, and nothing that somebody else changed.
//! Pure and without order: equal inputs give equal plans, and the plan after a plan that was wholly
//! carried out changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::owner::Owner;
use crate::domain::fingerprint::Fingerprint;
use crate::domain::policy::{DriftPolicy, InitialSync, Removal};
use crate::domain::port::Lifecycle;
use crate::domain::secret::SecretName;

#[cfg(test)]
mod tests;

/// What a sync is to do with what it finds.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// With a secret that stands under a name the first time.
    pub initial: InitialSync,
    /// With a copy that has no source any more.
    pub on_orphan: Removal,
    /// With a copy that somebody changed.
    pub drift: DriftPolicy,
    /// Names to take over, whoever wrote them, unless it is a sync of another name.
    pub adopt: BTreeSet<SecretName>,
    /// Most removals in one run.
    pub max_deletes: usize,
}

/// A secret to copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desired {
    /// Its key: the name in the source.
    pub key: String,
    /// Its version now; `None` when this run will change it first.
    pub version: Option<Version>,
    /// It has no version to copy, and this run makes none.
    pub empty: bool,
}

/// A version of a secret, by what can be known without its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The vault's own id of the version.
    pub id: String,
    /// Print of the content, when there is one.
    pub print: Option<Fingerprint>,
}

impl Version {
    /// True when it is certainly the content of the other: by print, else by id.
    fn is(&self, other: &Self) -> bool {
        match (&self.print, &other.print) {
            (Some(a), Some(b)) if a.salt() == b.salt() && a.key_id() == b.key_id() => a == b,
            _ => self.id == other.id,
        }
    }
}

/// What the ledger says of a name: what this sync wrote there last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key it was written for.
    pub key: String,
    /// The version of the source it was made of.
    pub source: Version,
    /// The version at the destination.
    pub copy: Version,
}

/// What stands under a name at the destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// Nothing.
    Absent,
    /// A secret.
    Present(Present),
    /// It could not be looked at.
    Unreadable,
}

/// A secret at the destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Present {
    /// Whose it is.
    pub owner: Owner,
    /// Active, disabled, soft-deleted.
    pub lifecycle: Lifecycle,
    /// Its current version.
    pub version: Option<Version>,
    /// Whether its content is that of the source, where that was looked at.
    pub equal: Option<bool>,
}

/// What is to be done with one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The key.
    pub key: String,
    /// What.
    pub action: Action,
    /// The other name of a key whose name changes: where it was (of a write), where it is going
    /// (of a removal).
    pub renamed: Option<SecretName>,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Write a new secret.
    Create,
    /// Bring a soft-deleted secret back, then write it.
    Recover,
    /// Write a new version, because the source changed.
    Update,
    /// Write a new version over what somebody else wrote there.
    Correct,
    /// Write a new version over a secret that was not ours.
    Overwrite,
    /// Take a secret over as it is.
    Adopt,
    /// Set what is not as it should be besides the content.
    Adjust,
    /// Make the service keep a replica.
    Replicate,
    /// Wait until the service has brought the replica to the version of its source.
    Follow,
    /// Only note that it is as it should be.
    Record,
    /// Write the destination's content into the source.
    Import,
    /// Nothing.
    Keep,
    /// Nothing, though somebody changed it.
    Drifted,
    /// Nothing: it is not ours to write.
    Conflict(Conflict),
    /// Remove it.
    Remove(Removal),
    /// Only drop it from the ledger.
    Forget,
    /// Nothing: it would be removed if everything could be read.
    Held,
    /// Nothing: it would be removed if nobody had changed it.
    Spared,
    /// Nothing: the source has no version to copy.
    Skipped,
    /// Nothing: it could not be looked at.
    Unreadable,
}

/// Why a name is not ours to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflict {
    /// Another sync owns it.
    OtherOwner,
    /// Somebody else's secret has the name.
    Foreign,
    /// It differs from the source.
    Different,
    /// It is a secret of its own, not a replica of the source.
    NotReplica,
    /// It is a replica, which only its source can change.
    Replica,
}

impl Action {
    /// True when something is to be done, be it only a note.
    #[must_use]
    pub const fn is_change(self) -> bool {
        self.writes() || self.removes() || matches!(self, Self::Record | Self::Forget)
    }

    /// True when a vault is written, other than to remove something.
    #[must_use]
    pub const fn writes(self) -> bool {
        matches!(
            self,
            Self::Create
                | Self::Recover
                | Self::Update
                | Self::Correct
                | Self::Overwrite
                | Self::Adopt
                | Self::Adjust
                | Self::Import
                | Self::Replicate
                | Self::Follow
        )
    }

    /// True when a secret is removed.
    #[must_use]
    pub const fn removes(self) -> bool {
        matches!(self, Self::Remove(_))
    }

    /// The action in a word or a few, as a plan shows it.
    #[must_use]
    pub const fn told(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Recover => "recover and update",
            Self::Update => "update",
            Self::Correct => "update, overwriting a change made outside",
            Self::Overwrite => "update, overwriting what was there",
            Self::Adopt => "adopt",
            Self::Adjust => "update the options",
            Self::Replicate => "replicate",
            Self::Follow => "follow the source",
            Self::Record => "record",
            Self::Import => "import into the source",
            Self::Keep => "keep",
            Self::Drifted => "drifted",
            Self::Conflict(Conflict::OtherOwner) => "conflict: another sync owns it",
            Self::Conflict(Conflict::Foreign) => "conflict: not written by this sync",
            Self::Conflict(Conflict::Different) => "conflict: has other content",
            Self::Conflict(Conflict::Replica) => "conflict: a replica, which cannot be written",
            Self::Conflict(Conflict::NotReplica) => "conflict: not a replica of the source",
            Self::Remove(Removal::Disable) => "disable",
            Self::Remove(Removal::SoftDelete) => "soft-delete",
            Self::Remove(_) => "delete",
            Self::Forget => "forget, and leave it in the vault",
            Self::Held => "not deleted: something could not be read",
            Self::Spared => "not deleted: changed outside",
            Self::Skipped => "skipped: the source has no version in this rotation state",
            Self::Unreadable => "could not be read",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.action.told())?;
        match &self.renamed {
            Some(other) if self.action.writes() => write!(f, " (renamed from {other})"),
            Some(other) => write!(f, " (renamed to {other})"),
            None => Ok(()),
        }
    }
}

/// Steps by name at the destination.
pub type Steps = BTreeMap<SecretName, Step>;

/// Plans one destination. `foreign` are the keys that only the destination has, by name; they
/// matter when the rules import.
#[must_use]
pub fn plan(
    rules: &Rules,
    desired: &BTreeMap<SecretName, Desired>,
    ledger: &BTreeMap<SecretName, Entry>,
    seen: &BTreeMap<SecretName, Seen>,
    foreign: &BTreeMap<SecretName, String>,
) -> Steps {
    let mut steps = Steps::new();
    // The names that keys have lost, and that they have now. The first of several counts.
    let lost = ledger.iter().rev().filter(|(name, _)| !desired.contains_key(name));
    let old_names: BTreeMap<&str, _> = lost.map(|(name, e)| (e.key.as_str(), name)).collect();
    let have = desired.iter().rev().map(|(name, wanted)| (wanted.key.as_str(), name));
    let new_names: BTreeMap<&str, _> = have.collect();
    for (name, wanted) in desired {
        let action = wanted_action(rules, name, wanted, ledger.get(name), look(seen, name));
        let renamed = old_names.get(wanted.key.as_str()).filter(|_| action.writes());
        let renamed = renamed.map(|name| (*name).clone());
        steps.insert(name.clone(), Step { key: wanted.key.clone(), action, renamed });
    }
    if imports(rules.initial) {
        for (name, key) in foreign {
            if let Seen::Present(Present { owner: Owner::Nobody, lifecycle, .. }) = look(seen, name)
                && *lifecycle == Lifecycle::Active
                && !ledger.contains_key(name)
                && !desired.contains_key(name)
            {
                let step = Step { key: key.clone(), action: Action::Import, renamed: None };
                steps.insert(name.clone(), step);
            }
        }
    }
    let blind = ledger.keys().chain(desired.keys()).any(|n| *look(seen, n) == Seen::Unreadable);
    for (name, entry) in ledger.iter().filter(|(name, _)| !desired.contains_key(name)) {
        let new_name = new_names.get(entry.key.as_str()).copied();
        // The old name goes only when the key has its new one.
        let stuck = new_name.and_then(|name| steps.get(name)).is_some_and(|step| {
            !matches!(step.action, Action::Keep | Action::Record) && !step.action.writes()
        });
        let action = match orphan_action(rules, entry, look(seen, name)) {
            Action::Remove(_) if blind || stuck => Action::Held,
            action => action,
        };
        let step = Step { key: entry.key.clone(), action, renamed: new_name.cloned() };
        steps.insert(name.clone(), step);
    }
    steps
}

/// How many secrets more than the rules allow would be removed.
#[must_use]
pub fn excess(rules: &Rules, steps: &Steps) -> usize {
    let removals = steps.values().filter(|step| step.action.removes()).count();
    removals.saturating_sub(rules.max_deletes)
}

/// True when the behaviour brings the destination's secrets into the source.
#[must_use]
pub const fn imports(initial: InitialSync) -> bool {
    matches!(
        initial,
        InitialSync::ImportPrioritizeSource | InitialSync::ImportPrioritizeDestination
    )
}

/// A name that nobody looked at is taken for one that could not be looked at.
fn look<'s>(seen: &'s BTreeMap<SecretName, Seen>, name: &SecretName) -> &'s Seen {
    seen.get(name).unwrap_or(&Seen::Unreadable)
}

fn wanted_action(
    rules: &Rules,
    name: &SecretName,
    wanted: &Desired,
    entry: Option<&Entry>,
    seen: &Seen,
) -> Action {
    if wanted.empty {
        return Action::Skipped;
    }
    let present = match seen {
        Seen::Unreadable => return Action::Unreadable,
        Seen::Absent => {
            return if gone_is_fine(rules, wanted, entry) {
                Action::Drifted
            } else {
                Action::Create
            };
        }
        Seen::Present(present) => present,
    };
    match (entry, present.owner) {
        (_, Owner::Other) => Action::Conflict(Conflict::OtherOwner),
        (Some(_), Owner::Namesake) if rules.adopt.contains(name) => Action::Overwrite,
        (Some(_), Owner::Namesake) => Action::Conflict(Conflict::OtherOwner),
        (Some(entry), Owner::Ours | Owner::Nobody) => known(rules, wanted, entry, present),
        (None, _) => first(rules, name, wanted, present),
    }
}

/// Somebody removed the copy: with a policy that does not correct, it stays away until the source
/// changes.
fn gone_is_fine(rules: &Rules, wanted: &Desired, entry: Option<&Entry>) -> bool {
    rules.drift != DriftPolicy::Correct && entry.is_some_and(|entry| !changed(wanted, entry))
}

fn changed(wanted: &Desired, entry: &Entry) -> bool {
    wanted.key != entry.key || wanted.version.as_ref().is_none_or(|v| !v.is(&entry.source))
}

fn untouched(present: &Present, entry: &Entry) -> bool {
    present.lifecycle == Lifecycle::Active
        && present.version.as_ref().is_some_and(|version| version.is(&entry.copy))
}

/// True when what is there provably is a copy of the source as it is now: the print of a copy has
/// the salt of its source, so they are equal for equal content only.
fn is_copy(wanted: &Desired, present: &Present) -> bool {
    let prints = |version: &Option<Version>| version.as_ref().and_then(|v| v.print.clone());
    let source = prints(&wanted.version);
    source.is_some() && source == prints(&present.version) && present.lifecycle == Lifecycle::Active
}

fn known(rules: &Rules, wanted: &Desired, entry: &Entry, present: &Present) -> Action {
    let deleted = matches!(present.lifecycle, Lifecycle::Deleted { .. });
    match (changed(wanted, entry), untouched(present, entry)) {
        (true, _) | (_, false) if is_copy(wanted, present) => Action::Record,
        (true, _) if deleted => Action::Recover,
        (true, true) => Action::Update,
        (true, false) => Action::Correct,
        (false, true) => Action::Keep,
        (false, false) => match rules.drift {
            DriftPolicy::Correct if deleted => Action::Recover,
            DriftPolicy::Correct => Action::Correct,
            DriftPolicy::Warn => Action::Drifted,
            DriftPolicy::Accept if present.lifecycle == Lifecycle::Active => Action::Record,
            DriftPolicy::Accept => Action::Drifted,
        },
    }
}

fn first(rules: &Rules, name: &SecretName, wanted: &Desired, present: &Present) -> Action {
    let copied = is_copy(wanted, present);
    match present.owner {
        Owner::Ours if copied => return Action::Record,
        Owner::Ours if matches!(present.lifecycle, Lifecycle::Deleted { .. }) => {
            return Action::Recover;
        }
        Owner::Ours => return Action::Update,
        // Written by a run of this sync whose state was lost: nothing else has its name and print.
        Owner::Namesake if copied => return Action::Adopt,
        // And removed by it: nobody's any more.
        Owner::Namesake if matches!(present.lifecycle, Lifecycle::Deleted { .. }) => {
            return Action::Recover;
        }
        Owner::Namesake if rules.adopt.contains(name) => return Action::Overwrite,
        Owner::Namesake | Owner::Other => return Action::Conflict(Conflict::OtherOwner),
        // Left by a run that stopped before it set its tags, or in a vault that has none.
        Owner::Nobody if copied => return Action::Adopt,
        Owner::Nobody => {}
    }
    if matches!(present.lifecycle, Lifecycle::Deleted { .. }) {
        return match rules.initial {
            InitialSync::FailIfExists | InitialSync::AdoptIfEqual => {
                Action::Conflict(Conflict::Foreign)
            }
            _ => Action::Recover,
        };
    }
    match rules.initial {
        _ if present.equal == Some(true) && !matches!(rules.initial, InitialSync::FailIfExists) => {
            Action::Adopt
        }
        _ if rules.adopt.contains(name) => Action::Overwrite,
        InitialSync::OverwriteDestination | InitialSync::ImportPrioritizeSource => {
            Action::Overwrite
        }
        InitialSync::ImportPrioritizeDestination => Action::Import,
        InitialSync::AdoptIfEqual => Action::Conflict(Conflict::Different),
        InitialSync::OverwriteManaged | InitialSync::FailIfExists => {
            Action::Conflict(Conflict::Foreign)
        }
    }
}

fn orphan_action(rules: &Rules, entry: &Entry, seen: &Seen) -> Action {
    let present = match seen {
        Seen::Unreadable => return Action::Unreadable,
        Seen::Absent => return Action::Forget,
        Seen::Present(present) => present,
    };
    let lost = matches!(present.owner, Owner::Other | Owner::Namesake);
    match rules.on_orphan {
        Removal::Retain => Action::Forget,
        _ if lost || matches!(present.lifecycle, Lifecycle::Deleted { .. }) => Action::Forget,
        _ if !untouched(present, entry) => Action::Spared,
        removal => Action::Remove(removal),
    }
}
