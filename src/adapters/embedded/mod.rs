//! The embedded encrypted vault: one file, no account, no network.
//!
//! An SQLite file (write-ahead log, full sync) that several processes may use at once. Everything
//! in it is encrypted under a random data key, which a master key wraps: given in
//! `COFFER_EMBEDDED_KEY`, held in a key file, or made from a passphrase. Reading order:
//! [`config`], [`backend`], [`vault`], [`ops`], [`tx`], [`wire`], [`crypto`], [`auth`], [`store`],
//! [`writer`], [`seal`], [`log`], [`verify`], [`rekey`], [`backup`].
//!
//! Consistency: reads see every write committed before them, by any process on the machine.
//! Versions: native, numbered, with rotation states; up to 1,000 per secret. Limits: values of
//! 4 MiB, names of 512 bytes with any characters, 50 tags. Soft delete with a window of 1 to
//! 3,650 days. `docs.md` is the page for users.

use std::sync::Arc;

use super::descriptor::{Descriptor, InvalidSettings, Settings, Stability};
use crate::domain::port::{Backend, Capability, Lists, RecoveryWindow};

mod ambient;
mod auth;
mod backend;
mod backup;
mod config;
mod crypto;
mod error;
mod log;
mod ops;
mod rekey;
mod seal;
mod store;
mod tx;
mod vault;
mod verify;
mod wire;
mod writer;

pub use ambient::Ambient;
pub use backend::Embedded;
pub use config::{Config, DEFAULT_PATH, KeySource, MasterKey, default_key_file};
pub use error::Failure;
pub use seal::SealState;
pub use vault::Vault;
pub use verify::Verification;

/// The catalogue entry.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "embedded",
    title: "Embedded vault",
    stability: Stability::Stable,
    summary: "One encrypted file next to the configuration; no account, no network.",
    docs: include_str!("docs.md"),
    arguments: config::ARGUMENTS,
    options: &[],
    pacing: None,
    capability,
    open,
};

fn capability() -> Capability {
    let (min_days, default_days, max_days) = ops::WINDOW_DAYS;
    Capability {
        versions: true,
        max_versions: Some(ops::MAX_VERSIONS),
        max_value_bytes: ops::MAX_VALUE_BYTES,
        empty_values: true,
        max_name_bytes: 512,
        name_punctuation: " !\"$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
        unicode_names: true,
        case_sensitive_names: true,
        max_tags: ops::MAX_TAGS,
        max_tag_value_chars: usize::MAX,
        max_description_chars: usize::MAX,
        compare_and_set: true,
        soft_delete: Some(RecoveryWindow { min_days, default_days, max_days }),
        purge: true,
        delete_versions: true,
        disable: true,
        pending_versions: true,
        metadata_without_values: false,
        validity_times: true,
        backup: true,
        // Reading one secret is as cheap as a listing here.
        lists: Lists::Partial,
    }
}

fn open(settings: Settings) -> Result<Arc<dyn Backend>, InvalidSettings> {
    let config = Config::from_settings(settings)?;
    Ok(Arc::new(Embedded::new(config, Ambient::system())))
}
