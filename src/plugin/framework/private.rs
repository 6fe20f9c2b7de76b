//! Private state: data a resource keeps next to its state, unseen by users.
//!
//! Responsible for a versioned JSON envelope of named entries. It is stored in the state file
//! without encryption, so nothing secret may enter it.
//! Source: protocol fields `private`, `planned_private`.

use std::collections::BTreeMap;

/// Version of the envelope that [`Private::encode`] writes.
const VERSION: u64 = 1;

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

    /// True when there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Reads an envelope. No bytes, bytes of someone else and damaged bytes read as "no entries":
    /// private data only ever helps, so a resource must do without it. Entries of a newer
    /// envelope version are read as far as they are understood.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Self {
        let entries = serde_json::from_slice::<serde_json::Value>(bytes)
            .ok()
            .and_then(|mut envelope| envelope.get_mut("entries").map(serde_json::Value::take));
        match entries {
            Some(serde_json::Value::Object(entries)) => {
                Self { entries: entries.into_iter().collect() }
            }
            _ => Self::default(),
        }
    }

    /// The envelope; no bytes at all when there is no entry. Equal entries give equal bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        if self.entries.is_empty() {
            return Vec::new();
        }
        let entries = self.entries.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
        let mut envelope = serde_json::Map::new();
        envelope.insert("entries".to_owned(), serde_json::Value::Object(entries));
        envelope.insert("version".to_owned(), VERSION.into());
        serde_json::Value::Object(envelope).to_string().into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::Private;
    use serde_json::json;

    #[test]
    fn envelope_round_trips_with_stable_bytes() {
        let mut private = Private::default();
        private.set("b", json!({"z": 1, "a": [true, null]}));
        private.set("a", json!("x"));
        let bytes = private.encode();
        assert_eq!(
            String::from_utf8_lossy(&bytes),
            r#"{"entries":{"a":"x","b":{"a":[true,null],"z":1}},"version":1}"#
        );
        assert_eq!(Private::decode(&bytes), private);
        assert_eq!(Private::decode(&bytes).encode(), bytes);
    }

    #[test]
    fn no_entries_are_no_bytes() {
        assert!(Private::default().encode().is_empty());
        assert!(Private::decode(b"").is_empty());
    }

    #[test]
    fn foreign_and_damaged_bytes_read_as_empty() {
        for bytes in [&b"\xff\x00"[..], b"[1]", b"null", b"{\"entries\":3}", b"{\"k\":\"v\"}", b"{"]
        {
            assert!(Private::decode(bytes).is_empty(), "{bytes:?}");
        }
        let newer = Private::decode(br#"{"version":9,"entries":{"a":1},"more":{}}"#);
        assert_eq!(newer.get("a"), Some(&json!(1)));
    }
}
