//! Reading: metadata from the list of versions, values only when a value is asked for.
//!
//! Responsible for telling "not there" from "deleted" from "hidden": 404 of the versions proves
//! that no secret is in use, since a principal without the right to list gets 403 instead.

use super::{Answer, KeyVault, SIBLING, sibling_of};
use crate::adapters::azure_key_vault::content;
use crate::adapters::azure_key_vault::error::{DELETED, is_kind, refused};
use crate::adapters::azure_key_vault::history::{Entry, History};
use crate::adapters::azure_key_vault::marks::{self, Marks, Sibling};
use crate::adapters::azure_key_vault::wire::{Item, instant};
use crate::domain::port::{
    BackendError, ErrorKind, Lifecycle, ListFilter, Metadata, Options, Page, Read, SecretRecord,
    VersionSelector,
};
use crate::domain::rotation::{RotationState, RotationStates};
use crate::domain::secret::SecretName;
use crate::domain::version::VersionRecord;

const NO_SECRET: &str = "the vault holds no secret of this name";
/// The two parts of a listing, as they stand in page tokens.
const LIVE: &str = "secrets";
const GONE: &str = "deletedsecrets";

impl KeyVault {
    /// What is under a name, in use or deleted.
    pub(super) async fn read_record(
        &self,
        operation: &'static str,
        name: &SecretName,
    ) -> Answer<SecretRecord> {
        if let Some(history) = self.find(operation, name).await? {
            return self.record(operation, name, &history);
        }
        let deleted = self.find_deleted(operation, name).await?;
        let deleted = deleted.ok_or_else(|| refused(ErrorKind::NotFound, operation, NO_SECRET))?;
        Ok(self.deleted_record(name, &deleted))
    }

    /// The versions of a secret in use, with those that wait.
    pub(super) async fn history(
        &self,
        operation: &'static str,
        name: &SecretName,
    ) -> Answer<History> {
        match self.find(operation, name).await? {
            Some(history) => Ok(history),
            None => Err(self.missing(operation, name).await),
        }
    }

    /// The same; `None` when no secret of this name is in use.
    pub(super) async fn find(
        &self,
        operation: &'static str,
        name: &SecretName,
    ) -> Answer<Option<History>> {
        let Some(items) = self.items(operation, name.as_str()).await? else { return Ok(None) };
        let history = History::new(items.clone(), Vec::new());
        if history.sibling() != Sibling::Staged {
            return Ok(Some(history));
        }
        let waiting = self.waiting(operation, name).await?;
        Ok(Some(History::new(items, waiting)))
    }

    /// The versions of a name; `None` when there is none.
    pub(super) async fn items(
        &self,
        operation: &'static str,
        name: &str,
    ) -> Answer<Option<Vec<Item>>> {
        match self.service.versions(operation, name).await {
            Ok(items) if items.is_empty() => Ok(None),
            Ok(items) => Ok(Some(items)),
            Err(error) if is_kind(&error, ErrorKind::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What waits beside a secret.
    pub(super) async fn waiting(
        &self,
        operation: &'static str,
        name: &SecretName,
    ) -> Answer<Vec<Item>> {
        let items = self.items(operation, &sibling_of(name.as_str())).await?;
        let ours =
            |item: &Item| Marks::of(item.tags.as_ref()).is_some_and(|marks| marks.is_sibling);
        Ok(items.unwrap_or_default().into_iter().filter(ours).collect())
    }

    /// Why there is nothing in use under a name.
    pub(super) async fn missing(&self, operation: &'static str, name: &SecretName) -> BackendError {
        match self.find_deleted(operation, name).await {
            Ok(None) => refused(ErrorKind::NotFound, operation, NO_SECRET),
            Ok(Some(item)) => deleted(operation, &item),
            Err(error) => error,
        }
    }

    /// The deleted secret of a name. Where it may not be read, it is looked for in the list of the
    /// deleted; where that may not be read either, nothing is known of it, and nothing is in use.
    pub(super) async fn find_deleted(
        &self,
        operation: &'static str,
        name: &SecretName,
    ) -> Answer<Option<Item>> {
        match self.service.get_deleted(operation, name.as_str()).await {
            Ok(item) => return Ok(Some(item)),
            Err(error) if is_kind(&error, ErrorKind::NotFound) => return Ok(None),
            // A deleted secret that was disabled cannot be read, but it is listed.
            Err(error)
                if matches!(error.kind, ErrorKind::PermissionDenied | ErrorKind::Precondition) => {}
            Err(error) => return Err(error),
        }
        let mut skip = None;
        loop {
            let page = self.service.list(operation, GONE, skip.as_deref()).await;
            let (items, next) = match page {
                Ok(page) => page,
                Err(error) if is_kind(&error, ErrorKind::PermissionDenied) => return Ok(None),
                Err(error) => return Err(error),
            };
            let same = |item: &Item| {
                item.name().is_some_and(|found| found.eq_ignore_ascii_case(name.as_str()))
            };
            if let Some(item) = items.into_iter().find(same) {
                return Ok(Some(item));
            }
            if next.is_none() {
                return Ok(None);
            }
            skip = next;
        }
    }

    /// A secret in use as the port tells of it.
    pub(super) fn record(
        &self,
        operation: &'static str,
        name: &SecretName,
        history: &History,
    ) -> Answer<SecretRecord> {
        let current =
            history.current().ok_or_else(|| refused(ErrorKind::NotFound, operation, NO_SECRET))?;
        let metadata = metadata_of(current);
        Ok(SecretRecord {
            replica_of: None,
            name: name.clone(),
            backend_id: self.service.id(name.as_str()),
            kind: current.marks.as_ref().and_then(|marks| marks.kind),
            lifecycle: if metadata.enabled { Lifecycle::Active } else { Lifecycle::Disabled },
            metadata,
            options: Options::new(),
            current: history.record(current.number),
            latest: history.latest(),
            salt: history.salt(),
            created_at: history.created(),
            updated_at: history.updated(),
        })
    }

    /// A deleted secret as the port tells of it.
    pub(super) fn deleted_record(&self, name: &SecretName, item: &Item) -> SecretRecord {
        self.listed(name.clone(), item, true)
    }

    /// An item of a list, or a deleted secret, as the port tells of it.
    fn listed(&self, name: SecretName, item: &Item, is_deleted: bool) -> SecretRecord {
        let marks = Marks::of(item.tags.as_ref());
        let fingerprint = marks.as_ref().and_then(|_| marks::fingerprint(item.tags.as_ref()));
        let metadata = metadata_from(item, marks.as_ref());
        let number = marks.as_ref().and_then(|marks| marks.number);
        let latest = number.unwrap_or_default();
        let only_current = marks.as_ref().is_some_and(Marks::tells_all) && !is_deleted;
        // What coffer wrote last, with nothing beside it, is all that counts; only its id is not
        // in a listing.
        let id = item.version().or(Some("").filter(|_| only_current && fingerprint.is_some()));
        let states = RotationStates::empty().with(RotationState::Current);
        let lifecycle = match (is_deleted, metadata.enabled) {
            (true, _) => Lifecycle::Deleted { purge_at: item.purge_at() },
            (false, true) => Lifecycle::Active,
            (false, false) => Lifecycle::Disabled,
        };
        SecretRecord {
            replica_of: None,
            backend_id: self.service.id(name.as_str()),
            name,
            kind: marks.as_ref().and_then(|marks| marks.kind),
            metadata,
            options: Options::new(),
            lifecycle,
            salt: fingerprint.as_ref().map(|print| print.salt()),
            current: id.map(|id| VersionRecord {
                number: latest,
                version_id: id.to_owned(),
                rotation_states: states.with(RotationState::Latest),
                fingerprint,
                created_at: instant(item.attributes.created),
                deletion_scheduled_at: None,
            }),
            latest,
            created_at: None,
            updated_at: instant(item.attributes.updated),
        }
    }

    /// One page of secrets in use, then of deleted ones.
    pub(super) async fn list_records(
        &self,
        filter: &ListFilter,
        page: Option<&str>,
    ) -> Answer<Page<SecretRecord>> {
        let (collection, skip) = match page.and_then(|page| page.split_once(' ')) {
            Some((GONE, skip)) => (GONE, skip),
            Some((_, skip)) => (LIVE, skip),
            None => (LIVE, ""),
        };
        let skip = Some(skip).filter(|skip| !skip.is_empty());
        let (items, next) = self.service.list("list", collection, skip).await?;
        let prefix = filter.name_prefix.as_deref().unwrap_or_default();
        let wanted = |item: &Item| {
            let name = item.name()?;
            let sibling = name.ends_with(SIBLING)
                && Marks::of(item.tags.as_ref()).is_some_and(|marks| marks.is_sibling);
            let name = SecretName::parse(name).ok()?;
            (!sibling && name.as_str().starts_with(prefix)).then_some(name)
        };
        let records = items.iter().filter_map(|item| {
            wanted(item).map(|name| self.listed(name, item, collection == GONE))
        });
        let next = match (next, collection) {
            (Some(token), _) => Some(format!("{collection} {token}")),
            (None, LIVE) if filter.include_deleted => Some(format!("{GONE} ")),
            (None, _) => None,
        };
        Ok(Page { items: records.collect(), next })
    }

    /// The value of a version.
    pub(super) async fn read_value(
        &self,
        name: &SecretName,
        selector: VersionSelector,
    ) -> Answer<Read> {
        const OPERATION: &str = "read_content";
        if selector == VersionSelector::State(RotationState::Current)
            && let Some(read) = self.read_latest(name).await?
        {
            return Ok(read);
        }
        let history = self.history(OPERATION, name).await?;
        let number = match selector {
            VersionSelector::Number(number) => Some(number),
            VersionSelector::State(state) => history.find(state),
        };
        let found = number.and_then(|n| Some((history.entry(n)?, history.record(n)?)));
        let (entry, version) = found.ok_or_else(|| {
            let wanted = match selector {
                VersionSelector::Number(number) => format!("has no version {number}"),
                VersionSelector::State(state) => format!("has no version that is {state}"),
            };
            refused(ErrorKind::NotFound, OPERATION, format!("the secret {wanted}"))
        })?;
        let holder = self.holder(name, entry);
        let bundle = self.service.get(OPERATION, &holder, Some(&entry.id)).await?;
        let content = content::read(entry, bundle.value.0).map_err(|why| unreadable(&why))?;
        Ok(Read { version, content })
    }

    /// What readers get, with one request, where that tells everything: the last created version
    /// is one that coffer wrote, and nothing waits or was rolled back.
    async fn read_latest(&self, name: &SecretName) -> Answer<Option<Read>> {
        const OPERATION: &str = "read_content";
        let bundle = match self.service.get(OPERATION, name.as_str(), None).await {
            Ok(bundle) => bundle,
            Err(error) if is_kind(&error, ErrorKind::NotFound) => {
                return Err(self.missing(OPERATION, name).await);
            }
            Err(error) => return Err(error),
        };
        let marks = Marks::of(bundle.item.tags.as_ref());
        let plain = marks.is_some_and(|marks| {
            marks.number.is_some() && marks.copy.is_none() && marks.sibling != Sibling::Staged
        });
        if !plain {
            return Ok(None);
        }
        let history = History::new(vec![bundle.item], Vec::new());
        let Some(entry) = history.current() else { return Ok(None) };
        let Some(version) = history.record(entry.number) else { return Ok(None) };
        let content = content::read(entry, bundle.value.0).map_err(|why| unreadable(&why))?;
        Ok(Some(Read { version, content }))
    }

    /// Name of the secret that a version is in.
    pub(super) fn holder(&self, name: &SecretName, entry: &Entry) -> String {
        if entry.in_sibling { sibling_of(name.as_str()) } else { name.to_string() }
    }
}

fn unreadable(why: &str) -> BackendError {
    refused(ErrorKind::Corrupt, "read_content", why)
}

/// The error of a name that belongs to a deleted secret.
fn deleted(operation: &'static str, item: &Item) -> BackendError {
    let until = item.purge_at().map_or_else(|| "its window ends".to_owned(), |at| at.to_string());
    let message =
        format!("the secret is deleted and can be recovered until {until}; recover it first");
    refused(ErrorKind::Precondition, operation, message).with(DELETED, until)
}

/// Metadata on a version.
pub(super) fn metadata_of(entry: &Entry) -> Metadata {
    metadata_from(&entry.item, entry.marks.as_ref())
}

fn metadata_from(item: &Item, marks: Option<&Marks>) -> Metadata {
    let tags = item.tags.as_ref();
    Metadata {
        description: marks::description(tags),
        content_type: content::users_media(marks, item.content_type.as_deref()),
        tags: marks::user_tags(tags),
        not_before: instant(item.attributes.nbf),
        expires_at: instant(item.attributes.exp),
        enabled: item.attributes.enabled.unwrap_or(true),
    }
}
