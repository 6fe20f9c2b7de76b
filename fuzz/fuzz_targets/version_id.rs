//! `cargo fuzz run version_id`: see the function of that name below `targets/`.
#![no_main]

#[path = "../targets/texts.rs"]
#[allow(dead_code, reason = "one of several targets, and seeds are for the stable harness")]
mod texts;

libfuzzer_sys::fuzz_target!(|data: &[u8]| texts::version_id(data));
