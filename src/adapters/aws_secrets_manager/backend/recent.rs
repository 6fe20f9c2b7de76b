//! Writes of this process that the service may not show yet.
//!
//! The service is eventually consistent: a read right after a write may answer what was before. So
//! a write leaves a note of what a later read must show; reads ask again until it does or until
//! enough time has passed. A note goes as soon as it was seen, so that what others do afterwards
//! is taken at its word. Source: API reference, CreateSecret and PutSecretValue.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long after a write a read is mistrusted. The service's documentation names no time.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);
/// Wait between two looks; grows.
pub(super) const GLANCE: Duration = Duration::from_millis(100);

/// What a read must show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sign {
    /// The secret is there and this version is current.
    Current(String),
    /// The secret is there and has this version.
    Version(String),
    /// The secret waits for its deletion, or does not any more.
    Deleted(bool),
}

/// Notes by name.
#[derive(Debug, Default)]
pub(super) struct Recent {
    notes: Mutex<HashMap<String, (Sign, Instant)>>,
    creations: Mutex<HashMap<String, [u8; 16]>>,
}

impl Recent {
    /// Leaves a note.
    pub(super) fn wrote(&self, name: &str, sign: Sign) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.retain(|_, (_, until)| *until > Instant::now());
        notes.insert(name.to_owned(), (sign, Instant::now() + PATIENCE));
    }

    /// The note that still counts.
    pub(super) fn expected(&self, name: &str) -> Option<Sign> {
        let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.get(name).filter(|(_, until)| *until > Instant::now()).map(|(sign, _)| sign.clone())
    }

    /// Notes a create, and tells whether another one of the same name was begun before. The service
    /// takes a second create with the same content for the first one again.
    pub(super) fn begins_anew(&self, name: &str, nonce: [u8; 16]) -> bool {
        let mut creations = self.creations.lock().unwrap_or_else(PoisonError::into_inner);
        creations.insert(name.to_owned(), nonce).is_some_and(|before| before != nonce)
    }

    /// The note was seen, or counts no more.
    pub(super) fn settled(&self, name: &str) {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn second_create_is_told_from_a_repeated_one() {
        let recent = Recent::default();
        assert!(!recent.begins_anew("a", [1; 16]));
        assert!(!recent.begins_anew("a", [1; 16]));
        assert!(!recent.begins_anew("b", [2; 16]));
        assert!(recent.begins_anew("a", [2; 16]));
    }

    #[tokio::test(start_paused = true)]
    async fn note_counts_until_it_is_seen_or_old() {
        let recent = Recent::default();
        recent.wrote("a", Sign::Current("1".to_owned()));
        recent.wrote("b", Sign::Deleted(true));
        assert_eq!(recent.expected("a"), Some(Sign::Current("1".to_owned())));
        recent.settled("a");
        assert_eq!(recent.expected("a"), None);
        tokio::time::advance(PATIENCE).await;
        assert_eq!(recent.expected("b"), None);
    }
}
