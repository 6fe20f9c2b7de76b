//! Versions of a secret.

use time::OffsetDateTime;

use super::fingerprint::Fingerprint;
use super::rotation::RotationStates;

/// One version, without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRecord {
    /// From 1 upward by 1.
    pub number: u64,
    /// The vault's own id of the version.
    pub version_id: String,
    /// What the version is used for.
    pub rotation_states: RotationStates,
    /// Print of the content, when the vault holds one.
    pub fingerprint: Option<Fingerprint>,
    /// When it was uploaded.
    pub created_at: Option<OffsetDateTime>,
    /// When a scheduled deletion takes place.
    pub deletion_scheduled_at: Option<OffsetDateTime>,
}
