//! `cargo fuzz run plugin_environment`: see the function of that name below `targets/`.
#![no_main]

#[path = "../targets/plugin.rs"]
#[allow(dead_code, reason = "one of several targets, and seeds are for the stable harness")]
mod plugin;

libfuzzer_sys::fuzz_target!(|data: &[u8]| plugin::plugin_environment(data));
