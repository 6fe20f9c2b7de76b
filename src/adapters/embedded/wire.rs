//! Records of the vault in the clear and as bytes.
//!
//! Responsible for the forms that are encrypted: [`Root`] (what the vault holds) and
//! [`SecretData`] (everything about a secret but the values). Content of versions is the canonical
//! frame of the domain. Leaves encryption to [`crypto`](super::crypto).

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::crypto::{Digest32, Mark};
use super::error::Failure;
use crate::domain::fingerprint::Fingerprint;
use crate::domain::kind::Kind;
use crate::domain::material::Secret;
use crate::domain::port::{ErrorKind, Lifecycle, Metadata, Options, SecretRecord};
use crate::domain::rotation::{RotationState, RotationStates};
use crate::domain::secret::SecretName;
use crate::domain::version::VersionRecord;

/// What the vault holds, so that a record that is missing, doubled or older is noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Root {
    /// Raised by one with each committed group of writes.
    pub(super) sequence: u64,
    /// Number of secrets, soft-deleted ones included.
    pub(super) secrets: u64,
    /// Number of versions of all of them.
    pub(super) versions: u64,
    /// When the next soft-deleted secret expires, in seconds since 1970.
    pub(super) next_purge: i64,
    /// Exclusive or over one keyed hash for each secret's record.
    pub(super) digest: Digest32,
}

impl Root {
    pub(super) const EMPTY: Self =
        Self { sequence: 0, secrets: 0, versions: 0, next_purge: i64::MAX, digest: [0; 32] };

    /// Adds an element to the digest, or takes it out again.
    pub(super) fn toggle(&mut self, element: &Digest32) {
        for (byte, other) in self.digest.iter_mut().zip(element) {
            *byte ^= other;
        }
    }

    pub(super) fn encode(&self) -> Secret {
        let mut bytes = Vec::with_capacity(64);
        for number in [self.sequence, self.secrets, self.versions] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&self.next_purge.to_le_bytes());
        bytes.extend_from_slice(&self.digest);
        Secret::new(bytes)
    }

    pub(super) fn decode(bytes: &Secret) -> Result<Self, Failure> {
        let broken = || Failure::corrupt("the record of what the vault holds has another form");
        let (words, digest) = bytes.expose().split_at_checked(32).ok_or_else(broken)?;
        let (words, _) = words.as_chunks::<8>();
        let &[sequence, secrets, versions, next_purge] = words else { return Err(broken()) };
        Ok(Self {
            sequence: u64::from_le_bytes(sequence),
            secrets: u64::from_le_bytes(secrets),
            versions: u64::from_le_bytes(versions),
            next_purge: i64::from_le_bytes(next_purge),
            digest: digest.try_into().map_err(|_| broken())?,
        })
    }
}

/// Everything about a secret but its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SecretData {
    /// Random, for the life of the secret; a secret of the same name made later has another.
    pub(super) id: [u8; 16],
    pub(super) name: SecretName,
    pub(super) metadata: Metadata,
    pub(super) created_at: OffsetDateTime,
    pub(super) updated_at: OffsetDateTime,
    /// Set for a soft-deleted secret.
    pub(super) purge_at: Option<OffsetDateTime>,
    /// Number of the last uploaded version, whether it still exists or not.
    pub(super) latest: u64,
    /// Oldest first.
    pub(super) versions: Vec<VersionData>,
}

/// Everything about a version but its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct VersionData {
    pub(super) number: u64,
    pub(super) kind: Kind,
    pub(super) states: RotationStates,
    pub(super) fingerprint: Fingerprint,
    pub(super) created_at: OffsetDateTime,
    /// Of the write that made it.
    pub(super) nonce: [u8; 16],
    /// Of the encrypted content: another content in its place does not authenticate.
    pub(super) mark: Mark,
}

impl SecretData {
    /// The version in use.
    pub(super) fn current(&self) -> Option<&VersionData> {
        self.versions.iter().find(|v| v.states.contains(RotationState::Current))
    }

    /// The version of a number.
    pub(super) fn version(&self, number: u64) -> Option<&VersionData> {
        self.versions.iter().find(|v| v.number == number)
    }

    /// The record as the port shows it.
    pub(super) fn record(&self) -> SecretRecord {
        let shown = self.current().or(self.versions.last());
        SecretRecord {
            replica_of: None,
            name: self.name.clone(),
            backend_id: hex(&self.id),
            kind: shown.map(|v| v.kind),
            metadata: self.metadata.clone(),
            options: Options::new(),
            lifecycle: self.lifecycle(),
            current: self.current().map(|v| v.record(self)),
            latest: self.latest,
            salt: shown.map(|v| v.fingerprint.salt()),
            created_at: Some(self.created_at),
            updated_at: Some(self.updated_at),
        }
    }

    pub(super) const fn lifecycle(&self) -> Lifecycle {
        match self.purge_at {
            Some(_) => Lifecycle::Deleted { purge_at: self.purge_at },
            None if self.metadata.enabled => Lifecycle::Active,
            None => Lifecycle::Disabled,
        }
    }

    pub(super) fn encode(&self) -> Result<Secret, Failure> {
        let wire = WireSecret::from_data(self)?;
        serde_json::to_vec(&wire).map(Secret::new).map_err(|_| {
            Failure::new(ErrorKind::Unexpected, "the secret's metadata cannot be encoded")
        })
    }

    pub(super) fn decode(bytes: &Secret) -> Result<Self, Failure> {
        serde_json::from_slice::<WireSecret>(bytes.expose())
            .ok()
            .and_then(WireSecret::into_data)
            .ok_or_else(|| Failure::corrupt("the metadata of a secret has another form"))
    }
}

impl VersionData {
    /// The version as the port shows it.
    pub(super) fn record(&self, secret: &SecretData) -> VersionRecord {
        VersionRecord {
            number: self.number,
            version_id: format!("{}-{}", hex(&secret.id), self.number),
            rotation_states: self.states,
            fingerprint: Some(self.fingerprint.clone()),
            created_at: Some(self.created_at),
            deletion_scheduled_at: None,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireSecret {
    id: String,
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content_type: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    not_before: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    enabled: bool,
    created_at: String,
    updated_at: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    purge_at: Option<String>,
    latest: u64,
    versions: Vec<WireVersion>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireVersion {
    number: u64,
    kind: String,
    states: String,
    fingerprint: String,
    created_at: String,
    nonce: String,
    mark: String,
}

impl WireSecret {
    fn from_data(data: &SecretData) -> Result<Self, Failure> {
        let optional = |time: Option<OffsetDateTime>| time.map(to_text).transpose();
        Ok(Self {
            id: STANDARD_NO_PAD.encode(data.id),
            name: data.name.as_str().to_owned(),
            description: data.metadata.description.clone(),
            content_type: data.metadata.content_type.clone(),
            tags: data.metadata.tags.clone(),
            not_before: optional(data.metadata.not_before)?,
            expires_at: optional(data.metadata.expires_at)?,
            enabled: data.metadata.enabled,
            created_at: to_text(data.created_at)?,
            updated_at: to_text(data.updated_at)?,
            purge_at: optional(data.purge_at)?,
            latest: data.latest,
            versions: data.versions.iter().map(WireVersion::from_data).collect::<Result<_, _>>()?,
        })
    }

    fn into_data(self) -> Option<SecretData> {
        Some(SecretData {
            id: bytes(&self.id)?,
            name: SecretName::parse(&self.name).ok()?,
            metadata: Metadata {
                description: self.description,
                content_type: self.content_type,
                tags: self.tags,
                not_before: from_optional_text(self.not_before)?,
                expires_at: from_optional_text(self.expires_at)?,
                enabled: self.enabled,
            },
            created_at: from_text(&self.created_at)?,
            updated_at: from_text(&self.updated_at)?,
            purge_at: from_optional_text(self.purge_at)?,
            latest: self.latest,
            versions: self
                .versions
                .into_iter()
                .map(WireVersion::into_data)
                .collect::<Option<_>>()?,
        })
    }
}

impl WireVersion {
    fn from_data(data: &VersionData) -> Result<Self, Failure> {
        Ok(Self {
            number: data.number,
            kind: data.kind.code().to_owned(),
            states: data.states.to_string(),
            fingerprint: data.fingerprint.as_str().to_owned(),
            created_at: to_text(data.created_at)?,
            nonce: STANDARD_NO_PAD.encode(data.nonce),
            mark: STANDARD_NO_PAD.encode(data.mark.0),
        })
    }

    fn into_data(self) -> Option<VersionData> {
        Some(VersionData {
            number: self.number,
            kind: Kind::parse(&self.kind)?,
            states: RotationStates::parse(&self.states)?,
            fingerprint: self.fingerprint.parse().ok()?,
            created_at: from_text(&self.created_at)?,
            nonce: bytes(&self.nonce)?,
            mark: Mark(bytes(&self.mark)?),
        })
    }
}

fn to_text(time: OffsetDateTime) -> Result<String, Failure> {
    time.format(&Rfc3339).map_err(|_| {
        Failure::new(
            ErrorKind::InvalidRequest,
            "a time of the secret is not within the years 0 to 9999",
        )
    })
}

fn from_text(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok()
}

/// `None` for a text that is no time, `Some(None)` for no text.
fn from_optional_text(text: Option<String>) -> Option<Option<OffsetDateTime>> {
    text.map_or(Some(None), |text| from_text(&text).map(Some))
}

fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    STANDARD_NO_PAD.decode(text).ok()?.try_into().ok()
}

/// Lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
