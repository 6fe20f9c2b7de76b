//! What the port's calls do to records, within one transaction.
//!
//! Responsible for the rules: taken names, repeated writes, expected versions, states of secrets
//! and of versions, limits. Leaves the records themselves to [`tx`](super::tx) and the state
//! machine of versions to [`domain::ledger`](crate::domain::ledger).

use time::Duration;

use super::error::Failure;
use super::tx::{Row, Tx, View};
use super::wire::{SecretData, VersionData};
use crate::domain::canonical;
use crate::domain::fingerprint::Fingerprint;
use crate::domain::kind::Kind;
use crate::domain::ledger::{Ledger, Op, Refusal};
use crate::domain::material::Secret;
use crate::domain::port::{
    ErrorKind, ListFilter, Metadata, MetadataPatch, NewVersion, Page, Read, SecretRecord, Stage,
    VersionSelector,
};
use crate::domain::rotation::{RotationState, RotationStates};
use crate::domain::secret::SecretName;
use crate::domain::version::VersionRecord;

/// Largest value in bytes, all fields together.
pub(super) const MAX_VALUE_BYTES: usize = 4 * 1024 * 1024;
/// Most versions of a secret.
pub(super) const MAX_VERSIONS: u64 = 1000;
/// Most tags of a secret.
pub(super) const MAX_TAGS: usize = 50;
/// Longest key or value of a tag, in bytes.
const MAX_TAG_BYTES: usize = 4096;
/// Longest description, in bytes.
const MAX_TEXT_BYTES: usize = 16 * 1024;
/// Days a soft-deleted secret can be recovered: least, default, most.
pub(super) const WINDOW_DAYS: (u32, u32, u32) = (1, 30, 3650);
/// Secrets on a page of a listing.
const PAGE: usize = 500;

/// A version to store, with its content as its canonical frame.
#[derive(Debug)]
pub(super) struct Upload {
    frame: Secret,
    kind: Kind,
    size: usize,
    fingerprint: Fingerprint,
    stage: Stage,
    expected_version: Option<u64>,
    nonce: [u8; 16],
}

impl Upload {
    pub(super) fn new(version: &NewVersion<'_>) -> Self {
        Self {
            frame: canonical::encode(version.content),
            kind: version.content.kind(),
            size: version.content.size(),
            fingerprint: version.fingerprint.clone(),
            stage: version.stage,
            expected_version: version.expected_version,
            nonce: version.nonce,
        }
    }
}

pub(super) fn no_such_secret() -> Failure {
    Failure::new(ErrorKind::NotFound, "the vault holds no secret of this name")
}

fn required(view: &View<'_>, name: &SecretName) -> Result<Row, Failure> {
    view.find(name)?.ok_or_else(no_such_secret)
}

/// A secret that is not soft-deleted.
fn active(view: &View<'_>, name: &SecretName) -> Result<Row, Failure> {
    let row = required(view, name)?;
    match row.data.purge_at {
        None => Ok(row),
        Some(at) => Err(Failure::new(
            ErrorKind::Precondition,
            format!("the secret is deleted and can be recovered until {at}; recover it first"),
        )
        .with("deleted", at.to_string())),
    }
}

pub(super) fn read(view: &View<'_>, name: &SecretName) -> Result<SecretRecord, Failure> {
    required(view, name).map(|row| row.data.record())
}

pub(super) fn list(
    view: &View<'_>,
    filter: &ListFilter,
    after: Option<&str>,
) -> Result<Page<SecretRecord>, Failure> {
    let prefix = filter.name_prefix.as_deref().unwrap_or_default();
    let mut found: Vec<SecretData> = view
        .all()?
        .into_iter()
        .map(|row| row.data)
        .filter(|data| data.name.as_str().starts_with(prefix))
        .filter(|data| data.purge_at.is_none_or(|at| filter.include_deleted && at > view.now))
        .filter(|data| after.is_none_or(|after| data.name.as_str() > after))
        .collect();
    found.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    let more = found.len() > PAGE;
    found.truncate(PAGE);
    let next = found.last().filter(|_| more).map(|data| data.name.to_string());
    Ok(Page { items: found.iter().map(SecretData::record).collect(), next })
}

pub(super) fn list_versions(
    view: &View<'_>,
    name: &SecretName,
) -> Result<Vec<VersionRecord>, Failure> {
    let data = required(view, name)?.data;
    Ok(data.versions.iter().map(|version| version.record(&data)).collect())
}

pub(super) fn read_content(
    view: &View<'_>,
    name: &SecretName,
    selector: VersionSelector,
) -> Result<Read, Failure> {
    let data = active(view, name)?.data;
    if !data.metadata.enabled {
        return Err(Failure::new(
            ErrorKind::Precondition,
            "the secret is disabled; enable it to read its value",
        ));
    }
    let version = match selector {
        VersionSelector::Number(number) => data.version(number),
        VersionSelector::State(RotationState::Deprecated) => None,
        VersionSelector::State(state) => data.versions.iter().find(|v| v.states.contains(state)),
    };
    let version = version.ok_or_else(|| {
        let wanted = match selector {
            VersionSelector::Number(number) => format!("has no version {number}"),
            VersionSelector::State(state) => format!("has no version that is {state}"),
        };
        Failure::new(ErrorKind::NotFound, format!("the secret {wanted}"))
    })?;
    Ok(Read { content: view.content(&data, version)?, version: version.record(&data) })
}

pub(super) fn create(
    tx: &mut Tx<'_>,
    name: &SecretName,
    metadata: &Metadata,
    upload: &Upload,
) -> Result<SecretRecord, Failure> {
    if let Some(row) = tx.view.find(name)? {
        let replayed = row.data.purge_at.is_none()
            && row.data.version(1).is_some_and(|version| version.nonce == upload.nonce);
        return if replayed { Ok(row.data.record()) } else { Err(taken(&row.data)) };
    }
    check_metadata(metadata)?;
    let now = tx.view.now;
    let mut data = SecretData {
        id: tx.random_id()?,
        name: name.clone(),
        metadata: metadata.clone(),
        created_at: now,
        updated_at: now,
        purge_at: None,
        latest: 0,
        versions: Vec::new(),
    };
    add_version(tx, &mut data, upload)?;
    tx.insert(&data)?;
    Ok(data.record())
}

/// The name is in use; says so in the context when by a soft-deleted secret.
pub(super) fn taken(data: &SecretData) -> Failure {
    match data.purge_at {
        None => Failure::new(ErrorKind::AlreadyExists, "the vault holds a secret of this name"),
        Some(at) => Failure::new(
            ErrorKind::AlreadyExists,
            format!(
                "the name belongs to a deleted secret that can be recovered until {at}. Recover or purge it"
            ),
        )
        .with("deleted", at.to_string()),
    }
}

pub(super) fn put_version(
    tx: &mut Tx<'_>,
    name: &SecretName,
    upload: &Upload,
) -> Result<VersionRecord, Failure> {
    let mut row = active(&tx.view, name)?;
    if let Some(version) = row.data.versions.iter().find(|v| v.nonce == upload.nonce) {
        return Ok(version.record(&row.data));
    }
    if let Some(expected) = upload.expected_version
        && expected != row.data.latest
    {
        return Err(Failure::new(
            ErrorKind::Precondition,
            format!(
                "the latest version is {}, not {expected} as expected: somebody else wrote in between",
                row.data.latest
            ),
        )
        .with("latest", row.data.latest.to_string()));
    }
    if row.data.versions.len() as u64 >= MAX_VERSIONS {
        return Err(Failure::new(
            ErrorKind::Precondition,
            format!(
                "the secret has {MAX_VERSIONS} versions, the most the vault keeps. Delete deprecated ones"
            ),
        ));
    }
    let number = add_version(tx, &mut row.data, upload)?;
    row.data.updated_at = tx.view.now;
    tx.replace(&row)?;
    let version = row.data.version(number).ok_or_else(|| Failure::corrupt("a version vanished"))?;
    Ok(version.record(&row.data))
}

fn add_version(tx: &mut Tx<'_>, data: &mut SecretData, upload: &Upload) -> Result<u64, Failure> {
    if upload.size > MAX_VALUE_BYTES {
        return Err(Failure::new(
            ErrorKind::InvalidRequest,
            format!(
                "the value has {} bytes; the vault takes at most {MAX_VALUE_BYTES}",
                upload.size
            ),
        ));
    }
    let mut ledger = ledger(data)?;
    let number = ledger.apply(Op::Put(upload.stage)).map_err(refused)?.number;
    let mark = tx.insert_content(&data.id, number, &upload.frame)?;
    data.versions.push(VersionData {
        number,
        kind: upload.kind,
        states: RotationStates::empty(),
        fingerprint: upload.fingerprint.clone(),
        created_at: tx.view.now,
        nonce: upload.nonce,
        mark,
    });
    store_ledger(data, &ledger);
    Ok(number)
}

pub(super) fn set_rotation_state(
    tx: &mut Tx<'_>,
    name: &SecretName,
    number: u64,
    state: RotationState,
) -> Result<(), Failure> {
    let mut row = active(&tx.view, name)?;
    let mut ledger = ledger(&row.data)?;
    let change = Op::set(number, state).and_then(|op| ledger.apply(op)).map_err(refused)?;
    if change.changed.is_empty() {
        return Ok(());
    }
    store_ledger(&mut row.data, &ledger);
    row.data.updated_at = tx.view.now;
    tx.replace(&row)
}

pub(super) fn delete_version(
    tx: &mut Tx<'_>,
    name: &SecretName,
    number: u64,
) -> Result<(), Failure> {
    let mut row = active(&tx.view, name)?;
    let mut ledger = ledger(&row.data)?;
    ledger.apply(Op::Delete(number)).map_err(refused)?;
    tx.remove_content(&row.data, number)?;
    row.data.versions.retain(|version| version.number != number);
    store_ledger(&mut row.data, &ledger);
    row.data.updated_at = tx.view.now;
    tx.replace(&row)
}

fn ledger(data: &SecretData) -> Result<Ledger, Failure> {
    Ledger::restore(data.versions.iter().map(|v| (v.number, v.states)), data.latest)
        .map_err(refused)
}

fn store_ledger(data: &mut SecretData, ledger: &Ledger) {
    data.latest = ledger.last();
    for version in &mut data.versions {
        version.states = ledger.states(version.number).unwrap_or_default();
    }
}

#[expect(clippy::needless_pass_by_value, reason = "an error converter for map_err")]
fn refused(refusal: Refusal) -> Failure {
    match refusal {
        Refusal::NoSuchVersion(_) => Failure::new(ErrorKind::NotFound, refusal.to_string()),
        Refusal::Inconsistent(_) => Failure::corrupt(refusal.to_string()),
        Refusal::FirstIsCurrent | Refusal::NotSettable(_) => {
            Failure::new(ErrorKind::InvalidRequest, refusal.to_string())
        }
        Refusal::Current(_) | Refusal::NotDeprecated { .. } => {
            Failure::new(ErrorKind::Precondition, refusal.to_string())
        }
    }
}

pub(super) fn update_metadata(
    tx: &mut Tx<'_>,
    name: &SecretName,
    patch: &MetadataPatch,
) -> Result<SecretRecord, Failure> {
    let mut row = active(&tx.view, name)?;
    let before = row.data.clone();
    let metadata = &mut row.data.metadata;
    set(&mut metadata.description, patch.description.as_ref());
    set(&mut metadata.content_type, patch.content_type.as_ref());
    set(&mut metadata.tags, patch.tags.as_ref());
    set(&mut metadata.not_before, patch.not_before.as_ref());
    set(&mut metadata.expires_at, patch.expires_at.as_ref());
    set(&mut metadata.enabled, patch.enabled.as_ref());
    check_metadata(metadata)?;
    if let Some(fingerprint) = &patch.fingerprint
        && let Some(current) =
            row.data.versions.iter_mut().find(|v| v.states.contains(RotationState::Current))
    {
        current.fingerprint = fingerprint.clone();
    }
    if row.data != before {
        row.data.updated_at = tx.view.now;
        tx.replace(&row)?;
    }
    Ok(row.data.record())
}

fn set<T: Clone>(field: &mut T, change: Option<&T>) {
    if let Some(change) = change {
        field.clone_from(change);
    }
}

fn check_metadata(metadata: &Metadata) -> Result<(), Failure> {
    let refuse = |rule: String| Err(Failure::new(ErrorKind::InvalidRequest, rule));
    if metadata.tags.len() > MAX_TAGS {
        return refuse(format!(
            "the secret has {} tags; the vault takes at most {MAX_TAGS}",
            metadata.tags.len()
        ));
    }
    if metadata.tags.iter().any(|(k, v)| k.len() > MAX_TAG_BYTES || v.len() > MAX_TAG_BYTES) {
        return refuse(format!("a tag's key or value has more than {MAX_TAG_BYTES} bytes"));
    }
    if [&metadata.description, &metadata.content_type]
        .into_iter()
        .flatten()
        .any(|text| text.len() > MAX_TEXT_BYTES)
    {
        return refuse(format!(
            "the description or content type has more than {MAX_TEXT_BYTES} bytes"
        ));
    }
    Ok(())
}

pub(super) fn soft_delete(
    tx: &mut Tx<'_>,
    name: &SecretName,
    window: Option<Duration>,
) -> Result<SecretRecord, Failure> {
    let (least, default, most) = WINDOW_DAYS;
    let mut row = required(&tx.view, name)?;
    if row.data.purge_at.is_some() {
        return Ok(row.data.record());
    }
    let window = window.unwrap_or(Duration::days(default.into()));
    if window < Duration::days(least.into()) || window > Duration::days(most.into()) {
        return Err(Failure::new(
            ErrorKind::InvalidRequest,
            format!("the recovery window must be {least} to {most} days"),
        ));
    }
    let until = tx.view.now.checked_add(window).ok_or_else(|| {
        Failure::new(ErrorKind::InvalidRequest, "the recovery window ends after the year 9999")
    })?;
    row.data.purge_at = Some(until);
    row.data.updated_at = tx.view.now;
    tx.replace(&row)?;
    Ok(row.data.record())
}

pub(super) fn recover(tx: &mut Tx<'_>, name: &SecretName) -> Result<SecretRecord, Failure> {
    let mut row =
        tx.view.find(name)?.filter(|row| row.data.purge_at.is_some()).ok_or_else(|| {
            Failure::new(ErrorKind::NotFound, "the vault holds no deleted secret of this name")
        })?;
    row.data.purge_at = None;
    row.data.updated_at = tx.view.now;
    tx.replace(&row)?;
    Ok(row.data.record())
}

pub(super) fn purge(tx: &mut Tx<'_>, name: &SecretName) -> Result<(), Failure> {
    let row = required(&tx.view, name)?;
    tx.remove(&row)
}
