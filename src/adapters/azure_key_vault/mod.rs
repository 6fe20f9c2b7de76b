//! Azure Key Vault: secrets over the data-plane REST API, nothing of the control plane.
//!
//! Reading order: [`config`], [`backend`], [`service`], [`wire`], [`marks`], [`history`],
//! [`content`], [`auth`], [`error`]. `docs.md` is the page for users.
//!
//! Facts: API 2025-07-01 (unchanged for secrets since 7.4). Consistency: a write is read at once;
//! a deletion and a recovery settle for some seconds, which calls wait out. Values are text of at
//! most 25,600 bytes; 15 tags to a version, of which coffer keeps 3; names of 127 letters, digits
//! and `-`, case-insensitive. Versions have random ids, no numbers and no stages, and readers get
//! the last created: how numbers and states follow is in [`history`]. There is no conditional
//! write, and a PUT always makes a version: writes carry a nonce in a tag, and after a lost reply
//! the versions are listed before anything is sent again.
//!
//! Pending versions wait in a sibling secret `<name>--pending`, since a new version of the secret
//! itself would be what readers get, enabled or not. Promotion puts the value under the secret's
//! own name and disables what it came from. The sibling is not deleted: its name would be taken
//! until it is purged, for which the right is seldom given, and every rotation would have to wait
//! for a deletion and a recovery to settle.
//!
//! A listing has everything but the ids of versions, so it tells only whether a secret is as it was
//! (`Lists::Recognisable`); a read is one request (25 versions a page) that needs no right to values.

use std::sync::Arc;

use super::descriptor::{Descriptor, InvalidSettings, Pacing, Settings, Stability};
use crate::domain::port::{Backend, Capability, Lists, RecoveryWindow};

mod auth;
mod backend;
mod config;
mod content;
mod error;
mod history;
mod marks;
mod service;
mod wire;

/// The catalogue entry.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "azure_key_vault",
    title: "Azure Key Vault",
    stability: Stability::Beta,
    summary: "Secrets of a Key Vault; plans need no right to read values, and no control plane.",
    docs: include_str!("docs.md"),
    arguments: config::ARGUMENTS,
    options: &[],
    pacing: Some(PACING),
    capability,
    open,
};

/// With the burst, half of the published 4,000 requests in 10 s, so that the vault's readers keep
/// theirs.
const PACING: Pacing = Pacing { concurrency: 32, requests_per_second: 100 };
/// Requests that may be sent at once after a rest: a plan of many secrets.
const BURST: u32 = 1_000;
/// The service takes 300 new versions in 10 s, shared by all clients of the vault.
const CREATING: Pacing = Pacing { concurrency: 16, requests_per_second: 20 };
/// New versions that may be sent at once after a rest.
const CREATING_BURST: u32 = 80;

fn capability() -> Capability {
    Capability {
        versions: true,
        max_versions: None,
        max_value_bytes: content::MAX_VALUE_BYTES,
        empty_values: true,
        max_name_bytes: backend::MAX_NAME,
        name_punctuation: "-",
        unicode_names: false,
        case_sensitive_names: false,
        max_tags: backend::MAX_USER_TAGS,
        max_tag_value_chars: backend::MAX_TAG_CHARS,
        max_description_chars: backend::MAX_TAG_CHARS,
        compare_and_set: false,
        soft_delete: Some(RecoveryWindow { min_days: 7, default_days: 90, max_days: 90 }),
        purge: true,
        delete_versions: false,
        disable: true,
        pending_versions: true,
        metadata_without_values: true,
        validity_times: true,
        backup: true,
        lists: Lists::Recognisable { page: service::PAGE },
    }
}

fn open(settings: Settings) -> Result<Arc<dyn Backend>, InvalidSettings> {
    let config = config::Config::from_settings(settings)?;
    Ok(Arc::new(backend::KeyVault::new(config)))
}
