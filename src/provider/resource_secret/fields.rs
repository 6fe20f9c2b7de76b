//! The attributes of `coffer_secret` as Rust values.
//!
//! One shape for configuration, plan and state: anything may be null, and in the first two
//! anything may be unknown. Responsible for reading them and for the few derived things (policies,
//! metadata, the parsed print). Content arguments are not here: they are read by
//! [`content`](crate::provider::content) and nowhere else.

use std::collections::BTreeMap;

use time::Duration;

use crate::domain::fingerprint::Fingerprint;
use crate::domain::policy::{DeletionPolicy, ManageContent, OnDrift, OnExisting};
use crate::domain::port::Metadata;
use crate::engine::version::Retention;
use crate::plugin::framework::convert::{Input, read, record};
use crate::plugin::framework::diag::Diagnostics;
use crate::plugin::framework::timeouts::parse_duration;
use crate::plugin::framework::value::Value;
use crate::provider::times;

/// Tags as they stand in a configuration.
pub(super) type Tags = Input<BTreeMap<String, Input<String>>>;

record! {
    /// Which versions are kept.
    #[derive(Debug, Clone, Default, PartialEq)]
    pub(super) struct Retain {
        pub(super) versions: Input<i64>,
        pub(super) min_age: Input<String>,
    }
}

record! {
    /// All attributes but content and time limits.
    #[derive(Debug, Clone, Default)]
    pub(super) struct Fields {
        pub(super) name: Input<String>,
        pub(super) profile: Input<String>,
        pub(super) content_wo_version: Input<String>,
        pub(super) description: Input<String>,
        pub(super) content_type: Input<String>,
        pub(super) tags: Tags,
        pub(super) not_before: Input<String>,
        pub(super) expires_at: Input<String>,
        pub(super) enabled: Input<bool>,
        pub(super) manage_content: Input<String>,
        pub(super) on_drift: Input<String>,
        pub(super) on_existing: Input<String>,
        pub(super) deletion_policy: Input<String>,
        pub(super) recovery_window_days: Input<i64>,
        pub(super) retain: Input<Retain>,
        pub(super) id: Input<String>,
        pub(super) r#type: Input<String>,
        pub(super) fingerprint: Input<String>,
        pub(super) version_id: Input<String>,
        pub(super) effective_tags: Tags,
    }
}

impl Fields {
    /// Reads an object; reports what has another type than the schema says.
    pub(super) fn read(object: &Value, diags: &mut Diagnostics) -> Option<Self> {
        read(object).map_err(|error| error.report(diags)).ok()
    }

    /// The print, if there is one.
    pub(super) fn print(&self) -> Option<Fingerprint> {
        self.fingerprint.known()?.parse().ok()
    }

    pub(super) fn manage_content(&self) -> ManageContent {
        code(&self.manage_content, ManageContent::parse)
    }

    pub(super) fn on_drift(&self) -> OnDrift {
        code(&self.on_drift, OnDrift::parse)
    }

    pub(super) fn on_existing(&self) -> OnExisting {
        code(&self.on_existing, OnExisting::parse)
    }

    pub(super) fn deletion_policy(&self) -> DeletionPolicy {
        code(&self.deletion_policy, DeletionPolicy::parse)
    }

    /// How many versions to keep; `None` for all.
    pub(super) fn retention(&self) -> Option<Retention> {
        let retain = self.retain.known()?;
        let versions = u64::try_from(*retain.versions.known()?).ok()?;
        let min_age = retain.min_age.known().and_then(|text| parse_duration(text).ok());
        Some(Retention { versions, min_age: min_age.unwrap_or_default() })
    }

    pub(super) fn window(&self) -> Option<Duration> {
        self.recovery_window_days.known().map(|days| Duration::days(*days))
    }

    /// The metadata in the vault that these attributes stand for; `None` when a part of it is not
    /// known yet.
    pub(super) fn metadata(&self) -> Option<Metadata> {
        let unknown = [
            self.description.is_unknown(),
            self.content_type.is_unknown(),
            self.not_before.is_unknown(),
            self.expires_at.is_unknown(),
            self.enabled.is_unknown(),
        ];
        if unknown.contains(&true) {
            return None;
        }
        Some(Metadata {
            description: self.description.known().cloned(),
            content_type: self.content_type.known().cloned(),
            tags: known_tags(&self.effective_tags)?,
            not_before: self.not_before.known().and_then(|text| times::parse(text)),
            expires_at: self.expires_at.known().and_then(|text| times::parse(text)),
            enabled: self.enabled.known().copied().unwrap_or(true),
        })
    }
}

fn code<T: Default>(field: &Input<String>, parse: fn(&str) -> Option<T>) -> T {
    field.known().and_then(|code| parse(code)).unwrap_or_default()
}

/// Tags that are wholly known; no tags are an empty map. A null element is no tag.
pub(super) fn known_tags(tags: &Tags) -> Option<BTreeMap<String, String>> {
    match tags {
        Input::Null => Some(BTreeMap::new()),
        Input::Unknown => None,
        Input::Known(entries) => entries
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| Some((key.clone(), value.known()?.clone())))
            .collect(),
    }
}
