//! From what the service tells to what the port tells.
//!
//! Responsible for records of secrets and versions, and for the entries of a secret's `metadata`
//! that are coffer's own: the media type, and the print of a version whose name holds one under an
//! older key. Leaves options to [`options`](super::options).

use time::OffsetDateTime;

use super::options;
use super::version_name::VersionName;
use super::wire::{Secret, State, Values, Version};
use crate::domain::fingerprint::Fingerprint;
use crate::domain::port::{Lifecycle, Metadata, SecretRecord};
use crate::domain::rotation::RotationState;
use crate::domain::secret::SecretName;
use crate::domain::version::VersionRecord;

/// The media type of the content.
pub(super) const CONTENT_TYPE: &str = "coffer-content-type";
/// `<number> <print>`: the print that stands for the one in that version's name.
pub(super) const FINGERPRINT: &str = "coffer-fingerprint";
/// Entries of `metadata` that are not the user's.
pub(super) const OWN: [&str; 2] = [CONTENT_TYPE, FINGERPRINT];

/// A secret. With the versions missing (a listing), what they tell is missing, too.
pub(super) fn record(name: SecretName, secret: &Secret, versions: &[Version]) -> SecretRecord {
    let current = with_state(versions, RotationState::Current);
    let latest = with_state(versions, RotationState::Latest)
        .or_else(|| versions.iter().max_by_key(|version| version.version_number));
    let in_name = |version: &Version| VersionName::parse(version.name.as_deref()?);
    let metadata = secret.metadata.as_ref();
    SecretRecord {
        replica_of: None,
        name,
        backend_id: secret.id.clone(),
        kind: current.and_then(in_name).map(|name| name.kind),
        metadata: Metadata {
            description: secret.description.clone().filter(|text| !text.is_empty()),
            content_type: text(metadata, CONTENT_TYPE).map(str::to_owned),
            tags: secret.freeform_tags.clone().unwrap_or_default(),
            not_before: None,
            expires_at: None,
            enabled: true,
        },
        options: options::told(secret),
        lifecycle: lifecycle(secret),
        current: current.map(|v| version(&secret.id, v, metadata)),
        latest: latest.map_or(0, |version| version.version_number),
        salt: versions.iter().rev().find_map(in_name).map(|name| name.fingerprint.salt()),
        created_at: secret.time_created,
        updated_at: latest.and_then(|version| version.time_created).max(secret.time_created),
    }
}

/// A version of the secret of that OCID.
pub(super) fn version(id: &str, version: &Version, metadata: Option<&Values>) -> VersionRecord {
    let number = version.version_number;
    let in_name = version.name.as_deref().and_then(VersionName::parse);
    VersionRecord {
        number,
        version_id: version_id(id, number),
        rotation_states: version.stages,
        fingerprint: replaced_print(metadata, number).or(in_name.map(|name| name.fingerprint)),
        created_at: version.time_created,
        deletion_scheduled_at: version.time_of_deletion,
    }
}

/// Versions have no OCID: the path below the secret's.
fn version_id(id: &str, number: u64) -> String {
    format!("{id}/version/{number}")
}

/// The version that is in a state.
pub(super) fn with_state(versions: &[Version], state: RotationState) -> Option<&Version> {
    versions.iter().find(|version| version.stages.contains(state))
}

/// The version that the write with this nonce made.
pub(super) fn made_by<'v>(versions: &'v [Version], nonce: &[u8; 16]) -> Option<&'v Version> {
    versions.iter().find(|version| {
        let name = version.name.as_deref().and_then(VersionName::parse);
        name.is_some_and(|name| name.nonce == *nonce)
    })
}

fn lifecycle(secret: &Secret) -> Lifecycle {
    let state = secret.lifecycle_state;
    if matches!(state, State::PendingDeletion | State::SchedulingDeletion) || state.is_gone() {
        let purge_at: Option<OffsetDateTime> = secret.time_of_deletion;
        return Lifecycle::Deleted { purge_at };
    }
    // A failed one, too: what it needs is said when something is to be done with it.
    Lifecycle::Active
}

fn text<'v>(metadata: Option<&'v Values>, key: &str) -> Option<&'v str> {
    metadata?.get(key)?.as_str().filter(|text| !text.is_empty())
}

fn replaced_print(metadata: Option<&Values>, number: u64) -> Option<Fingerprint> {
    let (of, print) = text(metadata, FINGERPRINT)?.split_once(' ')?;
    if of.parse() == Ok(number) { print.parse().ok() } else { None }
}
