//! What goes over the wire: JSON bodies and ids of the Key Vault data plane.
//!
//! Responsible for the shapes of `SecretBundle`, `SecretItem` and the deleted ones (REST API
//! 7.4 to 2026-04-01, which are the same for secrets), and for reading ids. Leaves what tags mean
//! to [`marks`](super::marks) and order of versions to [`history`](super::history).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};
use time::OffsetDateTime;

use crate::adapters::http::SecretText;

/// Tags of a version.
pub(super) type Tags = BTreeMap<String, String>;

/// Times and flags of a version; seconds since 1970.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Attributes {
    pub(super) enabled: Option<bool>,
    pub(super) nbf: Option<i64>,
    pub(super) exp: Option<i64>,
    pub(super) created: Option<i64>,
    pub(super) updated: Option<i64>,
    #[serde(rename = "recoveryLevel")]
    pub(super) recovery_level: Option<String>,
    #[serde(rename = "recoverableDays")]
    pub(super) recoverable_days: Option<i64>,
}

impl Attributes {
    /// Whether what is deleted can be destroyed before its window ends.
    pub(super) fn purgeable(&self) -> bool {
        self.recovery_level.as_deref().is_none_or(|level| level.contains("Purgeable"))
    }
}

/// A version without its value: an item of a list, or the answer to a change.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Item {
    pub(super) id: String,
    #[serde(rename = "contentType")]
    pub(super) content_type: Option<String>,
    #[serde(default)]
    pub(super) attributes: Attributes,
    #[serde(default)]
    pub(super) tags: Option<Tags>,
    #[serde(rename = "recoveryId")]
    pub(super) recovery_id: Option<String>,
    #[serde(rename = "scheduledPurgeDate")]
    pub(super) scheduled_purge: Option<i64>,
}

impl Item {
    /// Name of the secret, as the vault writes it.
    pub(super) fn name(&self) -> Option<&str> {
        segments(&self.id).0
    }

    /// Id of the version, where the item is one.
    pub(super) fn version(&self) -> Option<&str> {
        segments(&self.id).1
    }

    /// When the vault destroys it.
    pub(super) fn purge_at(&self) -> Option<OffsetDateTime> {
        instant(self.scheduled_purge)
    }
}

/// Name and version of `{vault}/secrets/{name}[/{version}]` or `{vault}/deletedsecrets/{name}`.
fn segments(id: &str) -> (Option<&str>, Option<&str>) {
    let path = id.split_once("://").map_or(id, |(_, rest)| rest);
    let mut parts = path.split('/').skip(1);
    match parts.next() {
        Some("secrets" | "deletedsecrets") => {}
        _ => return (None, None),
    }
    let mut text = || parts.next().filter(|part| !part.is_empty());
    (text(), text())
}

/// A version with its value.
#[derive(Debug, Deserialize)]
pub(super) struct Bundle {
    pub(super) value: SecretText,
    #[serde(flatten)]
    pub(super) item: Item,
}

/// A page of a list.
#[derive(Debug, Deserialize)]
pub(super) struct Page {
    #[serde(default)]
    pub(super) value: Vec<Item>,
    #[serde(rename = "nextLink")]
    pub(super) next_link: Option<String>,
}

/// A backup, in base64url; opaque.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Backup {
    pub(super) value: SecretText,
}

/// A new version.
#[derive(Debug, Serialize)]
pub(super) struct SetBody<'b> {
    pub(super) value: &'b SecretText,
    #[serde(rename = "contentType")]
    pub(super) content_type: &'b str,
    pub(super) attributes: SetAttributes,
    pub(super) tags: &'b Tags,
}

/// Attributes of a new version.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct SetAttributes {
    pub(super) enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) nbf: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) exp: Option<i64>,
}

/// A change of a version; what is left out stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct UpdateBody {
    #[serde(rename = "contentType", skip_serializing_if = "Option::is_none")]
    pub(super) content_type: Option<String>,
    #[serde(skip_serializing_if = "UpdateAttributes::is_empty")]
    pub(super) attributes: UpdateAttributes,
    /// Replaces all tags.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tags: Option<Tags>,
}

/// Attributes to change. The vendor's own clients cannot send `null`, which clears a time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct UpdateAttributes {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "nullable")]
    pub(super) nbf: Option<Option<i64>>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "nullable")]
    pub(super) exp: Option<Option<i64>>,
}

impl UpdateAttributes {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[expect(clippy::ref_option, clippy::option_option, reason = "the shape that serde calls")]
fn nullable<S: Serializer>(time: &Option<Option<i64>>, to: S) -> Result<S::Ok, S::Error> {
    time.flatten().serialize(to)
}

/// An error body; codes may be nested, the innermost is the most exact.
#[derive(Debug, Deserialize)]
pub(super) struct ErrorBody {
    pub(super) error: Option<ErrorDetail>,
}

/// A code with what is inside it.
#[derive(Debug, Deserialize)]
pub(super) struct ErrorDetail {
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
    pub(super) innererror: Option<Box<Self>>,
}

/// A time of the wire.
pub(super) fn instant(seconds: Option<i64>) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(seconds?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_with_and_without_version_and_port() {
        for (id, expected) in [
            ("https://v.vault.azure.net/secrets/a-B/0123", (Some("a-B"), Some("0123"))),
            ("https://v.vault.azure.net:443/secrets/a", (Some("a"), None)),
            ("https://v.vault.azure.net/secrets/a/", (Some("a"), None)),
            ("https://v.vault.azure.net/deletedsecrets/a", (Some("a"), None)),
            ("https://v.vault.azure.net/keys/a/0123", (None, None)),
            ("nonsense", (None, None)),
        ] {
            assert_eq!(segments(id), expected, "{id}");
        }
    }

    #[test]
    fn only_what_changes_is_sent_and_null_clears() {
        let body = UpdateBody {
            attributes: UpdateAttributes { exp: Some(None), ..UpdateAttributes::default() },
            ..UpdateBody::default()
        };
        assert_eq!(serde_json::to_string(&body).unwrap(), r#"{"attributes":{"exp":null}}"#);
        assert_eq!(serde_json::to_string(&UpdateBody::default()).unwrap(), "{}");
    }
}
