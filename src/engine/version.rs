//! Versions of a secret: upload, promote, roll back, retire, delete.
//!
//! Responsible for the order that leaves readers something to read at every moment: a new version
//! is stored beside the current one, read back and compared with its print, and only then does
//! `current` move. Where the vault cannot keep it beside, it is read back after the switch, and the
//! former version comes back if it is not what was stored. Every step can be repeated after an interruption: the latest version with the
//! same content is the one an earlier run uploaded. Leaves which version a configuration means to
//! the provider, and the states to the vault.

use std::time::Duration;

use time::OffsetDateTime;
use tokio::time::Instant;

use super::context::Run;
use super::failure::Failure;
use super::refresh::read_content;
use super::secret::look;
use super::seen;
use super::vault::Vault;
use crate::domain::fingerprint::{Fingerprint, KeyRing, Match, Salt};
use crate::domain::kind::Content;
use crate::domain::port::{ErrorKind, Lifecycle, NewVersion, SecretRecord, Stage, VersionSelector};
use crate::domain::rotation::RotationState;
use crate::domain::secret::SecretName;
use crate::domain::version::VersionRecord;

/// How often a sign is looked for.
const GLANCE: Duration = Duration::from_millis(20);

/// A version and the secret it is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The secret.
    pub record: SecretRecord,
    /// The version.
    pub version: VersionRecord,
}

/// How a change of versions ended.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The version as the vault holds it; `None` when none was made.
    pub found: Option<Found>,
    /// The content was the latest version's already, so nothing was uploaded.
    pub reused: bool,
    /// Why it did not reach its end.
    pub failure: Option<Failure>,
}

/// What is to be done with uploaded content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// Readers get it.
    Current,
    /// It waits.
    Pending,
}

/// What became of a version that a resource leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// It was retired, deleted, or is gone already.
    Done,
    /// It is in use, so it was kept.
    Kept(RotationState),
}

/// All versions of a secret, oldest first; `None` when there is no such secret in use.
///
/// # Errors
/// Anything but "not found". Refused access never counts as gone.
pub async fn list(
    vault: &Vault,
    run: &Run,
    name: &SecretName,
) -> Result<Option<(SecretRecord, Vec<VersionRecord>)>, Failure> {
    let Some(record) = look(vault, run, name).await? else { return Ok(None) };
    if matches!(record.lifecycle, Lifecycle::Deleted { .. }) {
        return Ok(None);
    }
    let versions = vault.call(run, "list_versions", |backend| backend.list_versions(name)).await?;
    Ok(Some((record, versions)))
}

/// One version; `None` when it or its secret is gone.
///
/// # Errors
/// Anything but "not found".
pub async fn find(
    vault: &Vault,
    run: &Run,
    name: &SecretName,
    number: u64,
) -> Result<Option<Found>, Failure> {
    let Some((record, versions)) = list(vault, run, name).await? else { return Ok(None) };
    let version = versions.into_iter().find(|version| version.number == number);
    Ok(version.map(|version| Found { record, version }))
}

/// The same, for a refresh: what this walk has read already is not read again.
///
/// # Errors
/// Anything but "not found".
pub async fn refresh(
    vault: &Vault,
    run: &Run,
    name: &SecretName,
    number: u64,
) -> Result<Option<Found>, Failure> {
    let record = match seen::record(vault, run, name).await {
        Ok(record) => record,
        Err(failure) if failure.kind() == Some(ErrorKind::NotFound) => return Ok(None),
        Err(failure) => return Err(failure),
    };
    if matches!(record.lifecycle, Lifecycle::Deleted { .. }) {
        return Ok(None);
    }
    let versions = seen::versions(vault, run, name).await?;
    let version = versions.into_iter().find(|version| version.number == number);
    Ok(version.map(|version| Found { record, version }))
}

/// What to store as a version.
#[derive(Debug, Clone, Copy)]
pub struct Upload<'c> {
    /// The content.
    pub content: &'c Content,
    /// What is to be done with it.
    pub goal: Goal,
}

/// Stores content as a version and brings it to its goal.
pub async fn upload(
    vault: &Vault,
    run: &Run,
    ring: &KeyRing,
    name: &SecretName,
    wanted: Upload<'_>,
) -> Outcome {
    let mut outcome = Outcome::default();
    if let Err(failure) = try_upload(vault, run, ring, name, wanted, &mut outcome).await {
        outcome.failure = Some(failure);
    }
    outcome
}

async fn try_upload(
    vault: &Vault,
    run: &Run,
    ring: &KeyRing,
    name: &SecretName,
    wanted: Upload<'_>,
    outcome: &mut Outcome,
) -> Result<(), Failure> {
    let (record, versions) = list(vault, run, name).await?.ok_or(Failure::Vanished)?;
    vault.before().note(name, Some(&record));
    let latest = versions.iter().find(|version| version.number == record.latest);
    let mut switched = false;
    let found = if let Some(version) = latest.filter(|version| is_there(version, wanted, ring)) {
        // What an interrupted run uploaded, or the same content again: never a second copy.
        outcome.reused = true;
        Found { record, version: version.clone() }
    } else {
        let stage = stage(vault, &versions, wanted.goal);
        switched = stage == Stage::Current;
        let version = put(vault, run, ring, &record, &versions, wanted, stage).await?;
        Found { record, version }
    };
    outcome.found = Some(found.clone());
    if switched {
        let former = versions.iter().find(|v| v.rotation_states.contains(RotationState::Current));
        confirm(vault, run, ring, &found, former, outcome).await?;
    } else if wanted.goal == Goal::Current {
        move_current(vault, run, ring, name, &found).await?;
    }
    if let Some(now) = find(vault, run, name, found.version.number).await? {
        outcome.found = Some(now);
    }
    Ok(())
}

/// Reads back a version that readers have already. If it is not what was stored, they get the former
/// one again. That it cannot be read is no reason to take it from them.
async fn confirm(
    vault: &Vault,
    run: &Run,
    ring: &KeyRing,
    found: &Found,
    former: Option<&VersionRecord>,
    outcome: &mut Outcome,
) -> Result<(), Failure> {
    let (name, number) = (&found.record.name, found.version.number);
    if verify(vault, run, ring, name, found).await != Err(Failure::NotVerified) {
        return Ok(());
    }
    let now = find(vault, run, name, number).await?;
    // Somebody may have moved it in the meantime.
    let current = |found: &Found| found.version.rotation_states.contains(RotationState::Current);
    if let (Some(former), true) = (former, now.as_ref().is_some_and(current)) {
        let back = set_state(vault, run, name, former.number, RotationState::Current).await;
        back.map_err(|_| Failure::NotTakenBack)?;
    }
    if let Some(now) = find(vault, run, name, number).await? {
        outcome.found = Some(now);
    }
    Err(Failure::NotVerified)
}

/// New content waits until it was read back. Where the vault has no pending versions, or another
/// one is pending and would lose its place (there is room for one, as in OCI Vault), the vault's own
/// switch has to do.
fn stage(vault: &Vault, versions: &[VersionRecord], goal: Goal) -> Stage {
    let taken = versions.iter().any(|v| v.rotation_states.contains(RotationState::Pending));
    match goal {
        Goal::Pending => Stage::Pending,
        Goal::Current if versions.is_empty() || taken => Stage::Current,
        Goal::Current if !vault.capability().pending_versions => Stage::Current,
        Goal::Current => Stage::Pending,
    }
}

async fn put(
    vault: &Vault,
    run: &Run,
    ring: &KeyRing,
    record: &SecretRecord,
    versions: &[VersionRecord],
    wanted: Upload<'_>,
    stage: Stage,
) -> Result<VersionRecord, Failure> {
    let content = wanted.content;
    let salt = record
        .salt
        .or_else(|| {
            versions.iter().rev().find_map(|v| v.fingerprint.as_ref()).map(Fingerprint::salt)
        })
        .unwrap_or_else(|| Salt(run.random()));
    let fingerprint = ring.fingerprint(content, salt);
    let nonce = run.random();
    vault
        .call(run, "put_version", |backend| {
            backend.put_version(
                &record.name,
                NewVersion {
                    content,
                    fingerprint: &fingerprint,
                    stage,
                    expected_version: Some(record.latest),
                    nonce,
                },
            )
        })
        .await
}

/// Makes a version current: forward a promotion, backward a rollback. Uploads nothing; a version
/// that is current already stays so.
pub async fn promote(
    vault: &Vault,
    run: &Run,
    ring: &KeyRing,
    name: &SecretName,
    number: u64,
) -> Outcome {
    let mut outcome = Outcome::default();
    if let Err(failure) = try_promote(vault, run, ring, name, number, &mut outcome).await {
        outcome.failure = Some(failure);
    }
    outcome
}

async fn try_promote(
    vault: &Vault,
    run: &Run,
    ring: &KeyRing,
    name: &SecretName,
    number: u64,
    outcome: &mut Outcome,
) -> Result<(), Failure> {
    let found = find(vault, run, name, number).await?.ok_or(Failure::Vanished)?;
    vault.before().note(name, Some(&found.record));
    outcome.found = Some(found.clone());
    move_current(vault, run, ring, name, &found).await?;
    if let Some(now) = find(vault, run, name, number).await? {
        outcome.found = Some(now);
    }
    Ok(())
}

/// Verifies that a version can be read, then moves `current` to it.
async fn move_current(
    vault: &Vault,
    run: &Run,
    ring: &KeyRing,
    name: &SecretName,
    found: &Found,
) -> Result<(), Failure> {
    if found.version.rotation_states.contains(RotationState::Current) {
        return Ok(());
    }
    verify(vault, run, ring, name, found).await?;
    let number = found.version.number;
    set_state(vault, run, name, number, RotationState::Current).await
}

/// Reads a version back. Where values may not be read, or the secret is disabled, there is nobody
/// to verify for.
async fn verify(
    vault: &Vault,
    run: &Run,
    ring: &KeyRing,
    name: &SecretName,
    found: &Found,
) -> Result<(), Failure> {
    let selector = VersionSelector::Number(found.version.number);
    let read = match read_content(vault, run, name, selector).await {
        Ok(read) => read,
        Err(failure)
            if matches!(
                failure.kind(),
                Some(ErrorKind::PermissionDenied | ErrorKind::Unsupported)
            ) || failure.kind().is_some() && !found.record.metadata.enabled =>
        {
            return Ok(());
        }
        Err(failure) => return Err(failure),
    };
    match &found.version.fingerprint {
        Some(print) if ring.verify(&read.content, print) == Match::Different => {
            Err(Failure::NotVerified)
        }
        _ => Ok(()),
    }
}

async fn set_state(
    vault: &Vault,
    run: &Run,
    name: &SecretName,
    number: u64,
    state: RotationState,
) -> Result<(), Failure> {
    vault
        .call(run, "set_rotation_state", |backend| backend.set_rotation_state(name, number, state))
        .await
}

/// Retires a version: readers are not meant to use it any more. A current one is kept.
///
/// # Errors
/// Whatever the vault answers; a version that is gone is a success.
pub async fn retire(
    vault: &Vault,
    run: &Run,
    name: &SecretName,
    number: u64,
) -> Result<Left, Failure> {
    let Some(found) = find(vault, run, name, number).await? else { return Ok(Left::Done) };
    let states = found.version.rotation_states;
    if states.contains(RotationState::Current) {
        return Ok(Left::Kept(RotationState::Current));
    }
    if !states.contains(RotationState::Deprecated) {
        set_state(vault, run, name, number, RotationState::Deprecated).await?;
    }
    Ok(Left::Done)
}

/// Deletes a deprecated version. One that is in use is kept.
///
/// # Errors
/// Whatever the vault answers; a version that is gone is a success.
pub async fn discard(
    vault: &Vault,
    run: &Run,
    name: &SecretName,
    number: u64,
) -> Result<Left, Failure> {
    let Some(found) = find(vault, run, name, number).await? else { return Ok(Left::Done) };
    if let Some(state) = in_use(&found.version) {
        return Ok(Left::Kept(state));
    }
    let deleted =
        vault.call(run, "delete_version", |backend| backend.delete_version(name, number)).await;
    match deleted {
        Err(failure) if failure.kind() == Some(ErrorKind::NotFound) => Ok(Left::Done),
        result => result.map(|()| Left::Done),
    }
}

/// The state that keeps a version from being deleted.
fn in_use(version: &VersionRecord) -> Option<RotationState> {
    [RotationState::Current, RotationState::Pending, RotationState::Previous]
        .into_iter()
        .find(|state| version.rotation_states.contains(*state))
}

/// True for a version that has the content that would be uploaded.
fn is_there(version: &VersionRecord, wanted: Upload<'_>, ring: &KeyRing) -> bool {
    let print = version.fingerprint.as_ref();
    print.is_some_and(|print| ring.verify(wanted.content, print) == Match::Same)
}

/// Waits a moment for something that another call may tell; true as soon as it did.
pub async fn await_sign(run: &Run, patience: Duration, sign: impl Fn() -> bool) -> bool {
    let until = Instant::now() + patience;
    while !sign() {
        let next = Instant::now() + GLANCE;
        if next > until || run.pause("plan", next).await.is_err() {
            return sign();
        }
    }
    true
}

/// How many versions to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// The newest so many stay, whatever their state.
    pub versions: u64,
    /// Younger ones stay, too.
    pub min_age: Duration,
}

/// Deletes deprecated versions beyond what `keep` says; the number of those deleted.
///
/// # Errors
/// Whatever the vault answers; what was deleted before stays deleted.
pub async fn prune(
    vault: &Vault,
    run: &Run,
    name: &SecretName,
    keep: Retention,
) -> Result<u64, Failure> {
    let Some((_, versions)) = list(vault, run, name).await? else { return Ok(0) };
    let mut deleted = 0;
    for number in superfluous(&versions, keep, run.now()) {
        if discard(vault, run, name, number).await? == Left::Done {
            deleted += 1;
        }
    }
    Ok(deleted)
}

/// The versions that `keep` gives up, oldest first. One whose age is not known is kept.
fn superfluous(versions: &[VersionRecord], keep: Retention, now: OffsetDateTime) -> Vec<u64> {
    let beyond =
        versions.len().saturating_sub(usize::try_from(keep.versions).unwrap_or(usize::MAX));
    let old = |version: &VersionRecord| {
        version.created_at.is_some_and(|created| now - created >= keep.min_age)
    };
    versions
        .iter()
        .take(beyond)
        .filter(|version| in_use(version).is_none() && old(version))
        .map(|version| version.number)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::testing::NOW;

    fn version(number: u64, state: RotationState, age: Duration) -> VersionRecord {
        VersionRecord {
            number,
            version_id: number.to_string(),
            rotation_states: [state].into_iter().collect(),
            fingerprint: None,
            created_at: Some(NOW - age),
            deletion_scheduled_at: None,
        }
    }

    #[test]
    fn only_old_deprecated_versions_beyond_the_number_go() {
        let hour = Duration::from_secs(3600);
        let versions = [
            version(1, RotationState::Deprecated, 5 * hour),
            version(2, RotationState::Previous, 4 * hour),
            version(3, RotationState::Deprecated, 3 * hour),
            version(4, RotationState::Deprecated, hour),
            version(5, RotationState::Current, hour),
        ];
        let going = |versions_kept, min_age| {
            superfluous(&versions, Retention { versions: versions_kept, min_age }, NOW)
        };
        assert_eq!(going(1, Duration::ZERO), [1, 3, 4]);
        assert_eq!(going(3, Duration::ZERO), [1]);
        assert_eq!(going(1, 2 * hour), [1, 3]);
        assert_eq!(going(9, Duration::ZERO), [0; 0]);
    }

    #[test]
    fn version_of_unknown_age_stays() {
        let mut old = version(1, RotationState::Deprecated, Duration::ZERO);
        old.created_at = None;
        let keep = Retention { versions: 0, min_age: Duration::ZERO };
        assert_eq!(superfluous(&[old], keep, NOW), [0; 0]);
    }
}
