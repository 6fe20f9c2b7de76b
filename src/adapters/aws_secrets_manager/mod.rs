//! AWS Secrets Manager.
//!
//! Speaks the service's JSON 1.1 protocol (API version 2017-10-17) itself; the vendor's crates sign
//! in and sign. Reading order: [`config`], [`backend`], [`version_id`], [`history`], [`tags`],
//! [`wire`], [`service`], [`auth`], [`sign`], [`error`].
//!
//! Consistency: eventual, so a write is looked for until it shows. Versions: the version id is the
//! fingerprint and the number ([`version_id`]), which makes a repeated write the same write.
//! Staging labels are the rotation states ([`history`]). Limits: values of 65,536 bytes, names of
//! 512 characters, 50 tags, about 100 versions. Deletion waits 7 to 30 days. `docs.md` is the page
//! for users.

use std::sync::Arc;

use super::descriptor::{Descriptor, InvalidSettings, Pacing, Settings, Stability};
use crate::domain::port::{Backend, Capability, Lists, RecoveryWindow};

mod auth;
mod backend;
mod config;
mod error;
mod history;
mod service;
mod sign;
mod tags;
mod version_id;
mod wire;

use backend::SecretsManager;
use config::Config;

/// The catalogue entry.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "aws_secrets_manager",
    title: "AWS Secrets Manager",
    stability: Stability::Beta,
    summary: "Secrets Manager of an AWS account and region, with replicas and staging labels.",
    docs: include_str!("docs.md"),
    arguments: config::ARGUMENTS,
    options: config::OPTIONS,
    pacing: Some(PACING),
    capability,
    open,
};

/// Reads may be made 10,000 times a second by the whole account; this leaves room for the
/// applications that the secrets are for. Writes have a pace of their own.
const PACING: Pacing = Pacing { concurrency: 16, requests_per_second: 200 };

/// The service allows 50 writes of each kind a second, and as many pages of lists.
const WRITE_PACING: Pacing = Pacing { concurrency: 8, requests_per_second: 40 };

/// Largest value, in bytes as the service counts them.
const MAX_VALUE_BYTES: usize = 65_536;
/// Days until a deleted secret is destroyed.
const WINDOW: RecoveryWindow = RecoveryWindow { min_days: 7, default_days: 30, max_days: 30 };

fn capability() -> Capability {
    Capability {
        versions: true,
        max_versions: Some(100),
        max_value_bytes: MAX_VALUE_BYTES,
        empty_values: false,
        max_name_bytes: 512,
        name_punctuation: "/_+=.@-",
        unicode_names: false,
        case_sensitive_names: true,
        max_tags: tags::MAX_TAGS,
        max_tag_value_chars: 256,
        max_description_chars: 2_048,
        compare_and_set: false,
        soft_delete: Some(WINDOW),
        purge: true,
        delete_versions: false,
        disable: false,
        pending_versions: true,
        metadata_without_values: true,
        validity_times: true,
        backup: false,
        lists: Lists::Complete { page: 100 },
    }
}

fn open(settings: Settings) -> Result<Arc<dyn Backend>, InvalidSettings> {
    let config = Config::from_settings(settings)?;
    Ok(Arc::new(SecretsManager::new(config, capability())))
}
