//! Moving a secret from one vault to another.
//!
//! Responsible for the order that never loses it: write to the new vault, read it back and
//! compare, and only then remove the old one. When the last step fails, the secret stays where
//! state says it is, and the next run takes the finished copy over and tries again. Leaves the
//! removal itself to [`remove`](super::remove).

use time::Duration;

use super::context::Run;
use super::failure::Failure;
use super::refresh::read_current;
use super::remove::{check, remove};
use super::secret::{Creation, Note, Observed, create};
use super::vault::Vault;
use crate::domain::fingerprint::{Fingerprint, KeyRing, Match, Salt};
use crate::domain::kind::Content;
use crate::domain::policy::{DeletionPolicy, OnExisting};
use crate::domain::port::{ErrorKind, Metadata, Options};
use crate::domain::secret::SecretName;

/// A secret to move.
#[derive(Debug)]
pub struct Relocation<'c> {
    /// Its name, in both vaults.
    pub name: &'c SecretName,
    /// Metadata in the new vault.
    pub metadata: Metadata,
    /// Content for the new vault; `None` to carry the present content over.
    pub content: Option<&'c Content>,
    /// Print in state, for the salt.
    pub fingerprint: Option<Fingerprint>,
    /// Its options in the new vault.
    pub options: Options,
    /// What to do when the name exists in the new vault.
    pub on_existing: OnExisting,
    /// What to do with the old one.
    pub deletion_policy: DeletionPolicy,
    /// Recovery window of the old one.
    pub window: Option<Duration>,
}

/// How a move ended.
#[derive(Debug)]
pub struct Moved {
    /// The secret in the new vault.
    pub observed: Observed,
    /// What the user should know.
    pub notes: Vec<Note>,
}

/// A move that failed; the secret is still where it was.
#[derive(Debug)]
pub struct Stuck {
    /// Why.
    pub failure: Failure,
    /// How far it came.
    pub step: Step,
}

/// Steps of a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Reading the old secret.
    ReadSource,
    /// Writing the new one.
    WriteTarget,
    /// Comparing.
    Verify,
    /// Removing the old one; the copy is complete.
    RemoveSource,
}

/// Moves a secret.
///
/// # Errors
/// With the step that failed; the old secret is then untouched.
pub async fn relocate(
    source: &Vault,
    target: &Vault,
    run: &Run,
    ring: &KeyRing,
    wanted: &Relocation<'_>,
) -> Result<Moved, Stuck> {
    let at = |step| move |failure| Stuck { failure, step };
    check(source.capability(), wanted.deletion_policy).map_err(at(Step::RemoveSource))?;
    let read;
    let content = match wanted.content {
        Some(content) => content,
        None => {
            read = read_current(source, run, wanted.name).await.map_err(at(Step::ReadSource))?;
            &read.content
        }
    };
    let creation = Creation {
        made: false,
        name: wanted.name,
        metadata: wanted.metadata.clone(),
        options: wanted.options.clone(),
        content: Some(content),
        on_existing: wanted.on_existing,
        salt: salt(wanted),
    };
    let outcome = create(target, run, ring, &creation).await;
    if let Some(failure) = outcome.failure {
        return Err(Stuck { failure, step: Step::WriteTarget });
    }
    let Some(observed) = outcome.observed else {
        return Err(Stuck { failure: Failure::Vanished, step: Step::WriteTarget });
    };
    verify(target, run, ring, wanted.name, content, &observed).await.map_err(at(Step::Verify))?;
    remove(source, run, wanted.name, wanted.deletion_policy, wanted.window)
        .await
        .map_err(at(Step::RemoveSource))?;
    Ok(Moved { observed, notes: outcome.notes })
}

fn salt(wanted: &Relocation<'_>) -> Option<Salt> {
    wanted.fingerprint.as_ref().map(Fingerprint::salt)
}

/// Reads the copy back. Where values may not be read, the vault's own print has to do.
async fn verify(
    target: &Vault,
    run: &Run,
    ring: &KeyRing,
    name: &SecretName,
    content: &Content,
    observed: &Observed,
) -> Result<(), Failure> {
    let print = observed.fingerprint.as_ref().ok_or(Failure::NotVerified)?;
    let same = match read_current(target, run, name).await {
        Ok(read) => ring.verify(&read.content, print) == Match::Same,
        Err(failure)
            if matches!(
                failure.kind(),
                Some(ErrorKind::PermissionDenied | ErrorKind::Unsupported)
            ) =>
        {
            ring.verify(content, print) == Match::Same
        }
        // A disabled copy cannot be read; its print was made from what was written.
        Err(failure) if !observed.record.metadata.enabled && failure.kind().is_some() => true,
        Err(failure) => return Err(failure),
    };
    if same { Ok(()) } else { Err(Failure::NotVerified) }
}
