//! Changing metadata: a PATCH of the current version, by its id.
//!
//! Responsible for sending only what changes, for clearing times, and for the limits of tags and
//! media types. A version is written only where the service does not clear a time by itself; it
//! keeps its number.

use std::collections::BTreeMap;

use time::OffsetDateTime;

use super::reading::metadata_of;
use super::writing::{current, own_marks};
use super::{Answer, KeyVault, MAX_TAG_CHARS, MAX_USER_TAGS};
use crate::adapters::azure_key_vault::content::{MAX_MEDIA_CHARS, media_field};
use crate::adapters::azure_key_vault::error::refused;
use crate::adapters::azure_key_vault::history::Entry;
use crate::adapters::azure_key_vault::marks::{self, Marks};
use crate::adapters::azure_key_vault::wire::{UpdateAttributes, UpdateBody};
use crate::domain::port::{ErrorKind, Metadata, MetadataPatch, SecretRecord};
use crate::domain::secret::SecretName;

const OPERATION: &str = "update_metadata";

impl KeyVault {
    pub(super) async fn patch(
        &self,
        name: &SecretName,
        patch: &MetadataPatch,
    ) -> Answer<SecretRecord> {
        let mut history = self.history(OPERATION, name).await?;
        let entry = current(&history, OPERATION)?.clone();
        let before = metadata_of(&entry);
        let after = patched(&before, patch);
        check(OPERATION, &after)?;
        let body = changes(&entry, &before, &after, patch);
        if body != UpdateBody::default() {
            let item = self.service.update(OPERATION, name.as_str(), &entry.id, &body).await?;
            history = history.changed(&item);
        }
        let now = current(&history, OPERATION)?.clone();
        if stuck(&now, &after) {
            // The service kept a time that was to be cleared: only a version without it helps.
            let sibling = history.sibling();
            history = self.write_again(OPERATION, name, &history, &now, &after, sibling).await?;
        }
        self.record(OPERATION, name, &history)
    }
}

/// Metadata after a patch.
fn patched(before: &Metadata, patch: &MetadataPatch) -> Metadata {
    fn or<T: Clone>(change: Option<&T>, before: &T) -> T {
        change.unwrap_or(before).clone()
    }
    Metadata {
        description: or(patch.description.as_ref(), &before.description),
        content_type: or(patch.content_type.as_ref(), &before.content_type),
        tags: or(patch.tags.as_ref(), &before.tags),
        not_before: or(patch.not_before.as_ref(), &before.not_before),
        expires_at: or(patch.expires_at.as_ref(), &before.expires_at),
        enabled: or(patch.enabled.as_ref(), &before.enabled),
    }
}

/// What is to be sent.
fn changes(
    entry: &Entry,
    before: &Metadata,
    after: &Metadata,
    patch: &MetadataPatch,
) -> UpdateBody {
    let seconds = |time: Option<OffsetDateTime>| time.map(OffsetDateTime::unix_timestamp);
    let time = |before: Option<OffsetDateTime>, after: Option<OffsetDateTime>| {
        (seconds(before) != seconds(after)).then(|| seconds(after))
    };
    let attributes = UpdateAttributes {
        enabled: (before.enabled != after.enabled).then_some(after.enabled),
        nbf: time(before.not_before, after.not_before),
        exp: time(before.expires_at, after.expires_at),
    };
    let retyped = before.content_type != after.content_type;
    let media = entry.marks.as_ref().and_then(|marks| marks.media.as_deref());
    let content_type =
        retyped.then(|| media_field(media.unwrap_or_default(), after.content_type.as_deref()));
    let noted = entry.marks.is_some() && retyped;
    let tagged = before.tags != after.tags
        || before.description != after.description
        || patch.fingerprint.is_some();
    let tags = (tagged || noted).then(|| {
        let user_media = after.content_type.is_some() && media.is_some();
        let marks = Marks { user_media, ..own_marks(entry) };
        let print = patch.fingerprint.clone().or_else(|| entry.fingerprint());
        marks::assemble(&after.tags, &marks, print.as_ref(), after.description.as_deref())
    });
    UpdateBody { content_type, attributes, tags: tags.filter(|tags| Some(tags) != entry.tags()) }
}

/// True when a time is still there that was to be cleared.
fn stuck(entry: &Entry, wanted: &Metadata) -> bool {
    let now = metadata_of(entry);
    now.not_before.is_some() && wanted.not_before.is_none()
        || now.expires_at.is_some() && wanted.expires_at.is_none()
}

/// The service's limits, and the tags that coffer keeps for itself.
pub(super) fn check(operation: &'static str, metadata: &Metadata) -> Answer<()> {
    let refuse = |rule: String| Err(refused(ErrorKind::InvalidRequest, operation, rule));
    let long = |text: &str, most| text.chars().count() > most;
    let tags: &BTreeMap<String, String> = &metadata.tags;
    if tags.len() > MAX_USER_TAGS {
        return refuse(format!(
            "the vault holds 15 tags, of which coffer needs {}; these are {}, {MAX_USER_TAGS} are \
             left",
            15 - MAX_USER_TAGS,
            tags.len()
        ));
    }
    if let Some(name) = tags.keys().find(|name| marks::is_reserved(name)) {
        return refuse(format!("the tag {name:?} is one of those that coffer keeps for itself"));
    }
    if tags.iter().any(|(n, v)| n.is_empty() || long(n, MAX_TAG_CHARS) || long(v, MAX_TAG_CHARS)) {
        return refuse(format!(
            "the name of a tag has 1 to {MAX_TAG_CHARS} characters, its value at most \
             {MAX_TAG_CHARS}"
        ));
    }
    if metadata.description.as_deref().is_some_and(|text| long(text, MAX_TAG_CHARS)) {
        return refuse(format!(
            "the description, which becomes a tag, has at most {MAX_TAG_CHARS} characters"
        ));
    }
    if metadata.content_type.as_deref().is_some_and(|text| long(text, MAX_MEDIA_CHARS - 16)) {
        return refuse(format!("the content type has at most {} characters", MAX_MEDIA_CHARS - 16));
    }
    Ok(())
}
