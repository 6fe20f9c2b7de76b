//! Private state: data a resource keeps next to its state, unseen by users.
//!
//! Responsible for a versioned JSON envelope of named entries. It is stored in the state file
//! without encryption, so nothing secret may enter it.
//! Source: protocol fields `private`, `planned_private`.

use std::collections::BTreeMap;

/// Named JSON entries.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Private {
    entries: BTreeMap<String, serde_json::Value>,
}

impl Private {
    /// The entry `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&serde_json::Value> {
        self.entries.get(key)
    }

    /// Sets the entry `key`.
    pub fn set(&mut self, key: &str, value: serde_json::Value) {
        self.entries.insert(key.to_owned(), value);
    }

    /// Removes the entry `key`.
    pub fn remove(&mut self, key: &str) {
        self.entries.remove(key);
    }
}
