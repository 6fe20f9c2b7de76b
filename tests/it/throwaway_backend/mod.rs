//! A throw-away backend, made by following `docs/internals/adding-a-backend.md` step by step.
//!
//! It proves the page: nothing but a folder of this shape and a descriptor makes a vault that passes
//! the conformance suite and the faults. The service ([`server`]) keeps one document for each
//! secret, with a revision: writes are conditional on it. Consistency: every read sees every write.

mod auth;
mod backend;
mod config;
mod error;
mod harness;
mod server;
mod wire;

use std::sync::Arc;

use coffer::adapters::descriptor::{Descriptor, InvalidSettings, Pacing, Settings, Stability};
use coffer::domain::port::{Backend, Capability, Lists, RecoveryWindow};

pub use harness::ThrowawayHarness;

use backend::Throwaway;
use config::Config;

/// What would be the catalogue entry.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "throwaway",
    title: "Throw-away vault",
    stability: Stability::Beta,
    summary: "A vault of the tests: documents with revisions behind HTTP.",
    docs: "",
    arguments: config::ARGUMENTS,
    options: &[],
    pacing: Some(Pacing { concurrency: 16, requests_per_second: 1000 }),
    capability,
    open,
};

/// Secrets on a page of a listing.
const PAGE: usize = 50;
/// Most versions of a secret.
const MAX_VERSIONS: u64 = 50;
/// Largest value in bytes.
const MAX_VALUE_BYTES: usize = 64 * 1024;
/// Most tags of a secret.
const MAX_TAGS: usize = 10;
/// Days a soft-deleted secret can be recovered.
const WINDOW: RecoveryWindow = RecoveryWindow { min_days: 1, default_days: 7, max_days: 30 };

fn capability() -> Capability {
    Capability {
        versions: true,
        max_versions: Some(MAX_VERSIONS),
        max_value_bytes: MAX_VALUE_BYTES,
        empty_values: true,
        max_name_bytes: 100,
        name_punctuation: "-_./ ",
        unicode_names: true,
        case_sensitive_names: true,
        max_tags: MAX_TAGS,
        max_tag_value_chars: 256,
        max_description_chars: 1000,
        compare_and_set: true,
        soft_delete: Some(WINDOW),
        purge: true,
        delete_versions: true,
        disable: true,
        pending_versions: true,
        metadata_without_values: false,
        validity_times: true,
        backup: false,
        lists: Lists::Complete { page: PAGE },
    }
}

fn open(settings: Settings) -> Result<Arc<dyn Backend>, InvalidSettings> {
    Ok(Arc::new(Throwaway::new(Config::from_settings(settings)?)))
}
