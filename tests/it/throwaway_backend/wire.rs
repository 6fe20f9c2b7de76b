//! The document that the service keeps for each secret.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use coffer::adapters::http::SecretText;
use coffer::domain::canonical;
use coffer::domain::kind::{Content, Kind};
use coffer::domain::ledger::{Ledger, Refusal};
use coffer::domain::material::Secret;
use coffer::domain::port::{Lifecycle, Metadata, Options, SecretRecord};
use coffer::domain::rotation::{RotationState, RotationStates};
use coffer::domain::secret::SecretName;
use coffer::domain::version::VersionRecord;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// A secret. Times are seconds since 1970.
#[derive(Serialize, Deserialize)]
pub(super) struct Document {
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) content_type: Option<String>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) not_before: Option<i64>,
    pub(super) expires_at: Option<i64>,
    pub(super) enabled: bool,
    pub(super) created_at: i64,
    pub(super) updated_at: i64,
    pub(super) purge_at: Option<i64>,
    pub(super) last: u64,
    pub(super) versions: Vec<Version>,
}

/// A version.
#[derive(Serialize, Deserialize)]
pub(super) struct Version {
    pub(super) number: u64,
    pub(super) kind: String,
    pub(super) states: String,
    pub(super) fingerprint: String,
    pub(super) created_at: i64,
    pub(super) nonce: String,
    pub(super) frame: SecretText,
}

/// A page of a listing.
#[derive(Deserialize)]
pub(super) struct Listing {
    pub(super) items: Vec<Document>,
    pub(super) next: Option<String>,
}

fn time(seconds: i64) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(seconds).ok()
}

impl Document {
    /// The record; `None` for a document that coffer did not write.
    pub(super) fn record(&self) -> Option<SecretRecord> {
        let lifecycle = match (self.purge_at, self.enabled) {
            (Some(at), _) => Lifecycle::Deleted { purge_at: time(at) },
            (None, true) => Lifecycle::Active,
            (None, false) => Lifecycle::Disabled,
        };
        let current = self.find(RotationState::Current)?;
        let fingerprint = current.record()?.fingerprint?;
        Some(SecretRecord {
            replica_of: None,
            name: SecretName::parse(&self.name).ok()?,
            backend_id: format!("throwaway:{}", self.name),
            kind: Some(Kind::parse(&current.kind)?),
            metadata: Metadata {
                description: self.description.clone(),
                content_type: self.content_type.clone(),
                tags: self.tags.clone(),
                not_before: self.not_before.and_then(time),
                expires_at: self.expires_at.and_then(time),
                enabled: self.enabled,
            },
            options: Options::new(),
            lifecycle,
            current: Some(current.record()?),
            latest: self.last,
            salt: Some(fingerprint.salt()),
            created_at: time(self.created_at),
            updated_at: time(self.updated_at),
        })
    }

    /// The version in a state.
    pub(super) fn find(&self, state: RotationState) -> Option<&Version> {
        self.versions.iter().find(|version| version.states().contains(state))
    }

    /// The state machine over the versions.
    pub(super) fn ledger(&self) -> Result<Ledger, Refusal> {
        Ledger::restore(self.versions.iter().map(|v| (v.number, v.states())), self.last)
    }

    /// Takes over what the state machine did.
    pub(super) fn store(&mut self, ledger: &Ledger) {
        self.last = ledger.last();
        for version in &mut self.versions {
            version.states = ledger.states(version.number).unwrap_or_default().to_string();
        }
    }
}

impl Version {
    /// Its states.
    pub(super) fn states(&self) -> RotationStates {
        RotationStates::parse(&self.states).unwrap_or_default()
    }

    /// The version as the port shows it; `None` for one that coffer did not write.
    pub(super) fn record(&self) -> Option<VersionRecord> {
        Some(VersionRecord {
            number: self.number,
            version_id: format!("v{}-{}", self.number, self.nonce),
            rotation_states: self.states(),
            fingerprint: Some(self.fingerprint.parse().ok()?),
            created_at: time(self.created_at),
            deletion_scheduled_at: None,
        })
    }

    /// Its content; `None` for one that coffer did not write.
    pub(super) fn content(&self) -> Option<Content> {
        let frame = Secret::new(STANDARD.decode(self.frame.0.expose()).ok()?);
        canonical::decode(&frame).ok()
    }
}

/// Content as a version holds it.
pub(super) fn frame(content: &Content) -> SecretText {
    let frame = canonical::encode(content);
    SecretText(Secret::new(STANDARD.encode(frame.expose()).into_bytes()))
}
