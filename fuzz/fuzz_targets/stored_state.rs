//! `cargo fuzz run stored_state`: see the function of that name below `targets/`.
#![no_main]

#[path = "../targets/state.rs"]
#[allow(dead_code, reason = "one of several targets, and seeds are for the stable harness")]
mod state;

libfuzzer_sys::fuzz_target!(|data: &[u8]| state::stored_state(data));
