//! Writing versions: a PUT always makes one, so it is never sent twice blindly.
//!
//! Responsible for noting nonce and sequence on every version, for looking for them after a lost
//! reply, and for putting pending versions where readers do not see them. A value is never part
//! of an error.

use std::time::Duration;

use tokio::time::sleep;

use super::metadata::check;
use super::reading::metadata_of;
use super::{Answer, KeyVault, MAX_NAME, sibling_of};
use crate::adapters::azure_key_vault::content::{self, Stored, media_field};
use crate::adapters::azure_key_vault::error::{is_deleted, is_kind, refused};
use crate::adapters::azure_key_vault::history::{Entry, History};
use crate::adapters::azure_key_vault::marks::{self, Marks, Sibling};
use crate::adapters::azure_key_vault::wire::{Item, SetAttributes, SetBody, UpdateBody};
use crate::adapters::http::SecretText;
use crate::domain::fingerprint::Fingerprint;
use crate::domain::kind::Content;
use crate::domain::ledger::Refusal;
use crate::domain::port::{
    BackendError, ErrorKind, Metadata, NewSecret, NewVersion, Outcome, SecretRecord, Stage,
};
use crate::domain::secret::SecretName;
use crate::domain::version::VersionRecord;

/// When the versions are looked at after a lost reply. The service may still be at work.
const LOOKS: [Duration; 3] =
    [Duration::ZERO, Duration::from_millis(700), Duration::from_millis(2000)];

/// A version to put.
#[derive(Debug)]
pub(super) struct Draft<'d> {
    pub(super) value: &'d SecretText,
    pub(super) marks: Marks,
    pub(super) fingerprint: Option<&'d Fingerprint>,
    pub(super) metadata: &'d Metadata,
}

impl KeyVault {
    pub(super) async fn create_secret(&self, secret: &NewSecret<'_>) -> Answer<SecretRecord> {
        const OPERATION: &str = "create";
        let version = &secret.version;
        check(OPERATION, &secret.metadata)?;
        if version.stage == Stage::Pending {
            let rule = Refusal::FirstIsCurrent.to_string();
            return Err(refused(ErrorKind::InvalidRequest, OPERATION, rule));
        }
        let stored = stored(OPERATION, version.content)?;
        let nonce = marks::nonce(&version.nonce);
        if let Some(history) = self.find(OPERATION, secret.name).await? {
            return match history.written(&nonce) {
                Some(_) => self.record(OPERATION, secret.name, &history),
                None => Err(refused(
                    ErrorKind::AlreadyExists,
                    OPERATION,
                    "the vault holds a secret of this name",
                )),
            };
        }
        let draft = Draft {
            value: &stored.text,
            marks: Marks {
                number: Some(1),
                sequence: Some(1),
                kind: Some(version.content.kind()),
                nonce: Some(nonce),
                media: Some(stored.media.clone()),
                ..Marks::default()
            },
            fingerprint: Some(version.fingerprint),
            metadata: &secret.metadata,
        };
        let item = self.set(OPERATION, secret.name.as_str(), draft).await?;
        self.record(OPERATION, secret.name, &History::new(vec![item], Vec::new()))
    }

    pub(super) async fn put(
        &self,
        name: &SecretName,
        version: &NewVersion<'_>,
    ) -> Answer<VersionRecord> {
        const OPERATION: &str = "put_version";
        let stored = stored(OPERATION, version.content)?;
        let mut history = self.history(OPERATION, name).await?;
        if version.stage == Stage::Pending {
            history = self.with_sibling(name, history).await?;
        }
        let nonce = marks::nonce(&version.nonce);
        if let Some(entry) = history.written(&nonce) {
            return told(&history, entry.number);
        }
        if let Some(expected) = version.expected_version
            && expected != history.latest()
        {
            let latest = history.latest();
            return Err(refused(
                ErrorKind::Precondition,
                OPERATION,
                format!(
                    "the latest version is {latest}, not {expected} as expected: somebody else \
                     wrote in between"
                ),
            )
            .with("latest", latest.to_string()));
        }
        let marks = Marks {
            number: Some(history.latest() + 1),
            kind: Some(version.content.kind()),
            nonce: Some(nonce),
            media: Some(stored.media.clone()),
            ..Marks::default()
        };
        match version.stage {
            Stage::Current => self.put_current(name, history, version, &stored, marks).await,
            Stage::Pending => self.put_pending(name, history, version, &stored, marks).await,
        }
    }

    async fn put_current(
        &self,
        name: &SecretName,
        history: History,
        version: &NewVersion<'_>,
        stored: &Stored,
        marks: Marks,
    ) -> Answer<VersionRecord> {
        const OPERATION: &str = "put_version";
        let current = current(&history, OPERATION)?;
        let metadata = metadata_of(current);
        let number = marks.number.unwrap_or_default();
        let marks = Marks {
            sequence: Some(history.next_sequence()),
            sibling: sibling_after(&history, None),
            ..marks
        };
        let fingerprint = Some(version.fingerprint);
        let draft = Draft { value: &stored.text, marks, fingerprint, metadata: &metadata };
        let item = self.set(OPERATION, name.as_str(), draft).await?;
        told(&history.with(item, false), number)
    }

    /// First the note that there is a sibling, then what it holds: readers of metadata never miss
    /// a version that is there.
    async fn put_pending(
        &self,
        name: &SecretName,
        mut history: History,
        version: &NewVersion<'_>,
        stored: &Stored,
        marks: Marks,
    ) -> Answer<VersionRecord> {
        const OPERATION: &str = "put_version";
        if history.sibling() != Sibling::Staged {
            let current = current(&history, OPERATION)?;
            let marks = Marks { sibling: Sibling::Staged, ..own_marks(current) };
            let item = self.note(OPERATION, name, current, &marks).await?;
            history = history.changed(&item);
        }
        let number = marks.number.unwrap_or_default();
        let marks =
            Marks { sequence: Some(history.next_waiting_sequence()), is_sibling: true, ..marks };
        let metadata = Metadata { enabled: true, ..Metadata::default() };
        let holder = sibling_of(name.as_str());
        let draft = || Draft {
            value: &stored.text,
            marks: marks.clone(),
            fingerprint: Some(version.fingerprint),
            metadata: &metadata,
        };
        let item = match self.set(OPERATION, &holder, draft()).await {
            // Somebody deleted it; it is coffer's own, so it is brought back.
            Err(error) if is_deleted(&error) => {
                self.recover_and_wait(OPERATION, &holder).await?;
                self.set(OPERATION, &holder, draft()).await?
            }
            answer => answer?,
        };
        told(&history.with(item, true), number)
    }

    /// The same history with what is in the sibling, whether it is noted or not.
    async fn with_sibling(&self, name: &SecretName, history: History) -> Answer<History> {
        const OPERATION: &str = "put_version";
        let holder = sibling_of(name.as_str());
        if holder.len() > MAX_NAME {
            return Err(refused(
                ErrorKind::InvalidRequest,
                OPERATION,
                format!(
                    "pending versions wait in the secret {holder:?}, whose name is longer than \
                     the vault takes; upload the version as current"
                ),
            ));
        }
        if history.sibling() == Sibling::Staged {
            return Ok(history);
        }
        let Some(items) = self.items(OPERATION, &holder).await? else { return Ok(history) };
        let ours = |item: &Item| Marks::of(item.tags.as_ref()).is_some_and(|m| m.is_sibling);
        if !items.iter().all(ours) {
            return Err(refused(
                ErrorKind::InvalidRequest,
                OPERATION,
                format!(
                    "pending versions wait in the secret {holder:?}, and a secret of this name is \
                     there that is not coffer's; upload the version as current"
                ),
            ));
        }
        Ok(history.beside(items))
    }

    /// Notes something on a version.
    pub(super) async fn note(
        &self,
        operation: &'static str,
        name: &SecretName,
        entry: &Entry,
        marks: &Marks,
    ) -> Answer<Item> {
        let tags = entry.tags();
        let fingerprint = entry.fingerprint();
        let description = marks::description(tags);
        let tags = marks::assemble(
            &marks::user_tags(tags),
            marks,
            fingerprint.as_ref(),
            description.as_deref(),
        );
        let body = UpdateBody { tags: Some(tags), ..UpdateBody::default() };
        self.service.update(operation, &self.holder(name, entry), &entry.id, &body).await
    }

    /// Puts a version and, when the reply was lost, looks whether it is there.
    pub(super) async fn set(
        &self,
        operation: &'static str,
        name: &str,
        draft: Draft<'_>,
    ) -> Answer<Item> {
        let Draft { value, mut marks, fingerprint, metadata } = draft;
        marks.user_media = metadata.content_type.is_some();
        let media = marks.media.as_deref().unwrap_or("text/plain");
        let content_type = media_field(media, metadata.content_type.as_deref());
        let tags =
            marks::assemble(&metadata.tags, &marks, fingerprint, metadata.description.as_deref());
        let body = SetBody {
            value,
            content_type: &content_type,
            attributes: SetAttributes {
                enabled: metadata.enabled,
                nbf: metadata.not_before.map(|time| time.unix_timestamp()),
                exp: metadata.expires_at.map(|time| time.unix_timestamp()),
            },
            tags: &tags,
        };
        match self.service.set(operation, name, &body).await {
            Err(error) if error.outcome == Outcome::Unknown => {
                self.look(operation, name, &marks, error).await
            }
            answer => answer,
        }
    }

    async fn look(
        &self,
        operation: &'static str,
        name: &str,
        wrote: &Marks,
        lost: BackendError,
    ) -> Answer<Item> {
        for wait in LOOKS {
            sleep(wait).await;
            let items = match self.items(operation, name).await {
                Ok(items) => items.unwrap_or_default(),
                Err(error) if is_kind(&error, ErrorKind::PermissionDenied) => return Err(lost),
                Err(error) => {
                    tracing::debug!(operation, kind = ?error.kind, "looking for a lost write");
                    continue;
                }
            };
            let same = |item: &Item| {
                Marks::of(item.tags.as_ref()).is_some_and(|marks| {
                    marks.nonce == wrote.nonce
                        && marks.sequence == wrote.sequence
                        && marks.copy == wrote.copy
                })
            };
            if let Some(item) = items.into_iter().find(same) {
                tracing::debug!(operation, "found the version of a lost reply");
                return Ok(item);
            }
        }
        Err(lost)
    }
}

/// What readers get.
pub(super) fn current<'h>(history: &'h History, operation: &'static str) -> Answer<&'h Entry> {
    history.current().ok_or_else(|| {
        refused(ErrorKind::NotFound, operation, "the vault holds no version of this secret")
    })
}

/// The notes on a version; of one of somebody else's, its number from now on.
pub(super) fn own_marks(entry: &Entry) -> Marks {
    let foreign = || Marks { number: Some(entry.number), ..Marks::default() };
    entry.marks.clone().unwrap_or_else(foreign)
}

/// What is to be noted of the sibling on a version that becomes current, `number` being taken out
/// of what waits.
pub(super) fn sibling_after(history: &History, number: Option<u64>) -> Sibling {
    let waits = history.only_waiting().iter().any(|waiting| Some(*waiting) != number);
    match history.sibling() {
        Sibling::None => Sibling::None,
        _ if waits => Sibling::Staged,
        _ => Sibling::Idle,
    }
}

fn stored(operation: &'static str, content: &Content) -> Answer<Stored> {
    content::store(content).map_err(|why| refused(ErrorKind::InvalidRequest, operation, why))
}

fn told(history: &History, number: u64) -> Answer<VersionRecord> {
    history.record(number).ok_or_else(|| {
        refused(ErrorKind::Unexpected, "put_version", "the answer has no id of a version")
    })
}
