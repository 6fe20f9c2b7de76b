//! Looking at a secret again: what is in the vault, and the print of it.
//!
//! Responsible for finding the print of the current content with as few rights as possible: the
//! vault's own print first, then the one in state while the version is the same, and the content
//! itself only where the profile or an import asks for it. Leaves what a difference means to the
//! plan.

use time::OffsetDateTime;

use super::context::Run;
use super::failure::Failure;
use super::keys::Keys;
use super::secret::{Observed, observe};
use super::seen::{self, Listed};
use super::vault::{DriftDetection, Vault};
use crate::domain::fingerprint::{Fingerprint, Match, Salt};
use crate::domain::port::{ErrorKind, Lifecycle, Read, SecretRecord, VersionSelector};
use crate::domain::rotation::RotationState;
use crate::domain::secret::SecretName;

/// What state knows of a secret.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The vault's id of the current version.
    pub version_id: Option<String>,
    /// Its print.
    pub fingerprint: Option<Fingerprint>,
    /// When the secret was created.
    pub created_at: Option<OffsetDateTime>,
    /// The secret comes into state now: read the content if the vault has no print.
    pub first_time: bool,
}

/// What a refresh found.
#[derive(Debug)]
pub enum Looked {
    /// A secret in use, or disabled.
    There(Box<Observed>),
    /// A soft-deleted one.
    Deleted {
        /// When the vault destroys it, if it says so.
        purge_at: Option<OffsetDateTime>,
    },
    /// Nothing.
    Gone,
}

/// What is in the vault now. `unchanged` says
/// whether something observed is what state says anyway: then a listing can be taken at its word.
///
/// # Errors
/// Anything but "not found". Refused access never counts as gone.
pub async fn refresh(
    vault: &Vault,
    run: &Run,
    keys: &Keys,
    name: &SecretName,
    known: &Known,
    unchanged: &(dyn Fn(&Observed) -> bool + Send + Sync),
) -> Result<Looked, Failure> {
    let listed = match known.first_time {
        true => None,
        false => listed(vault, run, name, known, unchanged).await?,
    };
    let mut observed = match listed {
        Some(observed) => observed,
        None => match seen::record(vault, run, name).await {
            Ok(record) => recognise(record, known),
            Err(failure) if failure.kind() == Some(ErrorKind::NotFound) => {
                return Ok(Looked::Gone);
            }
            Err(failure) => return Err(failure),
        },
    };
    if let Lifecycle::Deleted { purge_at } = observed.record.lifecycle {
        return Ok(Looked::Deleted { purge_at });
    }
    let by_content = vault.drift_detection() == DriftDetection::Content
        && matches!(observed.record.lifecycle, Lifecycle::Active);
    if by_content || (known.first_time && observed.fingerprint.is_none()) {
        match read_current(vault, run, name).await {
            Ok(read) => print(run, keys, &mut observed, &read, known).await?,
            // An import goes on without a print; only a profile that asks for content insists.
            Err(failure) if !by_content || failure.kind() == Some(ErrorKind::NotFound) => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(Looked::There(Box::new(observed)))
}

/// What the listing says, when that is what state says. Everything else, a secret that is gone
/// above all, is looked at: listings may be late.
async fn listed(
    vault: &Vault,
    run: &Run,
    name: &SecretName,
    known: &Known,
    unchanged: &(dyn Fn(&Observed) -> bool + Send + Sync),
) -> Result<Option<Observed>, Failure> {
    let Listed::There(record) = seen::listed(vault, run, name).await? else { return Ok(None) };
    let observed = recognise(supplement(*record, known), known);
    let in_use = !matches!(observed.record.lifecycle, Lifecycle::Deleted { .. });
    Ok((in_use && unchanged(&observed)).then_some(observed))
}

/// A listed record with what a listing may leave out. That stays while the print and the moment of
/// the last change do, which are compared with all the rest.
fn supplement(mut record: SecretRecord, known: &Known) -> SecretRecord {
    record.created_at = record.created_at.or(known.created_at);
    if let (Some(current), Some(id)) = (&mut record.current, &known.version_id)
        && current.version_id.is_empty()
    {
        current.version_id.clone_from(id);
    }
    record
}

/// A record with its print: the vault's own, else the one in state while the version is the same.
fn recognise(record: SecretRecord, known: &Known) -> Observed {
    let mut observed = observe(record);
    let version_id = observed.record.current.as_ref().map(|version| &version.version_id);
    if observed.fingerprint.is_none() && version_id == known.version_id.as_ref() {
        observed.fingerprint.clone_from(&known.fingerprint);
    }
    observed
}

async fn print(
    run: &Run,
    keys: &Keys,
    observed: &mut Observed,
    read: &Read,
    known: &Known,
) -> Result<(), Failure> {
    let ring = keys.ring(run).await?;
    observed.record.kind = observed.record.kind.or(Some(read.content.kind()));
    let same = observed.fingerprint.as_ref().is_some_and(|print| {
        // A print under a key we do not have cannot be judged, so it stands.
        ring.verify(&read.content, print) != Match::Different
    });
    if !same {
        let salt = salt(&observed.record, observed.fingerprint.as_ref(), known)
            .unwrap_or_else(|| Salt(run.random()));
        observed.fingerprint = Some(ring.fingerprint(&read.content, salt));
    }
    Ok(())
}

fn salt(record: &SecretRecord, print: Option<&Fingerprint>, known: &Known) -> Option<Salt> {
    record
        .salt
        .or_else(|| print.map(Fingerprint::salt))
        .or_else(|| known.fingerprint.as_ref().map(Fingerprint::salt))
}

/// Content of the current version.
///
/// # Errors
/// Whatever the vault answers.
pub async fn read_current(vault: &Vault, run: &Run, name: &SecretName) -> Result<Read, Failure> {
    let selector = VersionSelector::State(RotationState::Current);
    read_content(vault, run, name, selector).await
}

/// Content of a version.
///
/// # Errors
/// Whatever the vault answers.
pub async fn read_content(
    vault: &Vault,
    run: &Run,
    name: &SecretName,
    selector: VersionSelector,
) -> Result<Read, Failure> {
    vault.call(run, "read_content", |backend| backend.read_content(name, selector)).await
}
