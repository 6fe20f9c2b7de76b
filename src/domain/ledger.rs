//! The state machine of rotation states over the versions of a secret.
//!
//! As in OCI Vault: numbers start at 1, go up by 1 and are never used again; the first version is
//! current; the latest is the last uploaded one there is; when `current` moves, the version it
//! leaves becomes previous and the one that was previous deprecated; at most one version is
//! pending, an older one becomes deprecated; only deprecated versions can be deleted.
//!
//! Pure: a vault that keeps versions itself loads a [`Ledger`], applies an [`Op`] and stores what
//! the [`Change`] lists. Leaves contents and times to it.

use std::collections::BTreeSet;

use super::port::Stage;
use super::rotation::{RotationState, RotationStates};

/// The versions of one secret and what each is used for. Only one version can be current,
/// previous or pending, and the states of each follow from that.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ledger {
    numbers: BTreeSet<u64>,
    last: u64,
    current: u64,
    previous: Option<u64>,
    pending: Option<u64>,
}

/// What happens to the versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// A version is uploaded.
    Put(Stage),
    /// `current` moves to a version: forward is a promotion, backward a rollback.
    Promote(u64),
    /// A pending or previous version is retired.
    Deprecate(u64),
    /// A deprecated version is deleted.
    Delete(u64),
}

/// What an [`Op`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The version it was about: the new one of a `Put`.
    pub number: u64,
    /// The versions that are new or in other states than before, with their states now. Empty
    /// when nothing was to be done.
    pub changed: Vec<(u64, RotationStates)>,
}

/// A move that the state machine does not allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such version.
    #[error("there is no version {0}")]
    NoSuchVersion(u64),
    /// Readers would have nothing to read.
    #[error("the first version of a secret must be current, it cannot be pending")]
    FirstIsCurrent,
    /// Readers would have nothing to read.
    #[error("version {0} is current; make another version current first")]
    Current(u64),
    /// Still in use.
    #[error("version {number} is {states}; only a deprecated version can be deleted")]
    NotDeprecated {
        /// The version.
        number: u64,
        /// Its states.
        states: RotationStates,
    },
    /// Not a state that a version can be put in.
    #[error("a version cannot be made {0}; it can be made current or deprecated")]
    NotSettable(RotationState),
    /// The stored states contradict the machine.
    #[error("the stored states of the versions contradict each other: {0}")]
    Inconsistent(&'static str),
}

impl Op {
    /// The operation that puts a version in a state.
    ///
    /// # Errors
    /// For states that follow from others.
    pub const fn set(number: u64, state: RotationState) -> Result<Self, Refusal> {
        match state {
            RotationState::Current => Ok(Self::Promote(number)),
            RotationState::Deprecated => Ok(Self::Deprecate(number)),
            _ => Err(Refusal::NotSettable(state)),
        }
    }
}

impl Ledger {
    /// A secret without versions.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The ledger that a vault stored: the states of all versions, and the highest number that
    /// was ever given.
    ///
    /// # Errors
    /// When no sequence of operations leads there.
    pub fn restore(
        versions: impl IntoIterator<Item = (u64, RotationStates)>,
        last: u64,
    ) -> Result<Self, Refusal> {
        let mut ledger = Self { last, ..Self::default() };
        let mut stored = Vec::new();
        for (number, states) in versions {
            if number == 0 || number > last || !ledger.numbers.insert(number) {
                return Err(Refusal::Inconsistent("a number is out of range or there twice"));
            }
            if states.contains(RotationState::Current) {
                ledger.current = number;
            }
            if states.contains(RotationState::Previous) {
                ledger.previous = Some(number);
            }
            if states.contains(RotationState::Pending) {
                ledger.pending = Some(number);
            }
            stored.push((number, states));
        }
        if !ledger.numbers.is_empty() && ledger.current == 0 {
            return Err(Refusal::Inconsistent("no version is current"));
        }
        let holders = [Some(ledger.current), ledger.previous, ledger.pending];
        if holders.iter().flatten().collect::<BTreeSet<_>>().len()
            < holders.iter().flatten().count()
        {
            return Err(Refusal::Inconsistent("a version has states that exclude each other"));
        }
        // What follows from the three must be what was stored; two current ones show up here.
        if stored.iter().any(|(number, states)| ledger.states_of(*number) != *states) {
            return Err(Refusal::Inconsistent("a version has states that exclude each other"));
        }
        Ok(ledger)
    }

    /// Applies an operation, or changes nothing.
    ///
    /// # Errors
    /// When the state machine does not allow it.
    pub fn apply(&mut self, op: Op) -> Result<Change, Refusal> {
        let before = self.clone();
        let number = match op {
            Op::Put(stage) => self.put(stage)?,
            Op::Promote(number) => self.promote(number)?,
            Op::Deprecate(number) => self.deprecate(number)?,
            Op::Delete(number) => self.delete(number)?,
        };
        let changed = self
            .versions()
            .filter(|(number, states)| {
                !before.numbers.contains(number) || before.states_of(*number) != *states
            })
            .collect();
        Ok(Change { number, changed })
    }

    /// The versions with their states, oldest first.
    pub fn versions(&self) -> impl Iterator<Item = (u64, RotationStates)> {
        self.numbers.iter().map(|number| (*number, self.states_of(*number)))
    }

    /// The states of a version; `None` when there is no such version.
    #[must_use]
    pub fn states(&self, number: u64) -> Option<RotationStates> {
        self.numbers.contains(&number).then(|| self.states_of(number))
    }

    /// The number of the version in a state; for `deprecated`, of which there may be many, `None`.
    #[must_use]
    pub fn find(&self, state: RotationState) -> Option<u64> {
        match state {
            RotationState::Current => Some(self.current).filter(|number| *number > 0),
            RotationState::Latest => self.numbers.last().copied(),
            RotationState::Pending => self.pending,
            RotationState::Previous => self.previous,
            RotationState::Deprecated => None,
        }
    }

    /// The highest number that was ever given; 0 before the first version.
    #[must_use]
    pub const fn last(&self) -> u64 {
        self.last
    }

    fn put(&mut self, stage: Stage) -> Result<u64, Refusal> {
        let first = self.numbers.is_empty();
        if first && stage == Stage::Pending {
            return Err(Refusal::FirstIsCurrent);
        }
        self.last += 1;
        self.numbers.insert(self.last);
        match stage {
            Stage::Pending => self.pending = Some(self.last),
            Stage::Current => {
                self.previous = Some(self.current).filter(|_| !first);
                self.current = self.last;
            }
        }
        Ok(self.last)
    }

    fn promote(&mut self, number: u64) -> Result<u64, Refusal> {
        self.require(number)?;
        if number != self.current {
            self.pending = self.pending.filter(|pending| *pending != number);
            self.previous = Some(self.current);
            self.current = number;
        }
        Ok(number)
    }

    fn deprecate(&mut self, number: u64) -> Result<u64, Refusal> {
        self.require(number)?;
        if number == self.current {
            return Err(Refusal::Current(number));
        }
        self.pending = self.pending.filter(|pending| *pending != number);
        self.previous = self.previous.filter(|previous| *previous != number);
        Ok(number)
    }

    fn delete(&mut self, number: u64) -> Result<u64, Refusal> {
        self.require(number)?;
        let states = self.states_of(number);
        if !states.contains(RotationState::Deprecated) {
            return Err(Refusal::NotDeprecated { number, states });
        }
        self.numbers.remove(&number);
        Ok(number)
    }

    fn require(&self, number: u64) -> Result<(), Refusal> {
        if self.numbers.contains(&number) { Ok(()) } else { Err(Refusal::NoSuchVersion(number)) }
    }

    fn states_of(&self, number: u64) -> RotationStates {
        let mut states = RotationStates::empty();
        for (state, holder) in [
            (RotationState::Current, Some(self.current)),
            (RotationState::Pending, self.pending),
            (RotationState::Previous, self.previous),
        ] {
            if holder == Some(number) {
                states.insert(state);
            }
        }
        if states.is_empty() {
            states.insert(RotationState::Deprecated);
        }
        if self.numbers.last() == Some(&number) {
            states.insert(RotationState::Latest);
        }
        states
    }
}

#[cfg(test)]
mod tests;
