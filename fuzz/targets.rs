//! The fuzz targets and seeds to start from.
//!
//! Shared by the cargo-fuzz binaries (`fuzz_targets/`) and the bounded runs of `make test`
//! (`tests/it/fuzz.rs`). Every target takes any bytes: it must not panic, and what it accepts must
//! survive a round trip. A new parser of outside bytes gets a function in a file below `targets/`,
//! a row in [`TARGETS`] and a binary of its name.

#[path = "targets/plugin.rs"]
mod plugin;
#[path = "targets/state.rs"]
mod state;
#[path = "targets/texts.rs"]
mod texts;
#[path = "targets/values.rs"]
mod values;
#[path = "targets/vault.rs"]
mod vault;

/// One target.
pub struct Target {
    /// The function's name, and that of its cargo-fuzz binary.
    pub name: &'static str,
    /// Takes any bytes.
    pub run: fn(&[u8]),
    /// Inputs that get far.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

macro_rules! target {
    ($module:ident::$name:ident, $seeds:ident) => {
        Target { name: stringify!($name), run: $module::$name, seeds: $module::$seeds }
    };
}

/// Every target.
pub const TARGETS: &[Target] = &[
    target!(plugin::plugin_environment, plugin_environment_seeds),
    target!(values::msgpack_value, msgpack_seeds),
    target!(values::json_value, json_seeds),
    target!(values::type_json, type_seeds),
    target!(texts::canonical_frame, frame_seeds),
    target!(texts::fingerprint_text, fingerprint_seeds),
    target!(texts::secret_id, id_seeds),
    target!(texts::version_id, id_seeds),
    target!(texts::key_schema, key_schema_seeds),
    target!(state::stored_state, stored_state_seeds),
    target!(vault::vault_file, vault_file_seeds),
    target!(vault::vault_backup, vault_backup_seeds),
];
