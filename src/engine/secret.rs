//! Creating and changing one secret.
//!
//! Responsible for the order of calls and for saying what is in the vault at the end
//! ([`Outcome`]), also after a failure half-way. Writes carry a nonce and the version they are
//! based on, so nothing is written twice and nothing of somebody else's is overwritten. Leaves the
//! decision whether a name may be taken to [`existing`](super::existing), and what differs from
//! the plan to the provider.

use super::context::Run;
use super::existing::{Offered, Verdict, judge};
use super::failure::Failure;
use super::seen::is_listed_absent;
use super::vault::Vault;
use crate::domain::fingerprint::{Fingerprint, KeyRing, Match, Salt};
use crate::domain::kind::Content;
use crate::domain::policy::OnExisting;
use crate::domain::port::{
    ErrorKind, Lifecycle, Metadata, MetadataPatch, NewSecret, NewVersion, Options, SecretRecord,
    Stage, VersionSelector,
};
use crate::domain::rotation::RotationState;
use crate::domain::secret::SecretName;

/// A secret as the vault holds it, with the print of its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// What the vault tells.
    pub record: SecretRecord,
    /// Print of the current content, as far as known.
    pub fingerprint: Option<Fingerprint>,
}

/// Something the user should know about what was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// A soft-deleted secret was recovered.
    Recovered {
        /// Its content differed, so a new version was written.
        new_version: bool,
    },
    /// An active secret was taken over.
    Adopted {
        /// Its content differed, so a new version was written.
        new_version: bool,
    },
    /// A secret that an interrupted run had made was taken over.
    Resumed,
    /// A value that an interrupted run had made and stored was made current, instead of another.
    Continued,
}

/// How a use case ended.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What is in the vault, as far as known; `None` when nothing was made.
    pub observed: Option<Observed>,
    /// What the user should know.
    pub notes: Vec<Note>,
    /// Why it did not reach its end.
    pub failure: Option<Failure>,
}

/// A secret to create.
#[derive(Debug)]
pub struct Creation<'c> {
    /// Its name.
    pub name: &'c SecretName,
    /// Its metadata.
    pub metadata: Metadata,
    /// What the backend's descriptor declares beyond that.
    pub options: Options,
    /// Its content; `None` to take over whatever is there.
    pub content: Option<&'c Content>,
    /// The content was made just now, and `salt` follows from what by: what an interrupted run left
    /// behind has another content with the same salt.
    pub made: bool,
    /// What to do when the name exists.
    pub on_existing: OnExisting,
    /// Salt to print with, when a copy of the secret has one already.
    pub salt: Option<Salt>,
}

/// A change of a secret.
#[derive(Debug)]
pub struct Change<'c> {
    /// Its name.
    pub name: &'c SecretName,
    /// Content to write, unless the vault has it already.
    pub content: Option<&'c Content>,
    /// Metadata to change.
    pub patch: MetadataPatch,
    /// The vault's id of the version that the plan was made with.
    pub planned_version: Option<String>,
    /// The print in state, for the salt.
    pub fingerprint: Option<Fingerprint>,
    /// Salt to print with, for a value that was made.
    pub salt: Option<Salt>,
}

/// What is under `name`, active or soft-deleted; `None` when there is nothing.
///
/// # Errors
/// Anything but "not found". Refused access never counts as gone.
pub async fn look(
    vault: &Vault,
    run: &Run,
    name: &SecretName,
) -> Result<Option<SecretRecord>, Failure> {
    match vault.call(run, "read", |backend| backend.read(name)).await {
        Ok(record) => Ok(Some(record)),
        Err(failure) if failure.kind() == Some(ErrorKind::NotFound) => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Brings a soft-deleted secret back; false when it is in use anyway.
///
/// # Errors
/// `NotFound` when there is no secret of the name, and whatever else the vault answers.
pub async fn recover(vault: &Vault, run: &Run, name: &SecretName) -> Result<bool, Failure> {
    let record = vault.call(run, "read", |backend| backend.read(name)).await?;
    if !matches!(record.lifecycle, Lifecycle::Deleted { .. }) {
        return Ok(false);
    }
    vault.call(run, "recover", |backend| backend.recover(name)).await?;
    Ok(true)
}

/// Creates a secret, or takes over what is there as far as the policy allows.
pub async fn create(vault: &Vault, run: &Run, ring: &KeyRing, wanted: &Creation<'_>) -> Outcome {
    let mut outcome = Outcome::default();
    if let Err(failure) = try_create(vault, run, ring, wanted, &mut outcome).await {
        outcome.failure = Some(failure);
    }
    outcome
}

async fn try_create(
    vault: &Vault,
    run: &Run,
    ring: &KeyRing,
    wanted: &Creation<'_>,
    outcome: &mut Outcome,
) -> Result<(), Failure> {
    if wanted.content.is_some() && is_listed_absent(vault, wanted.name).await {
        vault.before().note(wanted.name, None);
        match create_new(vault, run, ring, wanted).await {
            // The listing was late.
            Err(failure) if failure.kind() == Some(ErrorKind::AlreadyExists) => {}
            created => {
                outcome.observed = Some(created?);
                return Ok(());
            }
        }
    }
    let found = look(vault, run, wanted.name).await?;
    vault.before().note(wanted.name, found.as_ref());
    let offered = match wanted.content {
        Some(content) if wanted.made => {
            wanted.salt.map_or(Offered::Nothing, |salt| Offered::Made(content.kind(), salt))
        }
        Some(content) => Offered::Content(content, ring),
        None => Offered::Nothing,
    };
    let verdict = judge(found.as_ref(), wanted.on_existing, &wanted.metadata, offered, run.now());
    match (verdict, found) {
        (Verdict::Refuse(taken), _) => Err(Failure::Taken(taken)),
        (Verdict::Recover { .. }, _) => {
            let record = vault.call(run, "recover", |backend| backend.recover(wanted.name)).await?;
            outcome.observed = Some(observe(record));
            let new_version = settle(vault, run, ring, wanted, outcome).await?;
            outcome.notes.push(Note::Recovered { new_version });
            Ok(())
        }
        (Verdict::Adopt, Some(record)) => {
            outcome.observed = Some(observe(record));
            let new_version = settle(vault, run, ring, wanted, outcome).await?;
            outcome.notes.push(Note::Adopted { new_version });
            Ok(())
        }
        (Verdict::Resume, Some(record)) => {
            outcome.observed = Some(observe(record));
            outcome.notes.push(Note::Resumed);
            Ok(())
        }
        (Verdict::Free | Verdict::Adopt | Verdict::Resume, _) => {
            let record = create_new(vault, run, ring, wanted).await?;
            outcome.observed = Some(record);
            Ok(())
        }
    }
}

async fn create_new(
    vault: &Vault,
    run: &Run,
    ring: &KeyRing,
    wanted: &Creation<'_>,
) -> Result<Observed, Failure> {
    let content = wanted.content.ok_or(Failure::NoContent)?;
    let salt = wanted.salt.unwrap_or_else(|| Salt(run.random()));
    let fingerprint = ring.fingerprint(content, salt);
    let nonce = run.random();
    let record = vault
        .call(run, "create", |backend| {
            backend.create(NewSecret {
                name: wanted.name,
                metadata: wanted.metadata.clone(),
                options: wanted.options.clone(),
                version: NewVersion {
                    content,
                    fingerprint: &fingerprint,
                    stage: Stage::Current,
                    expected_version: None,
                    nonce,
                },
            })
        })
        .await?;
    Ok(Observed { record, fingerprint: Some(fingerprint) })
}

/// Brings a secret that was taken over to what is wanted. True when a version was written.
async fn settle(
    vault: &Vault,
    run: &Run,
    ring: &KeyRing,
    wanted: &Creation<'_>,
    outcome: &mut Outcome,
) -> Result<bool, Failure> {
    let Some(observed) = &mut outcome.observed else { return Ok(false) };
    let change = Change {
        name: wanted.name,
        content: wanted.content,
        patch: MetadataPatch {
            options: differing(&observed.record.options, &wanted.options),
            ..difference(&observed.record.metadata, &wanted.metadata)
        },
        planned_version: None,
        fingerprint: None,
        salt: wanted.salt.filter(|_| wanted.made),
    };
    let before = observed.record.latest;
    if let Some(content) = wanted.content
        && observed.fingerprint.is_none()
    {
        observed.fingerprint = learn(vault, run, ring, &observed.record, content).await;
    }
    let continued = write(vault, run, ring, &change, observed).await?;
    let wrote = continued || observed.record.latest != before;
    outcome.notes.extend(continued.then_some(Note::Continued));
    Ok(wrote)
}

/// Changes content and metadata of a secret.
pub async fn update(vault: &Vault, run: &Run, ring: &KeyRing, change: &Change<'_>) -> Outcome {
    let mut outcome = Outcome::default();
    if let Err(failure) = try_update(vault, run, ring, change, &mut outcome).await {
        outcome.failure = Some(failure);
    }
    outcome
}

async fn try_update(
    vault: &Vault,
    run: &Run,
    ring: &KeyRing,
    change: &Change<'_>,
    outcome: &mut Outcome,
) -> Result<(), Failure> {
    let record = look(vault, run, change.name).await?.ok_or(Failure::Vanished)?;
    vault.before().note(change.name, Some(&record));
    if matches!(record.lifecycle, Lifecycle::Deleted { .. }) {
        return Err(Failure::Vanished);
    }
    let found = record.current.as_ref().map(|version| version.version_id.clone());
    let mut observed = observe(record);
    if observed.fingerprint.is_none() && found == change.planned_version {
        observed.fingerprint.clone_from(&change.fingerprint);
    }
    let moved = change.content.is_some() && found != change.planned_version;
    if moved && !holds(&observed, change.content, ring) {
        return Err(Failure::ChangedSincePlan { planned: change.planned_version.clone(), found });
    }
    let result = write(vault, run, ring, change, &mut observed).await;
    outcome.observed = Some(observed);
    outcome.notes.extend(result?.then_some(Note::Continued));
    Ok(())
}

/// Writes what differs and keeps `observed` true after every call. True when the content is what an
/// interrupted run had stored.
async fn write(
    vault: &Vault,
    run: &Run,
    ring: &KeyRing,
    change: &Change<'_>,
    observed: &mut Observed,
) -> Result<bool, Failure> {
    let mut reread = false;
    let mut continued = false;
    if let Some(content) = change.content
        && !holds(observed, change.content, ring)
    {
        continued = go_on(vault, run, change, observed).await?;
        if !continued {
            put(vault, run, ring, change, content, observed).await?;
        }
        reread = true;
    }
    if change.patch != MetadataPatch::default() {
        let record = vault
            .call(run, "update_metadata", |backend| {
                backend.update_metadata(change.name, change.patch.clone())
            })
            .await?;
        observed.record = record;
        reread = false;
    }
    // Only times are missing now; a vault that cannot tell them is no reason to fail.
    if reread && let Ok(Some(record)) = look(vault, run, change.name).await {
        observed.record = record;
    }
    Ok(continued)
}

/// Makes the version current that an interrupted run had made by the same order and stored: a made
/// value is another one each time, so only the salt of its print tells. Content of the
/// configuration is recognised by the backend, which stores it under the same id again.
async fn go_on(
    vault: &Vault,
    run: &Run,
    change: &Change<'_>,
    observed: &mut Observed,
) -> Result<bool, Failure> {
    let (latest, current) = (observed.record.latest, observed.record.current.as_ref());
    let Some(salt) = change.salt else { return Ok(false) };
    if current.is_none_or(|current| current.number >= latest) {
        return Ok(false);
    }
    let name = change.name;
    let versions = vault.call(run, "list_versions", |backend| backend.list_versions(name)).await?;
    let Some(version) = versions.into_iter().find(|version| {
        let print = version.fingerprint.as_ref();
        version.number == latest
            && !version.rotation_states.contains(RotationState::Previous)
            && print.is_some_and(|print| print.salt() == salt)
    }) else {
        return Ok(false);
    };
    let state = RotationState::Current;
    vault
        .call(run, "set_rotation_state", |backend| backend.set_rotation_state(name, latest, state))
        .await?;
    observed.fingerprint.clone_from(&version.fingerprint);
    observed.record.kind = change.content.map(Content::kind);
    observed.record.current = Some(version);
    Ok(true)
}

async fn put(
    vault: &Vault,
    run: &Run,
    ring: &KeyRing,
    change: &Change<'_>,
    content: &Content,
    observed: &mut Observed,
) -> Result<(), Failure> {
    let salt = change
        .salt
        .or(observed.record.salt)
        .or_else(|| observed.fingerprint.as_ref().map(Fingerprint::salt))
        .or_else(|| change.fingerprint.as_ref().map(Fingerprint::salt))
        .unwrap_or_else(|| Salt(run.random()));
    let fingerprint = ring.fingerprint(content, salt);
    let (nonce, latest) = (run.random(), observed.record.latest);
    let version = vault
        .call(run, "put_version", |backend| {
            backend.put_version(
                change.name,
                NewVersion {
                    content,
                    fingerprint: &fingerprint,
                    stage: Stage::Current,
                    expected_version: Some(latest),
                    nonce,
                },
            )
        })
        .await?;
    observed.record.latest = version.number;
    observed.record.kind = Some(content.kind());
    observed.record.updated_at = version.created_at.or(observed.record.updated_at);
    observed.record.current = Some(version);
    observed.fingerprint = Some(fingerprint);
    Ok(())
}

/// True when the vault's print says that it holds this content.
fn holds(observed: &Observed, content: Option<&Content>, ring: &KeyRing) -> bool {
    match (&observed.fingerprint, content) {
        (Some(print), Some(content)) => ring.verify(content, print) == Match::Same,
        _ => false,
    }
}

/// Print of content the vault holds without one, if it may be read and is the same as `content`.
async fn learn(
    vault: &Vault,
    run: &Run,
    ring: &KeyRing,
    record: &SecretRecord,
    content: &Content,
) -> Option<Fingerprint> {
    let selector = VersionSelector::State(RotationState::Current);
    let read = vault
        .call(run, "read_content", |backend| backend.read_content(&record.name, selector))
        .await
        .ok()?;
    let salt = record.salt.unwrap_or_else(|| Salt(run.random()));
    (read.content == *content).then(|| ring.fingerprint(content, salt))
}

/// A record with the print that it carries.
#[must_use]
pub fn observe(record: SecretRecord) -> Observed {
    let fingerprint = record.current.as_ref().and_then(|version| version.fingerprint.clone());
    Observed { record, fingerprint }
}

/// What to change so that `now` becomes `wanted`.
#[must_use]
pub fn difference(now: &Metadata, wanted: &Metadata) -> MetadataPatch {
    fn changed<T: Clone + PartialEq>(now: &T, wanted: &T) -> Option<T> {
        (now != wanted).then(|| wanted.clone())
    }
    MetadataPatch {
        description: changed(&now.description, &wanted.description),
        content_type: changed(&now.content_type, &wanted.content_type),
        tags: changed(&now.tags, &wanted.tags),
        not_before: changed(&now.not_before, &wanted.not_before),
        expires_at: changed(&now.expires_at, &wanted.expires_at),
        enabled: changed(&now.enabled, &wanted.enabled),
        options: Options::new(),
        fingerprint: None,
    }
}

/// The options that are wanted and are not as the vault tells.
#[must_use]
pub fn differing(now: &Options, wanted: &Options) -> Options {
    wanted
        .iter()
        .filter(|(name, value)| now.get(*name) != Some(*value))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
