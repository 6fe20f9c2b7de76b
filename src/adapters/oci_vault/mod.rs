//! Oracle Cloud Infrastructure Vault: secret management and secret retrieval.
//!
//! Signs its own requests and speaks both services' REST API. Versions, their states and deletion
//! windows are the service's own. Reading order: [`config`], [`auth`], [`region`], [`connection`],
//! [`wire`], [`error`], [`backend`], [`record`], [`version_name`], [`options`].
//!
//! Consistency: writes are asynchronous; coffer waits until each is done. Every write is
//! conditional on what was seen. Limits: values of 25 KB, 30 versions in use and 30 waiting for
//! deletion, 10 tags. `docs.md` is the page for users.

use std::sync::Arc;

use super::descriptor::{Descriptor, InvalidSettings, Pacing, Settings, Stability};
use crate::domain::port::{Backend, Capability, Lists, RecoveryWindow};

mod auth;
mod backend;
mod config;
mod connection;
mod error;
mod options;
mod record;
mod region;
mod version_name;
mod wire;

pub use auth::Environment;

/// The catalogue entry.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "oci_vault",
    title: "OCI Vault",
    stability: Stability::Beta,
    summary: "Secrets of Oracle Cloud Infrastructure Vault, with its rotation states, rules and replicas.",
    docs: include_str!("docs.md"),
    arguments: config::ARGUMENTS,
    options: options::OPTIONS,
    // Oracle publishes no rate; users of other tools meet 429 when they read hundreds at once.
    pacing: Some(Pacing { concurrency: 16, requests_per_second: 50 }),
    capability,
    open,
};

fn capability() -> Capability {
    let (min_days, default_days, max_days) = backend::WINDOW_DAYS;
    Capability {
        versions: true,
        max_versions: Some(backend::MAX_VERSIONS as u64),
        max_value_bytes: backend::MAX_VALUE_BYTES,
        empty_values: true,
        max_name_bytes: 255,
        name_punctuation: "-._",
        unicode_names: false,
        case_sensitive_names: true,
        max_tags: 10,
        max_tag_value_chars: 256,
        max_description_chars: usize::MAX,
        compare_and_set: true,
        soft_delete: Some(RecoveryWindow { min_days, default_days, max_days }),
        purge: false,
        delete_versions: true,
        disable: false,
        pending_versions: true,
        metadata_without_values: true,
        validity_times: false,
        backup: false,
        // Listings lack the number of the current version, metadata and rules.
        lists: Lists::Partial,
    }
}

fn open(settings: Settings) -> Result<Arc<dyn Backend>, InvalidSettings> {
    open_in(settings, Environment::of_process())
}

/// Opens a vault whose sign-in looks into an environment of the caller's.
///
/// # Errors
/// Settings that cannot work.
pub fn open_in(
    settings: Settings,
    environment: Environment,
) -> Result<Arc<dyn Backend>, InvalidSettings> {
    let config = config::Config::from_settings(settings)?;
    Ok(Arc::new(backend::OciVault::new(config, environment, capability())))
}
