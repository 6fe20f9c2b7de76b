//! What a vault held before this process changed it.
//!
//! A CLI plans an object again right before it applies it, and wants the same plan. By then other
//! objects of the run may have changed what the plan was made from, without any order between them.
//! Responsible for remembering what those found. Leaves what to make of it to
//! [`sync::select`](super::sync::select).

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::domain::port::SecretRecord;
use crate::domain::secret::SecretName;

/// What stood under a name before this process wrote there first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Was {
    /// Nothing.
    Absent,
    /// A secret.
    There(Box<SecretRecord>),
    /// A secret that was removed without having been looked at.
    Removed,
}

/// What is known of all names that this process wrote.
#[derive(Debug, Default)]
pub struct Before(Mutex<BTreeMap<SecretName, Was>>);

impl Before {
    /// Notes what is found under a name that is about to be written, the first time.
    pub fn note(&self, name: &SecretName, found: Option<&SecretRecord>) {
        let was = || found.map_or(Was::Absent, |record| Was::There(Box::new(record.clone())));
        self.insert(name, was);
    }

    /// Notes that a secret is about to be removed unseen.
    pub fn note_removal(&self, name: &SecretName) {
        self.insert(name, || Was::Removed);
    }

    /// True when this process wrote there, or is about to.
    pub fn knows(&self, name: &SecretName) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains_key(name)
    }

    /// Everything that was noted.
    pub fn all(&self) -> BTreeMap<SecretName, Was> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn insert(&self, name: &SecretName, was: impl FnOnce() -> Was) {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        names.entry(name.clone()).or_insert_with(was);
    }
}
