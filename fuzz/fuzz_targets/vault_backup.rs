//! `cargo fuzz run vault_backup`: see the function of that name below `targets/`.
#![no_main]

#[path = "../targets/vault.rs"]
#[allow(dead_code, reason = "one of several targets, and seeds are for the stable harness")]
mod vault;

libfuzzer_sys::fuzz_target!(|data: &[u8]| vault::vault_backup(data));
