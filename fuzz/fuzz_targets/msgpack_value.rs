//! `cargo fuzz run msgpack_value`: see the function of that name below `targets/`.
#![no_main]

#[path = "../targets/values.rs"]
#[allow(dead_code, reason = "one of several targets, and seeds are for the stable harness")]
mod values;

libfuzzer_sys::fuzz_target!(|data: &[u8]| values::msgpack_value(data));
