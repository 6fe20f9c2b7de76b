//! Rotation states of versions, as in OCI Vault.
//!
//! Responsible for the states and sets of them; the machine that moves them over the versions of a
//! secret is [`ledger`](super::ledger).

use std::fmt;

/// What a version is used for. A version may have several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RotationState {
    /// Readers get this one.
    Current,
    /// The last uploaded.
    Latest,
    /// Uploaded, not yet in use.
    Pending,
    /// Current before the current one.
    Previous,
    /// None of current, pending and previous; the only state that may be deleted.
    Deprecated,
}

impl RotationState {
    /// Every state, in the order of the documentation and of iteration.
    pub const ALL: [Self; 5] =
        [Self::Current, Self::Latest, Self::Pending, Self::Previous, Self::Deprecated];
    /// The codes of all states, in the same order.
    pub const CODES: [&'static str; 5] = ["current", "latest", "pending", "previous", "deprecated"];

    /// The code as users write and read it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        Self::CODES[self as usize]
    }

    /// The state of a code.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl fmt::Display for RotationState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// The states of one version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct RotationStates(u8);

impl RotationStates {
    /// No state.
    #[must_use]
    pub const fn empty() -> Self {
        Self(0)
    }

    /// True when the version is in `state`.
    #[must_use]
    pub const fn contains(self, state: RotationState) -> bool {
        self.0 & state.bit() != 0
    }

    /// True for no state.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Adds a state.
    pub const fn insert(&mut self, state: RotationState) {
        self.0 |= state.bit();
    }

    /// Takes a state away.
    pub const fn remove(&mut self, state: RotationState) {
        self.0 &= !state.bit();
    }

    /// The same set with `state`.
    #[must_use]
    pub const fn with(mut self, state: RotationState) -> Self {
        self.insert(state);
        self
    }

    /// The states, in the order of [`RotationState::ALL`].
    pub fn iter(self) -> impl Iterator<Item = RotationState> {
        RotationState::ALL.into_iter().filter(move |state| self.contains(*state))
    }

    /// A set from its codes separated by commas or white space, as [`fmt::Display`] writes it.
    #[must_use]
    pub fn parse(codes: &str) -> Option<Self> {
        codes
            .split(|c: char| c == ',' || c.is_whitespace())
            .filter(|code| !code.is_empty())
            .map(RotationState::parse)
            .collect()
    }
}

impl FromIterator<RotationState> for RotationStates {
    fn from_iter<I: IntoIterator<Item = RotationState>>(states: I) -> Self {
        states.into_iter().fold(Self::empty(), Self::with)
    }
}

impl fmt::Display for RotationStates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, state) in self.iter().enumerate() {
            if place > 0 {
                f.write_str(", ")?;
            }
            f.write_str(state.code())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_iterate_in_order_and_print_as_they_parse() {
        let all: RotationStates = RotationState::ALL.into_iter().rev().collect();
        assert_eq!(all.to_string(), "current, latest, pending, previous, deprecated");
        for bits in 0..32 {
            let states = RotationStates(bits);
            assert_eq!(RotationStates::parse(&states.to_string()), Some(states));
            assert_eq!(states.iter().count(), bits.count_ones() as usize);
            assert!(states.iter().is_sorted());
        }
        assert_eq!(RotationStates::parse("current, newest"), None);
    }

    #[test]
    fn code_of_every_state_parses_back() {
        for state in RotationState::ALL {
            assert_eq!(RotationState::parse(state.code()), Some(state));
        }
        assert_eq!(RotationState::Deprecated.code(), "deprecated");
    }
}
