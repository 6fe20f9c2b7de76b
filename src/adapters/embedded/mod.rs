//! The embedded encrypted vault: one file, no account.

use std::sync::Arc;

use super::descriptor::{Argument, ArgumentKind, Descriptor, InvalidSettings, Settings, Stability};
use crate::domain::port::{Backend, Capability};

/// The catalogue entry.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "embedded",
    title: "Embedded vault",
    stability: Stability::Stable,
    summary: "One encrypted file next to the configuration; no account, no network.",
    docs: "",
    arguments: &[Argument {
        name: "path",
        kind: ArgumentKind::Text,
        required: false,
        sensitive: false,
        env: Some("COFFER_EMBEDDED_PATH"),
        description: "Path of the vault file.",
    }],
    capability,
    open,
};

fn capability() -> Capability {
    unimplemented!()
}

fn open(_settings: Settings) -> Result<Arc<dyn Backend>, InvalidSettings> {
    unimplemented!()
}
