//! `cargo fuzz run plugin_environment`: see the function of that name in targets.rs.
#![no_main]

#[path = "../targets.rs"]
#[allow(dead_code, reason = "one of several targets")]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::plugin_environment(data));
